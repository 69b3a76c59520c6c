"""What programs get: the keys that were promised, plain numbers, parts of wholes."""

import json
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.documents import Documents, documents
from archsim.model import evaluate
from archsim.report import Report
from archsim.setting import parse
from archsim.summary import as_json, headline, notes, parameters, per_einsum, plain, traffic, utilization

# issue 3, section 3
KEYS = ["dram_traffic_bytes", "latency_s", "energy_j", "area_mm2", "utilization", "per_einsum", "occupancy_bytes",
        "passes", "bottleneck", "shortfalls"]  # fmt: skip
MAPPINGS = ["unfused", "flat", "fusemax_cascade", "fusemax_architecture", "fusemax_binding", "linear"]


@cache
def evaluated(mapping: str, *sets: str, cascade: str | None = None) -> tuple[Documents, Report]:
    found = documents(mapping=mapping, workload="bert", lengths={"sequence_length": 3072}, cascade=cascade,
                      settings=[parse(s) for s in sets])  # fmt: skip
    return found, evaluate(found.cascade, found.workload, found.mapping, found.design, found.values)


@given(st.one_of(st.integers(-(2**60), 2**60), st.floats(-1e20, 1e20)))
def test_plain_numbers_keep_their_value(value: float) -> None:
    assert plain(value) == float(value)
    assert isinstance(plain(value), int) == (float(value).is_integer() and abs(float(value)) < 2**53)


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_the_promised_keys_come_first_and_all_is_json(mapping: str) -> None:
    found, report = evaluated(mapping)
    data = as_json(found, report)
    assert list(data)[: len(KEYS)] == KEYS == list(headline(report))[: len(KEYS)]
    assert json.loads(json.dumps(data)) == data
    assert set(data["utilization"]) == {"2d", "1d"}
    assert all(set(e) == {"einsum", "array", "cycles", "utilization"} for e in data["per_einsum"])


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_parts_sum_to_wholes(mapping: str) -> None:
    found, report = evaluated(mapping)
    data = as_json(found, report)
    for array, part in utilization(report).items():
        own = [e["utilization"] for e in per_einsum(report) if e["array"] == f"array_{array}"]
        assert sum(own) == pytest.approx(part)
    assert sum(sum(a.values()) for a in traffic(report)["dram"].values()) == pytest.approx(data["dram_traffic_bytes"])
    assert sum(data["energy_by"].values()) == pytest.approx(data["energy_j"])
    assert sum(data["area_by"].values()) == pytest.approx(data["area_mm2"])
    assert sum(g["latency_s"] for g in data["groups"]) == pytest.approx(data["latency_s"])
    assert data["occupancy_bytes"] == max(o["bytes"] for o in data["occupancy"])
    assert {e["einsum"] for e in data["per_einsum"]} == {s.name for s in found.cascade.einsums}


def test_traffic_has_no_zeros_and_memories_from_far_to_near() -> None:
    moved = traffic(evaluated("fusemax_binding")[1])
    assert list(moved) == ["dram", "buffer"]
    assert all(v > 0 for tensors in moved.values() for actions in tensors.values() for v in actions.values())
    assert set(moved["dram"]) == {"Q", "K", "V", "AV"}


def test_parameters_show_what_was_chosen_and_what_was_set() -> None:
    assert parameters(evaluated("fusemax_binding")[1]) == {"M0": 256, "P0": 256, "P1": 12}
    found, report = evaluated("fusemax_binding", "mapping.parameters.P1=3")
    assert parameters(report)["P1"] == 3
    assert as_json(found, report)["set"] == ["mapping.parameters.P1=3"]
    assert set(parameters(evaluated("linear")[1])) >= {"q.N0", "q.A0", "fo.I0"}


def test_a_mask_is_noted() -> None:
    assert notes(evaluated("fusemax_binding")[1]) == []
    (note,) = notes(evaluated("fusemax_binding", cascade="attention_1pass_causal")[1])
    assert note.startswith("the conditions of BQK skip no work here: every point is charged")
