"""Occupancy: what stands in each memory while a group's loops run, and what does not fit."""

from collections.abc import Mapping
from dataclasses import dataclass

from archsim.binding import Binding, BoundGroup, Placed
from archsim.value import Value, either, larger
from einsum_cascade.einsum import Access

__all__ = ["Occupancy", "occupancy"]


@dataclass(frozen=True)
class Occupancy:
    """Bytes in one memory during one group: `tensors` -> bytes; `spilled` the fraction that does not fit (0 to 1)."""

    group: str
    memory: str
    tensors: Mapping[str, Value]
    capacity: Value | None
    spilled: Value

    @property
    def bytes(self) -> Value:
        """All bytes."""
        total: Value = 0
        for value in self.tensors.values():
            total = total + value
        return total


def occupancy(binding: Binding) -> dict[tuple[str, str], Occupancy]:
    """Return the occupancy of every (group, memory).

    A tile that is double-buffered counts twice; a running value counts one coordinate along its iterative rank; tensors
    that only pass through (`stage`) count the tile in which they do; an alias counts nothing of its own.
    """
    result = {}
    for bound in binding.groups:
        group = bound.group
        for memory, spec in list(binding.design.memories.items())[1:]:
            kept = dict(group.keep.get(memory, {}))
            staged = {t: s for t, s in group.stage.items() if t not in kept}
            tensors: dict[str, Value] = {}
            for tensor, scope in {**kept, **staged}.items():
                if tensor not in group.alias:
                    buffers = 2 if tensor in group.double else 1
                    tensors[tensor] = tile_words(bound, tensor, scope) * buffers * binding.word_bytes
            spilled: Value = 0
            entry = Occupancy(group.name, memory, tensors, spec.capacity, 0)
            if spec.capacity is not None and group.spill == "proportional":
                total = entry.bytes
                spilled = larger(0, 1 - spec.capacity / either(total > 0, total, 1))
            result[group.name, memory] = Occupancy(group.name, memory, tensors, spec.capacity, spilled)
    return result


def tile_words(bound: BoundGroup, tensor: str, scope: str) -> Value:
    """Return the words of the tile of a tensor that lives inside the loop `scope`: the largest over its accesses."""
    result: Value = 0
    for placed, access in touches(bound, tensor):
        if scope in placed.nest.loops or scope == "":
            result = larger(result, placed.nest.tile(access, scope, bound.state.get(tensor, ())))
    return result


def touches(bound: BoundGroup, tensor: str) -> list[tuple[Placed, Access]]:
    """Return every access to a tensor in a group, reads and writes."""
    return [(p, a) for p in bound.placed for a in (*p.reads, p.einsum.target) if a.tensor == tensor]
