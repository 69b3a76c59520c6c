"""Bytes in a memory, computed by hand: tiles, double buffers, what passes through, aliases, running values, spills."""

import numpy as np
import pytest

from archsim.design import Design
from archsim.library import load
from archsim.mapping import Mapping
from archsim.model import evaluate
from archsim.occupancy import Occupancy, occupancy, tile_words
from archsim.workload import Workload
from einsum_cascade import Cascade
from tests.tiny import DESIGN, MAPPING, bound, changed, run


def kept(*changes: tuple[str, str], machine: str = DESIGN) -> Occupancy:
    return occupancy(bound(changed(MAPPING, *changes), of_design=machine))["all", "near"]


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        ("{B: m1}", {"B": 6}),
        ("{A: m1, B: m1}", {"A": 4 * 6, "B": 6}),
        ("{Y: m1, X: m1, Z: m1}", {"Y": 4, "X": 4, "Z": 4}),
        ("{A: k}", {"A": 4}),
        ("{A: k, B: k}", {"A": 4, "B": 1}),
        ("{}", {}),
    ],
)
def test_a_tile_is_what_stands_inside_its_loop(keep: str, expected: dict[str, int]) -> None:
    found = kept(("{near: {B: m1}}", f"{{near: {keep}}}"), ("keep:", "time: {Y: [k]}\n    keep:"))
    assert found.tensors == {t: 2 * words for t, words in expected.items()}
    assert found.bytes == 2 * sum(expected.values())
    assert (found.capacity, found.spilled) == (1024, 0)


def test_ragged_tiles_count_at_their_largest() -> None:
    found = occupancy(bound(changed(MAPPING, ("{B: m1}", "{A: m1}")), values={"M": 10, "M0": 7}))["all", "near"]
    assert found.tensors == {"A": 7 * 6 * 2}
    whole = occupancy(bound(changed(MAPPING, ("{B: m1}", "{A: m1}")), values={"M": 3, "M0": 7}))["all", "near"]
    assert whole.tensors == {"A": 3 * 6 * 2}


def test_double_buffers_count_twice() -> None:
    assert kept(("keep:", "double: [B, Y]\n    keep:")).tensors == {"B": 2 * 6 * 2}


def test_what_passes_through_needs_its_tile() -> None:
    found = kept(("keep:", "stage: {A: m1}\n    double: [A]\n    keep:"))
    assert found.tensors == {"A": 2 * 24 * 2, "B": 12}


def test_what_is_kept_is_not_staged_again() -> None:
    assert kept(("keep:", "stage: {B: m1, A: m1}\n    keep:")).tensors == {"B": 12, "A": 48}


def test_an_alias_takes_no_room_of_its_own() -> None:
    assert kept(("keep: {near: {B: m1}}", "alias: {X: Y}\n    keep: {near: {Y: m1, X: m1}}")).tensors == {"Y": 8}


def test_the_far_memory_and_registers_hold_no_tiles() -> None:
    entries = occupancy(bound(changed(MAPPING, ("{near: {B: m1}}", "{far: {Y: m1}, near: {B: m1}, pes: {B: m1}}"))))
    assert list(entries) == [("all", "near")] and entries["all", "near"].tensors == {"B": 12}


def test_one_memory_alone() -> None:
    machine = changed(DESIGN, ("near: {", "middle: {capacity: 4 KiB}\n  near: {"))
    text = changed(
        MAPPING, ("{near: {B: m1}}", "{middle: {A: m1, B: m1}, near: {B: m1}}"), ("keep:", "stage: {Z: m1}\n    keep:")
    )
    found = bound(text, of_design=machine)
    assert list(occupancy(found)) == [("all", "middle"), ("all", "near")]
    assert occupancy(found)["all", "middle"].tensors == {"Z": 8, "A": 48, "B": 12}, "through the first one on chip"
    assert list(occupancy(found, "near")) == [("all", "near")]


