"""Operations of an array: by lanes, or row by row with a cycle law; on the machine that can be counted by hand."""

import numpy as np
import pytest

from archsim.laws import LAWS
from archsim.operation import Operation, read_operation
from einsum_cascade.document import read
from einsum_cascade.errors import SpecError
from tests.tiny import DESIGN, changed, design, run

TOPK = """\
cascade: tiny
source: made up
ranks: {M: 8, K: 6}
params: {J: 2}
inputs: {A: [M, K]}
outputs: [Z]
einsums: |
  IX[k,j] = A[m,k] :: argtopk(m, j)
  Z[k]    = A[IX[k,j],k]
"""
MACHINE = changed(
    DESIGN, ("  vec:", "  engine: {shape: {lanes: 16}, operations: {topk: {law: quick_select, load: 8}}}\n  vec:")
)
MAPPING = """\
mapping: tiny
source: made up
cascade: tiny
design: small
groups:
  all:
    loops: [k]
    binding: {engine: [IX], vec: [Z]}
    space: {engine: {}, vec: {}}
    keep: {near: {A: k, IX: k}}
"""


def operation(text: str, **names: float) -> Operation:
    document = read(f"cost: {text}", "d.yaml")[0]
    assert isinstance(document.data, dict)
    cost = document.data["cost"]
    assert isinstance(cost, str | dict)
    return read_operation(cost, document, ("cost",), names)  # type: ignore[arg-type]


def test_a_text_is_a_cost_of_a_lane() -> None:
    found = operation("add + 6 mac")
    assert (found.actions, found.cycles, found.law) == ({"add": 1, "mac": 6}, 6, "")


@pytest.mark.parametrize("lanes", [1, 8, 16])
@pytest.mark.parametrize("kept", [1, 20, 102])
def test_a_law_takes_a_row(lanes: int, kept: int) -> None:
    found = operation("{law: quick_select, lanes: P, overhead: 3}", P=lanes)
    law = LAWS["quick_select"].cycles(102, kept, {"lanes": lanes, "overhead": 3})
    assert found.row(102, kept) == law
    loaded = operation("{law: quick_select, lanes: P, overhead: 3, load: 8}", P=lanes)
    assert loaded.row(102, kept) == law + 13


def test_an_action_of_a_law_is_charged_an_item() -> None:
    assert operation("{law: stream, action: compare}").actions == {"compare": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{law: quick_selct}", "no cycle law named quick_selct"),
        ("{lanes: 16}", "the key law is missing"),
        ("{law: quick_select, lane: 16}", "the law quick_select has no parameter lane"),
        ("{law: quick_select, lanes: 0}", "lanes is 0"),
        ("{law: quick_select, overhead: 0 - 1}", "overhead is -1"),
        ("{law: stream, load: W}", "W has no value"),
        ("0 mac", "0 mac is not a cost"),
    ],
)
def test_mistakes(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        operation(text)


def test_an_array_is_busy_for_its_rows() -> None:
    report = run(MAPPING, TOPK, MACHINE)
    (group,) = report.timeline.groups
    assert group.busy["IX"] == pytest.approx(6 * (float(LAWS["quick_select"].cycles(8, 2)) + 1))
    assert group.cycles == group.busy["IX"] and group.iterations == 6
    assert report.utilization["engine"] == pytest.approx(1.0)


def test_points_of_an_array_of_designs() -> None:
    lanes = np.array([1.0, 2.0, 16.0])
    machine = changed(MACHINE, ("load: 8", "lanes: LANES, load: 8"))
    cycles = [float(run(MAPPING, TOPK, changed(machine, ("LANES: 2", f"LANES: {n:g}"))).timeline.groups[0].busy["IX"])
              for n in lanes]  # fmt: skip
    from archsim.model import evaluate
    from tests.tiny import WORKLOAD, cascade, mapping

    both = evaluate(cascade(TOPK), WORKLOAD, mapping(MAPPING), design(machine, LANES=lanes))
    np.testing.assert_allclose(both.timeline.groups[0].busy["IX"], cycles)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{law: radix_select, digit: 0}", "digit is 0"),
        ("{law: quick_select_codes, bits: 4096}", "bits is 4096"),
        ("{law: quick_select_codes, bits: 0}", "bits is 0"),
        ("{law: quick_select_codes, spread: 0 - 1}", "spread is -1"),
        ("{law: quick_select_percentile, percent: 101}", "percent is 101"),
        ("{law: quick_select_percentile, runs: 0}", "runs is 0"),
    ],
)
def test_parameters_out_of_range(text: str, message: str) -> None:
    """Each would divide by zero, overflow, or mean nothing."""
    with pytest.raises(SpecError) as caught:
        operation(text)
    (found,) = caught.value.diagnostics
    assert found.message == message and found.expected
