"""What limits an evaluation: a memory, an array, the phases of a schedule, or a recurrence."""

from archsim.report import Report
from archsim.schedule import GroupTime

__all__ = ["bottleneck", "busy_cycles", "limit"]

FULL = 0.95
"""An array that is busy for this part of the time is the limit of phases that run one after another."""


def busy_cycles(report: Report, group: GroupTime) -> dict[str, float]:
    """Return the cycles in which each array computes for a group."""
    arrays = {p.name: p.array for bound in report.binding.groups for p in bound.placed}
    result: dict[str, float] = {}
    for name, cycles in group.busy.items():
        known = result.get(arrays[name], 0.0)
        stages = report.binding.design.arrays[arrays[name]].pipelined
        result[arrays[name]] = max(known, float(cycles)) if stages else known + float(cycles)
    return result


def limit(report: Report, group: GroupTime) -> str:
    """Return what a group waits for: `dram`, `array_1d`, `phase 2 (stall of array_2d)`, `recurrence RM -> RD`."""
    memory = max(group.memory_s, key=lambda m: float(group.memory_s[m]), default="")
    clock = float(report.binding.design.clock)
    if memory and float(group.memory_s[memory]) * clock > float(group.cycles):
        return memory
    busy = busy_cycles(report, group)
    array = max(busy, key=lambda a: busy[a])
    if busy[array] >= FULL * float(group.cycles):
        return array
    worst = max(group.limits, key=lambda name: float(group.limits[name]))
    if not worst.startswith("phase "):
        return worst
    step = group.steps[int(worst.removeprefix("phase ")) - 1]
    track = max(step, key=lambda a: sum(float(cycles) for _, cycles in step[a]))
    return f"{worst} ({', '.join(name for name, _ in step[track])} of {track})"


def bottleneck(report: Report) -> str:
    """Return what limits the slowest group."""
    return limit(report, max(report.timeline.groups, key=lambda g: float(g.latency_s)))
