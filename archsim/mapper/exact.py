"""Exact: the best choice for every Einsum at one point, given where the tensors are kept; and bounds for all points.

What is chosen for an Einsum adds a vector: seconds of each array, of each recurrence and of each memory, and joules.
The latency is the largest of the summed seconds. Partial sums that another one beats in every entry cannot lead to a
better mapping and are dropped: multiple-choice dynamic programming over Pareto sets, which loses nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Mapping as Dict
from functools import reduce
from itertools import product

import numpy as np
from numpy.typing import NDArray

from archsim.mapper.choices import EinsumChoice, Mask, TensorChoice
from archsim.mapper.tables import Tables
from archsim.value import Array

__all__ = ["by_array", "compute_bound", "joules_and_words", "pareto", "resources", "solve", "tightened", "touched"]

Indices = NDArray[np.int64]

Solution = tuple[float, float, float, dict[str, EinsumChoice], dict[str, bool]]
"""Seconds, words of the far memory, joules, the choices, and which tensors are handed from array to array."""

RATIOS = 2.0 ** np.arange(-12, 13, 0.5)
BINDINGS = 2**16
"""Ways to give the Einsums to arrays that are tried one by one for a tighter bound."""

FEW = 32
"""Ways that are tried one by one in every bound: of few Einsums the weighted one is not tight."""

TOGETHER = 2**20
"""Ways times points that are looked at together."""


def resources(tables: Tables) -> list[str]:
    """Return the names of what makes a group wait: arrays, recurrences; with `sequential` one for all Einsums."""
    p = tables.space.problem
    if p.rules.schedule == "sequential":
        return ["sequence"]
    chains = [f"recurrence {k}" for k, _ in enumerate(tables.space.chains)] if p.rules.schedule == "auto" else []
    return [*p.design.arrays, *chains]


def shares(tables: Tables, einsum: str, array: str) -> list[float | Array]:
    """Return by how much a cycle of an Einsum on an array adds to each resource."""
    p = tables.space.problem
    if p.rules.schedule == "sequential":
        return [1.0]
    result: list[float | Array] = [float(a == array) for a in p.design.arrays]
    for variable, names in tables.space.chains if p.rules.schedule == "auto" else ():
        loops = tables.shared(names[0])
        inside = loops[loops.index(variable) + 1 :] if variable in loops else ()
        trips = tables.full(tables.extents.trips(inside))
        result.append(1 / trips if einsum in names else 0.0)
    return result


def joules_and_words(tables: Tables, c: EinsumChoice, where: Dict[str, TensorChoice]) -> tuple[Array, dict[str, Array]]:
    """Return the joules of an Einsum and the words that it moves at memories with a bandwidth, given where tensors
    are kept."""
    joules = c.joules
    words: dict[str, Array] = {}
    for tensor in dict.fromkeys((*c.reads, *c.writes)):
        more, moved = touched(tables, c, tensor, where[tensor])
        joules = joules + more
        for m, w in moved.items():
            words[m] = words.get(m, 0) + w
    return joules, words


def touched(tables: Tables, c: EinsumChoice, tensor: str, t: TensorChoice) -> tuple[Array, dict[str, Array]]:
    """Return the joules and the words at memories with a bandwidth that an Einsum takes for one tensor, kept so."""
    none = np.zeros(tables.number)
    if not t.near:
        if tables.space.handed.get((tensor, c.einsum)) == "hold":  # there is no other way to get it
            return np.where(_served(tables, c, t), 0, np.inf), {}
        return none, {}
    served = _served(tables, c, t)
    reads = np.where(served, 0, c.reads[tensor]) if tensor in c.reads else none
    writes = np.where(t.free, 0, c.writes[tensor]) if tensor in c.writes else none
    joules = reads * tables.prices.get((t.near, "read"), 0) + writes * tables.prices.get((t.near, "write"), 0)
    limits = tables.seconds[t.near] is not None or t.near == tables.far
    return joules, {t.near: reads + writes} if limits else {}


def _served(tables: Tables, c: EinsumChoice, t: TensorChoice) -> Mask:
    """Where an Einsum gets a tensor from the array that makes it."""
    how = tables.space.handed.get((t.tensor, c.einsum), "")
    if how == "stream":
        return np.ones(tables.number, bool)
    if how == "hold":
        return np.asarray(tables.held(t.tensor) <= tables.space.problem.design.arrays[c.array].lanes)
    return t.free


def fastest(tables: Tables) -> dict[str, dict[str, Array]]:
    """Return Einsum -> array -> the fewest cycles at every point."""
    result: dict[str, dict[str, Array]] = {}
    for e, choices in tables.einsums.items():
        result[e] = {}
        for c in choices:
            result[e][c.array] = np.minimum(result[e][c.array], c.cycles) if c.array in result[e] else c.cycles
    return result


def compute_bound(tables: Tables, least: Dict[str, Dict[str, Array]]) -> Array:
    """Return a lower bound on the seconds of compute at every point.

    For any weights of the resources that add up to one, the largest sum is at least the weighted sum of the smallest
    entries (Lagrangian duality): the best of many weights is taken, and each recurrence by itself.
    """
    p = tables.space.problem
    bound = assignment_bound(least, [] if p.rules.schedule == "sequential" else list(p.design.arrays))
    for k in range(len(resources(tables)) - len(p.design.arrays)):
        total = np.zeros(tables.number)
        for e, table in least.items():
            some = [c * shares(tables, e, a)[len(p.design.arrays) + k] for a, c in table.items()]
            total = total + np.min(some, axis=0)
        bound = np.maximum(bound, total)
    return bound / float(np.asarray(p.design.clock))


def assignment_bound(least: Dict[str, Dict[str, Array]], arrays: Sequence[str]) -> Array:
    """Return a lower bound on the cycles of the busiest array, however Einsums are given to arrays; without arrays, on
    the cycles of all Einsums one after another."""
    if not arrays:
        return np.asarray(sum(np.min(list(table.values()), axis=0) for table in least.values()))
    if np.prod([len(table) for table in least.values()]) <= FEW:
        ways = product(*(table.items() for table in least.values()))
        return np.asarray(reduce(np.minimum, (_longest(way) for way in ways)))
    weights = [{a: 1.0} for a in arrays]
    for k, a in enumerate(arrays):
        weights += [{a: 1 / (1 + r), b: r / (1 + r)} for b in arrays[k + 1 :] for r in RATIOS]
    bound: Array = np.zeros(1)
    for weight in weights:
        total: Array = np.zeros(1)
        for table in least.values():
            if all(a in weight for a in table):
                total = total + np.min([weight[a] * c for a, c in table.items()], axis=0)
        bound = np.maximum(bound, total)
    return bound


def _longest(way: Iterable[tuple[str, Array]]) -> Array:
    """The cycles of the busiest array, given the array and the cycles of each Einsum."""
    sums: dict[str, Array] = {}
    for array, cycles in way:
        sums[array] = sums[array] + cycles if array in sums else cycles
    return np.asarray(reduce(np.maximum, sums.values()))


def tightened(tables: Tables, least: Dict[str, Dict[str, Array]], at: Indices) -> Array | None:
    """Return the least seconds of compute at some points, over all ways to give the Einsums to arrays; None if there
    are too many."""
    ways = _ways([len(t) for t in least.values()])
    if ways is None:
        return None
    return np.concatenate([_busiest(tables, least, some, ways).min(axis=0) for some in _pieces(at, len(ways))])


def by_array(tables: Tables, least: Dict[str, Dict[str, Array]], at: Indices,
             joules: Dict[str, Dict[str, Array]]) -> Iterator[tuple[Array, Array]]:  # fmt: skip
    """Yield the seconds of compute and the joules of the Einsums that every way to give them to arrays takes at least,
    shape (ways, n) each, for some points after others; nothing if there are too many ways.

    `joules` Einsum -> array -> the fewest joules at every point.
    """
    ways = _ways([len(t) for t in least.values()])
    if ways is None:
        return
    for some in _pieces(at, len(ways)):
        total = np.zeros((len(ways), len(some)))
        for column, (e, table) in zip(ways.T, least.items(), strict=True):
            total += np.array([joules[e][a][some] for a in table])[column]
        yield _busiest(tables, least, some, ways), total


def _pieces(at: Indices, ways: int) -> list[Indices]:
    return np.array_split(at, max(1, -(-len(at) * ways // TOGETHER)))


def _ways(numbers: list[int]) -> Indices | None:
    """All ways to give Einsums to their arrays, as rows of numbers; None if there are too many."""
    return None if np.prod(numbers) > BINDINGS else np.array(list(np.ndindex(*numbers)), np.int64)


def _busiest(tables: Tables, least: Dict[str, Dict[str, Array]], at: Indices, ways: Indices) -> Array:
    """The seconds of the busiest resource, shape (ways, n)."""
    worst = np.zeros((len(ways), len(at)))
    loads = [
        [[np.broadcast_to(np.asarray(s * c, float), tables.number)[at] for s in shares(tables, e, a)]
         for a, c in table.items()]
        for e, table in least.items()
    ]  # fmt: skip
    for k in range(len(resources(tables))):
        total = np.zeros((len(ways), len(at)))
        for column, some in zip(ways.T, loads, strict=True):
            total += np.array([rows[k] for rows in some])[column]
        worst = np.maximum(worst, total)
    return np.asarray(worst / float(np.asarray(tables.space.problem.design.clock)))


def pareto(rows: Array) -> Indices:
    """Return the indices of the rows that no other row beats in every column; of equal rows the first."""
    left = np.lexsort(rows.T[::-1])
    kept: list[int] = []
    while left.size:
        first = int(left[0])
        kept.append(first)
        worse = np.all(rows[first] <= rows[left] * (1 + 1e-12), axis=1)
        left = left[~worse]
    return np.array(kept, dtype=np.int64)


def solve(tables: Tables, at: int, where: Dict[str, TensorChoice], keep: Callable[[Array], Mask]) -> list[Solution]:
    """Return the Pareto-optimal solutions of one point that `keep` (of seconds, words of the far memory, joules, shape
    (3, n), each a lower bound while choices are open) has a use for.

    Whether a tensor that could stay in an array's registers does is chosen too: it must fit where it is read.
    """
    open_ = [t for t, c in where.items() if c.free[at] and _narrow(tables, t, at) and c.chain]
    found = []
    for free in product((True, False), repeat=len(open_)):
        found += _solve(tables, at, where, {**_all_free(where, at), **dict(zip(open_, free, strict=True))}, keep)
    return found


def _all_free(where: Dict[str, TensorChoice], at: int) -> dict[str, bool]:
    return {t: bool(c.free[at]) for t, c in where.items()}


def _narrow(tables: Tables, tensor: str, at: int) -> bool:
    """Whether some array that might read a tensor has too few lanes to hold it."""
    design = tables.space.problem.design
    held = float(tables.held(tensor)[at])
    hold = [e for (t, e), how in tables.space.handed.items() if t == tensor and how == "hold"]
    return any(held > float(np.asarray(design.arrays[c.array].lanes)) for e in hold for c in tables.einsums[e])


def _solve(
    tables: Tables,
    at: int,
    where: Dict[str, TensorChoice],
    free: Dict[str, bool],
    keep: Callable[[Array], Mask],
) -> list[Solution]:
    p = tables.space.problem
    clock = float(np.asarray(p.design.clock))
    limited = [m for m, s in tables.seconds.items() if s is not None or m == tables.far]
    kept = _kept(tables, at, where, free, limited)
    if kept is None:
        return []
    joules, base = kept
    # joules, words of the far memory, then what takes time
    start = [joules, base[tables.far], *(0.0 for _ in resources(tables)), *_seconds(tables, base)]
    labels = np.array([start])
    back: list[tuple[list[EinsumChoice], Indices, Indices]] = []
    steps: list[tuple[list[EinsumChoice], Array]] = []
    for choices in tables.einsums.values():
        rows, usable = [], []
        for c in choices:
            added = _row(tables, at, c, where, free, limited, clock)
            if added is not None:
                rows.append(added)
                usable.append(c)
        if not rows:
            return []
        front = pareto(np.array(rows))
        steps.append(([usable[k] for k in front], np.array(rows)[front]))
    rest = np.array([table.min(axis=0) for _, table in steps])  # the least that is still to come, column by column
    rest = np.vstack([np.cumsum(rest[::-1], axis=0)[::-1][1:], np.zeros(rest.shape[1])])
    for (usable, table), least in zip(steps, rest, strict=True):
        sums = (labels[:, None, :] + table[None, :, :]).reshape(-1, table.shape[1])
        bound = sums + least
        some = np.flatnonzero(keep(np.array([bound[:, 2:].max(axis=1), bound[:, 1], bound[:, 0]])))
        best = some[pareto(sums[some])] if len(some) else some
        if not len(best):
            return []
        back.append((usable, best // len(table), best % len(table)))
        labels = sums[best]
    result = []
    ends = np.column_stack([labels[:, 2:].max(axis=1), labels[:, 1], labels[:, 0]])
    for k in pareto(ends):
        choice: dict[str, EinsumChoice] = {}
        row = int(k)
        for (usable, before, which), e in zip(reversed(back), reversed(list(tables.einsums)), strict=True):
            choice[e] = usable[int(which[row])]
            row = int(before[row])
        result.append((*ends[k].tolist(), choice, dict(free)))
    return result


def _kept(tables: Tables, at: int, where: Dict[str, TensorChoice], free: Dict[str, bool],
          limited: list[str]) -> tuple[float, dict[str, float]] | None:  # fmt: skip
    """Joules and words by memory of the tensors that are kept at one point; None if they do not fit."""
    p = tables.space.problem
    base = dict.fromkeys(limited, 0.0)
    joules = 0.0
    taken = dict.fromkeys(p.near, 0.0)
    for t, place in where.items():
        if free[t]:
            continue
        fixed = tables.kept(t, place) if place.free[at] else place  # what it costs where it is not handed on
        joules += float(fixed.joules[at])
        for m, w in fixed.words.items():
            if m in base:
                base[m] += float(w[at])
        if not (tables.overwrites(where, t) and not free[tables.space.places[t]]):
            for m, b in fixed.bytes.items():
                taken[m] += float(b[at])
    for m, full in taken.items():
        capacity = p.design.memories[m].capacity
        if capacity is not None and full > float(np.asarray(capacity)):
            return None
    return joules, base


def _row(tables: Tables, at: int, c: EinsumChoice, where: Dict[str, TensorChoice], free: Dict[str, bool],
         limited: list[str], clock: float) -> list[float] | None:  # fmt: skip
    """What a choice adds at one point: joules, seconds of resources and memories; None if it cannot hold a tensor."""
    lanes = float(np.asarray(tables.space.problem.design.arrays[c.array].lanes))
    joules = float(c.joules[at])
    moved = dict.fromkeys(limited, 0.0)
    for tensor in dict.fromkeys((*c.reads, *c.writes)):
        t, how = where[tensor], tables.space.handed.get((tensor, c.einsum), "")
        fits = how == "stream" or (how == "hold" and float(tables.held(tensor)[at]) <= lanes)
        if free[tensor]:
            if how and not fits:
                return None
            continue
        if not t.near:
            continue
        reads = 0.0 if fits else float(c.reads[tensor][at]) if tensor in c.reads else 0.0
        writes = float(c.writes[tensor][at]) if tensor in c.writes else 0.0
        joules += reads * float(np.asarray(tables.prices.get((t.near, "read"), 0)))
        joules += writes * float(np.asarray(tables.prices.get((t.near, "write"), 0)))
        if t.near in moved:
            moved[t.near] += reads + writes
    loads = [float(np.broadcast_to(s, tables.number)[at]) * float(c.cycles[at]) / clock
             for s in shares(tables, c.einsum, c.array)]  # fmt: skip
    return [joules, moved[tables.far], *loads, *_seconds(tables, moved)]


def _seconds(tables: Tables, words: Dict[str, float]) -> list[float]:
    return [w * float(np.asarray(s)) for m, w in words.items() if (s := tables.seconds[m]) is not None]