@pytest.mark.parametrize(("room", "spilled"), [(60, 0), (59, 1 / 60), (30, 0.5), (12, 0.8)])
def test_the_part_that_does_not_fit_spills(room: int, spilled: float) -> None:
    """A and B need 24 + 6 words of 2 bytes."""
    changes = (("{B: m1}", "{A: m1, B: m1}"), ("keep:", "spill: proportional\n    keep:"))
    machine = changed(DESIGN, ("ROOM: 1024", f"ROOM: {room}"))
    assert kept(*changes, machine=machine).spilled == pytest.approx(spilled)
    report = run(changed(MAPPING, *changes), of_design=machine)
    assert [s.demand for s in report.shortfalls] == ([60] if spilled else [])
    strict = run(changed(MAPPING, changes[0]), of_design=machine)
    assert strict.fit["all", "near"].spilled == 0
    # A: 48 words come once, and the array reads them from where they are. B: 6 words come once, and each tile of 4 rows
    # reads them again.
    far, near = 48 + 6 + 8 * 1, 48 + 2 * 6
    expected = (48 + 6) * (1 - spilled) + near * spilled + far - 54
    assert report.dram_traffic_bytes == pytest.approx(2 * expected)


def test_many_points_spill_each_for_itself() -> None:
    text = changed(MAPPING, ("{B: m1}", "{A: m1, B: m1}"), ("keep:", "spill: proportional\n    keep:"))
    from tests.tiny import WORKLOAD, cascade, design, mapping

    rooms = np.array([12, 30, 60, 90])
    report = evaluate(cascade(), WORKLOAD, mapping(text), design(ROOM=rooms))
    assert report.fit["all", "near"].spilled.tolist() == pytest.approx([0.8, 0.5, 0, 0])
    (shortfall,) = report.shortfalls
    assert (shortfall.demand, shortfall.bound) == (60, 12)
    assert "at 2 of 4 points" in shortfall.helps


def test_tile_words_of_a_tensor_that_is_not_there() -> None:
    (group,) = bound().groups
    assert tile_words(group, "nothing", "m1") == 0
    assert tile_words(group, "A", "nowhere") == 0
    assert tile_words(group, "A", "m1") == 24


# --- the published mappings -------------------------------------------------------------------------------------------


def evaluated(mapping: str, length: int, **sizes: int):  # type: ignore[no-untyped-def]
    found = load(Mapping, mapping)
    workload = load(Workload, "bert", sequence_length=length, **sizes)
    return evaluate(load(Cascade, found.cascade), workload, found, load(Design, found.design))


@pytest.mark.parametrize(("length", "head", "value"), [(65_536, 64, 64), (7680, 96, 96), (262_144, 64, 256)])
def test_fusemax_keeps_queries_and_running_values_of_a_block(length: int, head: int, value: int) -> None:
    """FuseMax: 2*256*(E+F) + 2*256*P1*(E+F+2) bytes."""
    report = evaluated("fusemax_binding", length, head_dim=head, value_dim=value)
    p1 = report.binding.names["P1"]
    entry = report.fit["attention", "buffer"]
    assert entry.tensors == {
        "Q": 512 * p1 * head, "K": 512 * head, "V": 512 * value, "RM": 512 * p1, "RD": 512 * p1, "RNV": 512 * p1 * value,  # noqa: E501
    }  # fmt: skip
    assert entry.bytes == 512 * (head + value) + 512 * p1 * (head + value + 2) <= 2**24


def test_the_cascade_alone_keeps_scores_and_weights_too() -> None:
    """FuseMax: u = E + F + 2 + 512 for +Cascade."""
    report = evaluated("fusemax_cascade", 65_536)
    p1 = report.binding.names["P1"]
    assert report.fit["attention", "buffer"].bytes == 512 * 128 + 512 * p1 * (130 + 512)


def test_flat_keeps_a_row_of_scores() -> None:
    """64K keys of 256 queries fill the 32 MiB; double-buffered tiles of Q, K, V come on top, AV stays (2 bytes)."""
    entry = evaluated("flat", 65_536).fit["attention", "buffer"]
    assert entry.tensors["QK"] == 65_536 * 256 * 2 == 2**25
    tile = 256 * 64 * 2
    assert {t: b for t, b in entry.tensors.items() if t != "QK"} == dict.fromkeys(("Q", "K", "V", "AV"), 2 * tile)
    assert entry.spilled == pytest.approx(1 - 128 / 129), "FuseMax: 128/129 of what is needed"
