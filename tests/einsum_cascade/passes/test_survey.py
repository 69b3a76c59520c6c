"""A cascade prepared: indices decomposed, views resolved, conditions and recurrences found."""

import pytest

from einsum_cascade import Cascade, load, read_cascades
from einsum_cascade.passes.survey import Statement, survey

HEAD = "cascade: s\nranks: {M: 8, P: 4, N: 5}\ninputs: {A: [M], B: [M, P], IX: [P]}\noutputs: [Z]\n"


def made(einsums: str, more: str = "") -> list[Statement]:
    lines = "".join(f"  {line}\n" for line in einsums.split("\n"))
    return list(survey(read_cascades(f"{HEAD}{more}einsums: |\n{lines}")[0]).statements)


@pytest.mark.parametrize(
    ("index", "direct", "moving", "gathers"),
    [
        ("m", {"m": "1"}, "m", False),
        ("m+1", {"m": "1"}, "m", False),
        ("3-m", {"m": "-1"}, "m", False),
        ("-(3-m)", {"m": "1"}, "m", False),
        ("m*N+p", {"m": "N", "p": "1"}, "mp", False),
        ("p+N*m", {"p": "1", "m": "N"}, "mp", False),
        ("p-m", {"p": "1", "m": "-1"}, "mp", False),
        ("7", {}, "", False),
        ("N-1", {}, "", False),
        ("m//2", None, "m", False),
        ("m*p", None, "mp", False),
        ("m+m", None, "m", False),
        ("IX[p]", {}, "p", True),
        ("IX[p]+m", {"m": "1"}, "mp", True),
    ],
)
def test_index_forms(index: str, direct: dict[str, str] | None, moving: str, gathers: bool) -> None:
    (statement,) = made(f"Z[m,p] = B[m,p] * A[{index}]")
    found = next(r for r in statement.reads if r.access.tensor == "A").indices[0]
    assert found.direct == direct
    assert (found.moving, found.gathers) == (frozenset(moving), gathers)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("m <= p", {("m", "p")}),
        ("m < p + 1", {("m", "p")}),
        ("p >= m", {("m", "p")}),
        ("p - 3 < m and m <= p", {("p", "m"), ("m", "p")}),
        ("p - 3 < m <= p", {("p", "m"), ("m", "p")}),
        ("m == p", set()),
        ("m // 2 <= p", set()),
        ("m <= 3", set()),
    ],
)
def test_bounds_by_conditions(condition: str, expected: set[tuple[str, str]]) -> None:
    (statement,) = made(f"Z[p] = B[m,p] | {condition}")
    assert statement.below == expected


def test_reads_tell_what_they_stand_in() -> None:
    (statement,) = made("Z[p] = A[IX[p]] | B[3,p] > 0")
    assert [(r.access.tensor, r.around.tensor) for r in statement.reads] == [("A", "A"), ("IX", "A"), ("B", "B")]
    assert (statement.name, statement.iterated, statement.reduced) == ("Z", {"p"}, frozenset())


def test_constant_tables_are_numbers() -> None:
    (statement,) = made("Z[p] = A[T[p]] * T[p]", more="views: |\n  T[p] = 2 ** p\n")
    assert [r.access.tensor for r in statement.reads] == ["A"]
    assert not statement.reads[0].indices[0].gathers


def test_plain_views_are_resolved_and_pieces_kept() -> None:
    plain = made("Z[m] = W[m]", more="views: |\n  V[p,m] = B[m,p]\n  W[m] = V[2,m]\n")
    assert [s.name for s in plain] == ["Z"]
    assert [r.access.tensor for r in plain[0].reads] == ["B"]
    pieces = made("Z[m] = W[m]", more="views: |\n  W[m] = A[m]\n  W[M+p] = B[0,p]\n")
    assert [(s.name, s.einsum.role) for s in pieces] == [("W", "view"), ("W", "view"), ("Z", "einsum")]


def test_writers_and_initial_values() -> None:
    found = survey(load(Cascade, "attention_1pass"))
    names = [s.name for s in found.statements]
    assert names.count("RM") == 1 and found.writers["RM"] == (names.index("RM"),)
    assert "BK" not in found.writers and not any(s.einsum.role == "initial" for s in found.statements)


def test_recurrences_are_found_with_their_members() -> None:
    found = survey(load(Cascade, "attention_1pass"))
    loops = {(v, tuple(sorted(found.statements[k].name for k in members))) for v, members in found.loops}
    assert loops == {("m1", ("RM",)), ("m1", ("RD", "SPD")), ("m1", ("RNV", "SPNV"))}
    assert survey(load(Cascade, "attention_3pass")).loops == ()


def test_the_order_is_that_of_the_plan_not_of_the_text() -> None:
    statements = read_cascades(f"{HEAD}einsums: |\n  Z[m] = Y[m] * 2\n  Y[m] = A[m]\n")[0]
    found = survey(statements)
    assert [s.name for s in found.statements] == ["Z", "Y"] and found.order == (1, 0)
