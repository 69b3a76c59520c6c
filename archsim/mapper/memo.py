"""Memo: bounds of all tile sizes before a choice is made, shared by searches with different objectives; and the tables
of those that are looked at further."""

from collections.abc import Mapping as Dict
from dataclasses import dataclass, field

import numpy as np

from archsim.mapper.bounds import Bounds
from archsim.mapper.choices import Mask
from archsim.mapper.exact import compute_bound, fastest
from archsim.mapper.space import GroupSpace, Order
from archsim.mapper.tables import Tables
from archsim.value import Array

__all__ = ["Memo", "Prepared", "Screen"]

ROOM = 256 * 2**20
"""Bytes of screens that are kept; what comes later is made again each time."""

CHUNK = 65_536
"""Points that are screened together."""


@dataclass(eq=False)
class Prepared:
    """The tables of one order of loops, and what follows from them whatever is minimised.

    `compute` the seconds of compute at least, shape (n,); `exact` where they are the least over all ways to give
    Einsums to arrays; `ways` to choose for the Einsums.
    """

    tables: Tables
    ways: float = field(init=False)
    least: dict[str, dict[str, Array]] = field(init=False)
    bounds: Bounds = field(init=False)
    compute: Array = field(init=False)
    exact: Mask = field(init=False)

    def __post_init__(self) -> None:
        self.ways = float(np.prod([float(len(c)) for c in self.tables.einsums.values()]))
        self.least = fastest(self.tables)
        self.bounds = Bounds(self.tables)
        self.compute = compute_bound(self.tables, self.least).copy()
        self.exact = np.zeros(self.tables.number, bool)


@dataclass(frozen=True, eq=False)
class Screen:
    """What the mappings of every point cost at least, shape (3, n): seconds, words of the far memory, joules (infinite
    where nothing fits); how many there are of a point; a memory that is too small for all of them, and what it would
    have to hold at least."""

    costs: Array
    mappings: float
    tight: tuple[str, float, float] | None


@dataclass
class Memo:
    """Screens that were made, as far as there is room for them."""

    bytes: float = 0.0
    _screens: dict[tuple[object, ...], Screen] = field(default_factory=dict)

    def screen(self, space: GroupSpace, order: Order, points: Dict[str, Array], key: object) -> Screen:
        """Return the screen of the points of an order; `key` tells them from other points of this order."""
        full = (space.members, order.loops, tuple(sorted(space.problem.rules.tiles.items())), key)
        if full in self._screens:
            return self._screens[full]
        made = _screen(space, order, points)
        if self.bytes + made.costs.nbytes < ROOM:
            self.bytes += made.costs.nbytes
            self._screens[full] = made
        return made


def _screen(space: GroupSpace, order: Order, points: Dict[str, Array]) -> Screen:
    number = len(next(iter(points.values())))
    costs, tight, mappings = [], [], 0.0
    for start in range(0, number, CHUNK):
        tables = Tables(space, order, {n: v[start : start + CHUNK] for n, v in points.items()}, relaxed=True)
        if not all(tables.tensors.values()) or not all(tables.einsums.values()):  # the rules leave no choice
            costs.append(np.full((3, tables.number), np.inf))
            continue
        bounds = Bounds(tables)
        found = bounds.least()
        found[0] = np.maximum(found[0], compute_bound(tables, fastest(tables)))
        costs.append(found)
        mappings = max(mappings, tables.ways * bounds.below[0])
        tight.append(bounds.tight())
    some = [t for t in tight if t is not None]
    closest = min(some, key=lambda t: t[1]) if some and len(some) == len(tight) else None
    return Screen(np.hstack(costs), mappings, closest)
