"""The table of kernels in rtl/README.md: `python -m rtl.bench.table` writes it anew from what the tools left.

Cells, area and speed come from syn/kernels.csv (`make synth`), the formula from the kernel's header, cycles from the
functions that the benches hold the simulated cycles to with ==, proofs from formal/proofs.toml, faults from
bench/mutants.csv (`make mutate`), excused lines from the marks in the source. Coverage is complete but for those:
tests/rtl fails otherwise.
"""

import csv
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rtl.bench import models_quant, topk
from rtl.bench.coverage import excused_lines
from rtl.bench.models_exp import exp_unit_latency, steps
from rtl.bench.models_float import MAC_LATENCY, divide_latency
from rtl.bench.models_softmax import online_softmax_latency
from rtl.bench.models_tile import Shape
from rtl.bench.mutants import read_results
from rtl.bench.sources import RTL, library
from rtl.bench.stimuli import SCORES
from rtl.formal.prove import proofs

README = RTL / "README.md"
FOLDERS = ("stream", "sparse", "arith", "array", "softmax", "attention_tile")
BEGIN, END = "<!-- written by python -m rtl.bench.table -->", "<!-- end of the written table -->"
HEADER = ("kernel", "cells", "um2", "MHz", "cycle formula", "cycles", "proofs", "coverage", "faults caught")

TILE = Shape(rows=4, cols=4, keys=8, values=8)


def selected(name: str) -> topk.Selection:
    """Select 512 of 1024 uniform scores of 12 bits with 16 lanes."""
    keys = SCORES["uniform"](np.random.default_rng(1), 1024, 12)
    return topk.quick_select(keys, 512, 16) if name == "quick" else topk.radix_select(keys, 512, 16, 12)


def engine(name: str) -> int:
    """Give the cycles of topk_engine for the same scores."""
    keys = SCORES["uniform"](np.random.default_rng(1), 1024, 12)
    found = selected(name)
    return topk.engine_cycles(1024, 16, found, topk.kept(keys, found.theta, found.keep_equal))


def cycles() -> dict[str, str]:
    """Give each clocked kernel's cycles at one point, by the function that its bench compares with."""
    lane = MAC_LATENCY + divide_latency(8)
    return {
        "sync_fifo": "1",
        "skid_buffer": "1",
        "stream_fork": "0",
        "row_packer": "1",
        "quant_decision": f"{models_quant.LATENCY}",
        "quick_select": f"{selected('quick').cycles} (n 1024, k 512)",
        "radix_select": f"{selected('radix').cycles} (n 1024)",
        "topk_engine": f"quick {engine('quick')}, radix {engine('radix')} (n 1024, k 512)",
        "fp_mac": f"{MAC_LATENCY}",
        "fp_add": f"{MAC_LATENCY}",
        "fp_sum": f"{MAC_LATENCY}",
        "fp_div": f"{divide_latency(8)}",
        "int_mac": "3",
        "exp_unit": f"{exp_unit_latency(3)} (degree 3)",
        "exp_sequence": f"{steps(3)} steps (degree 3)",
        "vector_lane": f"{lane}",
        "vector_array": f"{lane + 3} (4 lanes)",
        "pe_array": f"{MAC_LATENCY * 3 + 3} (4 x 4)",
        "running_max": "2",
        "online_softmax": f"{online_softmax_latency(4, 3)} (4 lanes, degree 3)",
        "tile_schedule": f"{MAC_LATENCY * TILE.steps} (E = F = 8)",
        "attention_tile": f"{TILE.cycles(96):,} (96 commands, E = F = 8, 4 x 4)",
    }


def formula(path: Path) -> str:
    """Give the first sentence after `Cycles` in a kernel's header."""
    found = re.search(r"^// (Cycles\b.*?)\n(?!//)", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    if found is None:
        return ""
    text = re.sub(r"\n// ?", " ", found[1]).removeprefix("Cycles:").removeprefix("Cycles ").strip()
    return re.split(r"\. (?=[A-Z])", text)[0].rstrip(".").replace("|", "/")


def synthesized() -> dict[str, list[Mapping[str, str]]]:
    """Give the rows of syn/kernels.csv of each module."""
    found: dict[str, list[Mapping[str, str]]] = {}
    with (RTL / "syn" / "kernels.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["kernel"].partition(" ")[0], []).append(row)
    return found


def rows() -> list[tuple[str, ...]]:
    """Give the table's rows, a kernel more than once where it is synthesized with several parameters."""
    areas, faults, counted = synthesized(), read_results(), cycles()
    proved: dict[str, list[str]] = {}
    for proof in proofs():
        proved.setdefault(proof.kernel, []).append(proof.name)
    result = []
    for folder in FOLDERS:
        for path in sorted((RTL / folder).glob("*.sv")):
            name = path.stem
            if name not in library() or name.endswith("_pkg"):
                continue
            excused = len(excused_lines(path))
            coverage = f"all but {excused} excused" if excused else "all"
            caught = "{1} of {0}".format(*faults[name]) if name in faults else "-"
            last = (", ".join(proved.get(name, ["-"])), coverage, caught)
            first, *more = areas.get(name, [{}])
            result.append((*sizes(name, first), formula(path), counted.get(name, "-"), *last))
            result += [(*sizes(name, other), "", "", "", "", "") for other in more]
    return result


def sizes(name: str, row: Mapping[str, str]) -> tuple[str, ...]:
    """Give a kernel with its parameters, cells, area and speed."""
    label = row.get("kernel", name)
    if not row:
        return f"`{label}`", "-", "-", "-"
    memory = f" + {int(row['memory bits']):,} bits" if row.get("memory bits") else ""
    return f"`{label}`", f"{int(row['cells']):,}", f"{int(row['um2']):,}{memory}", row["fmax MHz"] or "-"


def table() -> str:
    """Give the table in Markdown."""
    lines = [HEADER, ("---",) * len(HEADER), *rows()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def written(text: str) -> str:
    """Give the README's text with the table anew.

    Raises
    ------
    ValueError
        The two marks between which it stands are missing.
    """
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{README.name}: {BEGIN!r} and {END!r} were expected")
    return f"{head}{BEGIN}\n\n{table()}\n\n{END}{tail}"


def main() -> int:
    """Write the table into rtl/README.md."""
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
