"""Bounds: what mappings cost at least, for all tile sizes at once, while the places of some tensors are still open.

Places are given to one tensor after another. Where even the least that the open ones add is too much, or does not fit,
a point (tile sizes) needs no further look: with more points hardly more work is left, since few of them are near the
best. Nothing is lost, the bounds lie below every mapping.
"""

from collections.abc import Callable, Iterator
from collections.abc import Mapping as Dict

import numpy as np
from numpy.typing import NDArray

from archsim.mapper.choices import EinsumChoice, Mask, TensorChoice
from archsim.mapper.exact import joules_and_words, touched
from archsim.mapper.tables import Tables
from archsim.value import Array

__all__ = ["Bounds", "Indices", "Leaf", "Open"]

Indices = NDArray[np.int64]

Leaf = tuple[dict[str, TensorChoice], Indices, Array]
"""Places of all tensors; the points for which they are open, and there, shape (3, n): seconds of the busiest memory,
words of the far one, joules."""

Open = Callable[[Indices, Array], Mask]
"""Whether points with so many seconds of memories, words of the far memory and joules, at least, may still be best."""

Node = tuple[dict[str, TensorChoice], Indices, Array, Array]


class Bounds:
    """The tree of all places of tensors, for the points of some tables.

    Costs are columns: joules, words of the memories that limit time or traffic, bytes of the memories with a capacity.
    """

    def __init__(self, tables: Tables) -> None:
        p = tables.space.problem
        self.tables = tables
        self.memories = [m for m, s in tables.seconds.items() if s is not None or m == tables.far]
        sizes = {m: p.design.memories[m].capacity for m in p.near}
        self.capacities = {m: float(np.max(np.asarray(c))) for m, c in sizes.items() if c is not None}
        self.names = _ordered(tables)
        self._memo: dict[tuple[object, ...], Array] = {}
        self._arrays: dict[tuple[object, ...], dict[str, Array]] = {}
        self._rows = {t: [self._tensor(c) for c in tables.tensors[t]] for t in self.names}
        needs = {e: set((*c[0].reads, *c[0].writes)) for e, c in tables.einsums.items()}
        self._done = [
            [e for e, need in needs.items() if t in need and not need & set(self.names[k + 1 :])]
            for k, t in enumerate(self.names)
        ]
        self.below = [1.0]
        """Mappings below a node, by how many tensors are open."""
        self._rest = [np.zeros((self._columns, tables.number))]
        for k, t in reversed(list(enumerate(self.names))):
            own = np.min(self._rows[t], axis=0)
            if t in tables.space.places:
                own[1 + len(self.memories) :] = 0.0  # it may overwrite another one
            self._rest.append(sum((self._einsum(e, {}) for e in self._done[k]), start=self._rest[-1] + own))
            self.below.append(self.below[-1] * len(self._rows[t]))
        self._rest, self.below = self._rest[::-1], self.below[::-1]

    @property
    def _columns(self) -> int:
        return 1 + len(self.memories) + len(self.capacities)

    def least(self) -> Array:
        """Return what every mapping takes at least at every point, shape (3, n): seconds of memories, words of the far
        one, joules; infinite joules where nothing fits."""
        costs = self._costs(self._rest[0])
        costs[2] = np.where(self._fits(self._rest[0])[0], costs[2], np.inf)
        return costs

    def tight(self) -> tuple[str, float, float] | None:
        """Return a memory that is too small at every point, what it would have to hold at least, and what it holds."""
        found = self._fits(self._rest[0])[1]
        return None if found is None else (*found, self.capacities[found[0]])

    def leaves(self, at: Indices, is_open: Open, pruned: Callable[[str, float], None],
               short: Callable[[str, float], None], best_first: bool = False) -> Iterator[Leaf]:  # fmt: skip
        """Yield the places of tensors with the points of `at` at which they may still be best.

        `pruned` gets the rule and the number of what is left out, `short` a memory and the fewest bytes that it would
        have to hold. With `best_first` the leaf with the least bound comes early.
        """
        yield from self._below(({}, at, np.zeros((self._columns, len(at))), np.zeros(0)), is_open, pruned, short,
                               best_first)  # fmt: skip

    def _below(self, node: Node, is_open: Open, pruned: Callable[[str, float], None],
               short: Callable[[str, float], None], best_first: bool) -> Iterator[Leaf]:  # fmt: skip
        where, at, sums, bound = node
        depth = len(where)
        if depth == len(self.names):
            yield where, at, self._costs(bound)
            return
        tensor, rest, below = self.names[depth], self._rest[depth + 1][:, at], self.below[depth + 1]
        nodes: list[Node] = []
        for k, choice in enumerate(self.tables.tensors[tensor]):
            here = {**where, tensor: choice}
            more = sums + self._rows[tensor][k][:, at]
            if self.tables.overwrites(here, tensor):  # no room of its own, unless the other one needs none
                other = where[self.tables.space.places[tensor]].free[at]
                more[1 + len(self.memories) :] -= np.where(
                    other, 0, self._rows[tensor][k][1 + len(self.memories) :, at]
                )
            for e in self._done[depth]:
                more += self._einsum(e, here)[:, at]
            least = more + rest
            fits, tight = self._fits(least)
            if tight is not None:
                short(*tight)
            alive = fits & is_open(at, self._costs(least))
            left, room = int(np.count_nonzero(alive)), int(np.count_nonzero(fits))
            pruned("capacity", (len(at) - room) * below)
            pruned("bound not better than the best mapping", (room - left) * below)
            if left == len(at):
                nodes.append((here, at, more, least))
            elif left:
                nodes.append((here, at[alive], more[:, alive], least[:, alive]))
        if best_first:
            nodes.sort(key=lambda n: tuple(np.min(self._costs(n[3]), axis=1).tolist()))
        for child in nodes:
            yield from self._below(child, is_open, pruned, short, best_first)

    def _costs(self, rows: Array) -> Array:
        """Return seconds of the busiest memory, words of the far one and joules, shape (3, n)."""
        seconds = np.zeros(rows.shape[1])
        for k, m in enumerate(self.memories, 1):
            second = self.tables.seconds[m]
            if second is not None:
                seconds = np.maximum(seconds, rows[k] * second)
        return np.array([seconds, rows[1 + self.memories.index(self.tables.far)], rows[0]])

    def _fits(self, rows: Array) -> tuple[Mask, tuple[str, float] | None]:
        """Return where all tensors fit; and a memory that is too small everywhere, with what it needs."""
        fits = np.ones(rows.shape[1], bool)
        tight = None
        for k, (m, capacity) in enumerate(self.capacities.items(), 1 + len(self.memories)):
            inside = rows[k] <= capacity * (1 + 1e-12)
            fits &= inside
            if not inside.any():
                tight = m, float(rows[k].min())
        return fits, tight

    def _tensor(self, choice: TensorChoice) -> Array:
        """The columns of a place of a tensor."""
        none = np.zeros(self.tables.number)
        words = [choice.words.get(m, none) for m in self.memories]
        return np.array([choice.joules, *words, *(choice.bytes.get(m, none) for m in self.capacities)])

    def _einsum(self, einsum: str, where: Dict[str, TensorChoice]) -> Array:
        """The columns of an Einsum, the least of each over its choices; without `where` over all places, too."""
        choices = self.tables.einsums[einsum]
        tensors = list(dict.fromkeys(t for c in choices[:1] for t in (*c.reads, *c.writes)))
        key = self._key(einsum, where)
        if key not in self._memo:
            rows = [self._choice(c, where) if where else self._least_choice(c, tensors) for c in choices]
            self._memo[key] = np.min(rows, axis=0)
            arrays = dict.fromkeys(c.array for c in choices)
            self._arrays[key] = {
                a: np.min([r[0] for c, r in zip(choices, rows, strict=True) if c.array == a], axis=0) for a in arrays
            }
        return self._memo[key]

    def joules(self, where: Dict[str, TensorChoice]) -> dict[str, dict[str, Array]]:
        """Return Einsum -> array -> the fewest joules of its choices at every point, given where tensors are kept."""
        return {e: self._arrays[self._key(e, where)] for e in self.tables.einsums}

    def _key(self, einsum: str, where: Dict[str, TensorChoice]) -> tuple[object, ...]:
        choice = self.tables.einsums[einsum][0]
        tensors = dict.fromkeys((*choice.reads, *choice.writes))
        return (einsum, *(id(c) if c.free.any() else c.near for c in map(where.get, tensors) if c is not None))

    def _choice(self, choice: EinsumChoice, where: Dict[str, TensorChoice]) -> Array:
        joules, words = joules_and_words(self.tables, choice, where)
        return self._row(joules, words)

    def _row(self, joules: Array, words: Dict[str, Array]) -> Array:
        row = np.zeros((self._columns, self.tables.number))
        row[0] = joules
        for k, m in enumerate(self.memories, 1):
            row[k] = words.get(m, 0.0)
        return row

    def _least_choice(self, choice: EinsumChoice, tensors: list[str]) -> Array:
        """The least of a choice over the places of all its tensors: each adds by itself."""
        row = self._row(choice.joules, {})
        for t in tensors:
            places = {id(c) if c.free.any() else c.near: c for c in self.tables.tensors[t]}
            found = [touched(self.tables, choice, t, c) for c in places.values()]
            row = row + np.min([self._row(joules, words) for joules, words in found], axis=0)
        return row


def _ordered(tables: Tables) -> list[str]:
    """The tensors, one that may be overwritten before the one that does."""
    names: list[str] = []
    for t in tables.tensors:
        chain = [t]
        while chain[-1] in tables.space.places:
            chain.append(tables.space.places[chain[-1]])
        names += [x for x in reversed(chain) if x not in names]
    return names
