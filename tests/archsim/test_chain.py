"""Axes split into parts against lists of all their points."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.chain import Chain, regions


@st.composite
def chains(draw: st.DrawFn) -> Chain:
    """A chain of one to four parts; tiles divide one another, or (with folds) need not."""
    tiles = [1]
    for _ in range(draw(st.integers(0, 3))):
        tiles.append(tiles[-1] * draw(st.integers(1, 4)))
    parts = tuple(f"p{k}" for k in reversed(range(len(tiles))))
    return Chain(parts, tuple(reversed(tiles)), draw(st.integers(1, 30)), draw(st.booleans()))


def indices(chain: Chain, point: int) -> dict[str, int]:
    rest, result = point, {}
    for part, tile in zip(chain.parts, chain.tiles, strict=True):
        result[part], rest = divmod(rest, tile)
    return result


@given(chains(), st.data())
def test_combinations_of_indices_are_counted_once(chain: Chain, data: st.DataObject) -> None:
    chosen = data.draw(st.sets(st.sampled_from(chain.parts)))
    walked = {tuple(indices(chain, p)[part] for part in sorted(chosen)) for p in range(chain.size)}
    assert chain.count(frozenset(chosen)) == len(walked)


@given(chains())
def test_all_parts_together_are_the_points(chain: Chain) -> None:
    assert chain.count(chain.names) == chain.size
    assert chain.count(frozenset()) == 1


@given(chains(), st.data())
def test_more_parts_never_count_less(chain: Chain, data: st.DataObject) -> None:
    few = frozenset(data.draw(st.sets(st.sampled_from(chain.parts))))
    more = few | frozenset(data.draw(st.sets(st.sampled_from(chain.parts))))
    assert chain.count(few) <= chain.count(more) <= chain.size


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=5))
def test_many_sizes_at_once(points: list[tuple[int, int, int]]) -> None:
    size, fine, middle = (np.array(c, float) for c in zip(*points, strict=True))
    many = Chain(("c", "b", "a"), (fine * middle, fine, 1), size)
    for chosen in product([False, True], repeat=3):
        names = frozenset(n for n, there in zip("abc", chosen, strict=True) if there)
        together = np.broadcast_to(many.count(names), len(points))
        for n, (s, f, m) in enumerate(points):
            assert together[n] == Chain(("c", "b", "a"), (f * m, f, 1), s).count(names)


@pytest.mark.parametrize(("at", "size", "expected"), [(0, 10, (2, 2)), (0, 8, (2, 0)), (0, 3, (0, 3)), (1, 3, (1, 1))])
def test_divide(at: int, size: int, expected: tuple[int, int]) -> None:
    assert Chain(("p2", "p1", "p0"), (4, 2, 1), 10).divide(at, size) == expected


@given(chains(), st.data())
def test_regions_share_out_the_words(chain: Chain, data: st.DataObject) -> None:
    """Whatever runs in time, the words of all regions are those that the tensor has."""
    own = frozenset(chain.parts[: data.draw(st.integers(1, len(chain.parts)))])  # a tensor has coarse parts first
    loops = frozenset(data.draw(st.sets(st.sampled_from(chain.parts))))
    found = regions(chain, own, loops, 0, chain.size)
    assert sum(r.words for r in found) == chain.count(own)
    assert all(r.words >= 0 and set(r.moves) <= loops for r in found)


@given(chains())
def test_a_loop_moves_in_a_region_if_it_has_more_than_one_index_there(chain: Chain) -> None:
    found = regions(chain, chain.names, chain.names, 0, chain.size)
    several = {part for part in chain.parts if len({indices(chain, p)[part] for p in range(chain.size)}) > 1}
    assert {part for r in found if r.words for part, moves in r.moves.items() if moves} == several


def test_a_spread_part_stands_side_by_side() -> None:
    """7 points on lanes that hold 2 each: three full lanes move, and so does the fourth, with them."""
    chain = Chain(("lane", "inner"), (2, 1), 7)
    (found,) = regions(chain, chain.names, frozenset(["inner"]), 0, 7)
    assert (found.words, bool(found.moves["inner"])) == (7, True)
    (alone,) = regions(Chain(("lane", "inner"), (2, 1), 1), chain.names, frozenset(["inner"]), 0, 1)
    assert (alone.words, bool(alone.moves["inner"])) == (1, False)
