"""What a Report says to people: tables."""

from collections.abc import Callable

from click import echo

from archsim.documents import Documents
from archsim.limits import bottleneck, limit
from archsim.report import Report, Shortfall
from archsim.show import binary, number, percent, si, table
from archsim.summary import notes, parameters, per_einsum, plain, traffic, utilization
from archsim.timeline import draw

__all__ = ["print_report", "shortfall"]

ACTIONS = ("read", "write", "fill", "drain")


def print_report(found: Documents, report: Report) -> None:
    """Print the tables of a report."""
    names, sizes = found.names(), found.workload.sizes()
    echo(f"{names['cascade']} on {names['design']} with mapping {names['mapping']}")
    shape = ", ".join(f"{n}={number(plain(sizes[n]))}" for n in ("B", "H", "HK", "E", "F", "P", "M") if n in sizes)
    echo(f"{names['workload']}: {shape}; {report.binding.workload.word_bits:g}-bit words")
    own = ", ".join(f"{n}={number(v)}" for n, v in parameters(report).items())
    echo(f"parameters of the mapping: {own}" if own else "the mapping has no parameters")
    for s in report.shortfalls:
        echo(f"\nSHORTFALL: {shortfall(s)}")
    for note in notes(report):
        echo(f"\nnote: {note}")
    _totals(report)
    _traffic(report)
    _occupancy(report)
    _compute(report)
    echo(draw(report))
    _components(report)


def shortfall(s: Shortfall) -> str:
    """Return a shortfall as a sentence."""
    demand, bound = float(s.demand), float(s.bound)
    needs = (binary(demand), binary(bound)) if s.unit == "bytes" else (f"{demand:g}", f"{bound:g} {s.unit}")
    return f"{s.component} needs {needs[0]} and has {needs[1]}; {s.helps}"


def _totals(report: Report) -> None:
    busy = ", ".join(f"{a} {percent(u)}" for a, u in utilization(report).items())
    rows = [
        ["DRAM traffic", binary(float(report.dram_traffic_bytes))],
        ["latency", si(float(report.latency_s), "s")],
        ["energy", si(float(report.energy_j), "J")],
        ["area", f"{float(report.area_mm2):.4g} mm2"],
        ["utilization", busy],
        ["bottleneck", bottleneck(report)],
        ["passes over the sequence", "-" if report.passes is None else str(report.passes)],
    ]
    table("In all", ["quantity", "value"], rows)


def _traffic(report: Report) -> None:
    rows = []
    for memory, tensors in traffic(report).items():
        total: dict[str, float] = {}
        for tensor, moved in tensors.items():
            rows.append([memory, tensor, *(binary(moved[a]) if a in moved else "-" for a in ACTIONS)])
            total = {a: total.get(a, 0.0) + moved.get(a, 0) for a in ACTIONS}
        if len(tensors) > 1:
            rows.append([memory, "all", *(binary(total[a]) if total[a] else "-" for a in ACTIONS)])
    table(
        "Traffic: read and written on the side of the arrays, filled and drained on the side of the memory before",
        ["memory", "tensor", ">read", ">written", ">filled", ">drained"],
        rows,
    )


def _occupancy(report: Report) -> None:
    rows = []
    for (group, memory), e in report.fit.items():
        room = "unlimited" if e.capacity is None else binary(float(e.capacity))
        part = "-" if e.capacity is None else percent(float(e.bytes) / float(e.capacity))
        tensors = ", ".join(f"{t} {binary(float(v))}" for t, v in e.tensors.items())
        rows.append([group, memory, binary(float(e.bytes)), room, part, tensors])
    table("Occupancy", ["group", "memory", ">kept", ">capacity", ">full", "tensors"], rows)


def _compute(report: Report) -> None:
    rows = []
    for name, part in report.utilization.items():
        entries = [e for e in per_einsum(report) if e["array"] == name]
        rows += [
            [name, str(e["einsum"]), f"{e['cycles']:,}", f"{100 * float(str(e['utilization'])):.2f}%"] for e in entries
        ]
        rows.append([name, "all", "", f"{100 * float(part):.2f}%"])
    table("Cycles and utilization", ["array", "Einsum", ">cycles", ">utilization"], rows)
    rows = []
    clock = float(report.binding.design.clock)
    for g in report.timeline.groups:
        memory = ", ".join(f"{m} {si(float(s), 's')}" for m, s in g.memory_s.items()) or "-"
        rows.append([g.name, si(float(g.cycles) / clock, "s"), memory, si(float(g.latency_s), "s"), limit(report, g)])
    table("Groups, one after another", ["group", ">compute", ">memory", ">latency", "limited by"], rows)


def _components(report: Report) -> None:
    energy, area = float(report.energy_j), float(report.area_mm2)
    _shares("Energy", {c: float(v) for c, v in report.energy_by.items()}, energy, lambda v: si(v, "J"))
    _shares("Area", {c: float(v) for c, v in report.area_by.items()}, area, lambda v: f"{v:.4g} mm2")


def _shares(title: str, parts: dict[str, float], total: float, show: Callable[[float], str]) -> None:
    largest = sorted(((v, c) for c, v in parts.items() if v), reverse=True)
    rows = [[c, show(v), percent(v / total)] for v, c in largest]
    table(title, ["component", f">{title.lower()}", ">share"], [*rows, ["all", show(total), "100.0%"]])
