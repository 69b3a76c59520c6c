"""Well-formedness: each diagnostic alone, in its place, without mistakes that only follow from it."""

import pytest

from einsum_cascade.cascade import Cascade
from einsum_cascade.errors import SpecError
from einsum_cascade.load import index, load, read_cascades

HEAD = "cascade: a\ninputs: {A: [M, P], B: [M], IX: [J]}\noutputs: [Z]\n"


def text(*lines: str, more: str = "") -> str:
    return HEAD + "einsums: |\n" + "".join(f"  {line}\n" for line in lines) + more


def mistakes(given: str) -> list[str]:
    """Every mistake of a text as line:column message; its whole text must carry a caret."""
    try:
        read_cascades(given, "f")
    except SpecError as error:
        for d in error.diagnostics:
            assert f"\n    {given.splitlines()[d.place.line - 1]}\n" in str(d) and "^" in str(d)
        return [f"{d.place.line}:{d.place.column} {d.message}" for d in error.diagnostics]
    return []


def whole(given: str) -> str:
    with pytest.raises(SpecError) as caught:
        read_cascades(given, "f")
    return str(caught.value)


@pytest.mark.parametrize("name", sorted(index())[::7])
def test_shipped_cascades_are_well_formed(name: str) -> None:
    assert load(Cascade, name).einsums


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        # tensors
        (["Z[] = C[m]"], "5:9 unknown tensor C"),
        (["Z[] = A[m,C[m]]"], "5:13 unknown tensor C"),
        (["Z[] = B[m] | C[m] > 0"], "5:16 unknown tensor C"),
        (["Z[C[m]] = B[m] :: sum(m)"], "5:5 unknown tensor C"),
        (["Z[] = A[m]"], "5:9 A has 1 index here"),
        (["Z[] = A[]"], "5:9 A has 0 indices here"),
        (["Z[] = A[m,A[m]]"], "5:13 A has 1 index here"),
        (["Y[m] = B[m]", "Z[] = Y[m,p]"], "6:9 Y has 2 indices here"),
        (["Z[m] = B[m]", "Z[] = B[m]"], "6:3 Z has 0 indices here"),
        (["B[m] = A[m,p]", "Z[] = B[m]"], "5:3 B is an input and cannot be written"),
        # constants and variables
        (["Z[] = B[m] * MM"], "5:16 unknown constant MM"),
        (["Z[m+MM] = B[m]"], "5:7 unknown constant MM"),
        (["Z[] = B[m] | m < MM"], "5:20 unknown constant MM"),
        (["Z[] = A[m,MM]"], "5:13 unknown constant MM"),
        (["Z[q] = B[m]"], "5:5 nothing gives a size to rank Q of variable q"),
        (["Z[] = B[m] * q"], "5:16 nothing gives a size to rank Q of variable q"),
        (["Z[k] = B[m] :: argtopk(m, k)"], "5:5 nothing gives a size to rank K of variable k"),
        # reductions
        (["Z[m] = B[m] :: sum(m)"], "5:18 m is reduced but stands in the target Z[m]"),
        (["Z[m+1] = B[m] :: sum(m)"], "5:20 m is reduced but stands in the target Z[m + 1]"),
        (["Z[] = B[m] :: max(p)"], "5:17 p is reduced but does not occur in the expression"),
        (["Z[] = B[m] :: max(m), max(m)"], "5:25 m is reduced twice"),
        (["Z[] = B[m] :: argtopk(m, j)"], "5:17 argtopk writes coordinates into the new variable j"),
        (["Z[p] = A[m,p] :: argsort(m, p)"], "5:20 argsort writes coordinates into the new variable p"),
        (["Z[j] = A[m,p] :: argmax(p), argtopk(m, j)"], "5:31 one selection a statement"),
        (["Z[IX[j]] = B[j]"], "5:3 a scatter into Z needs its reduction"),
        # single assignment
        (["Z[m] = B[m]", "Z[m] = A[m,p] | m < 2"], "6:3 Z[m] is defined a second time"),
        (["Z[m] = B[m] | m < 2", "Z[m] = A[m,p]"], "6:3 Z[m] is defined a second time"),
        # recursions, which are looked at only where all else is right
        (["Z[m] = Z[m] + B[m]"], "5:3 Z depends on itself without advancing along any rank"),
        (["Z[m] = Z[m+1] + B[m]"], "5:3 Z depends on itself without advancing along any rank"),
        (["Z[m] = Y[m]", "Y[m] = Z[m]"], "5:3 Y, Z depend on each other without advancing along any rank"),
    ],
)
def test_a_mistake_stands_alone(lines: list[str], expected: str) -> None:
    assert mistakes(text(*lines)) == [expected]


