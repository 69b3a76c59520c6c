"""Memo: what searches with different objectives share: tables, their bounds, and the mappings that were found."""

from collections.abc import Mapping as Dict
from dataclasses import dataclass, field

import numpy as np

from archsim.mapper.bounds import Bounds
from archsim.mapper.choices import Mask
from archsim.mapper.exact import compute_bound, fastest
from archsim.mapper.space import GroupSpace, Order
from archsim.mapper.tables import Tables
from archsim.value import Array

__all__ = ["Memo", "Prepared"]

ROOM = 256 * 2**20
"""Bytes of tables that are kept; what comes later is made again each time."""


@dataclass(eq=False)
class Prepared:
    """The tables of one order of loops, and what follows from them whatever is minimised.

    `compute` the seconds of compute at least, shape (n,); `exact` where they are the least over all ways to give
    Einsums to arrays.
    """

    tables: Tables
    ways: float
    least: dict[str, dict[str, Array]] = field(init=False)
    bounds: Bounds = field(init=False)
    compute: Array = field(init=False)
    exact: Mask = field(init=False)

    def __post_init__(self) -> None:
        self.least = fastest(self.tables)
        self.bounds = Bounds(self.tables)
        self.compute = compute_bound(self.tables, self.least).copy()
        self.exact = np.zeros(self.tables.number, bool)


@dataclass
class Memo:
    """Tables that were made, as far as there is room for them."""

    bytes: float = 0.0
    _prepared: dict[tuple[object, ...], Prepared | Tables] = field(default_factory=dict)

    def prepared(self, space: GroupSpace, order: Order, start: int, points: Dict[str, Array]) -> Prepared | Tables:
        """Return what belongs to the points of an order of loops from `start` on: bare tables where an Einsum or a
        tensor has no choice."""
        rules = space.problem.rules
        key = (space.members, order.loops, start, tuple(sorted(rules.tiles.items())))
        if key not in self._prepared:
            tables = Tables(space, order, points)
            ways = float(np.prod([float(len(c)) for c in tables.einsums.values()]))
            made = Prepared(tables, ways) if ways and all(tables.tensors.values()) else tables
            self.bytes += _bytes(tables)
            if self.bytes > ROOM:
                self.bytes -= _bytes(tables)
                return made
            self._prepared[key] = made
        return self._prepared[key]


def _bytes(tables: Tables) -> float:
    """About what tables and their bounds take."""
    columns = 1 + 2 * len(tables.seconds)
    einsums = sum(len(some) * (2 + len(tables.touches)) for some in tables.einsums.values())
    return 8.0 * tables.number * (einsums + 4 * columns * sum(len(some) for some in tables.tensors.values()))
