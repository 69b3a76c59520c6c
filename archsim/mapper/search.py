"""Search: the best mappings of one fusion group, over all orders of loops, tile sizes and choices."""

from collections.abc import Callable, Iterator
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from archsim.mapper.exact import compute_bound, fastest, joules_and_words, solve, tightened
from archsim.mapper.space import GroupSpace, Order
from archsim.mapper.tables import EinsumChoice, Mask, Tables, TensorChoice
from archsim.mapper.tiles import cascade_tiles, tile_sizes
from archsim.value import Array

__all__ = ["Coverage", "Found", "Front", "Shortage", "group_bound", "search_group"]

CHUNK = 16_384
TIES = 24
"""Mappings that are as good in the objective are tried one by one, up to this many, for the second objective."""

CLOSE = 1e-12


@dataclass(frozen=True, eq=False)
class Found:
    """A mapping of one group: its tile sizes, order, and choices, with its seconds and joules."""

    seconds: float
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


@dataclass
class Front:
    """The best mappings of a group so far: one for latency or energy, all that no other beats in both for edp."""

    objective: str
    found: list[Found] = field(default_factory=list)
    alone: bool = False

    def open(self, seconds: Array, joules: Array) -> Mask:
        """Return where bounds leave room for a better mapping."""
        alive = np.isfinite(joules) & np.isfinite(seconds)
        for f in self.found:
            if self.objective == "latency":
                less = seconds < f.seconds * (1 - CLOSE)
                alive &= less | ((seconds <= f.seconds) & (joules < f.joules * (1 - CLOSE)))
            elif self.objective == "energy":
                less = joules < f.joules * (1 - CLOSE)
                alive &= less | ((joules <= f.joules) & (seconds < f.seconds * (1 - CLOSE)))
            elif self.alone:
                alive &= seconds * joules < f.seconds * f.joules * (1 - CLOSE)
            else:
                alive &= (seconds < f.seconds * (1 - CLOSE)) | (joules < f.joules * (1 - CLOSE))
        return np.asarray(alive)

    def key(self, seconds: Array, joules: Array) -> tuple[Array, Array]:
        """Return the keys by which candidates are tried, the more important one last."""
        if self.objective == "latency":
            return joules, seconds
        if self.objective == "energy":
            return seconds, joules
        return seconds, seconds * joules

    def strictly(self, seconds: float, joules: float) -> bool:
        """Whether a bound is better in the objective itself than what is known."""
        if not self.found:
            return True
        f = self.found[0]
        if self.objective == "latency":
            return seconds < f.seconds * (1 - CLOSE)
        if self.objective == "energy":
            return joules < f.joules * (1 - CLOSE)
        return True

    def add(self, new: Found) -> bool:
        """Keep a mapping if no other is as good; drop those that it beats."""
        if not bool(self.open(np.array([new.seconds]), np.array([new.joules]))[0]):
            return False
        if self.objective != "edp" or self.alone:
            self.found = [new]
        else:
            self.found = [f for f in self.found if f.seconds < new.seconds or f.joules < new.joules] + [new]
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
    compute = compute_bound(tables, least)
    exact = np.zeros(n, bool)
    rows = list(_bounds(tables, coverage))
    if not rows:
        return
    memory = np.array([r[1] for r in rows])
    joules = np.array([r[2] for r in rows])
    coverage.evaluated += n * len(rows)
    coverage.prune("capacity", float(np.sum(~np.isfinite(joules))) * ways)
    seconds = np.maximum(memory, compute)
    alive = front.open(seconds, joules)
    ties = TIES
    while alive.any():
        some = np.flatnonzero(alive.any(axis=0) & ~exact)
        if some.size:
            compute, exact = _tighter(tables, least, front, seconds, joules, some, compute, exact)
            seconds = np.maximum(memory, compute)
            alive &= front.open(seconds, joules)
            if not alive.any():
                break
        which, at = np.nonzero(alive)
        keys = front.key(seconds[which, at], joules[which, at])
        first = int(np.lexsort(keys)[0])
        k, i = int(which[first]), int(at[first])
        if not exact[i]:
            continue
        if not front.strictly(float(seconds[k, i]), float(joules[k, i])):
            ties -= 1
            if ties < 0:
                coverage.prune("as good in the objective, second objective not compared", float(alive.sum()) * ways)
                return
        alive[k, i] = False
        coverage.solved += 1
        limit = front.found[0].seconds if front.found and front.objective == "latency" else np.inf
        better = False
        for s, j, einsums, free in solve(tables, i, rows[k][0], limit):
            better |= front.add(_found(tables, i, rows[k][0], s, j, einsums, free))
        if better:
            alive &= front.open(seconds, joules)
    coverage.prune("bound not better than the best mapping", float(n * len(rows)) * ways)


