"""Energy tables: exact at their points, power laws between, every mistake in its place."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.energy import Component, EnergyTable, access_energy, read_energy, sram_area
from archsim.library import energy_tables
from einsum_cascade.document import read
from einsum_cascade.errors import SpecError


def close(value: object) -> object:
    """Equal but for rounding: the numbers are small, so without an absolute tolerance."""
    return pytest.approx(value, rel=1e-9, abs=0)


SRAM = Component(source="x", points=((1024.0, 1.0, 3.0), (4096.0, 4.0, 6.0), (65536.0, 20.0, 90.0)))
HEAD = "energy: e\nsource: made up\ncomponents:\n"


def table(components: str) -> EnergyTable:
    return read_energy(read(HEAD + components, "e.yaml")[0])


def mistake(components: str) -> str:
    with pytest.raises(SpecError) as caught:
        table(components)
    return str(caught.value)


@pytest.mark.parametrize("point", SRAM.points)
def test_an_access_is_exact_at_the_points(point: tuple[float, float, float]) -> None:
    assert access_energy(SRAM, point[0]) == point[1:]


@pytest.mark.parametrize(
    ("capacity", "read", "write"),
    [(2048, 2, math.sqrt(18)), (512, 0.5, 3 / math.sqrt(2)), (16_384, math.sqrt(80), math.sqrt(540)),
     (65_536 * 16, 100, 90 * 15)],
)  # fmt: skip
def test_a_power_law_goes_through_the_neighbouring_points(capacity: float, read: float, write: float) -> None:
    """By hand: the middle of two points in logarithms is their geometric mean; outside the last slope goes on."""
    assert access_energy(SRAM, capacity) == close((read, write))


@given(st.lists(st.floats(16, 1e7), min_size=2, max_size=8))
def test_more_capacity_costs_more_and_many_are_one_at_a_time(capacities: list[float]) -> None:
    sizes = np.array(sorted(capacities))
    reads, writes = access_energy(SRAM, sizes)
    assert np.all(np.diff(reads) >= 0) and np.all(np.diff(writes) >= 0)
    one = [access_energy(SRAM, float(s)) for s in sizes]
    assert reads.tolist() == close([r for r, _ in one])
    assert writes.tolist() == close([w for _, w in one])


def test_a_fixed_cost_is_added_at_every_point() -> None:
    plus = Component(source="x", points=((16.0, 1.0, 2.0), (32.0, 2.0, 3.0)), read=0.5, write=0.25)
    assert access_energy(plus, 16) == (1.5, 2.25)
    assert access_energy(plus, 32) == (2.5, 3.25)


def test_without_points_the_capacity_does_not_matter() -> None:
    flat = Component(source="x", read=1.0, write=2.0)
    assert access_energy(flat, 1) == access_energy(flat, 10**9) == (1.0, 2.0)


def test_one_point_holds_everywhere() -> None:
    one = Component(source="x", points=((16.0, 1.0, 2.0),))
    assert access_energy(one, 99) == (1.0, 2.0)
    assert access_energy(one, np.array([1.0, 99.0]))[1].tolist() == [2.0, 2.0]


def test_published_buffers() -> None:
    """FuseMax: CACTI 7 at 16 and 32 MiB, lines of 256 values."""
    sram = energy_tables()["fusemax_paper"].components["sram"]
    assert access_energy(sram, 16 * 2**20) == close((12_512.760572e-12, 15_751.460572e-12))
    assert access_energy(sram, 32 * 2**20) == close((23_854.664592e-12, 27_097.564592e-12))
    assert sram_area(sram, 32_768, 4096) == 84_201_200
    assert sram_area(sram, 65_536, 4096) == 175_717_000


AREA = Component(source="x", area_points=((2, 8, 10.0), (4, 8, 40.0), (8, 8, 40.0)))


def test_area_is_exact_at_the_points_and_the_least_squares_line_elsewhere() -> None:
    assert [sram_area(AREA, lines, 8) for lines in (2, 4, 8)] == [10, 40, 40]
    # In logarithms to the base 2: (4, a), (5, a+2), (6, a+2): slope 1, and a+4/3 in the middle; a = log2(10).
    assert sram_area(AREA, 16, 8) == close(10 * 2 ** (4 / 3 + 2))
    assert sram_area(AREA, 4, 4) == close(10 * 2 ** (4 / 3 - 1)), "the same bits, but no point of the table"


@given(st.lists(st.integers(1, 2**20), min_size=1, max_size=6))
def test_areas_of_many_are_those_of_each(lines: list[int]) -> None:
    together = sram_area(AREA, np.array(lines, float), 8)
    assert together.tolist() == close([sram_area(AREA, n, 8) for n in lines])


def test_one_area_goes_with_the_bits() -> None:
    one = Component(source="x", area_points=((2, 8, 10.0),))
    assert [sram_area(one, 2, 8), sram_area(one, 4, 8)] == close([10, 20])


def test_larger_shipped_buffers_are_never_smaller() -> None:
    sram = energy_tables()["fusemax_physical"].components["sram"]
    off_table = 3 * 2.0 ** np.arange(6, 18)
    assert np.all(np.diff(sram_area(sram, off_table, 4096)) > 0)


def test_components_are_read_in_si_units() -> None:
    found = table("  m: {source: a, per: 8 B, read: 249.6 pJ, write: 1 nJ}\n  op: {source: b, energy: 3 fJ, operands: 1,"  # noqa: E501
                  " charged: one, transfers: free, area: SIDE * 2}\n").components  # fmt: skip
    assert (found["m"].per_bytes, found["m"].read, found["m"].write) == close((8, 249.6e-12, 1e-9))
    op = found["op"]
    assert (op.energy, op.operands, op.charged, op.transfers) == (close(3e-15), 1, "one", "free")
    assert table("  m: {source: a, per: line}\n").components["m"].per_bytes == 0


def test_points_carry_units() -> None:
    found = table("  m: {source: a, points: [[1 KiB, 1 pJ, 2 pJ], [1 MiB, 3 pJ, 4 nJ]]}\n").components["m"]
    assert found.points == ((1024, 1e-12, 2e-12), (2**20, close(3e-12), close(4e-9)))


@pytest.mark.parametrize(
    ("component", "expected"),
    [
        ("{source: a, energy: 3}", "e.yaml:4:26: components.m.energy has the wrong kind of value"),
        ("{source: a, energy: 3 W}", "e.yaml:4:26: 3 W is in watts"),
        ("{source: a, read: 3 mB}", "e.yaml:4:24: unknown unit mB"),
        ("{source: a, per: 8 pJ}", "e.yaml:4:23: 8 pJ is in joules"),
        ("{source: a, points: [[1 pJ, 1 pJ, 1 pJ]]}", "1 pJ is in joules"),
        ("{source: a, charged: all}", "e.yaml:4:27: charged is all\n      m: {source: a, charged: all}\n"
                                      "                              ^^^\n  expected: every or one"),
        ("{source: a, transfers: none}", "transfers is none"),
        ("{source: a, energi: 3 pJ}", "unknown key energi"),
        ("{energy: 3 pJ}", "the key source is missing"),
        ("{source: a, points: [[1 B, 1 pJ]]}", "e.yaml:4:27: a row of points has three columns"),
        ("{source: a, area_points: [[1, 2, 3], [4]]}", "expected: lines, bits a line, um2"),
        ("{source: a, operands: 1.5}", "components.m.operands has the wrong kind of value"),
    ],
)  # fmt: skip
def test_mistakes_stand_in_their_place(component: str, expected: str) -> None:
    found = mistake(f"  m: {component}\n")
    assert expected in found


def test_all_mistakes_come_at_once() -> None:
    found = mistake("  m: {source: a, energy: 3 W}\n  n: {source: a, charged: all}\n  o: {source: a, per: 8 W}\n")
    assert [line.split(":")[1] for line in found.splitlines() if line.startswith("e.yaml")] == ["4", "5", "6"]


def curve(points: str, extra: str = "") -> str:
    return f"  sram: {{source: made up, points: {points}{extra}}}\n"


@pytest.mark.parametrize("capacity", [16, 24, 32, 4096])
def test_an_access_that_is_free_at_every_point_is_free_between(capacity: float) -> None:
    found = table(curve("[[16 B, 0 pJ, 1 pJ], [32 B, 0 pJ, 2 pJ]]")).components["sram"]
    assert access_energy(found, capacity) == (0, close(1e-12 * capacity / 16))
    assert access_energy(found, np.array([capacity, 48.0]))[0].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ("[[16 B, 1 pJ, 1 pJ], [32 B, 2 pJ, 0 pJ]]", "a write at 32 B costs 0 J"),
        ("[[16 B, 0 pJ, 1 pJ], [32 B, 2 pJ, 1 pJ]]", "a read at 16 B costs 0 J"),
        ("[[16 B, 1 pJ, 1 pJ], [32 B, -2 pJ, 1 pJ]]", "a read at 32 B costs -2e-12 J"),
        ("[[32 B, 1 pJ, 1 pJ], [16 B, 2 pJ, 2 pJ]]", "a point at 16 B after one at 32 B"),
        ("[[0 B, 1 pJ, 1 pJ], [16 B, 2 pJ, 2 pJ]]", "a point at 0 B"),
    ],
)
def test_no_power_law_passes_through_nothing(points: str, message: str) -> None:
    text = mistake(curve(points))
    assert message in text and text.startswith("e.yaml:4:") and "^" in text


def test_a_fixed_cost_lifts_a_point_off_zero() -> None:
    found = table(curve("[[16 B, 0 pJ, 1 pJ], [32 B, 2 pJ, 1 pJ]]", ", read: 1 pJ")).components["sram"]
    assert access_energy(found, 16)[0] == close(1e-12)


def test_an_area_of_nothing_is_refused() -> None:
    assert "a number that is not positive" in mistake(curve("[]", ", area_points: [[2, 8, 10], [4, 8, 0]]"))
