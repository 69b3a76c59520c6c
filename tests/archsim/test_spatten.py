"""SpAtten (HPCA'21) against its authors' behaviour simulator, and against cycles measured on their RTL."""

import itertools
from dataclasses import replace
from functools import cache
from math import ceil, floor

import numpy as np
import pytest
from numpy.typing import NDArray

from archsim.design import Design
from archsim.laws import quick_select
from archsim.library import load
from archsim.mapping import Mapping
from archsim.model import evaluate
from archsim.report import Report
from archsim.value import Value
from archsim.workload import Workload
from einsum_cascade import Cascade
from einsum_cascade.document import Plain
from tests.reference import rows

IDEAL, HBM2 = {"REQUEST": 59, "SLOWDOWN": 1.30}, {"REQUEST": 69, "SLOWDOWN": 2.39}
FREE: dict[str, Plain] = {"arrays.topk.operations.topk": {"law": "stream", "cycles": 0, "load": "KEYS"}}
Floats = NDArray[np.float64]


@cache
def mapping(transfers: str = "overlapped", end: str = "pipelined") -> Mapping:
    found = load(Mapping, "spatten", {"choices.transfers": transfers, "choices.end": end})
    return replace(found, pinned=frozenset({"transfers", "end"}))


@cache
def cascade() -> Cascade:
    return load(Cascade, "spatten_attention")


def machine(changes: dict[str, Plain] | None = None, **values: Value) -> Design:
    return load(Design, "spatten", changes, **values)


def layer(heads: Value, keys: Value, queries: Value, bits: Value = 8) -> Workload:
    widths: dict[str, Value] = {"K": bits, "V": bits, "KL": 4, "Q": 12, "AV": 12}
    return Workload(name="layer", heads=heads, head_dim=64, sequence_length=keys, query_length=queries, bits=widths)


def cycles(report: Report) -> float:
    return float(np.sum(report.latency_s)) * 1e9


def kept(layers: int, front: float, ratio: float, count: int) -> Floats:
    """Front layers keep everything, then the pruned part rises from half the mean ratio to one and a half times it."""
    free = ceil(front * layers)
    pruned = np.linspace(0.5 * ratio, 1.5 * ratio, layers - free)
    return np.array([count] * free + [floor(count * (1 - r) + 1e-9) for r in pruned], dtype=float)


def test_behaviour_simulator() -> None:
    """Sequential, all memory at its peak: the closed form of the authors' simulator without its top-k, to the cycle."""
    behind = mapping("serial", "drained")
    peak = machine(REQUEST=0, SLOWDOWN=1)
    done = 0
    for row in rows("spatten/behaviour_simulator.csv"):
        if row["source"] != "grid":
            continue
        keys = kept(int(row["layers"]), 0.15, float(row["pt_avg"]), int(row["L"]))
        heads = kept(int(row["layers"]), 0.30, float(row["ph_avg"]), int(row["heads"]))
        assert np.sum(keys * heads) == float(row["sum_keys"]), row["case"]
        queries: Value = keys if row["qprune"] == "1" else int(row["L"])
        report = evaluate(cascade(), layer(heads, keys, queries), behind, peak)
        assert cycles(report) == pytest.approx(float(row["closed_form_no_topk"]), abs=0.01), row["case"]
        memory = np.sum(report.timeline.groups[0].memory_s["dram"]) * 1e9
        assert memory == pytest.approx(float(row["cycles_dram"]), abs=0.01)
        done += 1
    assert done > 50


def trace() -> tuple[Workload, dict[str, Value]]:
    found = [r for r in rows("spatten/workloads/gpt2-small-wikitext2.csv") if r["key_fetch_num"]]

    def column(name: str) -> Floats:
        return np.array([float(r[name]) for r in found])

    work = layer(1, column("sentence_length_L"), 1, column("quant_key_bit"))
    flags = np.array([float(r["if_requant"] == "True") for r in found])
    return work, {"M": column("key_fetch_num"), "T": column("value_fetch_num"), "LSB": flags}


