"""Tile sizes: all divisors, and for every small number of trips the smallest tile."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from archsim.design import Design
from archsim.library import load
from archsim.mapper.space import group_space, problem
from archsim.mapper.tiles import candidates, tile_sizes
from archsim.workload import Workload
from einsum_cascade import Cascade


@given(size=st.integers(1, 5000), effort=st.integers(1, 3))
def test_candidates(size: int, effort: int) -> None:
    found = candidates(size, effort, (16,))
    assert {d for d in range(1, size + 1) if size % d == 0} <= set(found)
    assert all(1 <= c <= size for c in found) and found == sorted(set(found))
    assert set(found) <= set(candidates(size, effort + 1, (16,)))
    for trips in range(1, min(4**effort, size) + 1):
        assert min(c for c in range(1, size + 1) if -(-size // c) <= trips) in found


def test_every_combination_once() -> None:
    p = problem(load(Cascade, "attention_1pass"), load(Workload, "bert", sequence_length=96), load(Design, "fusemax"))
    space = group_space(p, tuple(p.einsums))
    assert space is not None
    (order,) = space.orders()
    assert order.loops == ("b", "h", "p2", "m1", "p1")
    points = tile_sizes(space, order)
    rows = np.column_stack(list(points.values()))
    assert len(np.unique(rows, axis=0)) == len(rows)
    assert set(points) == {"M0", "P0", "P1"}
    assert np.all(points["P1"] <= np.ceil(96 / points["P0"]))
