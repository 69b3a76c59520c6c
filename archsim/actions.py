"""Action counts: words that every tensor moves in and out of every memory, and operations on every array; exact."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from archsim.binding import Binding, BoundGroup, Placed
from archsim.loopnest import index_variables
from archsim.occupancy import Occupancy, touches
from archsim.value import Value

__all__ = ["ActionCounts", "count_actions"]

Key = tuple[str, str, str, str]  # group, memory, tensor, action


@dataclass
class ActionCounts:
    """`words` (group, memory, tensor, action) -> words; `operations` (array, Einsum, action) -> operations.

    Actions of a memory: "read" and "write" on the side of the arrays (or of a nearer memory), "fill" (a write) and
    "drain" (a read) on the side of the memory before it.
    """

    words: dict[Key, Value] = field(default_factory=lambda: defaultdict(int))
    operations: dict[tuple[str, str, str], Value] = field(default_factory=dict)

    def add(self, key: Key, words: Value) -> None:
        """Add words to an action (never in place: arrays are shared)."""
        self.words[key] = self.words[key] + words

    def moved(
        self, memory: str, group: str | None = None, tensor: str | None = None, action: str | None = None
    ) -> Value:
        """Return the words in and out of a memory, of one group, tensor or action, or of all."""
        total: Value = 0
        for (g, m, t, a), words in self.words.items():
            if m == memory and group in (None, g) and tensor in (None, t) and action in (None, a):
                total = total + words
        return total


def count_actions(binding: Binding, fit: Mapping[tuple[str, str], Occupancy]) -> ActionCounts:
    """Count what a binding does. `fit` tells how much of what is kept does not fit and is served from the next memory.

    A tensor passes the memories in which it is kept, from far to near. Fills follow the reuse of the loops outside of
    its tile; an array reads from the nearest memory that has it; what is kept nowhere and made in the same group is
    forwarded from array to array and costs no memory action.
    """
    counts = ActionCounts()
    for bound in binding.groups:
        for tensor in dict.fromkeys(t for p in bound.placed for t in (*(a.tensor for a in p.reads), p.name)):
            _tensor(binding, bound, tensor, counts, fit)
        for p in bound.placed:
            for action, times in p.actions.items():
                key = (p.array, p.name, action)
                counts.operations[key] = counts.operations.get(key, 0) + p.points * times
    return counts


def _tensor(binding: Binding, bound: BoundGroup, tensor: str, counts: ActionCounts,
            fit: Mapping[tuple[str, str], Occupancy]) -> None:  # fmt: skip
    group = bound.group
    far, *near = binding.design.memories
    writers = [p for p in bound.placed if p.name == tensor]
    leaves = bool(writers) and leaves_group(binding, bound, tensor)
    through = tensor in group.keep.get(far, {})
    kept = [m for m in near if tensor in group.keep.get(m, {})]
    path = [far] * (not writers or leaves or through) + kept
    if not path:
        return
    array_side: Value = 0
    for name, action, words in _array_side(bound, tensor, writers):
        direct = tensor in group.bypass.get(name, ())
        counts.words[group.name, path[0] if direct else path[-1], tensor, action] += words
        array_side = array_side + (0 if direct else words)
    passed = {p.name for p in bound.placed if tensor in group.bypass.get(p.name, ())}
    for parent, child in pairwise(path):
        scope = group.keep[child][tensor]
        moved: list[tuple[str, str, Value]] = []
        if not writers or through:
            fills, _ = _through(bound, tensor, scope, passed, reads=True)
            moved += [(parent, "read", fills), (child, "fill", fills)]
        if writers:
            drains, once = _through(bound, tensor, scope, passed, reads=False)
            moved += [(parent, "write", drains), (child, "drain", drains), (parent, "read", drains - once)]
        resident = 1 - fit[group.name, child].spilled
        for memory, action, words in moved:
            counts.add((group.name, memory, tensor, action), words * (resident if memory == parent else 1))
    if kept:  # what does not fit is served from the memory before
        before = list(binding.design.memories)[list(binding.design.memories).index(kept[-1]) - 1]
        served = array_side * fit[group.name, kept[-1]].spilled
        counts.add((group.name, before, tensor, "read"), served)


def _array_side(bound: BoundGroup, tensor: str, writers: list[Placed]) -> Iterator[tuple[str, str, Value]]:
    """Words between the nearest memory and the arrays."""
    held: set[str] = set()
    for p in bound.placed:
        register_scope = bound.group.keep.get(p.array, {}).get(tensor, "")
        for a in p.reads:
            forwarded = tensor in bound.group.forward.get(p.name, ())
            if a.tensor != tensor or forwarded or (register_scope and p.array in held):
                continue
            names = [v for axis in index_variables(a) for v in axis]
            loops = p.nest.upto(register_scope) if register_scope in p.nest.loops else p.nest.loops
            yield p.name, "read", p.nest.words(a) * p.nest.refetch(names, loops)
            if register_scope:
                held.add(p.array)
    for p in writers:
        names = [v for axis in index_variables(p.einsum.target) for v in axis]
        words, factor = p.nest.words(p.einsum.target), p.nest.refetch(names)
        yield p.name, "write", words * factor
        yield p.name, "read", words * (factor - 1)


def _through(bound: BoundGroup, tensor: str, scope: str, passed: set[str], reads: bool) -> tuple[Value, Value]:
    """Words through the boundary of the tile inside `scope`: with refetches, and each word once."""
    for p, a in touches(bound, tensor):
        if (a is p.einsum.target) != reads and scope in p.nest.loops and p.name not in passed:
            names = [v for axis in index_variables(a) for v in axis]
            once = p.nest.words(a)
            return once * p.nest.refetch(names, p.nest.upto(scope)), once
    return 0, 0


def leaves_group(binding: Binding, bound: BoundGroup, tensor: str) -> bool:
    """Return whether a tensor made in a group is an output of the cascade or read by another group."""
    others = [p for g in binding.groups if g is not bound for p in g.placed]
    return tensor in binding.cascade.outputs or any(a.tensor == tensor for p in others for a in p.reads)
