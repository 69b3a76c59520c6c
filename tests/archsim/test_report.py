"""Reports: energy and area by hand, parts that sum to wholes, chunks, and what does not fit."""

import numpy as np
import pytest

from archsim.model import evaluate
from archsim.report import charge, joined
from tests.tiny import CASCADE, DESIGN, ENERGY, MAPPING, WORKLOAD, cascade, changed, design, energy, mapping, run


def close(value: object) -> object:
    """Equal but for rounding: the numbers are small, so without an absolute tolerance."""
    return pytest.approx(value, rel=1e-9, abs=0)


def test_energy_by_hand() -> None:
    found = run().energy_by
    # far: A 48, B 6 read, Z 8 written, words of 2 bytes, accesses of 8.
    assert found["far"] == close(((48 + 6) * 3 + 8 * 5) / 4 * 1e-12)
    # near: B 6 filled (a write), 12 read; lines of 4 words.
    assert found["near"] == close((12 * 1 + 6 * 2) / 4 * 1e-12)
    assert found["pes mac"] == close(48 * 10e-12)
    assert found["pes registers"] == close(48 * (3 * 0.5 + 0.25) * 1e-12)
    assert found["vec exp"] == close(8 * 3 * 100e-12)
    assert found["vec mac"] == close(8 * 10e-12)
    assert set(found) == {"far", "near", "pes mac", "pes registers", "vec exp", "vec mac"}


def test_area_by_hand() -> None:
    """near 7, 4 PEs of a register file and a MAC, 9 for the lanes, in um2."""
    assert run().area_by == close({"far": 0, "near": 7e-6, "pes": 4 * 3e-6, "vec": 9e-6})


def test_parts_make_wholes() -> None:
    report = run()
    assert report.energy_j == close(sum(report.energy_by.values()))
    assert report.area_mm2 == close(sum(report.area_by.values()))
    assert report.dram_traffic_bytes == sum(v for (m, _, _), v in report.traffic_bytes.items() if m == "far") == 124
    assert report.latency_s == sum(g.latency_s for g in report.timeline.groups) == close(16e-9)


def test_utilization_is_work_over_lanes_and_time() -> None:
    assert run().utilization == {"pes": close(48 / (4 * 16)), "vec": close((24 + 8) / (2 * 16))}
    slow = run(of_design=changed(DESIGN, ("8 GB/s", "1 GB/s")))
    assert slow.utilization["pes"] == close(48 / (4 * 124))


@pytest.mark.parametrize(
    ("old", "new", "component", "factor"),
    [
        ("file: {read", "file: {charged: one, read", "pes registers", 1 / 4),
        ("mac: {energy: 10 pJ", "mac: {energy: 20 pJ", "pes mac", 2),
        ("cache: {read", "cache: {transfers: free, read", "near", 12 / 24),
        ("store: {per: 8 B", "store: {per: 4 B", "far", 2),
        ("exp: {energy: 100 pJ", "exp: {energy: 0 pJ", "vec exp", 0),
    ],
)
def test_the_accounting_is_in_the_table(old: str, new: str, component: str, factor: float) -> None:
    from dataclasses import replace

    before = run()
    machine = replace(design(), energy=energy(changed(ENERGY, (old, new))))
    after = evaluate(cascade(), WORKLOAD, mapping(), machine)
    for name, joules in before.energy_by.items():
        assert after.energy_by[name] == close(
            joules * (factor if component in (name, name.replace("vec mac", "pes mac")) else 1)
        )
    assert (after.latency_s, after.dram_traffic_bytes) == (before.latency_s, before.dram_traffic_bytes)


def test_energy_is_additive_over_groups() -> None:
    """The same Einsums in two groups: what is added is the traffic between them."""
    text = changed(MAPPING, ("vec: [X, Z]}", "vec: [X]}"))
    split = run(
        text.replace("groups:\n", "groups:\n  last: {loops: [m], binding: {vec: [Z]}, space: {}, keep: {}}\n", 1)
    )
    one = run()
    # Y and X, 8 words each, are written once and read by Z (Y once more by nobody).
    assert split.energy_by["far"] - one.energy_by["far"] == close((16 * 5 + 16 * 3 + 8 * 3) / 4 * 1e-12)
    for name in ("pes mac", "pes registers", "vec exp", "vec mac"):
        assert split.energy_by[name] == close(one.energy_by[name])


def test_many_points() -> None:
    rooms = np.array([4, 12, 100])
    report = evaluate(cascade(), WORKLOAD, mapping(), design(ROOM=rooms))
    assert report.points == 3
    (shortfall,) = report.shortfalls
    assert (shortfall.component, shortfall.demand, shortfall.bound, shortfall.unit) == (
        "near in group all",
        12,
        4,
        "bytes",
    )
    assert shortfall.helps == "the mapping cannot run at 1 of 3 points; a larger near or smaller tiles would help"


def test_a_point_that_does_not_fit() -> None:
    (shortfall,) = run(of_design=changed(DESIGN, ("ROOM: 1024", "ROOM: 11"))).shortfalls
    assert shortfall.helps == "the mapping cannot run; a larger near or smaller tiles would help"
    assert run(of_design=changed(DESIGN, ("ROOM: 1024", "ROOM: 12"))).shortfalls == ()


def test_joined_reports_are_the_points_one_after_another() -> None:
    parts = [evaluate(cascade(), WORKLOAD, mapping(), design(ROWS=np.array(r))) for r in ([1, 2], [4])]
    whole = evaluate(cascade(), WORKLOAD, mapping(), design(ROWS=np.array([1, 2, 4])))
    together = joined(lambda: whole.binding, parts)
    assert together.points == 3
    for name in ("latency_s", "energy_j", "area_mm2", "dram_traffic_bytes"):
        found, expected = (np.broadcast_to(getattr(r, name), 3).tolist() for r in (together, whole))
        assert found == close(expected)
    assert together.utilization["pes"].tolist() == close(whole.utilization["pes"].tolist())
    assert together.timeline.groups[0].cycles.tolist() == whole.timeline.groups[0].cycles.tolist()


def test_charging_again_gives_the_same() -> None:
    report = run()
    again = charge(report.binding, report.counts, report.fit, report.timeline)
    assert again == report and again.fit is report.fit


def test_passes_are_none_where_nothing_can_be_said() -> None:
    assert run().passes is None or run().passes >= 1
    assert run(of_cascade=CASCADE + "seq: [k]\n").passes == 1
