"""Channels, efficiency, requests, bursts and widths of memories; what transfers and the drain add to a group's time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.report import Report
from archsim.workload import Workload
from einsum_cascade.errors import SpecError
from tests.tiny import CASCADE, DESIGN, MAPPING, changed, design, run

FAR = "far: {bandwidth: 8 GB/s, component: store}"
SHIPPED = 124
"""Bytes of the tiny cascade through the far memory: 48 words of A, 6 of B, 8 of Z, 2 bytes each."""
NS = 1e-9


def far(text: str, *changes: tuple[str, str], workload: Workload | None = None, **values: float) -> Report:
    machine = changed(DESIGN, (FAR, f"far: {{bandwidth: 8 GB/s, component: store, {text}}}"))
    mapping = changed(MAPPING, *changes)
    sizes = workload or Workload(name="w", word_bits=16, ranks={"M": 8, "K": 6})
    return run(mapping, CASCADE, machine, values, sizes)


def seconds(text: str, *changes: tuple[str, str]) -> float:
    return float(far(text, *changes).timeline.groups[0].memory_s["far"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("channels: 4", SHIPPED / 32),
        ("efficiency: 0.5", SHIPPED / 4),
        ("channels: 4, efficiency: 0.25", SHIPPED / 8),
        ("request: 10", SHIPPED / 8 + 2 * 10),  # two iterations of m1
        ("channels: LANES, request: ROWS", SHIPPED / 16 + 2 * 4),
    ],
)
def test_by_hand(text: str, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected * NS)


def test_a_burst_is_moved_whole_by_all_channels() -> None:
    """B comes as one tile of 6 words, 12 bytes: with 2 channels of 8 bytes it takes 16. A and Z are streams."""
    assert seconds("channels: 2, burst: 8 B", ("{B: m1}", "{B: m1}")) == pytest.approx((96 + 16 + 16) / 16 * NS)


@settings(max_examples=15, deadline=None)
@given(channels=st.integers(1, 8), burst=st.integers(1, 64), words=st.integers(1, 40))
def test_bursts_cost_less_than_one_burst_a_tile(channels: int, burst: int, words: int) -> None:
    sizes = Workload(name="w", word_bits=16, ranks={"M": 8, "K": words})
    whole = far(f"channels: {channels}, burst: {burst} B", workload=sizes)
    plain = far(f"channels: {channels}", workload=sizes)
    more = float(whole.timeline.groups[0].memory_s["far"]) - float(plain.timeline.groups[0].memory_s["far"])
    assert -1e-15 <= more <= 4 * channels * burst / (8e9 * channels) + 1e-15
    assert whole.dram_traffic_bytes == plain.dram_traffic_bytes == 2 * (9 * words + 8)


def test_widths_of_tensors_and_memories() -> None:
    sizes = Workload(name="w", word_bits=16, bits={"A": 4, "B": 6}, ranks={"M": 8, "K": 6})
    report = far("channels: 1", workload=sizes)
    moved = report.traffic_bytes
    assert moved["far", "A", "read"] == 48 / 2
    b = report.binding
    assert (b.width("far", "A"), b.width("far", "Z"), b.uniform) == (0.5, 2.0, False)
    fixed = far("word_bits: 32", workload=sizes)
    assert fixed.dram_traffic_bytes == 2 * SHIPPED
    assert fixed.energy_by["far"] == pytest.approx((54 * 4 * 3e-12 + 8 * 4 * 5e-12) / 8)
    assert report.fit["all", "near"].bytes == 6 * 0.75
    on_chip = changed(DESIGN, ("line: 4,", "line: 4, word_bits: 12,"))
    assert run(MAPPING, CASCADE, on_chip).fit["all", "near"].bytes == 6 * 1.5


def test_widths_may_be_arrays() -> None:
    bits = np.array([4.0, 8.0, 12.0])
    sizes = Workload(name="w", word_bits=16, bits={"A": bits}, ranks={"M": 8, "K": 6})
    report = far("channels: 1", workload=sizes)
    assert report.points == 3
    np.testing.assert_allclose(report.dram_traffic_bytes, SHIPPED - 96 + 48 * bits / 8)


def test_serial_transfers_come_before_compute() -> None:
    how = ("keep:", "transfers: serial\n    keep:")
    (group,) = far("channels: 1", how).timeline.groups
    assert group.latency_s == pytest.approx((16 + SHIPPED / 8) * NS)
    overlapped = far("channels: 1").timeline.groups[0]
    assert overlapped.latency_s == pytest.approx(16 * NS) and overlapped.cycles == group.cycles


def test_a_drain_comes_once() -> None:
    (group,) = far("channels: 4", ("keep:", "drain: 5 + M0\n    keep:")).timeline.groups
    assert (group.latency_s, group.cycles) == (pytest.approx((16 + 9) * NS), 16)


def test_resident_tensors_move_no_words() -> None:
    report = far("channels: 1", ("keep:", "resident: [A, Z]\n    keep:"))
    assert report.dram_traffic_bytes == 12
    assert ("far", "A", "read") not in report.traffic_bytes


def test_efficiency_of_an_array() -> None:
    machine = changed(DESIGN, ("operations: {mul+add: mac,", "efficiency: 0.5, operations: {mul+add: mac,"))
    report = run(MAPPING, CASCADE, machine)
    assert report.timeline.groups[0].busy["Y"] == 24
    assert report.utilization["pes"] == pytest.approx(0.5)


def test_power_is_charged_while_the_machine_runs() -> None:
    report = run(MAPPING, CASCADE, changed(DESIGN, ("energy: tiny", "power: 2 W\nenergy: tiny")))
    assert report.energy_by["power"] == pytest.approx(2 * report.latency_s)
    assert "power" not in run().energy_by


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("channels: 0", "channels is 0"),
        ("efficiency: 1.5", "efficiency is 1.5"),
        ("efficiency: 0", "efficiency is 0"),
        ("burst: 32", "32 has no unit"),
        ("word_bits: 0", "word_bits is 0"),
        ("request: X", "X has no value"),
        ("request: 0 - 1", "request is -1"),
    ],
)
def test_mistakes(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        design(changed(DESIGN, (FAR, f"far: {{bandwidth: 8 GB/s, {text}}}")))


def test_unknown_transfers() -> None:
    with pytest.raises(SpecError, match="transfers is parallel"):
        far("channels: 1", ("keep:", "transfers: parallel\n    keep:"))
    with pytest.raises(SpecError, match="no Einsum of the group touches C"):
        far("channels: 1", ("keep:", "resident: [C]\n    keep:"))
