"""Schedules respect every dependence, and a recurrence loops over the rank through which it goes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einsum_cascade.einsum import Einsum, read_accesses
from einsum_cascade.errors import SpecError
from einsum_cascade.parse import parse, parse_line
from einsum_cascade.plan import Loop, Node, resolve_views, schedule, statements


def outline(nodes: tuple[Node, ...]) -> list[object]:
    return [(n.variable, outline(n.body)) if isinstance(n, Loop) else n.name for n in nodes]


def test_a_pass_is_one_loop() -> None:
    text = (
        "B[m] = Q[] * K[m] ; R[m+1] = max(R[m], B[m]) ; S[m] = exp(B[m] - R[m+1]) ; D[m+1] = D[m] + S[m] ; Z[] = D[M]"
    )
    assert outline(schedule(parse_line(text))) == [("m", ["B", "R", "S", "D"]), "Z"]


def test_a_barrier_splits_the_loop() -> None:
    text = "R[m+1] = R[m] + A[m] ; Z[] = R[M] ; S[m] = A[m] * Z[] ; T[m+1] = T[m] + S[m]"
    assert outline(schedule(parse_line(text))) == [("m", ["R"]), "Z", ("m", ["S", "T"])]


def test_a_recursion_over_earlier_coordinates() -> None:
    text = "RU[i] = AT[i,j] * U[j] | j < i ; U[i] = V[i] - RU[i]"
    assert outline(schedule(parse_line(text))) == [("i", ["RU", "U"])]


def test_two_recurrences_nest() -> None:
    text = "X[c,i] = Y[c,i-1] + A[i] * S[c] ; Y[c,i] = X[c,i] * 2 ; S[c+1] = S[c] + Y[c,I-1]"
    plan = outline(schedule(parse_line(text)))
    assert plan == [("c", [("i", ["X", "Y"]), "S"])]


def test_reading_ahead_is_refused() -> None:
    with pytest.raises(SpecError, match="without advancing along any rank"):
        schedule(parse_line("X[t] = X[t+1] + A[t]"))


def test_a_view_of_a_view_is_seen_through() -> None:
    views = {"BK": parse("BK[m1,m0] = K[m1*M0+m0]"), "CK": parse("CK[c,m0] = BK[c+1,m0]")}
    seen = resolve_views(parse("Z[c] = CK[c,m0] :: max(m0)"), views)
    assert [a.tensor for a in read_accesses(seen)] == ["K"]


@given(st.data())
def test_what_is_read_was_written(data: st.DataObject) -> None:
    lines = []
    for k in range(data.draw(st.integers(1, 7))):
        sources = [f"T{j}[m]" for j in range(k)] + ["A[m]"]
        picked = data.draw(st.lists(st.sampled_from(sources), min_size=1, max_size=2))
        kind = data.draw(st.sampled_from(["map", "sum", "run"]))
        body = " + ".join(picked)
        lines.append(
            {
                "map": f"T{k}[m] = {body}",
                "sum": f"S{k}[] = {body} ; T{k}[m] = A[m] * S{k}[]",
                "run": f"R{k}[m+1] = R{k}[m] + {body} ; T{k}[m] = R{k}[m+1]",
            }[kind]
        )
    given_statements = parse_line(" ; ".join(data.draw(st.permutations(lines))))
    plan = schedule(given_statements)
    flat = list(statements(*plan))
    assert sorted(s.name for s in flat) == sorted(s.name for s in given_statements)
    done: set[str] = set()
    for node in plan:
        inside = {s.name for s in statements(node)}
        for s in statements(node):
            assert all(a.tensor in done | inside | {"A"} for a in read_accesses(s))
            if not isinstance(node, Loop):
                assert all(a.tensor in done | {"A"} for a in read_accesses(s))
        done |= inside
    unfused = schedule(given_statements, fused=False)
    assert {s.name for s in statements(*unfused)} == done
    assert all(isinstance(n, Einsum | Loop) for n in unfused)
