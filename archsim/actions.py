"""Action counts: words that every tensor moves in and out of every memory, and operations on every array; exact."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np

from archsim.binding import Binding, BoundGroup
from archsim.occupancy import Occupancy, padding, tile_words
from archsim.value import Value, ceil_div, either, larger, total

__all__ = ["ActionCounts", "count_actions"]

Key = tuple[str, str, str, str]  # group, memory, tensor, action


@dataclass
class ActionCounts:
    """`words` (group, memory, tensor, action) -> words; `operations` (array, Einsum, action) -> operations; `tiles` the
    words that come or go at once, where a memory moves whole bursts.

    Actions of a memory: "read" and "write" on the side of the arrays (or of a nearer memory), "fill" (a write) and
    "drain" (a read) on the side of the memory before it.
    """

    words: dict[Key, Value] = field(default_factory=dict)
    operations: dict[tuple[str, str, str], Value] = field(default_factory=dict)
    tiles: dict[Key, Value] = field(default_factory=dict)

    def add(self, key: Key, words: Value) -> None:
        """Add words to an action (never in place: arrays are shared)."""
        if isinstance(words, np.ndarray) or words or key not in self.words:
            self.words[key] = self.words[key] + words if key in self.words else words

    @cached_property
    def _sums(self) -> dict[tuple[str, str, str], Value]:
        """Words by group, memory and action."""
        sums: dict[tuple[str, str, str], Value] = defaultdict(int)
        for (group, memory, _, action), words in self.words.items():
            if isinstance(words, np.ndarray) or words:
                sums[group, memory, action] = sums[group, memory, action] + words
        return sums

    def moved(
        self, memory: str, group: str | None = None, tensor: str | None = None, action: str | None = None
    ) -> Value:
        """Return the words in and out of a memory, of one group, tensor or action, or of all."""
        result: Value = 0
        if tensor is None:
            for (g, m, a), words in self._sums.items():
                if m == memory and group in (None, g) and action in (None, a):
                    result = result + words
            return result
        for (g, m, t, a), words in self.words.items():
            if m == memory and group in (None, g) and t == tensor and action in (None, a):
                result = result + words
        return result

    def bytes(
        self, binding: Binding, memory: str, group: str | None = None, actions: tuple[str, ...] | None = None
    ) -> Value:
        """Return the bytes in and out of a memory, of one group or some actions, or of all."""
        if binding.uniform:
            if actions is None:
                return self.moved(memory, group) * binding.word_bytes
            return total(self.moved(memory, group, action=a) for a in actions) * binding.word_bytes
        return total(
            words * binding.width(memory, t)
            for (g, m, t, a), words in self.words.items()
            if m == memory and group in (None, g) and (actions is None or a in actions)
        )

    def burst_bytes(self, binding: Binding, memory: str, group: str) -> Value:
        """Return the bytes of a group for which the channels of a memory are taken: whole bursts for every tile.

        Where transfers are serial, a tile is waited for: it takes all channels as long as the busiest one, whole rows
        of bursts. Else the other channels serve the next tile meanwhile.
        """
        spec = binding.design.memories[memory]
        if spec.burst is None:
            return self.bytes(binding, memory, group)
        (bound,) = (g for g in binding.groups if g.group.name == group)
        row = spec.burst * (spec.channels if bound.group.transfers == "serial" else 1)
        result: Value = 0
        for key, words in self.words.items():
            if key[:2] == (group, memory) and np.any(words):
                tile = self.tiles.get(key, words)
                rows = ceil_div(tile * binding.width(memory, key[2]), row)
                result = result + words / either(np.greater(tile, 0), tile, 1) * rows * row
        return result


def count_actions(binding: Binding, fit: Mapping[tuple[str, str], Occupancy]) -> ActionCounts:
    """Count what a binding does. `fit` tells how much of what is kept does not fit and is served from the next memory.

    A tensor passes the memories in which it is kept, from far to near. Fills follow the reuse of the loops outside of
    its tile; an array reads from the nearest memory that has it; what is kept nowhere and made in the same group is
    forwarded from array to array and costs no memory action.
    """
    counts = ActionCounts()
    for bound in binding.groups:
        for tensor in bound.touches:
            _tensor(binding, bound, tensor, counts, fit)
        for p in bound.placed:
            for action, times in p.actions.items():
                counts.operations[p.array, p.name, action] = p.points * times
    return counts


def _tensor(binding: Binding, bound: BoundGroup, tensor: str, counts: ActionCounts,
            fit: Mapping[tuple[str, str], Occupancy]) -> None:  # fmt: skip
    group = bound.group
    far, *near = binding.design.memories
    written = any(p.tensor == tensor for p in bound.placed)
    through = tensor in group.keep.get(far, {})
    kept = [m for m in near if tensor in group.keep.get(m, {})]
    path = [far] * ((not written or tensor in bound.leaves or through) and tensor not in group.resident) + kept
    if not path:
        return
    array_side: dict[str, Value] = {"read": 0, "write": 0}
    for name, action, words in _array_side(bound, tensor):
        direct = tensor in group.bypass.get(name, ())
        counts.add((group.name, path[0] if direct else path[-1], tensor, action), words)
        array_side[action] = array_side[action] + (0 if direct else words)
    passed = {name for name, tensors in group.bypass.items() if tensor in tensors}
    for parent, child in pairwise(path):
        resident = 1 - fit[group.name, child].spilled
        for memory, action, words in _exchange(bound, tensor, parent, child, passed, not written or through, written):
            counts.add((group.name, memory, tensor, action), words * resident if memory == parent else words)
            if memory == parent and binding.design.memories[parent].burst is not None:
                counts.tiles[group.name, memory, tensor, action] = tile_words(bound, tensor, group.keep[child][tensor])
    if kept:  # what does not fit is served from the memory before
        spilled = fit[group.name, kept[-1]].spilled
        before = list(binding.design.memories)[list(binding.design.memories).index(kept[-1]) - 1]
        for action, words in array_side.items() if np.any(spilled) else ():
            counts.add((group.name, before, tensor, action), words * spilled)


def _exchange(bound: BoundGroup, tensor: str, parent: str, child: str, passed: set[str], comes: bool,
              written: bool) -> Iterator[tuple[str, str, Value]]:  # fmt: skip
    """Words between two memories: tiles that come, tiles that go, and partial sums that come back."""
    scope = bound.group.keep[child][tensor]
    if comes:
        fills, _ = _through(bound, tensor, scope, passed, reads=True)
        fills = fills * padding(bound, tensor, scope)
        yield parent, "read", fills
        yield child, "fill", fills
    if written:
        drains, once = _through(bound, tensor, scope, passed, reads=False)
        yield parent, "write", drains
        yield child, "drain", drains
        yield parent, "read", drains - once
        yield child, "fill", drains - once


def _array_side(bound: BoundGroup, tensor: str) -> Iterator[tuple[str, str, Value]]:
    """Words between the nearest memory and the arrays: (Einsum, "read" or "write", words).

    An array that keeps the tensor in its registers reads it once for all its Einsums, and writes finished tiles only.
    """
    held: set[str] = set()
    for p, a in bound.touches[tensor]:
        scope = bound.group.keep.get(p.array, {}).get(tensor, "")
        loops = p.nest.upto(scope) if scope in p.nest.loops else None
        if a is p.einsum.target:
            written, words = p.thinned(p.nest.fetched(a, loops)), p.thinned(p.nest.words(a))
            yield p.name, "write", written
            yield p.name, "read", written - words
        elif tensor not in bound.group.forward.get(p.name, ()) and not (scope and p.array in held):
            yield p.name, "read", p.thinned(p.nest.fetched(a, loops))
            held |= {p.array} if scope else set()


def _through(bound: BoundGroup, tensor: str, scope: str, passed: set[str], reads: bool) -> tuple[Value, Value]:
    """Words through the boundary of the tile inside `scope`: with refetches, and each word once.

    Einsums of a group that name one loop run it together, so that a tile inside it is fetched once for all.
    """
    fetched: Value = 0
    once: Value = 0
    for p, a in bound.touches[tensor]:
        if (a is p.einsum.target) != reads and scope in p.nest.loops and p.name not in passed:
            words, all_words = p.nest.fetched(a, p.nest.upto(scope)), p.nest.words(a)
            if tensor in bound.group.demand:
                words, all_words = p.thinned(words), p.thinned(all_words)
            fetched, once = larger(fetched, words), larger(once, all_words)
            if not reads:
                break
    return fetched, once
