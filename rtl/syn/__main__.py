"""`python -m rtl.syn`: synthesize the kernels, write their energy table and their list.

Writes designs/energy/nangate45_rtl.yaml and rtl/syn/kernels.csv, and prints the list. With names: only those, and only
their lines of the list.
SOURCE_DATE in the environment stands for today's date in the table's source.
"""

import csv
import datetime
import io
import os
import shutil
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rtl.bench.sources import ROOT
from rtl.syn.kernels import KERNELS, energy_table
from rtl.syn.synthesis import Netlist, missing_tools, synthesize, tool_versions

LIST = ROOT / "rtl" / "syn" / "kernels.csv"
COLUMNS = ["name", "kernel", "cells", "um2", "flip-flops um2", "fmax MHz", "pJ a clock", "activity", "memory bits"]


def row(name: str, netlist: Netlist) -> list[str]:
    """Return a kernel's line of the list."""
    fmax = f"{netlist.fmax_mhz:.0f}" if netlist.fmax_mhz else ""
    energy = f"{netlist.energy_pj:.3g}" if netlist.energy_pj is not None else ""
    areas = [f"{netlist.area_um2:.0f}", f"{netlist.flipflop_um2:.0f}"]
    moves = f"{netlist.activity:.2f}" if netlist.activity is not None else ""
    memory = str(netlist.memory_bits or "")
    return [name, KERNELS[name].label, str(netlist.cells), *areas, fmax, energy, moves, memory]


def write_list(found: Mapping[str, Netlist], path: Path = LIST) -> None:
    """Put the kernels' lines in the place of their older ones, in the order of KERNELS."""
    lines: dict[str, list[str]] = {}
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            lines = {line[0]: line for line in csv.reader(file)}
    lines |= {name: row(name, netlist) for name, netlist in found.items()}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([COLUMNS, *(lines[name] for name in KERNELS if name in lines)])
    path.write_text(text.getvalue(), encoding="utf-8")


def main(names: list[str]) -> int:
    """Synthesize the kernels of these names, or all; write the list, and the energy table of all."""
    if reason := missing_tools():
        print(reason, file=sys.stderr)
        return 2
    unknown = [name for name in names if name not in KERNELS]
    if unknown:
        print(f"unknown kernels {', '.join(unknown)}; known: {', '.join(KERNELS)}", file=sys.stderr)
        return 2
    chosen = names or list(KERNELS)
    found: dict[str, Netlist] = {}

    def one(name: str) -> tuple[str, Netlist, float]:
        start = time.monotonic()
        return name, synthesize(KERNELS[name]), time.monotonic() - start

    print("\t".join(COLUMNS), flush=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, netlist, seconds in pool.map(one, chosen):
            found[name] = netlist
            print("\t".join([*row(name, netlist), f"({seconds:.0f} s)"]), flush=True)
    if not shutil.which("sta"):
        print("OpenSTA (sta) is not installed, so there are no delays and energies: no file written", file=sys.stderr)
        return 1
    write_list(found)
    if names:
        return 0
    date = os.environ.get("SOURCE_DATE") or datetime.date.today().isoformat()
    source = (
        f"make synth, {date}: {tool_versions()}; no wires, random operands, mean activity of a zero-delay simulation"
    )
    (ROOT / "designs" / "energy" / "nangate45_rtl.yaml").write_text(energy_table(found, source), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
