"""Reductions and selections over present points against a loop."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einsum_cascade.einsum import Reduction
from einsum_cascade.interpret.field import ABSENT, Field, Labelled
from einsum_cascade.interpret.reduction import reduced
from einsum_cascade.parse import parse
from tests.einsum_cascade.interpret.helpers import at, points, present, scope
from tests.einsum_cascade.test_points import MANY

OPERATIONS = {"sum": sum, "prod": math.prod, "max": max, "min": min}


def reduction(text: str) -> Reduction:
    return parse(f"Z[] = A[m] :: {text}").reductions[0]


def field(cells: list[list[tuple[int, bool]]], dtype: type = float, masked: bool = True) -> Field:
    values = Labelled(np.array([[v for v, _ in row] for row in cells], dtype=dtype), ("p", "m"))
    return Field(
        values, Labelled(np.array([[there for _, there in row] for row in cells]), ("p", "m")) if masked else None
    )


def grids(most: int = 5) -> st.SearchStrategy[list[list[tuple[int, bool]]]]:
    return st.integers(1, most).flatmap(
        lambda n: st.lists(
            st.lists(st.tuples(st.integers(-2, 2), st.booleans()), min_size=n, max_size=n), min_size=1, max_size=3
        )
    )


@given(grids(), st.sampled_from(sorted(OPERATIONS)), st.sampled_from((float, int)), st.booleans())
@MANY
def test_reductions_are_over_the_present_points(
    cells: list[list[tuple[int, bool]]], name: str, dtype: type, masked: bool
) -> None:
    of = scope({"p": len(cells), "m": len(cells[0])})
    found = reduced(of, field(cells, dtype, masked), reduction(f"{name}(m)"))
    assert "m" not in found.axes
    for p, row in enumerate(cells):
        there = [v for v, flag in row if flag or not masked]
        assert present(found, {"p": p}) == bool(there)
        if there:
            assert at(found.values, {"p": p}) == OPERATIONS[name](there)


@pytest.mark.parametrize(("name", "expected"), [("sum", 15.0), ("prod", 243.0), ("max", 3.0), ("min", 3.0)])
def test_what_does_not_depend_on_the_variable(name: str, expected: float) -> None:
    of = scope({"m": 5, "p": 2})
    found = reduced(of, Field(Labelled(np.array([3.0, 3.0]), ("p",))), reduction(f"{name}(m)"))
    assert found.axes == ("p",) and np.asarray(found.values.array).tolist() == [expected] * 2
    assert reduced(of, Field(Labelled(3.0)), reduction(f"{name}(m)")).values == Labelled(expected)


@pytest.mark.parametrize("text", ["sum(m)", "max(m)", "argmax(m)", "argtopk(m, j)", "argsort(m, j)"])
def test_nothing_reduces_to_nothing(text: str) -> None:
    assert reduced(scope({"m": 5, "j": 2}), ABSENT, reduction(text)) is ABSENT


def chosen(row: list[tuple[int, bool]], kind: str, wanted: int, masked: bool) -> list[int]:
    """The coordinates as the semantics say: best first, ties to the lowest, absent ones left out."""
    there = [m for m, (_, flag) in enumerate(row) if flag or not masked]
    ranked = sorted(there, key=lambda m: (row[m][0] if kind == "argsort" else -row[m][0], m))[:wanted]
    return sorted(ranked) if kind == "byindex" else ranked


@given(grids(6), st.sampled_from(("argtopk", "byindex", "argsort")), st.integers(1, 8), st.booleans())
@MANY
def test_selections(cells: list[list[tuple[int, bool]]], kind: str, wanted: int, masked: bool) -> None:
    of = scope({"p": len(cells), "m": len(cells[0]), "j": wanted})
    text = {"argtopk": "argtopk(m, j)", "byindex": "argtopk(m, j, byindex)", "argsort": "argsort(m, j)"}[kind]
    found = reduced(of, field(cells, float, masked), reduction(text))
    assert set(found.axes) == {"p", "j"}
    for point in points(of.sizes, ("p", "j")):
        expected = chosen(cells[point["p"]], kind, wanted, masked)
        assert present(found, point) == (point["j"] < len(expected))
        if point["j"] < len(expected):
            assert at(found.values, point) == expected[point["j"]]


@given(grids(), st.booleans())
@MANY
def test_argmax_is_the_first_of_the_greatest(cells: list[list[tuple[int, bool]]], masked: bool) -> None:
    of = scope({"p": len(cells), "m": len(cells[0])})
    found = reduced(of, field(cells, float, masked), reduction("argmax(m)"))
    for p, row in enumerate(cells):
        best = chosen(row, "argtopk", 1, masked)
        assert present(found, {"p": p}) == bool(best)
        assert not best or at(found.values, {"p": p}) == best[0]


def test_a_mask_over_fewer_axes_than_the_values() -> None:
    of = scope({"p": 2, "m": 3, "j": 2})
    values = Labelled(np.array([[1.0, 2.0, 3.0], [9.0, 8.0, 7.0]]), ("p", "m"))
    mask = Labelled(np.array([True, True, False]), ("m",))
    top = reduced(of, Field(values, mask), reduction("argtopk(m, j)"))
    assert [[at(top.values, {"p": p, "j": j}) for j in range(2)] for p in range(2)] == [[1, 0], [0, 1]]
    assert top.mask is None  # two of two are there
    assert np.asarray(reduced(of, Field(values, mask), reduction("max(m)")).values.array).tolist() == [2.0, 9.0]


def test_infinities_are_values_like_others() -> None:
    of = scope({"m": 3, "j": 3})
    values = Field(
        Labelled(np.array([-np.inf, np.inf, -np.inf]), ("m",)), Labelled(np.array([True, True, False]), ("m",))
    )
    top = reduced(of, values, reduction("argtopk(m, j)"))
    assert [present(top, {"j": j}) for j in range(3)] == [True, True, False]
    assert [at(top.values, {"j": j}) for j in range(2)] == [1, 0]
    assert at(reduced(of, values, reduction("min(m)")).values, {}) == -math.inf
