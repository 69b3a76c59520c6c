"""Search: the best mappings of one fusion group, over all orders of loops, tile sizes and choices."""

from collections.abc import Callable, Iterator
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field

import numpy as np

from archsim.mapper.bounds import Bounds, Indices, Leaf
from archsim.mapper.choices import EinsumChoice, Mask, TensorChoice
from archsim.mapper.exact import solve, tightened
from archsim.mapper.memo import Memo, Prepared
from archsim.mapper.space import GroupSpace, Order, Problem
from archsim.mapper.tables import Tables
from archsim.mapper.tiles import tile_sizes
from archsim.value import Array

__all__ = ["ENERGY", "LATENCY", "SECOND", "Coverage", "Found", "Front", "Goal", "Shortage", "search_group"]

CHUNK = 16_384
TIES = 24
"""Mappings that are as good in the objective are tried one by one, up to this many, for the second objective."""

BATCH = 256
"""Mappings that are solved before the others are compared with the best again."""

BLOCK = 256
"""Points that are looked at first, those with the least bounds; then four times as many each time."""

WORSE = "bound not better than the best mapping"
CLOSE = 1e-12


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


@dataclass
class Shortage:
    """The mapping that comes closest to fitting: what its fullest memory would have to hold."""

    group: str = ""
    memory: str = ""
    demand: float = np.inf
    bound: float = 0.0


@dataclass
class Coverage:
    """What a search looked at. `space` counts mappings (float: it may be large); the others say what became of them."""

    space: float = 0.0
    evaluated: int = 0
    solved: int = 0
    groups: int = 0
    searched: int = 0
    orders: int = 0
    pruned: dict[str, float] = field(default_factory=dict)
    complete: bool = True
    shortage: Shortage = field(default_factory=Shortage)

    def prune(self, rule: str, number: float) -> None:
        """Count what a rule made unnecessary."""
        self.pruned[rule] = self.pruned.get(rule, 0.0) + number


@dataclass(frozen=True)
class Goal:
    """What is minimised: a weighted sum of seconds, words of the far memory and joules; `then` decides between
    equals."""

    seconds: float = 0.0
    traffic: float = 0.0
    joules: float = 0.0
    then: tuple[str, ...] = ()

    def value(self, seconds: Array, traffic: Array, joules: Array) -> Array:
        """Return what is minimised."""
        table = ((self.seconds, seconds), (self.traffic, traffic), (self.joules, joules))
        some = [v if w == 1.0 else w * v for w, v in table if w]
        return np.asarray(sum(some[1:], start=some[0]))


LATENCY = Goal(seconds=1.0)
ENERGY = Goal(joules=1.0)
SECOND = {
    LATENCY: Goal(traffic=1.0, then=("joules",)),
    ENERGY: Goal(seconds=1.0, then=("traffic",)),
}
"""What decides between mappings that are as good."""


@dataclass
class Front:
    """The best mapping so far, by a goal; `limit`, `slowest` and `costliest` the words that the far memory may move,
    and the seconds and joules that a mapping may take; after so many `tries` what is found is good enough.

    With `keyed` one for each combination of the cascade's tile sizes, in which all groups of a mapping must agree.
    """

    goal: Goal
    limit: float = np.inf
    keyed: bool = False
    slowest: float = np.inf
    costliest: float = np.inf
    tries: float = np.inf
    best: dict[tuple[int, ...], Found] = field(default_factory=dict)

    def key(self, tiles: Dict[str, int | float], problem: Problem) -> tuple[int, ...]:
        """Return under what a mapping with these tile sizes is kept."""
        return tuple(int(tiles[t]) for t in problem.tiles) if self.keyed else ()

    def known(self, tables: Tables) -> tuple[Array, Array, Array]:
        """Return seconds, words and joules of the best mapping at every point; infinite where there is none."""
        result = np.full((3, tables.number), np.inf)
        p = tables.space.problem
        if not self.keyed or not p.tiles:
            if () in self.best:
                found = self.best[()]
                result[:] = np.array([[found.seconds], [found.traffic], [found.joules]])
        else:
            for key, found in self.best.items():
                here = np.all([tables.points[t] == k for t, k in zip(p.tiles, key, strict=True)], axis=0)
                result[:, here] = np.array([[found.seconds], [found.traffic], [found.joules]])
        return result[0], result[1], result[2]

    def keys(self, seconds: Array, traffic: Array, joules: Array) -> list[Array]:
        """Return what is compared, first things first."""
        table = {"seconds": seconds, "traffic": traffic, "joules": joules}
        return [self.goal.value(seconds, traffic, joules), *(table[n] for n in self.goal.then)]

    def open(self, seconds: Array, traffic: Array, joules: Array,
             known: tuple[Array, Array, Array]) -> tuple[Mask, Mask]:  # fmt: skip
        """Return where bounds leave room for a better mapping, and where for one that is better in the goal itself."""
        alive = np.isfinite(joules) & np.isfinite(seconds) & self.within(seconds, traffic, joules)
        mine = self.keys(*known)
        keys = self.keys(seconds, traffic, joules)
        better = np.zeros_like(alive)
        equal = np.ones_like(alive)
        strict = keys[0] < mine[0] * (1 - CLOSE)
        for key, own in zip(keys, mine, strict=True):
            better |= equal & (key < own * (1 - CLOSE))
            equal &= key <= own * (1 + CLOSE)
        return alive & better, alive & strict

    def within(self, seconds: Array, traffic: Array, joules: Array) -> Mask:
        """Return where the limits hold."""
        slow, costly = seconds > self.slowest * (1 + CLOSE), joules > self.costliest * (1 + CLOSE)
        return np.asarray(~slow & ~costly & (traffic <= self.limit * (1 + CLOSE)))

    def useful(self, seconds: Array, traffic: Array, joules: Array, known: tuple[float, float, float]) -> Mask:
        """Return where bounds are at least as good in the goal as a known mapping, within the limits."""
        best = float(self.goal.value(*(np.asarray(v) for v in known)))
        good = self.goal.value(seconds, traffic, joules) <= best * (1 + 1e-9)
        return np.asarray(self.within(seconds, traffic, joules) & good)

    def add(self, new: Found) -> bool:
        """Keep a mapping if it is better."""
        key = self.key(new.tiles, new.space.problem)
        if not bool(self.within(*(np.array([v]) for v in (new.seconds, new.traffic, new.joules)))[0]):
            return False
        old = self.best.get(key)
        if old is not None:
            seconds, traffic, joules = (np.array([v]) for v in (new.seconds, new.traffic, new.joules))
            known = (np.array([old.seconds]), np.array([old.traffic]), np.array([old.joules]))
            if not bool(self.open(seconds, traffic, joules, known)[0][0]):
                return False
        self.best[key] = new
        return True


