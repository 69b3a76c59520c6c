"""Chains: an axis split into parts, and how often combinations of their indices occur, ragged tiles included.

Where a tile does not divide an axis, the iteration space falls into a few boxes (all but the last index of a part, the
last one), and each is counted as a product.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from archsim.value import Condition, Value, ceil_div, either, floor_div, larger, smaller

__all__ = ["Chain", "Region", "regions"]


@dataclass(frozen=True, eq=False)
class Chain:
    """An axis of `size` points, split into `parts`, coarse to fine; one index of part k covers `tiles[k]` points.

    `perfect` where every tile divides the next coarser one; the axis itself may always be ragged.
    """

    parts: tuple[str, ...]
    tiles: tuple[Value, ...]
    size: Value
    perfect: bool = True
    _memo: dict[tuple[frozenset[str], int, int], tuple[Value, Value]] = field(default_factory=dict, repr=False)
    _regions: dict[tuple[frozenset[str], frozenset[str]], "list[Region]"] = field(default_factory=dict, repr=False)

    @cached_property
    def names(self) -> frozenset[str]:
        """The parts as a set."""
        return frozenset(self.parts)

    def count(self, chosen: frozenset[str], at: int = 0, size: Value | None = None) -> Value:
        """Return how many combinations of indices of the `chosen` parts occur among `size` points.

        >>> chain = Chain(("p2", "p1", "p0"), (4, 2, 1), 10)  # 10 points: 4 + 4 + 2
        >>> chain.count(frozenset(["p2"])), chain.count(frozenset(["p2", "p1"])), chain.count(frozenset(["p1"]))
        (3, 5, 2)
        """
        whole = self.size if size is None else size
        key = (chosen, at, id(whole))
        if key not in self._memo:  # `whole` is kept, so that its id stays its own
            self._memo[key] = whole, self._count(chosen, at, whole)
        return self._memo[key][1]

    def _count(self, chosen: frozenset[str], at: int, size: Value) -> Value:
        here = [k for k in range(at, len(self.parts)) if self.parts[k] in chosen]
        if not here:
            return 1
        first, last = here[0], here[-1]
        if first > at:
            return self.count(chosen, first, smaller(size, self.tiles[first - 1]))
        if first == last or (self.perfect and here == list(range(first, last + 1))):
            return ceil_div(size, self.tiles[last])
        full, rest = self.divide(at, size)
        result = full * self.count(chosen, at + 1, self.tiles[at])
        if np.any(np.greater(rest, 0)):
            result = result + either(np.greater(rest, 0), self.count(chosen, at + 1, rest), 0)
        return result

    def regions(self, own: frozenset[str], loops: frozenset[str]) -> "list[Region]":
        """Return the regions of the whole axis (`regions`); several tensors that move alike share them."""
        key = (own & self.names, loops & self.names)
        if key not in self._regions:
            self._regions[key] = regions(self, *key, 0, self.size)
        return self._regions[key]

    def divide(self, at: int, size: Value) -> tuple[Value, Value]:
        """Return how many full tiles of a part `size` points hold, and the points left over."""
        full = floor_div(size, self.tiles[at])
        return full, size - full * self.tiles[at]


@dataclass(frozen=True)
class Region:
    """Words of a tensor along a chain that behave alike: which loops move there, and from where the rest counts."""

    words: Value
    moves: Mapping[str, Condition]
    at: int
    size: Value


def regions(chain: Chain, own: frozenset[str], loops: frozenset[str], at: int, size: Value) -> list[Region]:
    """Return the regions of a tensor that varies with the parts `own` of a chain, under some of its parts as loops.

    >>> chain = Chain(("p1", "p0"), (4, 1), 5)  # a full tile of 4, a last one of 1
    >>> both = frozenset(["p1", "p0"])
    >>> [(r.words, {k: bool(v) for k, v in r.moves.items()}) for r in regions(chain, both, both, 0, 5)]
    [(4, {'p1': True, 'p0': True}), (1, {'p1': True, 'p0': False})]
    """
    inside = loops & frozenset(chain.parts[at:])
    if not own & inside:
        return [Region(chain.count(own, at, size), {}, at, size)]
    part, tile = chain.parts[at], chain.tiles[at]
    full, rest = chain.divide(at, size)
    ragged = np.greater(rest, 0)
    if part not in loops:
        return _spread(chain, own, loops, at, size)
    moves = {part: np.greater(full + ragged, 1)}
    if inside == {part}:
        return [Region(chain.count(own, at, size), moves, at + 1, tile)]
    result = []
    if np.any(np.greater(full, 0)):
        for r in regions(chain, own, loops, at + 1, tile):
            result.append(Region(full * r.words, {**moves, **r.moves}, r.at, r.size))
    if np.any(ragged):
        for r in regions(chain, own, loops, at + 1, rest):
            result.append(Region(either(ragged, r.words, 0), {**moves, **r.moves}, r.at, r.size))
    return result


def _spread(chain: Chain, own: frozenset[str], loops: frozenset[str], at: int, size: Value) -> list[Region]:
    """Regions under a part that does not run in time: its indices stand side by side, the longest sets the pace."""
    full, rest = chain.divide(at, size)
    several = np.greater(full, 0)
    result = []
    if np.any(several):
        start: Value = 0
        left = chain.count(own, at + 1, rest)
        for r in regions(chain, own, loops, at + 1, chain.tiles[at]):
            last = larger(0, smaller(left - start, r.words))  # of the words left over, those in this region
            words = full * r.words + last
            result.append(Region(either(several, words, 0), r.moves, r.at, r.size))
            start = start + r.words
    if not np.all(several):
        for r in regions(chain, own, loops, at + 1, smaller(size, chain.tiles[at])):
            result.append(Region(either(several, 0, r.words), r.moves, r.at, r.size))
    return result
