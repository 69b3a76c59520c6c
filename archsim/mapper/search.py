"""Search: the best mappings of one fusion group, over all orders of loops, tile sizes and choices."""

from collections.abc import Callable, Iterator
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field

import numpy as np

from archsim.mapper.bounds import Indices, Leaf
from archsim.mapper.choices import EinsumChoice, Mask, TensorChoice
from archsim.mapper.exact import by_array, solve, tightened
from archsim.mapper.front import Found, Front, Tile
from archsim.mapper.memo import Memo, Prepared, Screen
from archsim.mapper.space import GroupSpace, Order
from archsim.mapper.tables import Tables
from archsim.mapper.tiles import tile_sizes, tiles_of
from archsim.value import Array

__all__ = ["Coverage", "Exhausted", "Shortage", "search_group"]

TABULATED = 10
"""A tile size of which all choices are tabulated counts as so many that are only bounded."""

TABLE = 8
"""An order of loops counts as so many tries, and so do tables."""

FIRST, CHUNK = 1024, 16_384
"""Points that get tables with all choices together: the first ones of an order, and at most."""

TIES = 24
"""Mappings that are as good in the objective are tried one by one, up to this many, for the second objective."""

BATCH = 256
"""Mappings that are solved before the others are compared with the best again."""

BLOCK = 256
"""Points that are looked at first, those with the least bounds; then four times as many each time."""

WORSE = "bound not better than the best mapping"


class Exhausted(Exception):
    """The search has looked at as many tile sizes as it may."""


@dataclass
class Shortage:
    """The mapping that comes closest to fitting: what its fullest memory would have to hold."""

    group: str = ""
    memory: str = ""
    demand: float = np.inf
    bound: float = 0.0


@dataclass
class Coverage:
    """What a search looked at. `space` counts mappings (float: it may be large); the others say what became of them.
    `points` counts tile sizes in all orders of loops, `most` of them may be looked at."""

    space: float = 0.0
    evaluated: int = 0
    solved: int = 0
    groups: int = 0
    searched: int = 0
    orders: int = 0
    points: int = 0
    most: float = np.inf
    pruned: dict[str, float] = field(default_factory=dict)
    complete: bool = True
    shortage: Shortage = field(default_factory=Shortage)

    def prune(self, rule: str, number: float) -> None:
        """Count what a rule made unnecessary."""
        self.pruned[rule] = self.pruned.get(rule, 0.0) + number

    def count(self, points: int) -> None:
        """Count tile sizes that are looked at. Raises Exhausted if they are too many."""
        self.points += points
        if self.points > self.most:
            raise Exhausted

    def short(self, members: tuple[str, ...], memory: str, demand: float, bound: float) -> None:
        """Note what a memory would have to hold at least, if that is closer to what it holds than all others."""
        if demand < self.shortage.demand:
            self.shortage = Shortage(", ".join(members), memory, demand, bound)


def search_group(
    space: GroupSpace, front: Front, coverage: Coverage, memo: Memo, tick: Callable[[], None] = lambda: None
) -> None:
    """Add the best mappings of a group to a front."""
    coverage.searched += 1
    orders = []
    known = {f.order.loops for some in front.best.values() for f in some}
    for order in sorted(space.orders(), key=lambda o: o.loops not in known):
        wanted = frozenset(t for t in tiles_of(space) if front.wants(t)) if front.keyed else None
        if front.tries < 0 or not (front.wants(()) if wanted is None else wanted):
            break
        front.tries -= TABLE
        points = tile_sizes(space, order, wanted)
        coverage.count(len(next(iter(points.values()))))
        tick()
        screen = memo.screen(space, order, points, wanted)
        orders.append(_Order(space, order, points, screen, front, coverage))
        tick()
        orders[-1].run(tick, 1)
    for some in sorted(orders, key=lambda o: o.first):
        some.run(tick)


