"""The table of kernels in rtl/README.md is that of rtl.bench.table."""

import pytest

from rtl.bench import table
from rtl.bench.sources import library


def test_the_readme_holds_the_table_of_today() -> None:
    text = table.README.read_text(encoding="utf-8")
    assert text == table.written(text), "python -m rtl.bench.table"


def test_every_kernel_has_its_row() -> None:
    kernels = {name for name, path in library().items() if path.parent.name in table.FOLDERS}
    listed = {row[0].strip("`").partition(" ")[0] for row in table.rows()}
    assert listed == {name for name in kernels if not name.endswith("_pkg")}
    assert table.cycles().keys() <= listed
    assert table.synthesized().keys() <= listed


def test_formulas_are_those_of_the_headers() -> None:
    assert table.formula(library()["fp_add"]) == "one operation at every enabled clock, Latency 4"
    assert table.formula(library()["prefix_count"]) == "combinational"
    assert table.formula(library()["archsim_pkg"]) == ""
    assert all(table.formula(library()[row[0].strip("`").partition(" ")[0]]) for row in table.rows())


def test_marks_are_needed() -> None:
    with pytest.raises(ValueError, match="were expected"):
        table.written("no marks")
