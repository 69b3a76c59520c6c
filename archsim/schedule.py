"""Schedules: how long a group takes, from the cycles of its Einsums; memory time overlaps compute inside a group, or
comes before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import add

import numpy as np

from archsim.actions import ActionCounts
from archsim.binding import Binding, BoundGroup, Placed
from archsim.design import Memory
from archsim.value import Value, evaluate, larger
from einsum_cascade.einsum import Einsum

__all__ = ["GroupTime", "Timeline", "running_chains", "schedule", "seconds_per_word", "transfer_seconds"]


@dataclass(frozen=True)
class GroupTime:
    """One group: `cycles` of compute, `memory_s` seconds of each memory, `latency_s`, `busy` cycles of each Einsum.

    `steps` is one innermost iteration: (array -> Einsums with their cycles), in order; `interval` its length in cycles.
    """

    name: str
    cycles: Value
    memory_s: Mapping[str, Value]
    latency_s: Value
    busy: Mapping[str, Value]
    interval: Value
    iterations: Value
    limits: Mapping[str, Value]
    steps: tuple[Mapping[str, tuple[tuple[str, Value], ...]], ...]


@dataclass(frozen=True)
class Timeline:
    """Groups, one after another."""

    groups: tuple[GroupTime, ...]

    @property
    def latency_s(self) -> Value:
        """Seconds in all."""
        total: Value = 0
        for group in self.groups:
            total = total + group.latency_s
        return total


def schedule(binding: Binding, counts: ActionCounts) -> Timeline:
    """Return how long every group takes.

    `phases`: steps one after another, each as long as its longest track. `overlapped`: every array runs its Einsums
    back to back, the busiest array counts. `sequential`: one Einsum after another. `auto`: software pipelining, the
    initiation interval is the larger of the busiest array and the longest recurrence over the independent tiles that
    are interleaved (modulo scheduling; Rau, MICRO'94).
    """
    return Timeline(tuple(_group(binding, bound, counts) for bound in binding.groups))


def seconds_per_word(memory: Memory, word_bytes: Value, clock: Value) -> Value | None:
    """Return how long a word keeps a memory busy; None where its bandwidth has no limit."""
    return transfer_seconds(memory, word_bytes, 1, clock)


def transfer_seconds(memory: Memory, moved_bytes: Value, words: Value, clock: Value) -> Value | None:
    """Return how long a memory takes for what moves: by its bandwidth or by its lines, whichever takes longer.

    Parameters
    ----------
    moved_bytes : bytes, whole bursts where the memory has them
    words : the same in words, of which `line` go in one access
    clock : hertz

    Returns
    -------
    seconds, without what its requests cost; None where nothing limits the memory
    """
    by_bytes = None if memory.rate is None else moved_bytes / memory.rate
    if memory.lines_per_cycle is None:
        return by_bytes
    by_lines = words / memory.line / memory.lines_per_cycle / clock
    return by_lines if by_bytes is None else larger(by_bytes, by_lines)


def _group(binding: Binding, bound: BoundGroup, counts: ActionCounts) -> GroupTime:
    busy = {p.name: p.busy for p in bound.placed}
    shared = max((p.nest for p in bound.placed), key=lambda n: n.shared)
    iterations = larger(shared.trips(shared.loops[: shared.shared]), 1)
    cycles, limits, steps = _compute(binding, bound, busy, iterations)
    memory: dict[str, Value] = {}
    for name, spec in binding.design.memories.items():
        own = (binding, name, bound.group.name)
        bytes_, words = counts.burst_bytes(*own) if spec.rate is not None else 0, counts.moved(*own[1:])
        seconds = transfer_seconds(spec, bytes_, words, binding.design.clock)
        if np.any(spec.request):
            seconds = (0 if seconds is None else seconds) + spec.request * iterations / binding.design.clock
        if seconds is not None:
            memory[name] = seconds
    latency: Value = cycles / binding.design.clock
    transfer: Value = 0
    for seconds in memory.values():
        transfer = larger(transfer, seconds)
    latency = latency + transfer if bound.group.transfers == "serial" else larger(latency, transfer)
    drain = evaluate(bound.group.drain, binding.names)
    if np.any(drain):
        latency = latency + drain / binding.design.clock
    return GroupTime(
        name=bound.group.name, cycles=cycles, memory_s=memory, latency_s=latency, busy=busy,
        interval=cycles / iterations, iterations=iterations, limits=limits, steps=steps,
    )  # fmt: skip


def _compute(
    binding: Binding, bound: BoundGroup, busy: Mapping[str, Value], iterations: Value
) -> tuple[Value, dict[str, Value], tuple[Mapping[str, tuple[tuple[str, Value], ...]], ...]]:
    group = bound.group
    per_array: dict[str, Value] = {}
    tracks: dict[str, list[tuple[str, Value]]] = {}
    for p in bound.placed:
        join = larger if binding.design.arrays[p.array].pipelined else add
        per_array[p.array] = join(per_array.get(p.array, 0), busy[p.name])
        tracks.setdefault(p.array, []).append((p.name, busy[p.name] / iterations))
    one = ({a: tuple(t) for a, t in tracks.items()},)
    limits: dict[str, Value] = dict(per_array)
    if group.schedule == "sequential":
        total: Value = sum(per_array.values())
        return (
            total,
            {"all Einsums in sequence": total},
            tuple({p.array: ((p.name, busy[p.name] / iterations),)} for p in bound.placed),
        )
    if group.schedule == "phases":
        return _phases(binding, bound, busy, iterations)
    if group.schedule == "auto":
        for name, bound_cycles in _recurrences(bound, busy).items():
            limits[name] = bound_cycles
    longest: Value = 0
    for value in limits.values():
        longest = larger(longest, value)
    return longest, limits, one


def _phases(
    binding: Binding, bound: BoundGroup, busy: Mapping[str, Value], iterations: Value
) -> tuple[Value, dict[str, Value], tuple[Mapping[str, tuple[tuple[str, Value], ...]], ...]]:
    total: Value = 0
    limits: dict[str, Value] = {}
    steps = []
    for number, step in enumerate(bound.group.steps, 1):
        longest: Value = 0
        shown: dict[str, tuple[tuple[str, Value], ...]] = {}
        for array in dict.fromkeys((*step.tracks, *step.stalls)):
            stall = evaluate(step.stalls[array], binding.names) if array in step.stalls else 0
            cycles: Value = stall * iterations
            entries = [("stall", stall)] if array in step.stalls else []
            for name in step.tracks.get(array, ()):
                cycles = cycles + busy[name]
                entries.append((name, busy[name] / iterations))
            shown[array] = tuple(entries)
            longest = larger(longest, cycles)
        limits[f"phase {number}"] = longest
        steps.append(shown)
        total = total + longest
    return total, limits, tuple(steps)


def _recurrences(bound: BoundGroup, busy: Mapping[str, Value]) -> dict[str, Value]:
    """Cycles that a chain through a running rank needs, over the independent tiles inside its loop."""
    by_einsum = {id(p.einsum): p for p in bound.placed}
    result: dict[str, Value] = {}
    for variable, einsums in running_chains([p.einsum for p in bound.placed]):
        chain = [by_einsum[id(s)] for s in einsums]
        result["recurrence " + " -> ".join(p.name for p in chain)] = _chain_cycles(chain, variable, busy)
    return result


def running_chains(einsums: Sequence[Einsum]) -> list[tuple[str, tuple[Einsum, ...]]]:
    """Return the running variables of Einsums, each with those that form a recurrence along it."""
    from einsum_cascade.plan import Loop, statements
    from einsum_cascade.plan import schedule as order

    nodes = order(einsums, fused=False)
    return [(n.variable, tuple(statements(n))) for n in nodes if isinstance(n, Loop)]


def _chain_cycles(chain: list[Placed], variable: str, busy: Mapping[str, Value]) -> Value:
    total: Value = 0
    for p in chain:
        total = total + busy[p.name]
    loops = chain[0].nest.loops[: chain[0].nest.shared]
    inside = loops[loops.index(variable) + 1 :] if variable in loops else ()
    return total / chain[0].nest.extents.trips(inside)
