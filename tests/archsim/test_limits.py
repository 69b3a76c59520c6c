"""What limits an evaluation, on a machine where it can be seen by hand."""

import pytest

from archsim.limits import bottleneck, busy_cycles, limit
from tests.tiny import DESIGN, MAPPING, changed, run


def slowest(schedule: str, *machine: tuple[str, str]) -> str:
    text = changed(MAPPING, ("keep:", f"schedule: {schedule}\n    keep:"))
    return bottleneck(run(text, of_design=changed(DESIGN, *machine)))


@pytest.mark.parametrize(
    ("schedule", "machine", "expected"),
    [
        ("overlapped", (), "vec"),
        ("overlapped", (("LANES: 2", "LANES: 8"),), "far"),
        ("overlapped", (("8 GB/s", "1 GB/s"),), "far"),
        ("overlapped", (("line: 4", "line: 4, lines_per_cycle: 0.1"),), "near"),
        ("sequential", (), "all Einsums in sequence"),
        ("{phases: [{pes: [Y]}, {vec: [X, Z]}]}", (), "phase 2 (X, Z of vec)"),
        ("{phases: [{pes: [Y, {stall: 99}]}, {vec: [X, Z]}]}", (), "phase 1 (stall, Y of pes)"),
        ("{phases: [{pes: [Y], vec: [X, Z]}]}", (), "vec"),
        ("{phases: [{pes: [Y, {stall: 2}], vec: [X, Z]}]}", (), "vec"),
    ],
)
def test_by_hand(schedule: str, machine: tuple[tuple[str, str], ...], expected: str) -> None:
    if ("LANES: 2", "LANES: 8") in machine:
        machine = (*machine, ("8 GB/s", "5 GB/s"))
    assert slowest(schedule, *machine) == expected


def test_cycles_of_each_array() -> None:
    report = run()
    (group,) = report.timeline.groups
    assert busy_cycles(report, group) == {"pes": 12, "vec": 16}
    assert limit(report, group) == "vec"
