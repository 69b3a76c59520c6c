"""Designs: parameters and expressions, numbers and arrays of them, and every mistake with its place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.design import Array, Design, Operation
from archsim.library import load, names
from einsum_cascade.errors import SpecError
from tests.tiny import DESIGN, changed, design


def mistake(*changes: tuple[str, str], **values: int) -> str:
    with pytest.raises(SpecError) as caught:
        design(changed(DESIGN, *changes), **values)
    return str(caught.value)


def test_everything_is_in_si_units() -> None:
    found = design()
    assert (found.name, found.clock, found.source) == ("small", 1e9, "made up")
    far, near = found.memories.values()
    assert (far.capacity, far.bandwidth, far.lines_per_cycle, far.line) == (None, 8e9, None, 1)
    assert (near.capacity, near.bandwidth, near.line, near.charged_as) == (1024, None, 4, 1024)
    assert list(found.memories) == ["far", "near"], "from far to near, as written"
    assert (found.arrays["pes"].lanes, found.arrays["pes"].units, found.arrays["vec"].area) == (4, ("mac",), 9)


def test_parameters_are_evaluated_in_order_and_may_be_replaced() -> None:
    text = changed(DESIGN, ("ROOM: 1024", "ROOM: ROWS * 2**8, HALF: ROOM // 2"))
    assert design(text).parameters == {"ROWS": 4, "LANES": 2, "ROOM": 1024, "HALF": 512}
    wide = design(text, ROWS=16)
    assert (wide.parameters["HALF"], wide.arrays["pes"].lanes, wide.memories["near"].capacity) == (2048, 16, 4096)
    assert design(text, ROOM=10).parameters["HALF"] == 5


def test_a_name_that_stands_anywhere_in_the_document_may_be_given() -> None:
    text = changed(DESIGN, ("8 GB/s", "SPEED"))
    assert design(text, SPEED=7).memories["far"].bandwidth == 7
    with pytest.raises(SpecError, match="SPEED has no value"):
        design(text)


@given(st.lists(st.tuples(st.integers(1, 512), st.integers(1, 2**20)), min_size=1, max_size=5))
def test_arrays_of_values_are_designs_side_by_side(points: list[tuple[int, int]]) -> None:
    text = changed(
        DESIGN,
        ("LANES: 2", "LANES: 2, MAX: 3"),
        ("near: {capacity: ROOM, line: 4", "near: {capacity: 'MAX*ROWS + ROOM', line: ROWS"),
    )
    rows, room = (np.array(c) for c in zip(*points, strict=True))
    many = design(text, ROWS=rows, ROOM=room)
    for n, (r, b) in enumerate(points):
        one = design(text, ROWS=r, ROOM=b)
        assert many.memories["near"].capacity[n] == one.memories["near"].capacity
        assert many.memories["near"].line[n] == r
        assert many.arrays["pes"].lanes[n] == one.arrays["pes"].lanes


def test_lanes_multiply_and_cycles_are_those_of_the_most_frequent_action() -> None:
    assert Array(shape={"a": 3, "b": 4, "c": 5}, operations={}).lanes == 60
    assert Array(shape={}, operations={}).lanes == 1
    assert Operation(actions={"mac": 6}).cycles == 6
    assert Operation(actions={"add": 1, "exp": 1}).cycles == 1
    assert Operation(actions={"add": 2, "exp": 3}).cycles == 3


@pytest.mark.parametrize(
    ("text", "actions", "cycles"),
    [
        ("mac", {"mac": 1}, 1),
        ("6 mac", {"mac": 6}, 6),
        ("  2   mac ", {"mac": 2}, 2),
        ("mac + exp", {"mac": 1, "exp": 1}, 1),
        ("mac+4 exp", {"mac": 1, "exp": 4}, 4),
        ("mac + mac", {"mac": 2}, 2),
        ("mac + 2 mac + exp", {"mac": 3, "exp": 1}, 3),
    ],
)
def test_costs(text: str, actions: dict[str, int], cycles: int) -> None:
    found = design(changed(DESIGN, ("mul+add: mac,", f"mul+add: {text},"))).arrays["pes"].operations["mul+add"]
    assert (found.actions, found.cycles) == (actions, cycles)


@pytest.mark.parametrize("text", ["0 mac", "-1 mac", "1.5 mac", "mac exp", "mac +", "+", "6", "6 Mac", "6mac"])
def test_what_is_no_cost(text: str) -> None:
    found = mistake(("mul+add: mac,", f'mul+add: "{text}",'))
    assert f"{text} is not a cost" in found
    assert "expected: an action such as mac, several such as 6 mac, or side by side: add + exp" in found


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("1 GHz", "1 GB", "d.yaml:4:8: 1 GB is in bytes\n    clock: 1 GB\n           ^^^^\n  expected: a number and a"
                          " unit of hertz, such as 16 GHz"),
        ("1 GHz", "0 GHz", "d.yaml:4:8: clock is 0 GHz\n    clock: 0 GHz\n           ^^^^^\n  expected: a positive quan"),  # noqa: E501
        ("1 GHz", "-1 GHz", "clock is -1 GHz"),
        ("1 GHz", "CLOCK", "d.yaml:4:8: CLOCK has no value"),
        ("8 GB/s", "0 GB/s", "bandwidth is 0 GB/s"),
        ("8 GB/s", "8 GB", "8 GB is in bytes"),
        ("capacity: ROOM", "capacity: 0 - ROOM", "0 - ROOM is not a quantity"),
        ("capacity: ROOM", "capacity: (0 - ROOM)", "capacity is (0 - ROOM)"),
        ("capacity: ROOM", "capacity: ROM", "ROM has no value\n      near: {capacity: ROM,"),
        ("line: 4", "line: 0", "line is 0"),
        ("line: 4", "line: 4, lines_per_cycle: 0", "lines_per_cycle is 0"),
        ("line: 4", "line: 4, lines_per_cycle: -1", "lines_per_cycle is -1"),
        ("line: 4", "line: [4]", "memories.near.line has the wrong kind of value"),
        ("line: 4", "lin: 4", "unknown key lin\n"),
        ("line: 4", "line: 4, charged_as: 0", "0 has no unit"),
        ("{rows: ROWS}", "{rows: ROWS - 4}", "d.yaml:9:23: rows is 0"),
        ("{rows: ROWS}", "{rows: ROW}", "ROW has no value"),
        ("{rows: ROWS}", "{rows: 'ROWS +'}", "rows: 'ROWS +'"),
        ("component: cache", "component: cach", "the energy table tiny has no component cach\n"),
        ("registers: file", "registers: files", "the energy table tiny has no component files\n"),
        ("units: [mac]", "units: [mac, div]", "the energy table tiny has no component div\n"),
        ("exp: 3 exp", "exp: 3 expo", "the energy table tiny has no component expo\n"),
        ("exp: 3 exp", "expo: 3 exp", "unknown operation expo\n"),
        ("mul+add: mac", "mul+ad: mac", "unknown operation ad\n"),
        ("energy: tiny", "energy: tinny", "d.yaml:11:9: no energy table named tinny\n"),
        ("LANES: 2", "LANES: 2 +", "d.yaml:3:33: unexpected end of line"),
        ("LANES: 2", "LANES: ROWS + LINES", "LINES has no value"),
        ("area: 9", "area: SIDE", "SIDE has no value"),
        ("clock: 1 GHz\n", "", "the key clock is missing"),
        ("source: made up\n", "", "the key source is missing"),
    ],
)  # fmt: skip
def test_mistakes_stand_in_their_place(old: str, new: str, expected: str) -> None:
    assert expected in mistake((old, new))


def test_hints_name_what_is_near() -> None:
    assert "hint: did you mean store?" in mistake(("component: store", "component: stor"))
    assert "hint: did you mean ROOM or ROWS?" in mistake(("capacity: ROOM", "capacity: ROOMS"))
    assert "d.yaml:3:13: small has no parameter LANE\n" in mistake(LANE=3)
    assert "hint: did you mean LANES?" in mistake(LANE=3)


def test_all_mistakes_come_at_once_in_the_order_of_the_file() -> None:
    found = mistake(("1 GHz", "1 s"), ("line: 4", "line: 0"), ("registers: file", "registers: fil"), ("tiny", "tiny"))
    assert [line.split(":")[1] for line in found.splitlines() if line.startswith("d.yaml")] == ["4", "7", "9"]


def test_a_design_needs_a_memory() -> None:
    text = DESIGN.split("memories:")[0] + "memories: {}\narrays:" + DESIGN.split("arrays:")[1]
    with pytest.raises(SpecError, match="a design needs at least one memory"):
        design(text)


def test_one_point_of_many_that_is_not_positive_is_refused() -> None:
    with pytest.raises(SpecError, match="rows is "):
        design(ROWS=np.array([4, 0, 2]))


@pytest.mark.parametrize("name", [n for n in names("design") if {"array_2d", "array_1d"} <= {*load(Design, n).arrays}])
def test_shipped_designs_scale_with_their_side(name: str) -> None:
    for side in (32, 512):
        found = load(Design, name, SIDE=side)
        assert (found.arrays["array_2d"].lanes, found.arrays["array_1d"].lanes) == (side * side, side)


def test_numerics_of_a_design() -> None:
    found = load(Design, "fusemax").numerics
    assert found is not None and found.exponential.macs == found_exponential("fusemax") == 6
    assert found.word.bits == 16 and "assumed" in found.source
    assert load(Design, "flat_cloud").numerics is None
    changed = load(Design, "fusemax", {"numerics.word": "fp16", "numerics.exponential": "table64"}).numerics
    assert changed is not None and (changed.word.name, changed.exponential.name) == ("fp16", "table64")


def found_exponential(name: str) -> int:
    """Return what an exponential costs on the design's larger array, in multiply-accumulates."""
    return load(Design, name).arrays["array_2d"].operations["exp"].actions["mac"]
