"""What a Report says to programs: plain data with fixed keys."""

from collections.abc import Iterator

from archsim.documents import Documents
from archsim.limits import bottleneck, limit
from archsim.pieces import pieces
from archsim.report import Report
from archsim.value import Value

__all__ = ["as_json", "headline", "notes", "parameters", "per_einsum", "plain", "traffic", "utilization"]


def plain(value: Value) -> int | float:
    """Return a number of one point as a plain one; whole numbers of bytes and cycles as integers.

    >>> plain(6442450944.0), plain(0.5)
    (6442450944, 0.5)
    """
    result = float(value)
    return int(result) if result.is_integer() and abs(result) < 2**53 else result


def utilization(report: Report) -> dict[str, float]:
    """Return the utilization of each array, `2d` for `array_2d`."""
    return {a.removeprefix("array_"): float(u) for a, u in report.utilization.items()}


def per_einsum(report: Report) -> Iterator[dict[str, object]]:
    """Yield Einsum, array, cycles, and the part of the array's lanes and time that does its work.

    The parts of an array add up to its utilization.
    """
    design = report.binding.design
    cycles = float(report.latency_s) * float(design.clock)
    for bound, group in zip(report.binding.groups, report.timeline.groups, strict=True):
        for p in bound.placed:
            part = float(p.work) / (float(design.arrays[p.array].lanes) * cycles)
            yield {"einsum": p.name, "array": p.array, "cycles": plain(group.busy[p.name]), "utilization": part}


def occupancy_bytes(report: Report) -> float:
    """Return the bytes that the fullest group keeps on chip."""
    groups = {group for group, _ in report.fit}
    return max((sum(float(e.bytes) for (g, _), e in report.fit.items() if g == group) for group in groups), default=0.0)


def traffic(report: Report) -> dict[str, dict[str, dict[str, int | float]]]:
    """Return memory -> tensor -> action -> bytes, without zeros; memories from far to near."""
    result: dict[str, dict[str, dict[str, int | float]]] = {m: {} for m in report.binding.design.memories}
    for (memory, tensor, action), value in report.traffic_bytes.items():
        if float(value):
            result[memory].setdefault(tensor, {})[action] = plain(value)
    return result


def notes(report: Report) -> list[str]:
    """Return what a reader should know about how the numbers came about.

    A mask (a condition, or a range that is cut) is not skipped: every Einsum is charged its whole iteration space,
    unless the mapping states its density, or which iterations it skips.
    """
    conditions = {name for name, s in pieces(report.binding.cascade).items() if s.conditions}
    placed = [(bound.group, p) for bound in report.binding.groups for p in bound.placed]
    names = ", ".join(p.name for g, p in placed if p.name in conditions and not g.skip and p.name not in g.density)
    result = [
        f"the conditions of {names} skip no work here: every point is charged; `archsim count` has the exact counts, "
        "and with `skip` a mapping leaves out iterations"
    ] if names else []  # fmt: skip
    for group, p in placed:
        if p.name == group.skip and p.nest.visits is not None:
            loops = p.nest.loops[: p.nest.shared]
            part = float(p.nest.trips(loops) / p.nest.extents.trips(loops))
            note = f"group {group.name} executes {part:.1%} of its iterations, those where {p.name} has points"
            others = ", ".join(o.name for g, o in placed if g is group and p.nest.visits.misses(o.einsum))
            result.append(note + f"; in the others {others} must change nothing" * bool(others))
    return result


def headline(report: Report) -> dict[str, object]:
    """Return the numbers of a report as plain data, each a key of `archsim evaluate --json`."""
    return {
        "dram_traffic_bytes": plain(report.dram_traffic_bytes),
        "latency_s": float(report.latency_s),
        "energy_j": float(report.energy_j),
        "area_mm2": float(report.area_mm2),
        "utilization": utilization(report),
        "per_einsum": list(per_einsum(report)),
        "occupancy_bytes": plain(occupancy_bytes(report)),
        "passes": report.passes,
        "bottleneck": bottleneck(report),
        "shortfalls": [
            {"component": s.component, "demand": plain(s.demand), "bound": plain(s.bound), "unit": s.unit,
             "helps": s.helps}
            for s in report.shortfalls
        ],
        "notes": notes(report),
    }  # fmt: skip


def as_json(found: Documents, report: Report) -> dict[str, object]:
    """Return everything that a report says as plain data."""
    return {
        **headline(report),
        "documents": found.names(),
        "set": [s.text for s in found.settings],
        "sizes": {k: plain(v) for k, v in found.workload.sizes().items()},
        "parameters": parameters(report),
        "traffic_bytes": traffic(report),
        "occupancy": [
            {"group": g, "memory": m, "bytes": plain(e.bytes), "spilled": float(e.spilled),
             "capacity": None if e.capacity is None else plain(e.capacity),
             "tensors": {t: plain(v) for t, v in e.tensors.items()}}
            for (g, m), e in report.fit.items()
        ],
        "groups": [
            {"group": g.name, "cycles": plain(g.cycles), "memory_s": {m: float(s) for m, s in g.memory_s.items()},
             "latency_s": float(g.latency_s), "limit": limit(report, g)}
            for g in report.timeline.groups
        ],
        "energy_by": {c: float(v) for c, v in report.energy_by.items()},
        "area_by": {c: float(v) for c, v in report.area_by.items()},
    }  # fmt: skip


def parameters(report: Report) -> dict[str, int | float]:
    """Return the parameters of the mapping with their values, those that it chose by itself included."""
    mapping, names = report.binding.mapping, report.binding.names
    own = (*mapping.parameters, *mapping.fit, *(f"{g.name}.{n}" for g in mapping.groups for n in g.choose))
    return {n: plain(names[n]) for n in dict.fromkeys(own) if n in names}
