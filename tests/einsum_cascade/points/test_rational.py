"""Exact linear programming against scipy, and what it is used for."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from einsum_cascade.points.conjunction import Conj, build
from einsum_cascade.points.quasi import Affine, number, var
from einsum_cascade.points.rational import feasible, lower_bound, ranges_of, reduce, relaxed, shortest
from tests.einsum_cascade.test_points import FEW, forms

NAMES = ("a", "b", "c")
a, b, c, m = map(var, "abcm")
SIZE = 5
BOX = [row for name in NAMES for row in (var(name), SIZE - 1 - var(name))]
GRID = [dict(zip(NAMES, point, strict=True)) for point in itertools.product(range(-1, SIZE + 1), repeat=3)]
flat = forms(NAMES, 0)


@given(st.lists(flat, min_size=1, max_size=5), flat)
@FEW
def test_minima_are_those_of_scipy(rows: list[Affine], goal: Affine) -> None:
    matrix = np.array([[-row.factor(name) for name in NAMES] for row in rows])
    known = linprog([goal.factor(name) for name in NAMES], A_ub=matrix, b_ub=[row.constant for row in rows],
                    bounds=[(None, None)] * 3)  # fmt: skip
    found = lower_bound(rows, goal)
    empty = linprog([0, 0, 0], A_ub=matrix, b_ub=[row.constant for row in rows], bounds=[(None, None)] * 3)
    assert feasible(rows) == (empty.status == 0)
    if known.status == 0:
        assert found == math.ceil(known.fun + goal.constant - 1e-7)
    else:
        assert found is None


def test_bounds_are_exact_where_floating_point_is_not() -> None:
    big = 10**40
    rows = [big * a - (big + 1) * b, b - 1]
    assert lower_bound(rows, a) == 2  # a >= 1 + 1e-40
    assert lower_bound([*rows, number(1) - a], a) is None and not feasible([*rows, number(1) - a])
    assert lower_bound([3 * a - 2 * big], a) == -(-2 * big // 3)


def test_constant_rows() -> None:
    assert feasible([]) and feasible([number(0)]) and not feasible([number(-1)])
    assert lower_bound([number(-1)], number(3)) is None
    assert lower_bound([], number(3)) == 3 and lower_bound([], a) is None


def test_a_cut_search_claims_nothing() -> None:
    rows = [a - 2 * b + 5, b - 2 * a]
    assert lower_bound(rows, -a, pivots=0) is None and lower_bound(rows, -a) == -1
    assert feasible([a - b, b - a - 1], pivots=0) and not feasible([a - b, b - a - 1])


@given(st.lists(forms(NAMES, 2), max_size=2), st.lists(forms(NAMES, 2), max_size=3), st.sampled_from(GRID))
@FEW
def test_relaxed_rows_hold_at_every_point(zero: list[Affine], least: list[Affine], point: dict[str, int]) -> None:
    conj = Conj(tuple(zero), tuple(least))
    holds = all(row.evaluate(point) >= 0 for row in relaxed(conj))
    assert holds == conj.holds(point)  # what describes the floors holds anyway


@given(st.lists(flat, max_size=1), st.lists(flat, max_size=4))
@FEW
def test_reduction_keeps_the_points_and_nothing_implied(zero: list[Affine], least: list[Affine]) -> None:
    conj = Conj(tuple(zero), (*BOX, *least))
    reduced = reduce(conj)
    inside = [point for point in GRID if conj.holds(point)]
    if reduced is None:
        assert not inside
        return
    assert [point for point in GRID if reduced.holds(point)] == inside
    assert set(reduced.least) <= set(conj.least) and reduced.zero == conj.zero
    for form in reduced.least:
        others = [row for row in relaxed(reduced) if row is not form]
        bound = lower_bound(others, form)
        assert len(form.terms) < 2 or bound is None or bound < 0


def test_reduction_of_many_parallel_constraints() -> None:
    rows = [a - b + k for k in range(9)] + [b - a + k for k in range(1, 9)]
    reduced = reduce(Conj((), tuple(rows)))
    assert reduced is not None
    assert sorted(map(repr, reduced.least)) == ["-a + b + 1", "a - b"]


@given(st.lists(forms(NAMES), max_size=3))
@FEW
def test_ranges_hold_and_are_tight_over_the_rationals(least: list[Affine]) -> None:
    conj = build([], [*BOX, *least])
    inside = [] if conj is None else [point for point in GRID if conj.holds(point)]
    if conj is None or not inside:
        return
    found = ranges_of(conj, NAMES)
    assert set(found) == set(NAMES)
    for name in NAMES:
        values = {point[name] for point in inside}
        assert found[name].start <= min(values) <= max(values) < found[name].stop
        one, short = shortest(conj, NAMES, SIZE) or ("", range(0))
        assert {point[one] for point in inside} <= set(short) and len(short) <= SIZE


@pytest.mark.parametrize(
    ("least", "most", "expected"),
    [
        ([a, 9 - a, b, 3 - b], 10, ("b", range(0, 4))),
        ([a, 9 - a, b, 3 - b], 3, None),
        ([a, 9 - a, b], 10, ("a", range(0, 10))),
        ([a], 10, None),
        ([a - b, b - c, c - a + 2, b, 5 - b, a - c], 2, None),
        ([a + b, a - b, 3 - a], 4, ("a", range(0, 4))),  # found by linear programming only
    ],
)
def test_the_shortest_range(least: list[Affine], most: int, expected: tuple[str, range] | None) -> None:
    assert shortest(Conj((), tuple(least)), ["a", "b"], most) == expected