def _tighter(tables: Tables, least: Dict[str, Dict[str, Array]], front: Front, seconds: Array, joules: Array,
             some: np.ndarray[tuple[int], np.dtype[np.int64]], compute: Array, exact: Mask) -> tuple[Array, Mask]:  # fmt: skip
    """Tighten the bound of the most promising of some points."""
    keys = front.key(seconds[:, some].min(axis=0), joules[:, some].min(axis=0))
    chosen = some[np.lexsort(keys)[:512]]
    bound = tightened(tables, least, chosen.tolist())
    compute, exact = compute.copy(), exact.copy()
    exact[chosen] = True
    if bound is not None:
        compute[chosen] = np.maximum(compute[chosen], bound)
    return compute, exact


def _bounds(tables: Tables, coverage: Coverage) -> Iterator[tuple[dict[str, TensorChoice], Array, Array]]:
    """Yield, for each way to keep the tensors, the seconds of the busiest memory and the joules at all points: exact up
    to what the Einsums choose, for which the least of each is taken; infinite joules where it does not fit."""
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
        yield where, memory, np.where(fits, joules, np.inf)


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


def _found(tables: Tables, at: int, where: dict[str, TensorChoice], seconds: float, joules: float,
           einsums: dict[str, EinsumChoice], free: dict[str, bool]) -> Found:  # fmt: skip
    held = {t: float(tables.held(t)[at]) for t in tables.space.made}
    tiles = {n: int(v[at]) for n, v in tables.points.items() if n}
    return Found(seconds, joules, tables.space, tables.order, tiles, einsums, where, free, held)


def group_bound(space: GroupSpace) -> tuple[dict[tuple[int, ...], tuple[float, float]], int]:
    """Return lower bounds (seconds, joules) of a group for each choice of the cascade's tile sizes.

    Work of the arrays at full use, words that must come from and go to the far memory once, and the joules of both.
    """
    p = space.problem
    points = cascade_tiles(space)
    tables = Tables(space, Order(p.batch, {}, ()), points, bare=True)
    n = tables.number
    clock = float(np.asarray(p.design.clock))
    least: dict[str, dict[str, Array]] = {}
    joules = np.zeros(n)
    for e in space.members:
        work = tables.full(tables.nest(e).points(tables.variables(e)))
        least[e] = {a: work * c / float(np.asarray(p.design.arrays[a].lanes)) for a, (c, _) in p.arrays[e].items()}
        joules = joules + work * min(
            sum(float(np.asarray(tables.operation(a, x, k))) for x, k in acts.items())
            for a, (_, acts) in p.arrays[e].items()
        )
    seconds = compute_bound(tables, least)
    words = np.zeros(n)
    for t, touches in tables.touches.items():
        made = t in space.made
        if not made or t in space.layout.leaves:
            some = [tables.nest(e).words(a) for e, a in touches if not made or a is tables.statements[e].target]
            once = tables.full(np.max(np.broadcast_arrays(*[np.asarray(w, float) for w in some]), axis=0))
            words = words + once
            joules = joules + once * tables.prices.get((tables.far, "write" if made else "read"), 0)
    second = tables.seconds[tables.far]
    if second is not None:
        seconds = np.maximum(seconds, words * second)
    keys = zip(*[points[t].astype(int).tolist() for t in p.tiles], strict=True) if p.tiles else [()] * n
    bounds = {tuple(k): (float(s), float(j)) for k, s, j in zip(keys, seconds, joules, strict=True)}
    return bounds, n
