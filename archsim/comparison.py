"""Several evaluations side by side, relative to the first."""

from collections.abc import Sequence

from click import echo

from archsim.documents import Documents
from archsim.limits import bottleneck
from archsim.printed import shortfall
from archsim.report import Report
from archsim.show import binary, percent, si, table
from archsim.summary import headline, utilization

__all__ = ["comparison", "print_comparison"]


def comparison(results: Sequence[tuple[Documents, Report]]) -> list[dict[str, object]]:
    """Return the numbers of every report as plain data, with `speedup` and `energy_ratio` relative to the first."""
    return [{"documents": d.names(), **headline(r), **_relative(r, results[0][1])} for d, r in results]


def _relative(report: Report, first: Report) -> dict[str, float]:
    return {
        "speedup": float(first.latency_s) / float(report.latency_s),
        "energy_ratio": float(report.energy_j) / float(first.energy_j),
    }


def print_comparison(results: Sequence[tuple[Documents, Report]]) -> None:
    """Print the reports as columns."""
    first = results[0][1]
    arrays = dict.fromkeys(a for _, r in results for a in utilization(r))
    rows: dict[str, list[str]] = {}
    for d, r in results:
        relative, names, used = _relative(r, first), d.names(), utilization(r)
        column = {
            "cascade": names["cascade"],
            "design": names["design"],
            "passes": str(r.passes or "-"),
            "DRAM traffic": binary(float(r.dram_traffic_bytes)),
            "latency": si(float(r.latency_s), "s"),
            "speedup": f"{relative['speedup']:.4g}x",
            "energy": si(float(r.energy_j), "J"),
            "energy ratio": f"{relative['energy_ratio']:.4g}",
            **{f"utilization {a}": percent(used[a]) if a in used else "-" for a in arrays},
            "area": f"{float(r.area_mm2):.4g} mm2",
            "bottleneck": bottleneck(r),
            "fits": "no" if r.shortfalls else "yes",
        }
        for name, value in column.items():
            rows.setdefault(name, []).append(value)
    workload = results[0][0].workload
    title = f"{workload.name}, {float(workload.sequence_length):,.0f} keys; relative to {results[0][0].mapping.name}"
    table(title, ["", *(f">{d.mapping.name}" for d, _ in results)], [[n, *values] for n, values in rows.items()])
    for d, r in results:
        for s in r.shortfalls:
            echo(f"SHORTFALL of {d.mapping.name}: {shortfall(s)}")
