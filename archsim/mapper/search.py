"""Search: the best mappings of one fusion group, over all orders of loops, tile sizes and choices."""

from collections.abc import Callable, Iterator
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from archsim.mapper.choices import EinsumChoice, Mask, TensorChoice
from archsim.mapper.exact import compute_bound, fastest, joules_and_words, solve, tightened
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


def search_group(space: GroupSpace, front: Front, coverage: Coverage, tick: Callable[[], None]) -> None:
    """Add the best mappings of a group to a front."""
    coverage.searched += 1
    for order in space.orders():
        coverage.orders += 1
        points = tile_sizes(space, order)
        number = len(next(iter(points.values())))
        for start in range(0, number, CHUNK):
            part = {n: v[start : start + CHUNK] for n, v in points.items()}
            _search(Tables(space, order, part), front, coverage)
            tick()


def _search(tables: Tables, front: Front, coverage: Coverage) -> None:
    n = tables.number
    ways = float(np.prod([float(len(c)) for c in tables.einsums.values()]))
    kept = float(np.prod([float(len(c)) for c in tables.tensors.values()]))
    coverage.space += n * ways * kept
    coverage.prune("a choice that another beats in every sum", n * tables.dropped)
    if not ways or not kept:
        return
    least = fastest(tables)
    compute = compute_bound(tables, least).copy()
    exact = np.zeros(n, bool)
    rows = list(_bounds(tables, coverage))
    memory, traffic, joules = (np.array([r[k] for r in rows]) for k in (1, 2, 3))
    coverage.evaluated += n * len(rows)
    coverage.prune("capacity", float(np.sum(~np.isfinite(joules))) * ways)
    seconds = np.maximum(memory, compute)
    known = front.known(tables)
    alive, _ = front.open(seconds, traffic, joules, known)
    ties = TIES
    while alive.any():
        which, at = np.nonzero(alive)
        first = np.lexsort([k[which, at] for k in front.keys(seconds, traffic, joules)][::-1])[:BATCH]
        loose = np.unique(at[first][~exact[at[first]]])
        if loose.size:
            bound = tightened(tables, least, loose.tolist())
            exact[loose] = True
            if bound is not None:
                compute[loose] = np.maximum(compute[loose], bound)
                seconds = np.maximum(memory, compute)
                alive &= front.open(seconds, traffic, joules, known)[0]
            continue
        for k, i in zip(which[first].tolist(), at[first].tolist(), strict=True):
            alive[k, i] = False
            here = (known[0][i : i + 1], known[1][i : i + 1], known[2][i : i + 1])
            still, strict = front.open(seconds[k, i : i + 1], traffic[k, i : i + 1], joules[k, i : i + 1], here)
            if not still[0]:
                continue
            ties -= not strict[0]
            front.tries -= 1
            if ties < 0 or front.tries < 0:
                coverage.prune("as good in the objective, not compared further", float(alive.sum()) * ways)
                return
            coverage.solved += 1
            best = (float(here[0][0]), float(here[1][0]), float(here[2][0]))
            solutions = solve(tables, i, rows[k][0], lambda s, t, j, best=best: front.useful(s, t, j, best))  # type: ignore[misc]
            if any([front.add(_found(tables, i, rows[k][0], *result)) for result in solutions]):
                known = front.known(tables)
        alive &= front.open(seconds, traffic, joules, known)[0]
    coverage.prune("bound not better than the best mapping", float(n * len(rows)) * ways)


def _bounds(tables: Tables, coverage: Coverage) -> Iterator[tuple[dict[str, TensorChoice], Array, Array, Array]]:
    """Yield, for each way to keep the tensors, the seconds of the busiest memory, the words of the far one and the
    joules at all points: exact up to what the Einsums choose, for which the least of each is taken; infinite joules
    where it does not fit."""
    p = tables.space.problem
    names = list(tables.tensors)
    memo: dict[tuple[object, ...], tuple[Array, dict[str, Array]]] = {}
    for some in product(*tables.tensors.values()):
        where = dict(zip(names, some, strict=True))
        taken: dict[str, Array] = {m: np.zeros(tables.number) for m in p.near}
        joules = np.zeros(tables.number)
        words: dict[str, Array] = {}
        for t, c in where.items():
            joules = joules + c.joules
            for m, w in c.words.items():
                words[m] = words.get(m, 0) + w
            overwrites = tables.overwrites(where, t)
            for m, b in c.bytes.items():
                more = np.where(where[tables.space.places[t]].free, b, 0) if overwrites else b
                taken[m] = taken[m] + more
        for e, choices in tables.einsums.items():
            mine = {t: where[t] for c in choices[:1] for t in (*c.reads, *c.writes)}
            key = (e, *(id(c) if c.free.any() else (t, c.near) for t, c in mine.items()))
            if key not in memo:
                memo[key] = _least(tables, choices, where)
            own, moved = memo[key]
            joules = joules + own
            for m, w in moved.items():
                words[m] = words.get(m, 0) + w
        fits = np.ones(tables.number, bool)
        for m, b in taken.items():
            capacity = p.design.memories[m].capacity
            if capacity is not None:
                fits &= b <= capacity
                _shortage(tables, coverage, m, b, capacity)
        memory = np.zeros(tables.number)
        for m, w in words.items():
            second = tables.seconds[m]
            if second is not None:
                memory = np.maximum(memory, w * second)
        yield where, memory, words.get(tables.far, np.zeros(tables.number)), np.where(fits, joules, np.inf)


def _shortage(tables: Tables, coverage: Coverage, memory: str, taken: Array, capacity: object) -> None:
    bound = float(np.max(np.asarray(capacity)))
    least = float(taken.min())
    if least > bound and least < coverage.shortage.demand:
        coverage.shortage = Shortage(", ".join(tables.space.members), memory, least, bound)


def _least(tables: Tables, choices: list[EinsumChoice],
           where: Dict[str, TensorChoice]) -> tuple[Array, dict[str, Array]]:  # fmt: skip
    found = [joules_and_words(tables, c, where) for c in choices]
    joules = np.min([np.broadcast_to(j, tables.number) for j, _ in found], axis=0)
    memories = {m for _, w in found for m in w}
    words = {
        m: np.min([np.broadcast_to(w.get(m, np.zeros(tables.number)), tables.number) for _, w in found], axis=0)
        for m in memories
    }
    return joules, words


def _found(tables: Tables, at: int, where: dict[str, TensorChoice], seconds: float, traffic: float, joules: float,
           einsums: dict[str, EinsumChoice], free: dict[str, bool]) -> Found:  # fmt: skip
    held = {t: float(tables.held(t)[at]) for t in tables.space.made}
    tiles = {n: int(v[at]) for n, v in tables.points.items() if n}
    return Found(seconds, traffic, joules, tables.space, tables.order, tiles, einsums, where, free, held)
