"""Which array does what in each clock: the attention tile in simulation, and the model's timeline under it.

`python -m tests.rtl.waves FILE.png` simulates four tiles of keys at E = F = 8 on 4 x 4 elements and draws the operation
of every element and lane (`make waves` writes rtl/waves.png).
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from archsim.timeline import Tile, tiles
from rtl.bench.models_float import MAC_LATENCY
from rtl.bench.models_tile import Shape
from rtl.bench.toolchain import build, missing_tools, simulate
from tests.rtl.test_tile_model import predicted

GROUPS = 4
INSTRUCTION = 10  # bits; the operation is in the upper four
OPERATIONS = (
    "", "dot", "local max", "row sum", "weighted sum", "exp", "exp", "exp", "exp", "exp", "exp", "run max", "add den",
    "add num", "scale den", "scale num",
)  # fmt: skip
EINSUMS = {
    "dot": ["BQK"], "local max": ["LM"], "row sum": ["SLD"], "weighted sum": ["SLNV"], "exp": ["SLN", "PRM"],
    "run max": ["RM"], "add den": ["RD"], "add num": ["RNV"], "scale den": ["SPD"], "scale num": ["SPNV"],
    "divide": ["AV"],
}  # fmt: skip
COLOURS = {
    "dot": "#4c78a8", "local max": "#e45756", "exp": "#f2a541", "row sum": "#7b5ea7", "weighted sum": "#54a24b",
    "run max": "#b3202a", "add den": "#9d7bc0", "add num": "#2f7f79", "scale den": "#c9b3dd", "scale num": "#83c5be",
    "divide": "#555555",
}  # fmt: skip


def traced(shape: Shape, groups: int) -> tuple[list[list[int]], int]:
    """Simulate; return the traced words of each clock from the first command on, and the cycles that it took."""
    parameters = {"Rows": shape.rows, "Cols": shape.cols, "Keys": shape.keys, "Values": shape.values}
    made = build("attention_tile", parameters, args=("--public-depth", "2"))  # what is inside the arrays too
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "report.json"
        options = {"ARCHSIM_GROUPS": str(groups), "ARCHSIM_REPORT": str(out), "ARCHSIM_TRACE": "1"}
        simulate(made, "tests.rtl.cocotb_attention_tile", seed=1, testcase="cycles_and_utilization", options=options)
        found = json.loads(out.read_text())
    return found["trace"][found["start"] :], found["cycles"]


def operations(words: Sequence[int], place: int) -> list[str]:
    """Return the operation at one place of a vector of instructions in each clock."""
    return [OPERATIONS[word >> (INSTRUCTION * place + INSTRUCTION - 4) & 15] for word in words]


def lines(shape: Shape, trace: Sequence[Sequence[int]]) -> dict[str, list[str]]:
    """Return what each element, each lane and the output does in each clock."""
    found = {}
    elements, lanes = [clock[0] for clock in trace], [clock[1] for clock in trace]
    for r in range(shape.rows):
        for c in range(shape.cols):
            found[f"PE {r},{c}"] = operations(elements, r * (shape.cols + 1) + c)
    for c in range(shape.cols):
        found[f"lane {c}"] = operations(lanes, c)
    found["output"] = ["divide" if clock[2] else "" for clock in trace]
    return found


def runs(line: Sequence[str]) -> list[tuple[str, int, int]]:
    """Return (operation, start, length) of every run of one operation."""
    result: list[tuple[str, int, int]] = []
    for clock, name in enumerate(line):
        if result and result[-1][0] == name:
            result[-1] = (name, result[-1][1], result[-1][2] + 1)
        else:
            result.append((name, clock, 1))
    return [run for run in result if run[0]]


def ink(colour: str) -> str:
    """Return black or white, whichever is read better on a colour."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "black" if 0.3 * red + 0.59 * green + 0.11 * blue > 140 else "white"


