"""Bounds are never above what they bound: the screen of a tile size, the places of tensors, a group as a whole."""

from itertools import product

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from archsim.design import Design
from archsim.library import load
from archsim.mapper.bounds import Bounds
from archsim.mapper.exact import by_array, compute_bound, fastest, solve, tightened
from archsim.mapper.front import ENERGY, LATENCY
from archsim.mapper.fusion import Fusion
from archsim.mapper.memo import Memo, Prepared
from archsim.mapper.search import Coverage, Exhausted
from archsim.mapper.space import GroupSpace, Order, Problem, problem
from archsim.mapper.tables import Tables
from archsim.mapper.tiles import tile_sizes, tiles_of
from archsim.workload import Workload
from einsum_cascade import Cascade

GROUPS = {
    "attention_1pass": ("BQK,LM,RM,SLN,SLD,SLNV,PRM,SPD,RD,SPNV,RNV,AV", "BQK,LM", "SPD,RD", "SLNV"),
    "attention_2pass": ("BQK,LM,SLN,SLD", "SN,A,AV", "CF"),
    "attention_3pass": ("QK,GM,SN,SD,A,AV", "QK,GM", "SN,SD"),
}
CASES = [(c, g, d) for c, some in GROUPS.items() for g, d in product(some, ("fusemax", "flat_cloud"))]


def documents(cascade: str, design: str, length: int) -> Problem:
    workload = Workload(name="w", heads=2, head_dim=16, sequence_length=length)
    return problem(load(Cascade, cascade), workload, load(Design, design))


def some_points(space: GroupSpace, order: Order, number: int, seed: int) -> dict[str, np.ndarray]:
    points = tile_sizes(space, order)
    total = len(next(iter(points.values())))
    chosen = np.random.default_rng(seed).choice(total, min(number, total), replace=False)
    return {n: v[chosen] for n, v in points.items()}


@settings(max_examples=2, deadline=None, derandomize=True, phases=[Phase.generate])
@given(length=st.integers(16, 300), seed=st.integers(0, 99))
@pytest.mark.parametrize("cascade, members, design", CASES)
def test_every_bound_lies_below_the_next(cascade: str, members: str, design: str, length: int, seed: int) -> None:
    p = documents(cascade, design, length)
    fusion = Fusion(p, ENERGY, Coverage())
    space = fusion.space(tuple(members.split(",")))
    assert space is not None
    whole = fusion._least(space.members)
    for order in list(space.orders())[:2]:
        points = some_points(space, order, 64, seed)
        screen = Memo().screen(space, order, points, None)
        given = Prepared(Tables(space, order, points))
        root = given.bounds.least()
        root[0] = np.maximum(root[0], given.compute)
        fits = np.isfinite(root[2])
        assert np.all(screen.costs <= root * (1 + 1e-9))
        for where, at, costs in list(given.bounds.leaves(np.flatnonzero(fits), lambda at, costs: at >= 0,
                                                         lambda *_: None, lambda *_: None))[:3]:  # fmt: skip
            assert np.all(root[1:, at] <= costs[1:] * (1 + 1e-9))
            for k in range(0, len(at), 23):
                for seconds, words, joules, *_ in solve(given.tables, int(at[k]), where, lambda c: c[0] >= 0):
                    found = np.array([seconds, words, joules])
                    assert np.all(costs[:, k] <= found * (1 + 1e-9))
                    assert np.all(whole.min(axis=1) <= found * (1 + 1e-9))
                    assert given.compute[at[k]] <= seconds * (1 + 1e-9)


@pytest.mark.parametrize("cascade, members, design", CASES[:6])
def test_arrays_together(cascade: str, members: str, design: str) -> None:
    """Over all ways to give Einsums to arrays: the least seconds are those of the tight bound, and no solution is
    faster and leaner than all ways allow."""
    p = documents(cascade, design, 96)
    space = Fusion(p, LATENCY, Coverage()).space(tuple(members.split(",")))
    assert space is not None
    order = next(iter(space.orders()))
    given = Prepared(Tables(space, order, some_points(space, order, 16, 1)))
    everything = np.arange(given.tables.number)
    tight = tightened(given.tables, given.least, everything)
    assert tight is not None and np.all(compute_bound(given.tables, given.least) <= tight * (1 + 1e-9))
    fits = np.flatnonzero(np.isfinite(given.bounds.least()[2]))
    where, at, costs = next(given.bounds.leaves(fits, lambda at, costs: at >= 0, lambda *_: None, lambda *_: None))
    ((seconds, joules),) = by_array(given.tables, given.least, at, given.bounds.joules(where))
    joules = joules + sum(c.joules[at] for c in where.values())
    assert seconds.min(axis=0) == pytest.approx(tight[at])
    assert joules.min(axis=0) == pytest.approx(costs[2])
    for k in range(0, len(at), 5):
        for s, _, j, *_ in solve(given.tables, int(at[k]), where, lambda c: c[0] >= 0):
            assert np.any((seconds[:, k] <= s * (1 + 1e-9)) & (joules[:, k] <= j * (1 + 1e-9)))


def test_screen_is_kept_while_there_is_room() -> None:
    p = documents("attention_1pass", "fusemax", 128)
    space = Fusion(p, LATENCY, Coverage()).space(tuple(p.einsums))
    assert space is not None
    order, memo = next(iter(space.orders())), Memo()
    points = tile_sizes(space, order)
    first = memo.screen(space, order, points, None)
    assert memo.screen(space, order, points, None) is first and memo.bytes == first.costs.nbytes
    wanted = frozenset(tiles_of(space)[:2])
    few = memo.screen(space, order, tile_sizes(space, order, wanted), wanted)
    assert few is not first and few.costs.shape[1] < first.costs.shape[1]
    full = Memo(bytes=2.0**40)
    assert full.screen(space, order, points, None) is not full.screen(space, order, points, None)
    assert full.bytes == 2.0**40


def test_memory_that_is_too_small_everywhere_is_named() -> None:
    p = documents("attention_3pass", "flat_cloud", 128)
    small = load(Design, "flat_cloud", CAPACITY=16, LINES=4096)
    p = problem(p.cascade, p.workload, small)
    space = Fusion(p, LATENCY, Coverage()).space(tuple(p.einsums))
    assert space is not None
    order = next(iter(space.orders()))
    found = Memo().screen(space, order, tile_sizes(space, order), None)
    assert found.tight is not None and not np.isfinite(found.costs[2]).any()
    memory, demand, bound = found.tight
    assert (memory, bound) == ("buffer", 16) and demand > bound
    assert Bounds(Tables(space, order, some_points(space, order, 4, 0))).tight() is not None


def test_a_search_looks_at_no_more_tile_sizes_than_it_may() -> None:
    coverage = Coverage(most=10)
    coverage.count(10)
    with pytest.raises(Exhausted):
        coverage.count(1)


def test_fastest_is_the_least_of_each_array() -> None:
    p = documents("attention_3pass", "fusemax", 64)
    space = Fusion(p, LATENCY, Coverage()).space(("QK",))
    assert space is not None
    order = next(iter(space.orders()))
    tables = Tables(space, order, some_points(space, order, 8, 0))
    for array, cycles in fastest(tables)["QK"].items():
        assert np.array_equal(cycles, np.min([c.cycles for c in tables.einsums["QK"] if c.array == array], axis=0))
