"""Points per CPU second of the model: a million FuseMax designs in one call, against a call for each (process_time).

Required: at least 2 x 10^6 points per CPU second.
"""

import time

import numpy as np

from archsim.design import Design
from archsim.library import load
from archsim.mapping import Mapping
from archsim.model import evaluate
from archsim.workload import Workload
from einsum_cascade import Cascade

POINTS = 1_000_000
ALONE = 200


def documents(points: int, seed: int = 0) -> tuple[Cascade, Workload, Mapping, Design]:
    """Random array sides, buffer sizes, bandwidths and sequence lengths."""
    rng = np.random.default_rng(seed)
    design = load(
        Design,
        "fusemax",
        {"memories.dram.bandwidth": "BANDWIDTH"},
        SIDE=2.0 ** rng.integers(5, 10, points),
        CAPACITY=rng.integers(1, 64, points) * 2.0**20,
        BANDWIDTH=rng.integers(50, 1000, points) * 2.0**30,
    )
    workload = load(Workload, "bert", sequence_length=rng.integers(1, 1024, points) * 1024.0)
    return load(Cascade, "attention_1pass"), workload, load(Mapping, "fusemax_binding"), design


def measure(points: int) -> float:
    """Return points per CPU second of one call, energy and area included."""
    given = documents(points)
    evaluate(*documents(100))
    start = time.process_time()
    report = evaluate(*given)
    assert len(np.asarray(report.energy_j + report.area_mm2 + report.latency_s)) == points
    return points / (time.process_time() - start)


def one_by_one(points: int) -> float:
    """Return points per CPU second of a call for each point."""
    cascade, workload, mapping, design = documents(points)
    rng = np.random.default_rng(1)
    given = [load(Workload, "bert", sequence_length=int(s) * 1024) for s in rng.integers(1, 1024, points)]
    design = load(Design, "fusemax")
    evaluate(cascade, given[0], mapping, design)
    start = time.process_time()
    for workload in given:
        evaluate(cascade, workload, mapping, design)
    return points / (time.process_time() - start)


def main() -> None:
    together, alone = max(measure(POINTS) for _ in range(3)), one_by_one(ALONE)
    print(f"one call for {POINTS:,} points: {together:,.0f} points per CPU second (required: 2,000,000)")
    print(f"one call a point: {alone:,.0f} points per CPU second; together {together / alone:,.0f} times as fast")


if __name__ == "__main__":
    main()
