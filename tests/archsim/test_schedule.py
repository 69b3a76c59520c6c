"""How long a group takes, on a machine small enough to count by hand: 4 PEs, 2 lanes, 1 GHz, 8 GB/s."""

import numpy as np
import pytest

from archsim.design import Memory
from archsim.schedule import GroupTime, seconds_per_word, transfer_seconds
from tests.tiny import CASCADE, DESIGN, MAPPING, WORKLOAD, cascade, changed, design, mapping, run


def close(value: object) -> object:
    """Equal but for rounding: the numbers are small, so without an absolute tolerance."""
    return pytest.approx(value, rel=1e-9, abs=0)


# Y on 4 PEs: 2 tiles of 4 rows, 6 columns in time, a cycle each. X on 2 lanes: 8 points, exp takes 3. Z: 8 points, add 1.  # noqa: E501
BUSY = {"Y": 12, "X": 12, "Z": 4}
RUNNING = changed(
    CASCADE, ("einsums: |", "init: |\n  S[0] = 0\neinsums: |"), ("X[m] = exp(Y[m])", "S[m+1] = exp(S[m] + Y[m])"),
    ("X[m] + Y[m]", "S[m+1] + Y[m]"),
)  # fmt: skip


def time(
    schedule: str, *changes: tuple[str, str], machine: str = DESIGN, of: str = CASCADE, **values: int
) -> GroupTime:
    text = changed(MAPPING, ("keep:", f"schedule: {schedule}\n    keep:"), *changes)
    (group,) = run(text, of, machine, values).timeline.groups
    return group


@pytest.mark.parametrize(
    ("schedule", "cycles"),
    [
        ("overlapped", 16),
        ("sequential", 28),
        ("auto", 16),
        ("{phases: [{pes: [Y], vec: [X, Z]}]}", 16),
        ("{phases: [{pes: [Y], vec: [X]}, {vec: [Z]}]}", 16),
        ("{phases: [{pes: [Y]}, {vec: [X, Z]}]}", 28),
        ("{phases: [{pes: [Y], vec: [Z]}, {vec: [X]}]}", 24),
        ("{phases: [{pes: [Y, {stall: 5}], vec: [X, Z]}]}", 22),
        ("{phases: [{pes: [Y], vec: [X, Z]}, {pes: [{stall: M0}]}]}", 24),
        ("{phases: [{pes: [{stall: 1}, Y], vec: [X, {stall: 3}]}, {vec: [Z]}]}", 22),
    ],
)
def test_by_hand(schedule: str, cycles: int) -> None:
    group = time(schedule)
    assert group.busy == BUSY
    assert (group.cycles, group.iterations, group.interval) == (cycles, 2, cycles / 2)
    assert group.latency_s == close(max(cycles, 1e9 * group.memory_s["far"]) * 1e-9)


def test_limits_name_what_is_slow() -> None:
    assert time("overlapped").limits == {"pes": 12, "vec": 16}
    assert time("sequential").limits == {"all Einsums in sequence": 28}
    assert time("{phases: [{pes: [Y], vec: [Z]}, {vec: [X]}]}").limits == {"phase 1": 12, "phase 2": 12}


def test_steps_show_one_iteration() -> None:
    assert time("overlapped").steps == ({"pes": (("Y", 6),), "vec": (("X", 6), ("Z", 2))},)
    assert time("sequential").steps == ({"pes": (("Y", 6),)}, {"vec": (("X", 6),)}, {"vec": (("Z", 2),)})
    shown = time("{phases: [{pes: [Y, {stall: 5}]}, {vec: [X, Z]}]}").steps
    assert shown == ({"pes": (("stall", 5), ("Y", 6))}, {"vec": (("X", 6), ("Z", 2))})


def test_ragged_tiles_and_folds() -> None:
    """5 rows on 4 PEs: 2 tiles; X: 2 + 1 folds of the tiles of 4 and 1 rows over 2 lanes."""
    group = time("overlapped", M=5)
    assert group.busy == {"Y": 2 * 6, "X": 3 * 3, "Z": 3}


def test_memory_overlaps_compute_inside_a_group() -> None:
    """A once, B once, Z written: 48 + 6 + 8 words of 2 bytes over 8 bytes a cycle."""
    assert time("overlapped").memory_s == {"far": close(124 / 8e9)}
    slow = time("overlapped", machine=changed(DESIGN, ("8 GB/s", "1 GB/s")))
    assert (slow.cycles, slow.latency_s) == (16, close(124e-9))


def test_lines_of_a_memory() -> None:
    """B is filled with 6 words and read 6 times for each of 2 tiles; lines of 4 words."""
    machine = changed(DESIGN, ("line: 4", "line: 4, lines_per_cycle: 0.5"))
    assert time("overlapped", machine=machine).memory_s["near"] == close(18 / 4 / 0.5 * 1e-9)
    wider = changed(DESIGN, ("line: 4", "line: 8, lines_per_cycle: 0.5"))
    assert time("overlapped", machine=wider).memory_s["near"] == close(18 / 8 / 0.5 * 1e-9)