def search_group(
    space: GroupSpace, front: Front, coverage: Coverage, memo: Memo, tick: Callable[[], None] = lambda: None
) -> None:
    """Add the best mappings of a group to a front."""
    coverage.searched += 1
    for order in space.orders():
        coverage.orders += 1
        points = tile_sizes(space, order)
        number = len(next(iter(points.values())))
        for start in range(0, number, CHUNK):
            part = {n: v[start : start + CHUNK] for n, v in points.items()}
            _search(memo.prepared(space, order, start, part), front, coverage)
            tick()


def _search(given: Prepared | Tables, front: Front, coverage: Coverage) -> None:
    tables = given if isinstance(given, Tables) else given.tables
    coverage.prune("a choice that another beats in every sum", tables.number * tables.dropped)
    if isinstance(given, Prepared):
        coverage.space += tables.number * given.ways * given.bounds.below[0]
        _Points(given, front, coverage).run()


class _Points:
    """The search over all tile sizes of one order of loops: first those with the least bounds, a few at a time."""

    def __init__(self, given: Prepared, front: Front, coverage: Coverage) -> None:
        self.tables, self.front, self.coverage, self.ways = given.tables, front, coverage, given.ways
        self.bounds, self.least, self.compute, self.exact = given.bounds, given.least, given.compute, given.exact
        self.known = front.known(given.tables)
        self.ties = TIES

    def run(self) -> None:
        root = self.bounds.least()
        everything = np.arange(self.tables.number)
        fits = np.isfinite(root[2])
        if not fits.any():  # only to say how much is missing
            list(self._leaves(everything))
            return
        alive, _ = self._open(everything, *root)
        self._prune("capacity", float((~fits).sum()) * self.bounds.below[0])
        self._prune(WORSE, float((fits & ~alive).sum()) * self.bounds.below[0])
        seconds = np.maximum(root[0], self.compute)
        order = np.lexsort(self.front.keys(seconds, root[1], root[2])[::-1])
        order = order[alive[order]]
        order = order[np.argsort(self._turn(order), kind="stable")]
        self._dive(order)
        size = BLOCK
        while order.size and not self._enough:
            block, order = order[:size], order[size:]
            self._block(block)
            still, _ = self._open(order, root[0][order], root[1][order], root[2][order])
            self._prune(WORSE, float((~still).sum()) * self.bounds.below[0])
            order, size = order[still], size * 4

    @property
    def _enough(self) -> bool:
        return self.ties < 0 or self.front.tries < 0

    def _turn(self, order: Indices) -> Indices:
        """Which one of its kind a point is, in order: of those that compete for one mapping."""
        p = self.tables.space.problem
        if not self.front.keyed or not p.tiles:
            return np.arange(len(order))
        rows = np.column_stack([self.tables.points[t] for t in p.tiles])[order]
        _, kind = np.unique(rows, axis=0, return_inverse=True)
        kind = np.ravel(kind)
        by = np.argsort(kind, kind="stable")
        first = np.concatenate([[True], np.diff(kind[by]) > 0]) if len(by) else np.zeros(0, bool)
        turn = np.empty(len(order), np.int64)
        turn[by] = np.arange(len(order)) - np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))
        return turn

    def _open(self, at: Indices, memory: Array, traffic: Array, joules: Array) -> tuple[Mask, Mask]:
        seconds = np.maximum(memory, self.compute[at])
        return self.front.open(seconds, traffic, joules, tuple(k[at] for k in self.known))  # type: ignore[arg-type]

    def _prune(self, rule: str, number: float) -> None:
        self.coverage.prune(rule, number * self.ways)

    def _leaves(self, at: Indices, best_first: bool = False) -> Iterator[Leaf]:
        ignored = lambda *_: None  # noqa: E731
        return self.bounds.leaves(
            at, lambda *costs: self._open(*costs)[0], ignored if best_first else self._prune,
            lambda memory, demand: _shortage(self.tables, self.coverage, memory, demand, self.bounds), best_first,
        )  # fmt: skip

    def _dive(self, order: Indices) -> None:
        """Solve the first places of tensors that look best, where none is known: most others need no look then."""
        unknown = order[~np.isfinite(self.known[2][order])]
        some = unknown[self._turn(unknown) == 0][:BLOCK]
        for where, at, memory, *_ in self._leaves(some, best_first=True) if some.size else ():
            self.coverage.evaluated += len(at)
            for k in np.argsort(np.maximum(memory, self.compute[at]), kind="stable").tolist():
                self._try(where, int(at[k]))
            break

    def _block(self, at: Indices) -> None:
        found = list(self._leaves(at))
        self.coverage.evaluated += sum(len(leaf[1]) for leaf in found)
        if not found:
            return
        which = np.repeat(np.arange(len(found)), [len(leaf[1]) for leaf in found])
        at, memory, traffic, joules = (np.concatenate([leaf[k] for leaf in found]) for k in range(1, 5))
        left, done = np.arange(len(at)), np.zeros(len(at), bool)
        while left.size:
            left = left[self._open(at[left], memory[left], traffic[left], joules[left])[0]]
            seconds = np.maximum(memory[left], self.compute[at[left]])
            keys = self.front.keys(seconds, traffic[left], joules[left])
            first = left[_least_of(keys, BATCH)]
            loose = np.unique(at[first][~self.exact[at[first]]])
            if loose.size:
                bound = tightened(self.tables, self.least, loose.tolist())
                self.exact[loose] = True
                if bound is not None:
                    self.compute[loose] = np.maximum(self.compute[loose], bound)
                continue
            for k in first.tolist():
                still, strict = self._open(at[k : k + 1], memory[k : k + 1], traffic[k : k + 1], joules[k : k + 1])
                if not still[0]:
                    continue
                self.ties -= not strict[0]
                self.front.tries -= 1
                if self._enough:
                    self._prune("as good in the objective, not compared further", float(left.size))
                    return
                self._try(found[int(which[k])][0], int(at[k]))
            done[first] = True
            left = left[~done[left]]
        self._prune(WORSE, float(len(at)))

    def _try(self, where: dict[str, TensorChoice], i: int) -> None:
        """Solve a point exactly and keep what is better."""
        self.coverage.solved += 1
        best = (float(self.known[0][i]), float(self.known[1][i]), float(self.known[2][i]))
        solutions = solve(self.tables, i, where, lambda s, t, j: self.front.useful(s, t, j, best))
        if any([self.front.add(_found(self.tables, i, where, *result)) for result in solutions]):
            self.known = self.front.known(self.tables)


def _least_of(keys: list[Array], number: int) -> Indices:
    """The indices of the least entries by several keys, first things first."""
    some = np.arange(len(keys[0]))
    if len(some) > 4 * number:
        some = np.flatnonzero(keys[0] <= np.partition(keys[0], number)[number])
    return some[np.lexsort([k[some] for k in keys][::-1])[:number]]


def _shortage(tables: Tables, coverage: Coverage, memory: str, demand: float, bounds: Bounds) -> None:
    if demand < coverage.shortage.demand:
        coverage.shortage = Shortage(", ".join(tables.space.members), memory, demand, bounds.capacities[memory])


def _found(tables: Tables, at: int, where: dict[str, TensorChoice], seconds: float, traffic: float, joules: float,
           einsums: dict[str, EinsumChoice], free: dict[str, bool]) -> Found:  # fmt: skip
    held = {t: float(tables.held(t)[at]) for t in tables.space.made}
    tiles = {n: int(v[at]) for n, v in tables.points.items() if n}
    return Found(seconds, traffic, joules, tables.space, tables.order, tiles, einsums, where, free, held)
