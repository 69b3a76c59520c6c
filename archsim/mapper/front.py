"""Front: the best mappings of a group so far, and what the bounds of another one must leave room for.

A cost has three quantities: seconds, words of the far memory, joules. Costs of the groups of a mapping add up, quantity
by quantity.
"""

from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from math import prod

import numpy as np
from numpy.typing import NDArray

from archsim.mapper.choices import EinsumChoice, Mask, TensorChoice
from archsim.mapper.space import GroupSpace, Order
from archsim.value import Array

__all__ = ["EDP", "ENERGY", "LATENCY", "QUANTITIES", "TRAFFIC", "Found", "Front", "Goal", "Tile"]

QUANTITIES = ("seconds", "words", "joules")
CLOSE = 1e-12

Tile = tuple[int, ...]
"""The tile sizes that are constants of the cascade: all groups of a mapping must agree on them."""


@dataclass(frozen=True, eq=False)
class Found:
    """A mapping of one group: tile sizes, order and choices; its seconds, words of the far memory and joules."""

    seconds: float
    traffic: float
    joules: float
    space: GroupSpace
    order: Order
    tiles: Dict[str, int]
    einsums: Dict[str, EinsumChoice]
    tensors: Dict[str, TensorChoice]
    free: Dict[str, bool]
    held: Dict[str, float]

    @property
    def costs(self) -> tuple[float, float, float]:
        """Seconds, words of the far memory and joules."""
        return self.seconds, self.traffic, self.joules

    @property
    def tile(self) -> Tile:
        """The tile sizes that the other groups must have, too."""
        return tuple(self.tiles[t] for t in self.space.problem.tiles)


@dataclass(frozen=True)
class Goal:
    """What is minimised: the product of some quantities; `then` decides between equals.

    >>> EDP.value(np.array([2.0, 7.0, 3.0]))
    array(6.)
    """

    of: tuple[str, ...]
    then: tuple[str, ...] = ()

    def value(self, costs: Array) -> Array:
        """Return what is minimised of costs, shape (3, ...)."""
        return np.asarray(reduce(np.multiply, [costs[QUANTITIES.index(q)] for q in self.of]))

    def of_one(self, costs: Sequence[float]) -> float:
        """Return what is minimised of the costs of one mapping."""
        return prod(costs[QUANTITIES.index(q)] for q in self.of)

    def keys(self, costs: Array) -> list[Array]:
        """Return what is compared, first things first."""
        return [self.value(costs), *(costs[QUANTITIES.index(q)] for q in self.then)]


LATENCY, ENERGY, TRAFFIC = Goal(("seconds",)), Goal(("joules",)), Goal(("words",))
EDP = Goal(("seconds", "joules"))
NOTHING = np.zeros((3, 1))
ENDLESS = (np.inf, np.inf, np.inf)


