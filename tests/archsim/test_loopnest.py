"""The closed form of the reuse analysis against a walk of the loops, on random small nests."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.extents import Extents
from archsim.loopnest import LoopNest
from einsum_cascade.einsum import Access
from einsum_cascade.parse import parse_expression
from tests.nest_oracle import Walk

AXES = ("a", "b", "c")


@st.composite
def nests(draw: st.DrawFn) -> tuple[Walk, LoopNest]:
    """A nest over three axes, each in one to three parts, ragged tiles and tiles larger than the axis included."""
    axes, size, parts, part = {}, {}, {}, {}
    for axis in AXES:
        size[axis] = draw(st.integers(1, 9))
        count = draw(st.integers(1, 3))
        names = tuple(f"{axis}{k}" for k in reversed(range(count))) if count > 1 else (axis,)
        extents = tuple(draw(st.integers(1, 4)) for _ in names[1:])
        if count > 1:
            parts[axis] = names
            part |= dict(zip(names[1:], extents, strict=True))
        axes[axis] = (size[axis], names, extents)
    everything = [name for _, names, _ in axes.values() for name in names]
    spread = draw(st.lists(st.sampled_from(everything), max_size=2, unique=True))
    space = {loop: draw(st.integers(1, 3)) for loop in spread}
    # Any interleaving of the axes; within one, coarse before fine.
    order = draw(st.permutations([axis for axis, (_, names, _) in axes.items() for n in names if n not in space]))
    left = {axis: [n for n in names if n not in space] for axis, (_, names, _) in axes.items()}
    loops = tuple(left[axis].pop(0) for axis in order)
    shared = draw(st.integers(0, len(loops)))
    # A fold splits its part: what is coarser must run outside of it, what is finer inside.
    for loop in list(space):
        axis = loop[0]
        names = axes[axis][1]
        coarser = names[: names.index(loop)]
        finer = names[names.index(loop) + 1 :]
        if any(n in loops[shared:] for n in coarser) or any(n in loops[:shared] for n in finer):
            space[loop] = 99
    extents = Extents(size, parts, part)
    shape = {f"d{k}": lanes for k, lanes in enumerate(space.values())}
    where = {f"d{k}": loop for k, loop in enumerate(space)}
    nest = LoopNest(loops, shared, where, (), extents.folded(where, shape))
    return Walk(axes, loops, shared, space), nest


def access(axes: list[str]) -> Access:
    result = parse_expression(f"T[{', '.join(axes)}]")
    assert isinstance(result, Access)
    return result


tensors = st.lists(st.sampled_from(AXES), min_size=0, max_size=3, unique=True)


@settings(max_examples=400, deadline=None)
@given(nests(), tensors, st.data())
def test_a_tile_is_fetched_as_often_as_the_walk_says(nest: tuple[Walk, LoopNest], axes: list[str], data: st.DataObject):
    walk, closed = nest
    depth = data.draw(st.integers(0, len(walk.loops)))
    outside = walk.loops[:depth]
    tensor = access(axes)
    assert closed.fetched(tensor, outside) == walk.fetched(axes, outside)
    if outside:
        assert closed.tile(tensor, outside[-1]) == walk.largest(axes, outside)


@settings(max_examples=400, deadline=None)
@given(nests(), tensors)
def test_an_array_reads_writes_and_steps_as_often(nest: tuple[Walk, LoopNest], axes: list[str]):
    walk, closed = nest
    tensor = access(axes)
    assert closed.fetched(tensor) == walk.fetched(axes, walk.time())
    written, again = walk.accumulated(axes, walk.time())
    assert closed.fetched(tensor) == written
    assert closed.fetched(tensor) - closed.words(tensor) == again
    assert closed.steps() == walk.steps()
    assert closed.points(AXES) == np.prod([size for size, _, _ in walk.axes.values()])


@st.composite
def joined(draw: st.DrawFn) -> tuple[Walk, LoopNest, int]:
    """An axis of N points as m1*M0+m0, and a second axis; the coarse variable may be split once more."""
    points, width, other = draw(st.integers(1, 14)), draw(st.integers(1, 5)), draw(st.integers(1, 4))
    coarse = -(-points // width)
    cut = draw(st.integers(0, 3))
    names = ("m1a", "m1b") if cut else ("m1",)
    axes = {"m": (points, (*names, "m0"), (*((cut,) if cut else ()), width)), "p": (other, ("p",), ())}
    order = draw(st.permutations([*["m"] * (len(names) + 1), "p"]))
    left = {"m": [*names, "m0"], "p": ["p"]}
    loops = tuple(left[axis].pop(0) for axis in order)
    extents = Extents({"m1": coarse, "m0": width, "p": other}, {"m1": names} if cut else {},
                      {"m1b": cut} if cut else {}, ((("m1", "m0"), points),))  # fmt: skip
    return Walk(axes, loops, len(loops)), LoopNest(loops, len(loops), {}, (), extents), width


@settings(max_examples=400, deadline=None)
@given(joined(), st.sampled_from(["K[m1*M0+m0]", "K[m1*M0+m0, p]", "LM[m1]", "LM[m1, p]", "Q[p]"]), st.data())
def test_two_variables_of_one_axis(case: tuple[Walk, LoopNest, int], text: str, data: st.DataObject):
    walk, closed, width = case
    outside = walk.loops[: data.draw(st.integers(0, len(walk.loops)))]
    axes = [a for a, there in (("m", "m0" in text), (f"m/{width}", "LM" in text), ("p", "p" in text)) if there]
    tensor = parse_expression(text)
    assert isinstance(tensor, Access)
    assert closed.fetched(tensor, outside) == walk.fetched(axes, outside)
    assert closed.steps() == walk.steps()
    assert closed.points(["m1", "m0", "p"]) == walk.axes["m"][0] * walk.axes["p"][0]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 9), st.integers(1, 9)), min_size=2, max_size=8))
def test_arrays_equal_numbers(points: list[tuple[int, int, int]]):
    columns = [np.array(c, float) for c in zip(*points, strict=True)]

    def counts(size, fine, finest):
        extents = Extents({"p": size, "m": 3, "e": 2}, {"p": ("p2", "p1", "p0")}, {"p1": fine, "p0": finest})
        nest = LoopNest(("p2", "m", "p1", "e", "p0"), 3, {}, (), extents)
        q, k = access(["e", "p"]), access(["m", "e"])
        return [nest.fetched(q), nest.fetched(k), nest.fetched(q, ("p2", "m")), nest.steps(), nest.tile(q, "p1")]

    together = counts(*columns)
    for n, point in enumerate(points):
        for one, many in zip(counts(*point), together, strict=True):
            assert np.broadcast_to(many, len(points))[n] == one


def test_a_tensor_with_a_diagonal_counts_its_words_once():
    nest = LoopNest(("i",), 1, {}, (), Extents({"i": 5}, {}, {}))
    assert nest.words(access(["i", "i"])) == 5


def test_a_sum_of_indices_reaches_no_more_than_the_axis_holds():
    extents = Extents({"p": 4, "w": 3}, {}, {}, (), {"X": (6,)})
    halo = parse_expression("X[p+w]")
    assert isinstance(halo, Access)
    assert LoopNest(("p", "w"), 2, {}, (), extents).words(halo) == 6


@pytest.mark.parametrize("lanes, steps", [(4, 1), (3, 2), (2, 2), (1, 4)])
def test_a_spread_loop_folds_over_the_lanes(lanes: int, steps: int):
    extents = Extents({"p": 4}, {}, {}).folded({"lanes": "p"}, {"lanes": lanes})
    assert LoopNest((), 0, {"lanes": "p"}, (), extents).steps() == steps
