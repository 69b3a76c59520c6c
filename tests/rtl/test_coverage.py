"""rtl.bench.coverage: bins, the reader of coverage.dat, and lines that are excused."""

import doctest
from pathlib import Path

import pytest

from rtl.bench import coverage, models_quant, topk
from rtl.bench.coverage import Bins, excused_lines, read_coverage


def test_examples_run() -> None:
    for module in (coverage, models_quant, topk):
        result = doctest.testmod(module)
        assert result.attempted and not result.failed


def test_bins_must_be_declared() -> None:
    bins = Bins(["a"])
    bins.hit("a", False)
    assert bins.missing == ["a"]
    with pytest.raises(KeyError, match="'b' was not declared"):
        bins.hit("b")


def point(file: Path, line: int, kind: str, what: str, count: int, instance: str = "TOP.top") -> str:
    fields = {"f": file, "l": line, "n": 3, "t": kind, "page": f"v_{kind}/top", "o": what, "h": instance}
    return "C '" + "".join(f"\x01{key}\x02{value}" for key, value in fields.items()) + f"' {count}\n"


def test_reader_adds_up_instances_and_names_what_is_missing(tmp_path: Path) -> None:
    source = tmp_path / "top.sv"
    source.write_text("one\ntwo\nthree  // coverage off: no such state\nfour\n")
    data = tmp_path / "coverage.dat"
    data.write_text(
        "# SystemC::Coverage-3\n"
        + point(source, 1, "line", "block", 2)
        + point(source, 1, "line", "block", 3, "TOP.top.other")
        + point(source, 2, "branch", "if", 0)
        + point(source, 3, "branch", "else", 0)
        + point(source, 4, "branch", "else", 0),
        encoding="latin-1",
    )
    found = read_coverage(data)
    assert found.counts["top.sv", 1, "line", "block"] == 5
    assert found.missing("top.sv") == ["top.sv:2: branch if", "top.sv:4: branch else"]
    assert found.missing("other.sv") == []
    assert (found | found).counts["top.sv", 1, "line", "block"] == 10


def test_an_excuse_needs_a_reason(tmp_path: Path) -> None:
    source = tmp_path / "top.sv"
    source.write_text("a\nb  // coverage off\n")
    with pytest.raises(ValueError, match=r"top\.sv:2: 'coverage off' needs a reason"):
        excused_lines(source)
