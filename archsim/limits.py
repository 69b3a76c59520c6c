"""What limits an evaluation: a memory, an array, the phases of a schedule, or a recurrence; of one point or of many."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from archsim.report import Report
from archsim.schedule import GroupTime
from archsim.value import Value, larger

__all__ = ["bottleneck", "bottlenecks", "busy_cycles", "limit"]

FULL = 0.95
"""An array that is busy for this part of the time is the limit of phases that run one after another."""

Codes = NDArray[np.intp]


def busy_cycles(report: Report, group: GroupTime) -> dict[str, Value]:
    """Return the cycles in which each array computes for a group."""
    arrays = {p.name: p.array for bound in report.binding.groups for p in bound.placed}
    result: dict[str, Value] = {}
    for name, cycles in group.busy.items():
        known = result.get(arrays[name], 0)
        stages = report.binding.design.arrays[arrays[name]].pipelined
        result[arrays[name]] = larger(known, cycles) if stages else known + cycles
    return result


def limit(report: Report, group: GroupTime) -> str:
    """Return what a group waits for: `dram`, `array_1d`, `phase 2 (stall of array_2d)`, `recurrence RM -> RD`.

    For one point; `bottlenecks` is for many.
    """
    names, codes = _limits(report, group)
    return names[int(codes)]


def bottleneck(report: Report) -> str:
    """Return what limits the slowest group of one point."""
    names, codes = bottlenecks(report)
    return names[int(codes[0])]


def bottlenecks(report: Report) -> tuple[tuple[str, ...], Codes]:
    """Return what limits the slowest group of each point: names, and for every point the position of its own.

    Returns
    -------
    tuple of str, and an array of shape (n,) of integers
    """
    names: list[str] = []
    found: list[Codes] = []
    for group in report.timeline.groups:
        own, codes = _limits(report, group)
        found.append(codes + len(names))
        names += own
    slowest = _largest([g.latency_s for g in report.timeline.groups])
    return tuple(names), np.broadcast_to(_chosen(slowest, found), report.points)


def _limits(report: Report, group: GroupTime) -> tuple[list[str], Codes]:
    """Names of all that may limit a group, and the position of what does."""
    busy = busy_cycles(report, group)
    names = [*group.memory_s, *busy]
    array = _largest(list(busy.values())) + len(group.memory_s)
    full = np.greater_equal(_top(busy.values()), FULL * np.asarray(group.cycles))
    result = array
    if not np.all(full):
        rest, codes = _phases(group)
        result = np.where(full, array, codes + len(names))
        names += rest
    if group.memory_s:
        waits = np.greater(_top(group.memory_s.values()) * np.asarray(report.binding.design.clock), group.cycles)
        result = np.where(waits, _largest(list(group.memory_s.values())), result)
    return names, result


def _phases(group: GroupTime) -> tuple[list[str], Codes]:
    """Names of the longest parts of a schedule; a phase is told with what its longest track does."""
    names: list[str] = []
    found: list[Codes] = []
    for name in group.limits:
        if not name.startswith("phase "):
            found.append(np.asarray(len(names)))
            names.append(name)
            continue
        step = group.steps[int(name.removeprefix("phase ")) - 1]
        found.append(_largest([_cycles(entries) for entries in step.values()]) + len(names))
        names += [f"{name} ({', '.join(e for e, _ in entries)} of {array})" for array, entries in step.items()]
    worst = _largest(list(group.limits.values()))
    return names, _chosen(worst, found)


def _cycles(entries: Sequence[tuple[str, Value]]) -> Value:
    result: Value = 0
    for _, cycles in entries:
        result = result + cycles
    return result


def _largest(values: Sequence[Value]) -> Codes:
    """Return for each point the position of the first of its largest values."""
    best = np.asarray(values[0])
    result: Codes = np.asarray(0)
    for position, value in enumerate(values[1:], 1):
        more = np.greater(value, best)
        best, result = np.where(more, value, best), np.where(more, position, result)
    return result


def _chosen(which: Codes, found: Sequence[Codes]) -> Codes:
    """Return for each point the entry of `found` that `which` says."""
    result = found[0]
    for position, codes in enumerate(found[1:], 1):
        result = np.where(which == position, codes, result)
    return result


def _top(values: Iterable[Value]) -> Value:
    result: Value = 0
    for value in values:
        result = np.maximum(result, value)
    return result
