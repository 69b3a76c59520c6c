"""Tables of seeded faults: readable, long enough, and caught; `make mutate` runs them all."""

from pathlib import Path

import pytest

from rtl.bench import mutants
from rtl.bench.mutants import Mutant, apply, read_table, tables
from rtl.bench.mutate import GOAL, caught
from rtl.bench.sources import RTL, code, library
from tests.rtl.kernel import need_simulator

TABLES = {table.kernel: table for table in tables()}


def test_a_folder_with_faults_has_them_for_every_kernel() -> None:
    folders = {library()[kernel].parent for kernel in TABLES}
    kernels = {name for name, path in library().items() if path.parent in folders and not name.endswith("_pkg")}
    assert folders >= {RTL / "stream", RTL / "sparse"}
    assert kernels <= set(TABLES), f"no .mutants.toml beside {sorted(kernels - set(TABLES))}"


@pytest.mark.parametrize("kernel", TABLES)
def test_table_has_enough_faults_and_few_excuses(kernel: str) -> None:
    faults = TABLES[kernel].mutants
    lines = [line for line in code(library()[kernel].read_text(encoding="utf-8")).splitlines() if line.strip()]
    assert len(faults) >= min(5, len(lines) // 8), "one for every eight lines, five at least in a kernel of forty"
    assert len({fault.name for fault in faults}) == len(faults)
    assert sum(bool(fault.equivalent) for fault in faults) <= 0.2 * len(faults)


@pytest.mark.parametrize(("kernel", "number"), [("sync_fifo", 3), ("row_packer", 4)])
def test_a_fault_is_caught(kernel: str, number: int) -> None:
    need_simulator()
    table = TABLES[kernel]
    assert caught(table, table.mutants[number], prover=False) == "simulation"


def test_an_equivalent_fault_survives() -> None:
    need_simulator()
    table = TABLES["skid_buffer"]
    (fault,) = (fault for fault in table.mutants if fault.equivalent)
    assert caught(table, fault, prover=False) == ""


def test_results_cover_the_tables_and_are_good_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = mutants.read_results()
    assert {kernel: n for kernel, (n, _) in found.items()} == {k: len(t.mutants) for k, t in TABLES.items()}
    for kernel, (_, caught_) in found.items():
        assert caught_ == sum(not fault.equivalent for fault in TABLES[kernel].mutants), kernel
    assert sum(c for _, c in found.values()) >= GOAL * sum(n for n, _ in found.values())
    monkeypatch.setattr(mutants, "RESULTS", tmp_path / "results.csv")
    mutants.write_results({"b": (3, 2)})
    mutants.write_results({"a": (4, 4), "b": (3, 3)})
    assert mutants.read_results() == {"a": (4, 4), "b": (3, 3)}


def test_layout_does_not_matter(tmp_path: Path) -> None:
    fault = Mutant(name="a", find="assign push\n =  in_valid_i", replace="assign push = 1'b1 || in_valid_i")
    text = apply(TABLES["sync_fifo"], fault, tmp_path).read_text()
    assert "assign push = 1'b1 || in_valid_i && in_ready_o;" in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"a list of \[\[mutant\]\] was expected"),
        ('[[mutant]]\nname = "x"\nfind = "no such text"\nreplace = ""\n', "occurs 0 times in sync_fifo.sv, not once"),
        ('[[mutant]]\nname = "x"\nfind = "count_q"\nreplace = ""\n', "times in sync_fifo.sv, not once"),
        ('[[mutant]]\nname = "x"\nfind = "mem_q[read_q];"\nreplace = "mem_q[read_q];"\n', "changes nothing"),
    ],
)
def test_mistakes_in_a_table_are_named(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "sync_fifo.mutants.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_table(path)
    assert mutants.tables(tmp_path / "empty") == []