def picture(shape: Shape, trace: Sequence[Sequence[int]], cycles: int, tile: Tile, file: Path) -> None:
    """Write the picture: above the simulation, below the model's tile repeated."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    every = lines(shape, trace)
    figure = Figure(figsize=(15, 9.5), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[len(every), 7])
    elements = shape.rows * shape.cols
    named = (elements // 2 - 1, elements + shape.cols // 2, len(every) - 1)  # one line of each array says what it does
    for y, line in enumerate(every.values()):
        for name, start, length in runs(line):
            above.broken_barh([(start, length)], (y - 0.45, 0.9), color=COLOURS[name])
            if y in named and length > 20:
                above.text(start + length / 2, y, name, ha="center", va="center", fontsize=8, color=ink(COLOURS[name]))
    above.set_yticks(range(len(every)), list(every), fontsize=8)
    above.set_ylim(len(every) - 0.4, -0.6)
    for y in (elements, elements + shape.cols):
        above.axhline(y - 0.5, color="black", linewidth=0.8)
    for axes, what in ((above, "element (row, column) and lane (column)"), (below, "array")):
        axes.set_ylabel(what)
    interval = MAC_LATENCY * shape.steps
    for k in range(cycles // interval + 2):
        for axes in (above, below):
            axes.axvline(k * interval, color="black", linewidth=0.8, linestyle=":")
        if k <= GROUPS:
            what = ["2D: tile 0", *(f"2D: tile {i}, weights of tile {i - 1}" for i in range(1, GROUPS)),
                    f"2D: weights of tile {GROUPS - 1}"]  # fmt: skip
            above.text((k + 0.5) * interval, 1.0, what[k], ha="center", va="bottom", fontsize=9,
                       transform=above.get_xaxis_transform())  # fmt: skip
    above.set_title(
        f"RTL, simulated: {GROUPS} x {MAC_LATENCY} tiles of {shape.rows} keys by {shape.cols} queries, "
        f"E = {shape.keys}, F = {shape.values}: {cycles} clocks = "
        f"{GROUPS} x {interval} + {shape.fill} of fill and drain",
        pad=20,
    )
    colour = {einsum: COLOURS[name] for name, einsums in EINSUMS.items() for einsum in einsums}
    for k in range(GROUPS):
        for bar in tile.bars:
            start, length = (k * shape.steps + bar.start) * MAC_LATENCY, bar.length * MAC_LATENCY
            y = tile.rows.index(bar.row)
            below.broken_barh([(start, length)], (y - 0.4, 0.8), color=colour[bar.name], edgecolor="white")
            if length > 20:
                light = ink(colour[bar.name])
                below.text(start + length / 2, y, bar.name, ha="center", va="center", fontsize=9, color=light)
    below.set_yticks(range(len(tile.rows)), [row.replace("_", " ") for row in tile.rows])
    below.invert_yaxis()
    below.set_title(
        f"model (archsim): {GROUPS} iterations of {shape.steps} steps of {MAC_LATENCY} clocks in the steady state, "
        "without fill and drain"
    )
    below.set_xlabel(f"clock; dotted: every {interval} clocks, the initiation interval")
    below.set_xlim(0, len(trace))
    handles = [Patch(color=c, label=f"{n} ({', '.join(EINSUMS[n])})") for n, c in COLOURS.items()]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=6,
        fontsize=9,
        title="operation in the RTL (Einsum in the model)",
    )
    figure.savefig(file, dpi=110)


def main(arguments: Sequence[str]) -> int:
    """Write the picture into the file named."""
    if len(arguments) != 1:
        print("usage: python -m tests.rtl.waves FILE.png", file=sys.stderr)
        return 2
    if reason := missing_tools():
        print(reason, file=sys.stderr)
        return 2
    shape = Shape(rows=4, cols=4, keys=8, values=8)
    trace, cycles = traced(shape, GROUPS)
    (tile,) = tiles(predicted("mapping", shape, GROUPS))
    picture(shape, trace[: cycles + 8], cycles, tile, Path(arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