def test_behaviour_simulator_on_the_shipped_run() -> None:
    """The simulator lets as many queries as the context has tokens ask in every step, and stores 6 bits in 8."""
    (row,) = (r for r in rows("spatten/behaviour_simulator.csv") if r["case"].startswith("summary-gpt2-small"))
    work, values = trace()
    every = 12  # heads of a layer: one point for each layer of each step
    work = replace(work, heads=every, sequence_length=work.sequence_length[::every], bits={"K": 8, "V": 8})  # type: ignore[index]
    work = replace(work, query_length=work.sequence_length)
    values = {n: v[::every] for n, v in values.items() if n != "LSB"}  # type: ignore[index]
    report = evaluate(cascade(), work, mapping("serial", "drained"), machine(FREE, REQUEST=0, SLOWDOWN=1), values)
    assert cycles(report) == pytest.approx(float(row["closed_form_no_topk"]), rel=1e-9)


def test_steady_state_of_the_rtl() -> None:
    """REQUEST and SLOWDOWN are fitted to rows such as these (least squares over 24 rows of either memory)."""
    deviations = []
    for row in rows("spatten/rtl_microbench.csv"):
        if not row["config"].startswith("512"):
            continue
        engine: Plain = {"law": "stream", "lanes": 1e9, "latency": float(row["topk_latency"]), "cycles": 0, "load": 8}
        chip = machine({"arrays.topk.operations.topk": engine}, **(IDEAL if row["dram"] == "ideal" else HBM2))
        work = layer(1, int(row["keys"]), 1, int(row["key_bits"]))
        found = cycles(evaluate(cascade(), work, mapping(), chip, {"T": int(row["vals"])}))
        deviations.append(found / float(row["steady_cycles_per_req"]) - 1)
    assert len(deviations) >= 10
    assert max(map(abs, deviations)) < 0.25
    assert np.mean(np.abs(deviations)) < 0.08


@pytest.mark.parametrize(("memory", "measured"), [("ideal", 533_376), ("hbm2", 726_280)])
def test_a_whole_run(memory: str, measured: int) -> None:
    """GPT-2 small on WikiText-2, 32 tokens, 4608 requests in one call, against cycles of the RTL."""
    work, values = trace()
    report = evaluate(cascade(), work, mapping(), machine(**(IDEAL if memory == "ideal" else HBM2)), values)
    assert report.points == 4608
    assert cycles(report) == pytest.approx(measured, rel=0.15)


def test_lanes_of_the_engine() -> None:
    """Figure 19a: the knee at 8 to 16 lanes; the paper's own gain from 1 to 16 lanes is 4.62."""
    work, values = trace()
    lanes = (1, 2, 4, 8, 16, 32)
    took = [cycles(evaluate(cascade(), work, mapping(), machine(TOPK=n), values)) for n in lanes]
    assert took == sorted(took, reverse=True)
    gains = [took[0] / t for t in took]
    assert 2.4 <= gains[4] <= 5.6
    steps = [b / a for a, b in itertools.pairwise(gains)]
    assert steps[1] > 1.5 and steps[3] < 1.25 and steps[4] < 1.05


@pytest.mark.parametrize(
    ("length", "tflops"), [(20, 1.37), (25, 1.37), (30, 1.68), (40, 1.87), (64, 1.95), (384, 2.04)]
)
def test_dense_encoder(length: int, tflops: float) -> None:
    """BERT-Base, one of 12 equal layers, as the behaviour simulator has it."""
    report = evaluate(cascade(), layer(12, length, length), mapping("serial", "drained"),
                      machine(REQUEST=0, SLOWDOWN=1))  # fmt: skip
    assert 4 * 12 * length**2 * 64 / cycles(report) / 1e3 == pytest.approx(tflops, rel=0.03)


