"""Seeded faults: a table beside each kernel, each fault a piece of text to replace.

`<kernel>.mutants.toml` holds

    parameters = { ... }        # with which the faulty kernel is simulated
    seeds = [1]                 # optional
    bench = "sync_fifo"         # optional: tests.rtl.cocotb_<bench>, by default the kernel's own
    top = "topk_engine"         # optional: the module built around the kernel, by default the kernel

    [[mutant]]
    name = "what is wrong, in words"
    find = "text that occurs once in the kernel"        # any blank stands for any run of blanks and line ends
    replace = "the fault"
    equivalent = "why no test can see it"    # optional
"""

import csv
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rtl.bench.sources import RTL, library

RESULTS = RTL / "bench" / "mutants.csv"


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One fault.

    Attributes
    ----------
    name
        What is wrong, in words.
    find, replace
        The text that occurs once in the kernel, and the fault.
    equivalent
        Why no test can see it; empty where one should.
    """

    name: str
    find: str
    replace: str
    equivalent: str = ""

    @property
    def pattern(self) -> re.Pattern[str]:
        """The text to find, whatever its layout."""
        return re.compile(r"\s+".join(map(re.escape, self.find.split())))


@dataclass(frozen=True, kw_only=True)
class Table:
    """The faults of one kernel and how to look for them.

    Attributes
    ----------
    kernel
        Module that is made faulty.
    top, bench
        Module that is built, and the bench that is run on it.
    parameters, seeds
        Of the build and of the simulations.
    mutants
        The faults.
    """

    kernel: str
    top: str
    bench: str
    parameters: Mapping[str, int] = field(default_factory=dict)
    seeds: tuple[int, ...] = (1,)
    mutants: tuple[Mutant, ...]


def read_table(path: Path) -> Table:
    """Read `<kernel>.mutants.toml`.

    Raises
    ------
    ValueError
        A fault's text does not occur exactly once in the kernel, changes nothing, or there are no faults.
    """
    kernel = path.name.removesuffix(".mutants.toml")
    entry = tomllib.loads(path.read_text(encoding="utf-8"))
    faults = tuple(Mutant(**fault) for fault in entry.pop("mutant", []))
    if not faults:
        raise ValueError(f"{path.name}: a list of [[mutant]] was expected")
    text = library()[kernel].read_text(encoding="utf-8")
    for fault in faults:
        if (found := len(fault.pattern.findall(text))) != 1:
            raise ValueError(
                f"{path.name}: {fault.name!r}: {fault.find!r} occurs {found} times in {kernel}.sv, not once"
            )
        if fault.find == fault.replace:
            raise ValueError(f"{path.name}: {fault.name!r} changes nothing")
    top = entry.pop("top", kernel)
    return Table(
        kernel=kernel,
        top=top,
        bench=f"tests.rtl.cocotb_{entry.pop('bench', top)}",
        seeds=tuple(entry.pop("seeds", [1])),
        mutants=faults,
        **entry,
    )


def tables(root: Path = RTL) -> list[Table]:
    """Read the tables of all kernels."""
    return [read_table(path) for path in sorted(root.rglob("*.mutants.toml"))]


def apply(table: Table, fault: Mutant, folder: Path) -> Path:
    """Write the faulty kernel into a folder, under its own name."""
    text = library()[table.kernel].read_text(encoding="utf-8")
    path = folder / f"{table.kernel}.sv"
    path.write_text(fault.pattern.sub(lambda _: fault.replace, text), encoding="utf-8")
    return path


def read_results() -> dict[str, tuple[int, int]]:
    """Give the faults of each kernel and how many of them were caught when `make mutate` last went through them."""
    with RESULTS.open(encoding="utf-8") as file:
        return {row["kernel"]: (int(row["faults"]), int(row["caught"])) for row in csv.DictReader(file)}


def write_results(found: Mapping[str, tuple[int, int]]) -> None:
    """Put the kernels' results in the place of their older ones."""
    every = {**(read_results() if RESULTS.exists() else {}), **found}
    lines = ["kernel,faults,caught", *(f"{kernel},{n},{caught}" for kernel, (n, caught) in sorted(every.items()))]
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
