"""The best mapping against published ones, against the model, and under limits."""

import numpy as np
import pytest

from archsim.design import Design
from archsim.library import load
from archsim.mapper.best import best_mapping
from archsim.mapper.rules import Rules
from archsim.mapper.write import as_mapping
from archsim.mapping import Mapping
from archsim.model import evaluate
from archsim.workload import Workload
from einsum_cascade import Cascade

POINTS = [
    ("bert", 1024),
    ("bert", 65_536),
    ("trxl", 16_384),
    ("t5", 4096),
    ("xlm", 1024),
    ("xlm", 65_536),
    ("xlm", 2**20),
]
"""Of the 24 published points; `tests/bench/bench_map.py` goes through all."""


@pytest.mark.parametrize("model, length", POINTS)
def test_as_good_as_the_published_binding(model: str, length: int) -> None:
    """FuseMax (MICRO'24), Figure 6: at least as fast, with no more DRAM traffic than its rule for P1."""
    mapping, design = load(Mapping, "fusemax_binding"), load(Design, "fusemax")
    cascade, workload = load(Cascade, "attention_1pass"), load(Workload, model, sequence_length=length)
    published = evaluate(cascade, workload, mapping, design)
    best = best_mapping(cascade, workload, design)
    assert best.report is not None and best.complete
    assert best.report.latency_s <= published.latency_s
    assert best.report.dram_traffic_bytes <= published.dram_traffic_bytes * (1 + 1e-12)
    assert not best.report.shortfalls


@pytest.mark.parametrize("model, length", [("bert", 4096), ("bert", 262_144), ("xlm", 2**20)])
def test_as_good_as_flat(model: str, length: int) -> None:
    """FLAT (ASPLOS'23) as published with FuseMax: its own search, on the same machine, with the same accounting."""
    mapping, design = load(Mapping, "flat"), load(Design, "flat_cloud")
    cascade, workload = load(Cascade, "attention_3pass"), load(Workload, model, sequence_length=length)
    best = best_mapping(cascade, workload, design)
    assert best.report is not None
    assert best.report.latency_s <= evaluate(cascade, workload, mapping, design).latency_s
    assert not best.report.shortfalls


@pytest.mark.parametrize("objective", ["latency", "energy", "edp"])
@pytest.mark.parametrize("cascade, design", [("attention_3pass", "flat_edge"), ("attention_2pass", "fusemax")])
def test_factored_cost_is_the_models(cascade: str, design: str, objective: str) -> None:
    workload = load(Workload, "t5", sequence_length=512)
    best = best_mapping(load(Cascade, cascade), workload, load(Design, design), objective)
    assert best.report is not None
    assert sum(f.seconds for f in best.found) == pytest.approx(best.report.latency_s, rel=1e-9)
    assert sum(f.joules for f in best.found) == pytest.approx(float(best.report.energy_j), rel=1e-9)
    words = sum(f.traffic for f in best.found)
    assert words * 2 == pytest.approx(best.report.dram_traffic_bytes, rel=1e-9)


def test_product_is_no_worse_than_either_extreme() -> None:
    given = load(Cascade, "attention_3pass"), load(Workload, "t5", sequence_length=512), load(Design, "flat_edge")
    found = {o: best_mapping(*given, o).report for o in ("latency", "energy", "edp")}
    value = {o: r.latency_s * r.energy_j for o, r in found.items() if r is not None}
    assert value["edp"] <= min(value["latency"], value["energy"]) * (1 + 1e-9)


def test_more_effort_is_never_worse() -> None:
    given = load(Cascade, "attention_1pass"), load(Workload, "t5", sequence_length=1000), load(Design, "fusemax")
    values = [best_mapping(*given, effort=effort).value for effort in (1, 2)]
    assert values[1] <= values[0] * (1 + 1e-12)


def test_written_mapping_evaluates_to_the_same() -> None:
    cascade, design = load(Cascade, "attention_1pass"), load(Design, "fusemax")
    workload = load(Workload, "t5", sequence_length=2048)
    best = best_mapping(cascade, workload, design)
    again = evaluate(cascade, workload, as_mapping(best.text), design)
    assert best.report is not None
    assert (again.latency_s, again.energy_j) == (best.report.latency_s, best.report.energy_j)


def test_traffic_limit_holds_and_costs_time() -> None:
    given = load(Cascade, "attention_1pass"), load(Workload, "xlm", sequence_length=65_536), load(Design, "fusemax")
    free = best_mapping(*given, slack=0.0)
    assert free.report is not None
    limit = float(free.report.dram_traffic_bytes) / 30
    tight = best_mapping(*given, traffic_bytes=limit, slack=0.0)
    assert tight.report is not None
    assert tight.report.dram_traffic_bytes <= limit
    assert tight.report.latency_s > free.report.latency_s


def test_nothing_fits() -> None:
    """A machine without room for one row says which memory, and by how much."""
    design = load(Design, "fusemax", CAPACITY=64, LINES=4096)
    cascade = load(Cascade, "attention_1pass")
    whole = (frozenset(s.name for s in cascade.einsums),)  # apart, everything may pass through the far memory
    best = best_mapping(cascade, load(Workload, "bert"), design, rules=Rules(groups=whole))
    assert best.report is None and not np.isfinite(best.value)
    assert best.coverage.shortage.memory == "buffer"
    assert best.coverage.shortage.demand > best.coverage.shortage.bound == 64


def test_interruption_keeps_the_best_so_far() -> None:
    calls = 0

    def stop(text: str, coverage: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt

    given = load(Cascade, "attention_3pass"), load(Workload, "bert", sequence_length=2**20), load(Design, "flat_cloud")
    best = best_mapping(*given, tick=stop)
    assert calls == 4 and not best.complete
    assert best.report is not None


def test_rules_are_kept() -> None:
    rules = Rules(tiles={"M0": (256,), "P0": (128,)}, bypass={"buffer": frozenset({"K"})}, loops=("p",),
                  arrays={"RM": ("array_2d",)}, space={"array_2d": {"rows": ("m0",), "columns": ("p",)}})  # fmt: skip
    best = best_mapping(load(Cascade, "attention_1pass"), load(Workload, "bert"), load(Design, "fusemax"), rules=rules)
    (found,) = best.found
    assert (found.tiles["M0"], found.tiles["P0"]) == (256, 128)
    assert not found.tensors["K"].chain
    assert found.einsums["RM"].array == "array_2d"
    assert found.einsums["BQK"].space == {"rows": "m0", "columns": "p0"}
