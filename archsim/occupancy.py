"""Occupancy: what stands in each memory while a group's loops run, and what does not fit."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from archsim.binding import Binding, BoundGroup
from archsim.value import Value, ceil_div, either, larger, total

__all__ = ["Occupancy", "occupancy", "padding", "tile_words"]


@dataclass(frozen=True)
class Occupancy:
    """Bytes in one memory during one group: `tensors` -> bytes; `spilled` the fraction that does not fit (0 to 1)."""

    group: str
    memory: str
    tensors: Mapping[str, Value]
    capacity: Value | None
    spilled: Value

    @cached_property
    def bytes(self) -> Value:
        """All bytes."""
        return total(self.tensors.values())


def occupancy(binding: Binding, only: str = "") -> dict[tuple[str, str], Occupancy]:
    """Return the occupancy of every (group, memory), or of one memory.

    A tile that is double-buffered counts twice; a running value counts one coordinate along its iterative rank; tensors
    that only pass through (`stage`) count the tile in which they do; an alias counts nothing of its own.
    """
    result = {}
    for bound in binding.groups:
        group = bound.group
        for memory, spec in list(binding.design.memories.items())[1:]:
            if only not in ("", memory):
                continue
            kept = dict(group.keep.get(memory, {}))
            if memory == list(binding.design.memories)[1]:
                kept = {**group.stage, **kept}
            tensors: dict[str, Value] = {}
            for tensor, scope in kept.items():
                if tensor not in group.alias:
                    buffers = 2 if tensor in group.double else 1
                    tensors[tensor] = tile_words(bound, tensor, scope) * (buffers * binding.width(memory, tensor))
            entry = Occupancy(group.name, memory, tensors, spec.capacity, 0)
            if spec.capacity is not None and group.spill == "proportional":
                needed = entry.bytes
                spilled = larger(0, 1 - spec.capacity / either(needed > 0, needed, 1))
                entry = Occupancy(group.name, memory, tensors, spec.capacity, spilled)
            result[group.name, memory] = entry
    return result


def tile_words(bound: BoundGroup, tensor: str, scope: str) -> Value:
    """Return the words of the tile of a tensor that lives inside the loop `scope`: the largest over its accesses,
    rounded up to what comes as a whole."""
    return _padded(bound, tensor, _tile(bound, tensor, scope))


def padding(bound: BoundGroup, tensor: str, scope: str) -> Value:
    """Return the words that come for each word of a tile that is needed: 1 or more.

    Where the last tile of several is smaller, it is taken to be padded in the same proportion.
    """
    if tensor not in bound.whole:
        return 1
    words = _tile(bound, tensor, scope)
    return _padded(bound, tensor, words) / either(np.greater(words, 0), words, 1)


def _padded(bound: BoundGroup, tensor: str, words: Value) -> Value:
    return ceil_div(words, bound.whole[tensor]) * bound.whole[tensor] if tensor in bound.whole else words


def _tile(bound: BoundGroup, tensor: str, scope: str) -> Value:
    result: Value | None = None
    for placed, access in bound.touches.get(tensor, ()):
        if scope in placed.nest.loops:
            words = placed.nest.tile(access, scope, bound.state.get(tensor, ()))
            result = words if result is None or result is words else larger(result, words)
    return 0 if result is None else result