def test_lines_and_bandwidth_are_both_limits_and_requests_come_on_top() -> None:
    """18 words of 2 bytes in lines of 4, half a line a cycle: 9 cycles; 36 bytes; 2 tiles of 5 cycles."""
    lines = ("line: 4", "line: 4, lines_per_cycle: 0.5")
    for text, expected in (("bandwidth: 1 GB/s", 36), ("bandwidth: 100 GB/s", 9), ("bandwidth: 1 GB/s, request: 5", 46),
                           ("request: 5", 19)):  # fmt: skip
        machine = changed(DESIGN, (lines[0], f"{lines[1]}, {text}"))
        assert time("overlapped", machine=machine).memory_s["near"] == close(expected * 1e-9), text


def test_a_word_takes_the_longer_of_lines_and_bandwidth() -> None:
    wide, narrow = Memory(bandwidth=8e9, line=4, lines_per_cycle=1), Memory(bandwidth=1e9, line=4, lines_per_cycle=1)
    assert seconds_per_word(wide, 2, 1e9) == close(1 / 4e9) and seconds_per_word(narrow, 2, 1e9) == close(2e-9)
    assert seconds_per_word(Memory(bandwidth=1e9), 2, 1e9) == transfer_seconds(Memory(bandwidth=1e9), 20, 10, 1e9) / 10
    assert seconds_per_word(Memory(), 2, 1e9) is None


def test_without_limits_memory_takes_no_time() -> None:
    machine = changed(DESIGN, ("far: {bandwidth: 8 GB/s, component: store}", "far: {component: store}"))
    group = time("overlapped", machine=machine)
    assert (group.memory_s, group.latency_s) == ({}, close(16e-9))


def test_a_recurrence_bounds_the_interval() -> None:
    """S goes from step to step: 3 + 1 cycles a step on one lane, and nothing beside it to run meanwhile."""
    how = (("vec: [X, Z]", "vec: [S, Z]"), (", vec: {lanes: m0}", ", vec: {}"), ("pes: {rows: m0}", "pes: {}"),
           ("loops: [m1]", "loops: [m]"), ("[m1, m0]", "[m]"),
           ("{near: {B: m1}}", "{near: {B: m}, vec: {S: m}}"))  # fmt: skip
    group = time("auto", *how, of=RUNNING)
    assert group.busy == {"Y": 48, "S": 32, "Z": 8}
    (name,) = (n for n in group.limits if n.startswith("recurrence "))
    assert name == "recurrence S" and group.limits[name] == 32
    assert group.cycles == 48
    wide = time("auto", *how, of=changed(RUNNING, ("A[m,k] * B[k]", "A[m,k] * B[k]")), K=1)
    assert wide.limits == {"pes": 8, "vec": 40, "recurrence S": 32} and wide.cycles == 40


def test_independent_tiles_hide_a_recurrence() -> None:
    """The bound is over the tiles inside the running loop: with 4 of them interleaved a quarter is left."""
    text = RUNNING.replace("[m", "[p,m").replace("A[p,m,k]", "A[m,k]").replace("S[0]", "S[p,0]").replace(
        "ranks: {M: 8", "ranks: {P: 4, M: 8").replace("Y[p,m] = A[m,k]", "Y[p,m] = C[p] * A[m,k]").replace(
        "B: [K]}", "B: [K], C: [P]}")  # fmt: skip
    text = text.replace("exp(S[p,m] + Y[p,m])", "S[p,m] + Y[p,m]")
    how = (("vec: [X, Z]", "vec: [S, Z]"), (", vec: {lanes: m0}", ", vec: {}"), ("pes: {rows: m0}", "pes: {}"),
           ("[m1, m0]", "[m]"), ("{near: {B: m1}}", "{vec: {S: m}}"))  # fmt: skip
    inside = time("auto", ("loops: [m1]", "loops: [m, p]"), *how, of=text, P=4)
    outside = time("auto", ("loops: [m1]", "loops: [p, m]"), *how, of=text, P=4)
    key = "recurrence S"
    assert outside.limits[key] == 32 and inside.limits[key] == 32 / 4


def test_many_machines_at_once() -> None:
    from archsim.model import evaluate

    text = changed(MAPPING, ("keep:", "schedule: {phases: [{pes: [Y], vec: [X]}, {vec: [Z, {stall: M0}]}]}\n    keep:"))
    rows = np.array([1, 2, 4, 8])
    many = evaluate(cascade(), WORKLOAD, mapping(text), design(ROWS=rows)).timeline.groups[0]
    for n, r in enumerate(rows):
        one = evaluate(cascade(), WORKLOAD, mapping(text), design(ROWS=int(r))).timeline.groups[0]
        assert (many.cycles[n], many.latency_s[n]) == (one.cycles, close(one.latency_s))


def test_groups_run_one_after_another() -> None:
    text = changed(MAPPING, ("vec: [X, Z]}", "vec: [X]}")) + ""
    second = "groups:\n  last: {loops: [m], binding: {vec: [Z]}, space: {}, keep: {}}\n"
    report = run(text.replace("groups:\n", second, 1))
    assert [g.name for g in report.timeline.groups] == ["last", "all"]
    assert report.latency_s == close(sum(g.latency_s for g in report.timeline.groups))
    assert report.timeline.groups[0].busy == {"Z": 8}
