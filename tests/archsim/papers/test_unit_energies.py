"""Unit energies of two tables side by side."""

import json
import math

import pytest
from click.testing import CliRunner

from archsim.cli import main
from archsim.design import Design
from archsim.energy import Component, EnergyTable
from archsim.library import energy_tables, load
from archsim.model import evaluate
from archsim.papers.unit_energies import _pairs, comparisons
from archsim.workload import Workload
from einsum_cascade import Cascade
from einsum_cascade import load as load_cascade


def test_every_component_that_differs_is_shown_with_its_reason() -> None:
    design = load(Design, "fusemax")
    mac = Component(source="x", energy=2e-12, differs="because")
    same = Component(source="x", energy=3e-12)
    unknown = Component(source="x", energy=3e-12, differs="no such component beside")
    table = EnergyTable(name="t", components={"mac": mac, "add": same, "warp": unknown})
    (pair,) = _pairs(table, design)
    assert (pair.component, pair.why) == ("mac", "because")
    assert pair.energy_pj == pytest.approx(2) and pair.other_pj == pytest.approx(17.1645)
    assert (pair.area_um2, pair.other_um2) == (0, 1545)


def test_registers_are_compared_by_their_reads_and_the_design_s_depth() -> None:
    pairs = {p.component: p for p in comparisons()["nangate45_rtl beside fusemax_physical (fusemax)"]}
    registers = pairs["registers_1d"]
    assert registers.other_pj == pytest.approx(2.194455)
    assert registers.other_um2 == pytest.approx(5.98 * 32 * 64 + 71 * 64 + 2 * 5.81742 * 6)
    assert all(p.why and p.energy_pj > 0 and p.area_um2 > 0 for p in pairs.values())


def test_only_tables_that_ask_for_it_are_compared() -> None:
    assert len(comparisons()) == sum(bool(table.beside) for table in energy_tables().values())


def test_a_machine_of_our_own_kernels_has_their_area() -> None:
    table = energy_tables()["nangate45_rtl"].components
    from archsim.mapping import Mapping

    mapping = load(Mapping, "fusemax_binding")
    design = load(Design, "fusemax", {"energy": "nangate45_rtl"})
    report = evaluate(load_cascade(Cascade, mapping.cascade), load(Workload, "bert"), mapping, design)
    from archsim.value import evaluate as number

    lane = sum(float(number(table[name].area, {})) for name in ("registers_2d", "max", "mac"))
    assert float(report.area_by["array_2d"]) == pytest.approx((65536 * lane + 256) / 1e6)
    assert math.isfinite(float(report.energy_j))


@pytest.mark.slow
def test_validate_shows_them() -> None:
    shown = CliRunner().invoke(main, ["validate", "--json"])
    pairs = json.loads(shown.stdout)["unit_energies"]["nangate45_rtl beside fusemax_physical (fusemax)"]
    assert {"mac", "registers_2d"} <= {pair["component"] for pair in pairs}