class _Order:
    """The search over an order of loops: those tile sizes get tables that are open by a bound that needs no choice, the
    most promising ones first."""

    def __init__(self, space: GroupSpace, order: Order, points: Dict[str, Array], screen: Screen, front: Front,
                 coverage: Coverage) -> None:  # fmt: skip
        self.space, self.order, self.front, self.coverage, self.mappings = (
            space,
            order,
            front,
            coverage,
            screen.mappings,
        )
        coverage.orders += 1
        tiles, kind = kinds(space, points, front.keyed)
        coverage.space += len(kind) * screen.mappings
        fits = np.isfinite(screen.costs[2])
        coverage.prune("capacity", float((~fits).sum()) * screen.mappings)
        if screen.tight is not None:
            coverage.short(space.members, *screen.tight)
        at = np.flatnonzero(front.open(tiles, kind, screen.costs))
        coverage.prune(WORSE, float(np.count_nonzero(fits) - len(at)) * screen.mappings)
        keys = front.keys(tiles, kind[at], screen.costs[:, at])
        at = at[np.lexsort(keys[::-1])]
        self.first = tuple(float(k.min()) for k in keys) if len(at) else ()
        self.points, self.costs = {n: v[at] for n, v in points.items()}, screen.costs[:, at]
        self.tiles, self.kind = tiles, kind[at]
        self.left, self.size = np.arange(len(at)), FIRST

    def run(self, tick: Callable[[], None], most: float = np.inf) -> None:
        """Search the points that are left, so many tables of them at most."""
        while most > 0:
            wanted = np.array([self.front.wants(t) for t in self.tiles])
            open_ = self.front.open(self.tiles, self.kind[self.left], self.costs[:, self.left])
            open_ &= wanted[self.kind[self.left]]
            self.coverage.prune(WORSE, float((~open_).sum()) * self.mappings)
            self.left = self.left[open_]
            if not self.left.size or self.front.tries < 0:
                return
            some, self.left = self.left[: self.size], self.left[self.size :]
            self.coverage.count(TABULATED * len(some))
            given = Prepared(Tables(self.space, self.order, {n: v[some] for n, v in self.points.items()}))
            beaten = self.mappings - given.ways * given.bounds.below[0]
            self.coverage.prune("a choice that another beats in every sum", len(some) * beaten)
            self.front.tries -= TABLE
            _Points(given, self.front, self.coverage).run()
            self.size, most = min(4 * self.size, CHUNK), most - 1
            tick()


