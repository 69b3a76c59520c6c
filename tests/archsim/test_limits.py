"""What limits an evaluation, on a machine where it can be seen by hand."""

import numpy as np
import pytest

from archsim.limits import bottleneck, bottlenecks, busy_cycles, limit
from archsim.model import evaluate
from tests.tiny import DESIGN, MAPPING, WORKLOAD, cascade, changed, design, mapping, run


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


@pytest.mark.parametrize("schedule", ["overlapped", "sequential", "{phases: [{pes: [Y]}, {vec: [X, Z]}]}"])
def test_many_points_equal_one_at_a_time(schedule: str) -> None:
    text = changed(MAPPING, ("keep:", f"schedule: {schedule}\n    keep:"))
    lanes, room = np.array([1.0, 2, 8, 8, 16]), np.array([512.0, 64, 512, 64, 1024])
    names, codes = bottlenecks(evaluate(cascade(), WORKLOAD, mapping(text), design(LANES=lanes, ROOM=room)))
    assert codes.shape == (5,)
    alone = [
        bottleneck(evaluate(cascade(), WORKLOAD, mapping(text), design(LANES=int(n), ROOM=int(r))))
        for n, r in zip(lanes, room, strict=True)
    ]
    assert [names[c] for c in codes] == alone