@pytest.mark.parametrize("lsb", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("kept_values", [1, 20, 102])
def test_bounds(lsb: float, kept_values: int) -> None:
    """Bytes of a row lie between upper bits and all bits; the multiplications of Q and K between once and twice."""
    values: dict[str, Value] = {"M": 102, "T": kept_values, "LSB": lsb}
    report = evaluate(cascade(), layer(1, 1000, 1, 6), mapping(), machine(), values)
    moved = report.traffic_bytes
    assert moved["dram", "K", "read"] == 102 * 64 * 6 / 8
    assert moved["dram", "KL", "read"] == 102 * 64 * 4 / 8 * lsb
    assert moved["dram", "V", "read"] == kept_values * 64 * 6 / 8
    placed = {p.name: p for p in report.binding.groups[0].placed}
    assert placed["QK"].points + placed["QKL"].points == 102 * 64 * (1 + lsb)
    lowest = report.dram_traffic_bytes / 512
    assert lowest <= cycles(report) <= 69 + 16 * 2.39 * lowest + 400


def test_keys_and_values_fit_twice() -> None:
    report = evaluate(cascade(), layer(12, 1024, 1), mapping(), machine())
    assert report.fit["head", "key_sram"].bytes == report.fit["head", "value_sram"].bytes == 2 * 1024 * 64 * 1.5
    assert not report.shortfalls
    assert evaluate(cascade(), layer(12, 2048, 1), mapping(), machine()).shortfalls


def test_a_row_fits_the_fifo_of_the_engine() -> None:
    """64 rows of 16 scores: 1024 keys, not one more; half the depth holds half of them."""
    room = evaluate(cascade(), layer(12, 1024, 1), mapping(), machine()).fit["head", "fifo"]
    assert room.bytes == room.capacity == 1024 * 1.5
    (short,) = (s for s in evaluate(cascade(), layer(1, 600, 1), mapping(), machine(FIFO=32)).shortfalls)
    assert short.component == "fifo in group head" and (short.demand, short.bound) == (600 * 1.5, 512 * 1.5)


def both(mapping: str, workload: str = "gpt2_small", **sizes: Value) -> Report:
    how = load(Mapping, mapping)
    return evaluate(load(Cascade, how.cascade), load(Workload, workload, **sizes), how, load(Design, how.design))


def test_one_pass_on_spatten() -> None:
    """Rescaling costs some multiplications of PxV; a row of scores need not be kept, whatever its length."""
    own, one = both("spatten", sequence_length=1024), both("spatten_1pass", sequence_length=1024)
    assert (own.passes, one.passes) == (4, 1)
    assert 1.05 < float(one.latency_s) / float(own.latency_s) < 1.25
    assert own.dram_traffic_bytes == pytest.approx(one.dram_traffic_bytes, rel=1e-3)
    longer = both("spatten_1pass", sequence_length=2048)
    assert longer.fit["head", "rows"].bytes == one.fit["head", "rows"].bytes
    assert float(own.fit["head", "rows"].bytes) > 3 * float(one.fit["head", "rows"].bytes)


def test_spatten_on_fusemax() -> None:
    """One engine of 16 lanes holds back 65,536 multipliers; 64 of them do not."""
    how = load(Mapping, "fusemax_spatten")
    work = load(Workload, "gpt2_small", sequence_length=1024)
    one, many = (evaluate(cascade(), work, how, load(Design, "fusemax_topk", ENGINES=n)) for n in (1, 64))
    assert float(one.latency_s) > 4 * float(many.latency_s)
    assert one.timeline.groups[0].busy["IV"] == one.timeline.groups[0].cycles
    assert float(both("fusemax_binding", sequence_length=1024).latency_s) < float(many.latency_s)


@pytest.mark.parametrize(("steps", "candidates"), [(512, 0.31), (128, 0.11)])
def test_a3_waits_for_its_search_or_its_scores(steps: int, candidates: float) -> None:
    """Section IV: a query takes the longest of the search steps, the candidates and the kept keys."""
    how = load(Mapping, "a3", CANDIDATES=candidates, KEPT=0.05)
    a3 = load(Cascade, "a3")
    work = Workload(name="w", heads=1, sequence_length=1024, query_length=64, ranks={"STEPS": steps})
    (group,) = evaluate(a3, work, how, load(Design, "a3")).timeline.groups
    assert group.cycles == pytest.approx(64 * max(steps, candidates * 1024), rel=0.01)
    assert group.busy["NV"] == pytest.approx(64 * 0.05 * 1024)


@pytest.mark.parametrize("kept_values", [1.0, 0.5, 0.2, 0.05])
def test_mnnfast_loads_what_it_skips(kept_values: float) -> None:
    how = load(Mapping, "mnnfast", KEPT=kept_values)
    work = Workload(name="w", heads=1, sequence_length=1024, query_length=64)
    report = evaluate(load(Cascade, how.cascade), work, how, load(Design, "mnnfast"))
    (group,) = report.timeline.groups
    assert group.busy["QK"] == 64 * 1024 and group.busy["NV"] == pytest.approx(64 * 1024 * kept_values)
    assert report.traffic_bytes["dram", "V", "read"] == 1024 * 64 * 2
    assert report.passes == 1


@pytest.mark.parametrize("design", ["titan_xp", "xeon", "jetson_nano", "raspberry_pi_4"])
def test_a_processor_is_its_roof_and_a_fixed_time(design: str) -> None:
    how, work = load(Mapping, "roofline"), Workload(name="w", heads=12, sequence_length=2048, word_bits=32)
    chip = load(Design, design, {"parameters.LAUNCH": 0})
    report = evaluate(load(Cascade, how.cascade), work, how, chip)
    flop = 4 * 12 * 2048**2 * 64
    assert flop / 2 / float(chip.clock) <= float(report.latency_s) <= 1.1 * flop / 2 / float(chip.clock)
    slower = evaluate(load(Cascade, how.cascade), work, how, load(Design, design))
    fixed = load(Design, design).parameters["LAUNCH"] / chip.clock
    assert slower.latency_s == pytest.approx(report.latency_s + fixed)
    assert slower.energy_j == pytest.approx(load(Design, design).power * slower.latency_s)


@pytest.mark.parametrize(("dram", "total"), [(IDEAL, 533_376), (HBM2, 726_280)])
def test_the_bench_of_the_rtl_lets_every_second_row_wait(dram: dict[str, float], total: int) -> None:
    """Rows of 6 bits share a record in pairs: the first waits for its selection, the second for none; a second fetch
    pays the fixed cost again. The totals of all rows are those of the RTL at 16 lanes, and one lane costs half."""
    trace = [r for r in rows("spatten/workloads/gpt2-small-wikitext2.csv") if r["key_fetch_num"]]
    keys, values = (np.array([float(r[n]) for r in trace]) for n in ("key_fetch_num", "value_fetch_num"))
    twice = np.array([r["if_requant"] == "True" for r in trace])
    size = keys * 64 * (6 + 4 * twice) + values * 64 * 6  # bits
    memory = dram["REQUEST"] * (1 + twice) + dram["SLOWDOWN"] * size / 8 / 512

    def cycles(lanes: int, every: int) -> float:
        selection = np.where(np.arange(len(keys)) % every == 0, quick_select(keys, values, lanes=lanes), 0)
        requests = np.stack([memory, selection + keys / 8]).reshape(2, -1, every).sum(axis=2)
        return float(requests.max(axis=0).sum())

    assert len(trace) == 4608
    assert cycles(16, 2) == pytest.approx(total, rel=0.05)
    assert cycles(1, 1) / cycles(16, 1) > 5.4 and 2.4 < cycles(1, 2) / cycles(16, 2) < 4.1