class _Points:
    """The search over all tile sizes of one order of loops: first those with the least bounds, a few at a time."""

    def __init__(self, given: Prepared, front: Front, coverage: Coverage) -> None:
        self.tables, self.front, self.coverage, self.ways = given.tables, front, coverage, given.ways
        self.bounds, self.least, self.compute, self.exact = given.bounds, given.least, given.compute, given.exact
        self.tiles, self.kind = kinds(given.tables.space, given.tables.points, front.keyed)
        self.ties = TIES

    def run(self) -> None:
        everything = np.arange(self.tables.number)
        root = self._timed(everything, self.bounds.least())
        fits = np.isfinite(root[2])
        alive = self._open(everything, root)
        self._prune("capacity", float((~fits).sum()) * self.bounds.below[0])
        self._prune(WORSE, float((fits & ~alive).sum()) * self.bounds.below[0])
        order = np.flatnonzero(alive)
        order = order[np.lexsort(self._keys(order, root[:, order])[::-1])]
        order = order[np.argsort(self._turn(order), kind="stable")]
        self._dive(order)
        size = BLOCK
        while order.size and not self._enough:
            block, order = order[:size], order[size:]
            self._block(block)
            still = self._open(order, root[:, order])
            self._prune(WORSE, float((~still).sum()) * self.bounds.below[0])
            order, size = order[still], size * 4

    @property
    def _enough(self) -> bool:
        return self.ties < 0 or self.front.tries < 0

    def _turn(self, order: Indices) -> Indices:
        """Which one of its kind a point is, in order: of those that compete for one mapping."""
        if len(self.tiles) == 1:
            return np.arange(len(order))
        kind = self.kind[order]
        by = np.argsort(kind, kind="stable")
        first = np.concatenate([[True], np.diff(kind[by]) > 0]) if len(by) else np.zeros(0, bool)
        turn = np.empty(len(order), np.int64)
        turn[by] = np.arange(len(order)) - np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))
        return turn

    def _timed(self, at: Indices, costs: Array) -> Array:
        """Costs with the seconds of memories, together with those of compute."""
        return np.vstack([np.maximum(costs[0], self.compute[at]), costs[1:]])

    def _open(self, at: Indices, costs: Array) -> Mask:
        return self.front.open(self.tiles, self.kind[at], costs)

    def _keys(self, at: Indices, costs: Array) -> list[Array]:
        return self.front.keys(self.tiles, self.kind[at], costs)

    def _prune(self, rule: str, number: float) -> None:
        self.coverage.prune(rule, number * self.ways)

    def _leaves(self, at: Indices, best_first: bool = False) -> Iterator[Leaf]:
        ignored = lambda *_: None  # noqa: E731
        return self.bounds.leaves(
            at, lambda some, costs: self._open(some, self._timed(some, costs)), ignored if best_first else self._prune,
            lambda memory, demand: self.coverage.short(self.tables.space.members, memory, demand,
                                                       self.bounds.capacities[memory]), best_first,
        )  # fmt: skip

    def _dive(self, order: Indices) -> None:
        """Solve the first places of tensors that look best, where none is known: most others need no look then."""
        known = np.array([t in self.front.best for t in self.tiles])
        unknown = order[~known[self.kind[order]]]
        some = unknown[self._turn(unknown) == 0][:BLOCK]
        for where, at, costs in self._leaves(some, best_first=True) if some.size else ():
            self.coverage.evaluated += len(at)
            for k in np.argsort(np.maximum(costs[0], self.compute[at]), kind="stable").tolist():
                self._try(where, int(at[k]))
            break

    def _block(self, at: Indices) -> None:
        found = list(self._leaves(at))
        self.coverage.evaluated += sum(len(leaf[1]) for leaf in found)
        if not found:
            return
        which = np.repeat(np.arange(len(found)), [len(leaf[1]) for leaf in found])
        at, costs = np.concatenate([leaf[1] for leaf in found]), np.hstack([leaf[2] for leaf in found])
        left, done = np.arange(len(at)), np.zeros(len(at), bool)
        while left.size:
            costs[:, left] = self._timed(at[left], costs[:, left])
            left = left[self._open(at[left], costs[:, left])]
            first = left[_least_of(self._keys(at[left], costs[:, left]), BATCH)]
            loose = np.unique(at[first][~self.exact[at[first]]])
            if loose.size:
                bound = tightened(self.tables, self.least, loose)
                self.exact[loose] = True
                if bound is not None:
                    self.compute[loose] = np.maximum(self.compute[loose], bound)
                continue
            done[first] = True
            if len(self.front.goal.of) > 1:
                first = self._together(found, which, at, costs, first)
            for k in first.tolist():
                if not self._open(at[k : k + 1], costs[:, k : k + 1])[0]:
                    continue
                self.ties -= not self.front.strict(self.tiles[int(self.kind[at[k]])], costs[:, k])
                self.front.tries -= 1
                if self._enough:
                    self._prune("as good in the objective, not compared further", float(left.size))
                    return
                self._try(found[int(which[k])][0], int(at[k]))
            left = left[~done[left]]
        self._prune(WORSE, float(len(at)))

    def _together(self, found: list[Leaf], which: Indices, at: Indices, costs: Array, some: Indices) -> Indices:
        """The ones of some mappings that are open by a bound in which the arrays of the Einsums decide time and energy
        together."""
        kept = [np.zeros(0, np.int64)]
        for leaf in np.unique(which[some]).tolist():
            mine = some[which[some] == leaf]
            where = found[leaf][0]
            pieces = list(by_array(self.tables, self.least, at[mine], self.bounds.joules(where)))
            kept += [mine] if not pieces else []
            for seconds, joules in pieces:
                now, mine = mine[: seconds.shape[1]], mine[seconds.shape[1] :]
                joules = joules + sum(c.joules[at[now]] for c in where.values())
                words = np.broadcast_to(costs[1, now], joules.shape)
                ways = np.array([np.maximum(seconds, costs[0, now]), words, joules])
                alive = self._open(np.tile(at[now], len(joules)), ways.reshape(3, -1))
                kept.append(now[alive.reshape(joules.shape).any(axis=0)])
        return some[np.isin(some, np.concatenate(kept))]

    def _try(self, where: dict[str, TensorChoice], i: int) -> None:
        """Solve a point exactly and keep what is better."""
        self.coverage.solved += 1
        tile = self.tiles[int(self.kind[i])]
        for result in solve(self.tables, i, where, lambda costs: self.front.solvable(tile, costs)):
            self.front.add(_found(self.tables, i, where, *result))


def kinds(space: GroupSpace, points: Dict[str, Array], keyed: bool) -> tuple[list[Tile], Indices]:
    """Return the tile sizes in which all groups must agree, and for each point which of them it has."""
    names, number = space.problem.tiles, len(next(iter(points.values())))
    if not keyed or not names:
        return [()], np.zeros(number, np.int64)
    rows = np.column_stack([points[t] for t in names]).astype(int)
    unique, kind = np.unique(rows, axis=0, return_inverse=True)
    return [tuple(r) for r in unique.tolist()], np.ravel(kind)


def _least_of(keys: list[Array], number: int) -> Indices:
    """The indices of the least entries by several keys, first things first."""
    some = np.arange(len(keys[0]))
    if len(some) > 4 * number:
        some = np.flatnonzero(keys[0] <= np.partition(keys[0], number)[number])
    return some[np.lexsort([k[some] for k in keys][::-1])[:number]]


def _found(tables: Tables, at: int, where: dict[str, TensorChoice], seconds: float, traffic: float, joules: float,
           einsums: dict[str, EinsumChoice], free: dict[str, bool]) -> Found:  # fmt: skip
    held = {t: float(tables.held(t)[at]) for t in tables.space.made}
    tiles = {n: int(v[at]) for n, v in tables.points.items() if n}
    return Found(seconds, traffic, joules, tables.space, tables.order, tiles, einsums, where, free, held)
