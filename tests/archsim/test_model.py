"""The model as a whole: many points equal one at a time, laws of conservation, mappings that it has not seen."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim import model
from archsim.design import Design
from archsim.library import load
from archsim.mapping import Mapping
from archsim.model import evaluate
from archsim.report import Report
from archsim.workload import Workload
from einsum_cascade import Cascade
from einsum_cascade.errors import SpecError

FUSEMAX = ("fusemax_cascade", "fusemax_architecture", "fusemax_binding")
OWN = sorted((Path(__file__).parent / "mappings").glob("*.yaml"))
BANDWIDTH = {"memories.dram.bandwidth": "BANDWIDTH"}

shapes = st.fixed_dictionaries(
    {
        "SIDE": st.sampled_from([16, 32, 48, 128, 256]),
        "CAPACITY": st.integers(1, 2**16).map(lambda kib: kib * 1024),
        "BANDWIDTH": st.integers(1, 1000).map(lambda gb: gb * 10**9),
        "sequence_length": st.integers(1, 20_000),
        "head_dim": st.integers(1, 256),
        "value_dim": st.integers(1, 256),
        "heads": st.integers(1, 16),
    }
)


@cache
def mapped(mapping: str, schedule: str = "") -> tuple[Cascade, Mapping]:
    found = load(Mapping, mapping, {"groups.attention.schedule": schedule} if schedule else None)
    return load(Cascade, found.cascade), found


BERT = load(Workload, "bert")


def run(mapping: str, point: dict[str, object], schedule: str = "") -> Report:
    cascade, found = mapped(mapping, schedule)
    of_design = {n: v for n, v in point.items() if n.isupper()}
    of_workload = {n: v for n, v in point.items() if n.islower()}
    design = load(Design, found.design, BANDWIDTH, **of_design)
    return evaluate(cascade, replace(BERT, **of_workload), found, design)


def numbers(report: Report) -> dict[str, object]:
    """Everything that a report says, as flat numbers."""
    result = {
        "traffic": report.dram_traffic_bytes,
        "latency": report.latency_s,
        "energy": report.energy_j,
        "area": report.area_mm2,
    }
    result |= {f"utilization {a}": v for a, v in report.utilization.items()}
    result |= {f"energy {c}": v for c, v in report.energy_by.items()}
    result |= {f"moved {k}": v for k, v in report.traffic_bytes.items()}
    for group in report.timeline.groups:
        result |= {f"busy {n}": v for n, v in group.busy.items()} | {"interval": group.interval}
    return result | {f"occupancy {k}": v.bytes for k, v in report.fit.items()}


@pytest.mark.parametrize("mapping", [*FUSEMAX, "unfused"])
@settings(max_examples=6, deadline=None)
@given(points=st.lists(shapes, min_size=2, max_size=5))
def test_many_points_equal_one_at_a_time(mapping: str, points: list[dict[str, int]]) -> None:
    columns = {name: np.array([p[name] for p in points]) for name in points[0]}
    together = numbers(run(mapping, columns))
    for n, point in enumerate(points):
        for name, one in numbers(run(mapping, point)).items():
            many = np.broadcast_to(together[name], len(points))[n]
            assert many == pytest.approx(one, rel=1e-12, abs=1e-300), name


def test_chunks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    point = {"SIDE": rng.choice([32, 64], 70), "CAPACITY": rng.integers(1, 99, 70) * 2**18, "BANDWIDTH": 1e11,
             "sequence_length": rng.integers(1, 9999, 70)}  # fmt: skip
    whole = numbers(run("fusemax_binding", point))
    monkeypatch.setattr(model, "CHUNK", 32)
    for name, value in numbers(run("fusemax_binding", point)).items():
        np.testing.assert_allclose(value, whole[name], rtol=1e-13, err_msg=name)


def check_laws(report: Report) -> None:
    binding = report.binding
    design, clock = binding.design, binding.design.clock
    far = next(iter(design.memories))
    slack = 1 + 1e-12
    # Parts make up wholes.
    assert report.energy_j == pytest.approx(sum(report.energy_by.values()))
    assert report.area_mm2 == pytest.approx(sum(report.area_by.values()))
    moved = sum(v for (m, _, _), v in report.traffic_bytes.items() if m == far)
    assert report.dram_traffic_bytes == pytest.approx(moved)
    assert report.latency_s == pytest.approx(sum(g.latency_s for g in report.timeline.groups))
    # Every input comes once, every output goes once, at the least.
    produced = {p.name for g in binding.groups for p in g.placed}
    for tensor in {*binding.cascade.inputs, *binding.cascade.outputs}:
        touched = [(p, a) for g in binding.groups for p, a in g.touches.get(tensor, ())]
        if touched:
            words = max(p.nest.words(a) for p, a in touched)
            action = "write" if tensor in produced else "read"
            assert report.traffic_bytes[far, tensor, action] * slack >= words * binding.word_bytes
    # Nothing is faster than its work on all lanes, or than its traffic over the bandwidth.
    for name, array in design.arrays.items():
        work = sum(p.points * p.cycles for g in binding.groups for p in g.placed if p.array == name)
        assert report.latency_s * slack >= work / array.lanes / clock
        assert 0 <= report.utilization[name] <= slack
    assert report.latency_s * slack >= report.dram_traffic_bytes / design.memories[far].bandwidth
    assert all(v >= 0 for v in numbers(report).values())


@pytest.mark.parametrize("mapping", [*FUSEMAX, "unfused", "flat"])
@settings(max_examples=12, deadline=None)
@given(point=shapes)
def test_laws(mapping: str, point: dict[str, int]) -> None:
    check_laws(run(mapping, point))


@pytest.mark.parametrize("mapping", [*FUSEMAX, "unfused"])
@settings(max_examples=12, deadline=None)
@given(point=shapes, factor=st.integers(1, 16))
def test_more_buffer_is_never_more_traffic(mapping: str, point: dict[str, int], factor: int) -> None:
    more = point | {"CAPACITY": point["CAPACITY"] * factor}
    assert run(mapping, more).dram_traffic_bytes <= run(mapping, point).dram_traffic_bytes * (1 + 1e-12)


@settings(max_examples=40, deadline=None)
@given(point=shapes)
def test_auto_is_no_worse_than_the_published_phases(point: dict[str, int]) -> None:
    """Modulo scheduling finds what FuseMax found by hand, on every shape."""
    phases = run("fusemax_binding", point)
    auto = run("fusemax_binding", point, "auto")
    assert auto.timeline.groups[0].interval <= phases.timeline.groups[0].interval * (1 + 1e-12)
    limits = auto.timeline.groups[0].limits
    assert max(limits.values()) == auto.timeline.groups[0].cycles
    assert {"array_2d", "array_1d"} < set(limits)


def test_auto_equals_the_paper_where_both_arrays_can_be_full() -> None:
    point = {"sequence_length": 65_536, "BANDWIDTH": 400 * 2**30}
    phases = run("fusemax_binding", point)
    auto = run("fusemax_binding", point, "auto")
    assert auto.latency_s == pytest.approx(phases.latency_s, rel=1e-12)


@pytest.mark.parametrize("file", OWN, ids=lambda f: f.stem)
@pytest.mark.parametrize("side", [96, 256])
@pytest.mark.parametrize("workload", ["llama3_8b", "deepseek_v3"])
def test_other_cascades_with_mappings_never_seen(file: Path, side: int, workload: str) -> None:
    mapping = load(Mapping, file)
    sizes = load(Workload, workload, sequence_length=1000)
    report = evaluate(load(Cascade, mapping.cascade), sizes, mapping, load(Design, "fusemax", SIDE=side))
    check_laws(report)


def test_what_does_not_fit_is_a_shortfall() -> None:
    point = {"sequence_length": 4096, "BANDWIDTH": 1e11, "CAPACITY": 4096}
    (shortfall,) = run("fusemax_binding", point).shortfalls
    assert (shortfall.component, shortfall.bound, shortfall.unit) == ("buffer in group attention", 4096, "bytes")
    assert shortfall.demand > 4096 and "larger buffer" in shortfall.helps


def test_a_buffer_with_one_port_throttles() -> None:
    """FuseMax: the binding wants 2.4 lines a cycle."""
    mapping, workload = load(Mapping, "fusemax_binding"), load(Workload, "bert", sequence_length=65_536)
    cascade = load(Cascade, mapping.cascade)
    one, paper = (evaluate(cascade, workload, mapping, load(Design, d)) for d in ("fusemax_banked", "fusemax"))
    assert one.latency_s / paper.latency_s == pytest.approx(2.36, abs=0.01)
    three = evaluate(cascade, workload, mapping, load(Design, "fusemax_banked", PORTS=3))
    assert three.latency_s == paper.latency_s


def test_arrays_of_different_lengths_are_refused() -> None:
    with pytest.raises(SpecError, match="arrays of different lengths: 2, 3"):
        run("fusemax_binding", {"SIDE": np.array([16, 32]), "sequence_length": np.array([1, 2, 3]), "BANDWIDTH": 1e9})


def test_tile_sizes_are_not_chosen_for_many_points_at_once() -> None:
    mapping = load(Mapping, "linear")
    workload = load(Workload, "bert", sequence_length=np.array([1024, 2048]))
    with pytest.raises(SpecError) as caught:
        evaluate(load(Cascade, mapping.cascade), workload, mapping, load(Design, mapping.design))
    assert "chooses tile sizes, which cannot be done for many points at once" in str(caught.value)
    assert "hint: evaluate them one by one, or give q.N0, q.A0" in str(caught.value)