@dataclass
class Front:
    """The best mappings of a group so far: the best one by a goal, or all that no other one beats.

    `kept` the quantities by which mappings are compared if all those are kept that no other one beats; without, only
    the best one is. With `keyed` so for each of the cascade's tile sizes. `rest` what the other groups of a mapping
    take at least, the alternatives as columns, shape (3, k); tile sizes that it does not have are of no use, None:
    there are no other groups. With them a mapping must be better than `value` and take no more than `most` of each
    quantity. After so many `tries` what is found is good enough. `least` what every mapping of the group takes.
    """

    goal: Goal
    most: tuple[float, float, float] = ENDLESS
    keyed: bool = False
    kept: tuple[str, ...] = ()
    rest: Dict[Tile, Array] | None = None
    value: float = np.inf
    tries: float = np.inf
    least: Dict[Tile, tuple[float, float, float]] = field(default_factory=dict)
    best: dict[Tile, list[Found]] = field(default_factory=dict)

    def tile(self, found: Found) -> Tile:
        """Return under what a mapping is kept."""
        return found.tile if self.keyed else ()

    def others(self, tile: Tile) -> Array:
        """Return what the other groups take at least, shape (3, k); no columns where a tile is of no use."""
        return NOTHING if self.rest is None else self.rest.get(tile, np.zeros((3, 0)))

    def wants(self, tile: Tile) -> bool:
        """Whether a better mapping with some tile sizes is possible: none if one takes no more than every one must."""
        if not self.others(tile).size:
            return False
        rows = [QUANTITIES.index(q) for q in self.kept or (*self.goal.of, *self.goal.then)]
        least = self.least.get(tile, (0.0, 0.0, 0.0))
        return not any(all(f.costs[r] <= least[r] * (1 + CLOSE) for r in rows) for f in self.best.get(tile, []))

    def keys(self, tiles: list[Tile], kind: NDArray[np.int64], costs: Array) -> list[Array]:
        """Return what mappings are compared by, first things first; with the least that other groups take."""
        if self.rest is None:
            return self.goal.keys(costs)
        others = [self.others(t) for t in tiles]
        least = np.array([o.min(axis=1) if o.size else np.zeros(3) for o in others]).T
        return self.goal.keys(costs + least[:, kind])

    def open(self, tiles: list[Tile], kind: NDArray[np.int64], costs: Array) -> Mask:
        """Return where bounds, shape (3, n), leave room for a better mapping with tile sizes tiles[kind]."""
        if len(tiles) == 1:
            return self._open(tiles[0], costs)
        result = np.zeros(costs.shape[1], bool)
        for k in np.unique(kind).tolist():
            here = kind == k
            result[here] = self._open(tiles[k], costs[:, here])
        return result

    def strict(self, tile: Tile, costs: Array) -> bool:
        """Whether a bound leaves room for a mapping that is better in the goal itself."""
        known = self.best.get(tile, [])
        return all(float(self.goal.value(costs)) < float(self.goal.value(np.array(f.costs))) * (1 - CLOSE)
                   for f in known)  # fmt: skip

    def _open(self, tile: Tile, costs: Array, equal: bool = False) -> Mask:
        """Where a better mapping is possible; with `equal` also one that is as good in the goal."""
        alive = self._useful(tile, costs)
        known = self.best.get(tile, [])
        if self.kept:
            rows = [QUANTITIES.index(q) for q in self.kept]
            for f in known:
                mine = np.array(f.costs)[rows, None] * (1 - CLOSE)
                alive &= ~np.all(costs[rows] >= mine, axis=0)
        elif known:
            best, keys = self.goal.keys(np.array(known[0].costs)), self.goal.keys(costs)
            alive &= (keys[0] <= best[0] * (1 + 1e-9)) if equal else _before(keys, best)
        return alive

    def _useful(self, tile: Tile, costs: Array) -> Mask:
        """Where some mapping with such a group is better than what is known, and within the limits."""
        found = np.zeros(costs.shape[1], bool)
        for other in self.others(tile).T:
            whole = costs + other[:, None]
            good = np.all(np.isfinite(whole), axis=0)
            for row, most in zip(whole, self.most, strict=True):
                if np.isfinite(most):
                    good &= row <= most * (1 + CLOSE)
            found |= good & (self.goal.value(whole) < self.value * (1 - CLOSE))
        return found

    def solvable(self, tile: Tile, costs: Array) -> Mask:
        """Return where bounds, shape (3, n), are at least as good as what is known."""
        return self._open(tile, costs, equal=True)

    def add(self, new: Found) -> bool:
        """Keep a mapping if it is better."""
        tile, costs = self.tile(new), np.array(new.costs)[:, None]
        if not self._open(tile, costs)[0]:
            return False
        rows = [QUANTITIES.index(q) for q in self.kept]
        beaten = [f for f in self.best.get(tile, []) if all(f.costs[r] >= new.costs[r] for r in rows)]
        self.best[tile] = [*(f for f in self.best.get(tile, []) if f not in beaten), new]
        return True


def _before(keys: list[Array], mine: list[Array]) -> Mask:
    """Where keys are smaller than given ones, first things first."""
    better = np.zeros(keys[0].shape, bool)
    equal = np.ones(keys[0].shape, bool)
    for key, own in zip(keys, mine, strict=True):
        better |= equal & (key < own * (1 - CLOSE))
        equal &= key <= own * (1 + CLOSE)
    return better