@pytest.mark.parametrize(
    ("lines", "more"),
    [
        (["Z[m] = B[m] | m < 2", "Z[m] = A[m,p] | m >= 2"], ""),  # pieces
        (["Z[m,0] = B[m]", "Z[m,1] = A[m,p]"], ""),
        (["Z[j,p] = A[m,p] :: argtopk(m, j)"], ""),
        (["Z[] = B[m] :: max(m) | p < 2"], ""),  # p occurs in a condition alone
        (["Z[] = B[m] :: sum(m), max(p) | p < 2"], ""),
        (["Z[m1] = B[m1*M0+m0]"], "params: {M0: 4, M1: M//M0}\n"),
        (["Z[q] = B[q]"], "vars: {q: M}\n"),
        (["Z[m+1] = Z[m] + B[m]"], "init: Z[0] = 0\n"),
        (["Z[m] = B[m] - Y[m]", "Y[m] = A[m,p] * Z[p] | p < m"], ""),
        (["Z[M-1] = B[M-1] * J"], ""),
        (["Z[] = B[m]"], "seq: [m]\nstop: {m: M-1}\ndensity: {Z: 0}\nexpect: {macs: M*P, operations: {add: J}}\n"),
    ],
)
def test_what_is_right(lines: list[str], more: str) -> None:
    assert mistakes(text(*lines, more=more)) == []


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("outputs2", ""),
        ("declare: {Q: [M]}\n", "6:11 declare names Q, which no Einsum writes"),
        ("declare: {A: [M, P]}\n", "6:11 declare names A, which no Einsum writes"),
        ("density: {Q: 0.5}\n", "6:11 density names Q, which no Einsum writes"),
        ("density: {Z: -0.5}\n", "6:14 density -0.5 of Z"),
        ("density: {Z: 2}\n", "6:14 density 2.0 of Z"),
        ("stop: {q: 3}\n", "6:8 no Einsum uses the variable q"),
        ("stop: {m: Q}\n", "6:11 unknown constant Q"),
        ("ranks: {M: Q}\n", "6:12 unknown constant Q"),
        ("ranks: {M: p}\n", "6:12 unknown constant p"),
        ("params: {W: '2 * Q[1]'}\n", "6:18 unknown constant Q"),
        ("seq: [m, q]\n", "6:10 no Einsum uses the variable q"),
        ("expect: {macs: M*Q}\n", "6:18 unknown constant Q"),
        ("expect: {operations: {mul: M*Q}}\n", "6:30 unknown constant Q"),
        ("init: Q[0] = 0\n", "6:7 Q has an initial value but no definition"),
        ("init: A[0,p] = 0\n", None),
    ],
)
def test_the_other_sections(more: str, expected: str | None) -> None:
    if more == "outputs2":
        given = text("Z[] = B[m]").replace("[Z]", "[Z, Y]")
        assert mistakes(given) == ["3:14 no Einsum writes the output Y"]
    elif "A[0,p]" in more:
        assert mistakes(text("Z[] = B[m]", more=more)) == [
            "6:7 A has an initial value but no definition", "6:7 A is an input and cannot be written",
        ] or mistakes(text("Z[] = B[m]", more=more))[:1] == ["6:7 A is an input and cannot be written"]  # fmt: skip
    else:
        assert mistakes(text("Z[] = B[m]", more=more)) == [expected]


def test_a_scatter_may_keep_its_variable() -> None:
    assert [] in [mistakes(text(f"Z[IX[j],j] = B[j]{tail}")) for tail in ("", " :: sum(j)")]


def test_a_declared_rank_in_lower_case() -> None:
    assert mistakes(text("Z[m] = B[m]", more="declare: {Z: [m]}\n")) == ["6:15 m is not a rank"]


def test_whole_texts() -> None:
    assert whole(text("Z[] = BB[m]")) == (
        "f:5:9: unknown tensor BB\n      Z[] = BB[m]\n            ^^^^^\n"
        "  expected: an input, a view or the left side of an Einsum\n  hint: did you mean B?"
    )
    assert whole(text("Z[] = B[m] * A")) == (
        "f:5:16: unknown constant A\n      Z[] = B[m] * A\n                   ^\n"
        "  expected: a rank or a parameter\n  hint: write A[...] to read the tensor"
    )
    assert whole(text("Z[m] = B[m]", "Z[m] = A[m,p]")) == (
        "f:6:3: Z[m] is defined a second time\n      Z[m] = A[m,p]\n      ^^^^\n"
        "  expected: a single assignment per point\n  hint: it is defined in line 5; pieces need disjoint conditions"
    )
    assert whole(text("Z[] = B[mm]")) == (
        "f:5:11: nothing gives a size to rank MM of variable mm\n      Z[] = B[mm]\n              ^^\n"
        "  expected: a rank of an input, of `ranks` or of `params`\n"
        "  hint: vars: {mm: RANK} says over which rank mm runs"
    )


def test_an_unknown_tensor_hides_no_other_mistake_and_the_order_is_that_of_the_file() -> None:
    given = text("Y[m] = C[m] * Q", "Z[] = A[m] :: max(p)", more="seq: [zz]\n")
    assert mistakes(given) == [
        "5:10 unknown tensor C",
        "5:17 unknown constant Q",
        "6:9 A has 1 index here",
        "6:17 p is reduced but does not occur in the expression",
        "7:7 no Einsum uses the variable zz",
    ]


@pytest.mark.parametrize(
    "broken",
    ["Y[m] = B[m", "Y[m] == B[m]", "Y[m,k] = B[m] * expp(C[k])", "init = Y[k] * 2 +", "Y[m] = A[m,p] :: summ(p)"],
)
def test_a_line_that_cannot_be_read_brings_no_mistakes_of_its_readers(broken: str) -> None:
    found = mistakes(text(broken, "Z[] = Y[m] * W", more="declare: {Y: [M]}\nstop: {m: M}\ndensity: {Y: 1}\n"))
    assert found[0].startswith("5:") and len([m for m in found if m.startswith("5:")]) == 1
    assert [m for m in found if m.startswith("6:") and " W" not in m and "init" not in broken] == []
    assert "6:16 unknown constant W" in found  # what does not follow from it is told as well


def test_recursions_are_not_looked_at_before_all_else_is_right() -> None:
    assert mistakes(text("Z[m] = Z[m] + C[m]")) == ["5:17 unknown tensor C"]
