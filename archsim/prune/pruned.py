"""A pruned run on a machine: an evaluation of every point of a trace or schedule, and what it says."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from click import echo

from archsim.documents import Documents
from archsim.prune.pruning import Pruning
from archsim.prune.suite import applied
from archsim.prune.totals import totals
from archsim.report import Report
from archsim.show import binary, number, percent, si, table

__all__ = ["print_pruned", "pruned", "pruned_json"]

DENSE_WIDTHS = (16, 32)
"""Widths of the dense words with which DRAM traffic is compared, in bits."""


def pruned(found: Documents, kept: Pruning) -> Documents:
    """Return the documents with all points of a pruning in place of the workload's sizes."""
    workload, values = applied(kept, found.workload, found.mapping)
    return replace(found, workload=workload, values={**values, **found.values})


def pruned_json(found: Documents, report: Report, kept: Pruning) -> dict[str, object]:
    """Return what a pruned run costs as plain data; executed and dense-equivalent work apart, baselines by name."""
    own = totals(report, kept)
    reductions = {f"dram_reduction_against_dense_{b}_bit": own.dram_reduction(b) for b in DENSE_WIDTHS}
    return {
        "documents": found.names(), "trace": kept.name, "source": kept.source, "points": own.points,
        "latency_s": own.latency_s, "cycles": own.latency_s * float(np.max(found.design.clock)),
        "energy_j": own.energy_j, "power_w": own.power_w, "dram_traffic_bytes": own.dram_traffic_bytes,
        "bandwidth": own.bandwidth, "executed_flop": own.executed_flop, "dense_flop": own.dense_flop,
        "executed_flops": own.executed_flops, "dense_equivalent_flops": own.dense_flops,
        "intensity": own.intensity,
        **reductions, "energy_by": dict(own.energy_by), "area_by": dict(own.area_by),
        "layers": list(_layers(report, kept)),
    }  # fmt: skip


def _layers(report: Report, kept: Pruning) -> Iterator[dict[str, object]]:
    """Yield latency, traffic and the longest track of every layer: which unit most of its points wait for."""
    groups = report.timeline.groups
    tracks = {f"{m}": sum(np.broadcast_to(g.memory_s.get(m, 0.0), report.points) for g in groups)
              for g in groups for m in g.memory_s}  # fmt: skip
    clock = report.binding.design.clock
    arrays = {a: np.broadcast_to(c / clock, report.points) for g in groups for a, c in g.limits.items()}
    names = [*tracks, *arrays]
    slowest = np.argmax(np.stack([*tracks.values(), *arrays.values()]), axis=0)
    latency = np.broadcast_to(report.latency_s, report.points)
    traffic = np.broadcast_to(report.dram_traffic_bytes, report.points)
    for layer in np.unique(kept.layer):
        own = kept.layer == layer
        counts = np.bincount(slowest[own], minlength=len(names))
        yield {
            "layer": int(layer), "points": int(own.sum()), "latency_s": float(latency[own].sum()),
            "dram_traffic_bytes": float(traffic[own].sum()), "keys": float(kept.keys[own].mean()),
            "limit": names[int(np.argmax(counts))], "limit_share": float(counts.max() / own.sum()),
        }  # fmt: skip


def print_pruned(found: Documents, report: Report, kept: Pruning) -> None:
    """Print a pruned run as tables."""
    names, own = found.names(), totals(report, kept)
    echo(f"{names['cascade']} on {names['design']} with mapping {names['mapping']}")
    echo(f"{kept.name}: {own.points:,} points; {kept.source}")
    clock = float(np.max(found.design.clock))
    rows = [
        ["latency", f"{si(own.latency_s, 's')} ({own.latency_s * clock:,.0f} cycles)"],
        ["energy", f"{si(own.energy_j, 'J')} ({si(own.power_w, 'W')} on average)"],
        ["area", f"{sum(own.area_by.values()):.4g} mm2"],
        ["DRAM traffic", f"{binary(own.dram_traffic_bytes)} ({si(own.bandwidth, 'B/s')} on average)"],
        *([f"... less than dense {b}-bit Q, K, V, AV", f"{own.dram_reduction(b):.2f}x"] for b in DENSE_WIDTHS),
        ["executed multiply-adds", f"{si(own.executed_flop, 'op')} ({si(own.executed_flops, 'op/s')})"],
        ["dense-equivalent ones", f"{si(own.dense_flop, 'op')} ({si(own.dense_flops, 'op/s')})"],
        ["executed per byte of DRAM", f"{own.intensity:.3g} op/B"],
    ]
    table("In all", ["quantity", "value"], rows)
    cells = [
        [str(r["layer"]), number(round(float(str(r["keys"])), 1)), si(float(str(r["latency_s"])), "s"),
         binary(float(str(r["dram_traffic_bytes"]))), f"{r['limit']} ({percent(float(str(r['limit_share'])))})"]
        for r in _layers(report, kept)
    ]  # fmt: skip
    table("Layers", ["layer", ">live keys", ">latency", ">DRAM traffic", "limited by (share of its points)"], cells)
    energy = sum(own.energy_by.values()) or 1.0
    largest = sorted(((v, c) for c, v in own.energy_by.items() if v), reverse=True)
    table("Energy", ["component", ">energy", ">power", ">share"],
          [[c, si(v, "J"), si(v / own.latency_s, "W"), percent(v / energy)] for v, c in largest])  # fmt: skip
