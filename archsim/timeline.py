"""One tile on every array: when which Einsum runs, as text and as a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from archsim.report import Report
from archsim.schedule import GroupTime

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Bar", "Tile", "draw", "plot", "tiles"]

WIDTH = 96


@dataclass(frozen=True, kw_only=True)
class Bar:
    """What `row`, an array or a memory, does from `start` for `length` cycles."""

    row: str
    name: str
    start: float
    length: float


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One iteration of a group's innermost shared loop, of which there are `count`: `cycles` long, with its bars."""

    group: str
    count: float
    cycles: float
    rows: tuple[str, ...]
    bars: tuple[Bar, ...]


def tiles(report: Report) -> list[Tile]:
    """Return one tile of every group. Memories show the time that their transfers for one tile take."""
    return [_tile(report, group) for group in report.timeline.groups]


def _tile(report: Report, group: GroupTime) -> Tile:
    clock, count = float(report.binding.design.clock), float(group.iterations)
    bars: list[Bar] = []
    start = 0.0
    for step in group.steps:
        longest = 0.0
        for array, entries in step.items():
            at = start
            if report.binding.design.arrays[array].pipelined:  # stages side by side: the longest stands for all
                entries = (max(entries, key=lambda e: float(e[1])),)
            for name, cycles in entries:
                bars.append(Bar(row=array, name=name, start=at, length=float(cycles)))
                at += float(cycles)
            longest = max(longest, at - start)
        start += longest
    arrays = {bar.row for bar in bars}
    memories = {m: float(s) * clock / count for m, s in group.memory_s.items() if float(s)}
    bars += [Bar(row=m, name="transfers", start=0.0, length=c) for m, c in memories.items()]
    rows = (*(a for a in report.binding.design.arrays if a in arrays), *memories)
    return Tile(
        group=group.name, count=count, cycles=float(group.latency_s) * clock / count, rows=rows,
        bars=tuple(b for b in bars if b.length > 0),
    )  # fmt: skip


def draw(report: Report, width: int = WIDTH) -> str:
    """Return the timeline of one tile of every group as text, `width` characters for its cycles."""
    return "\n".join(_draw(tile, width) for tile in tiles(report))


def _draw(tile: Tile, width: int) -> str:
    margin = max(len(row) for row in tile.rows) + 2
    end = _cycles(tile.cycles)
    lines = [f"Timeline of {_title(tile)}", " " * margin + "0" + " " * (width - len(end)) + end]
    for row in tile.rows:
        cells = [" "] * width
        for bar in (b for b in tile.bars if b.row == row):
            first = round(bar.start / tile.cycles * width)
            last = min(width, round((bar.start + bar.length) / tile.cycles * width))
            room = max(0, last - first)
            if room == 0 and first < width and cells[first] == " ":
                cells[first] = "|"
            text = f"|{bar.name}" if room > len(bar.name) else "|"
            cells[first : first + room] = f"{text:-<{room}}"[:room]
        lines.append(f"{row:<{margin}}{''.join(cells)}|")
    for row in tile.rows:
        own = [b for b in tile.bars if b.row == row]
        idle = tile.cycles - sum(b.length for b in own)
        parts = [f"{b.name} {_cycles(b.length)}" for b in own]
        parts += [f"idle {_cycles(idle)}"] if idle > 1e-9 * tile.cycles else []
        lines.append(f"  cycles of {row}: {', '.join(parts)}")
    return "\n".join([*lines, ""])


def _cycles(value: float) -> str:
    return f"{value:,.0f}" if value >= 10_000 else f"{value:,.6g}"


def _title(tile: Tile) -> str:
    several = f"one of {tile.count:,.0f} tiles" if tile.count > 1 else "one tile"
    return f"group {tile.group}: {several}, {_cycles(tile.cycles)} cycles"


def plot(report: Report, file: Path, title: str) -> None:
    """Write the timeline as a picture: arrays as rows, Einsums as coloured bars with their names, cycles along x.

    The suffix of the file (.png, .svg or .pdf) says which format. Raises SpecError if the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from archsim.picture import save

    found = tiles(report)
    heights = [max(len(t.rows), 0.3 * len({b.name for b in t.bars})) + 1 for t in found]
    figure = Figure(figsize=(11, 0.8 + 0.75 * sum(heights)), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    panels = figure.subplots(len(found), 1, squeeze=False, height_ratios=heights)[:, 0]
    names = list(dict.fromkeys(b.name for t in found for b in t.bars))
    for axes, tile in zip(panels, found, strict=True):
        _panel(axes, tile, names)
    save(figure, file, dpi=150)


def _panel(axes: "Axes", tile: Tile, names: Sequence[str]) -> None:
    from matplotlib import colormaps
    from matplotlib.patches import Patch

    colours = colormaps["tab20"].colors  # type: ignore[attr-defined]
    quiet = {"stall": "#bbbbbb", "transfers": "#dddddd"}
    colour = {n: quiet.get(n, colours[i % len(colours)]) for i, n in enumerate(names)}
    for bar in tile.bars:
        level = tile.rows.index(bar.row)
        axes.barh(
            level, bar.length, left=bar.start, height=0.7, color=colour[bar.name], edgecolor="black", linewidth=0.6
        )
        if bar.length / tile.cycles > 0.013 * (len(bar.name) + 1):
            axes.text(bar.start + bar.length / 2, level, bar.name, ha="center", va="center", fontsize=9,
                      color=_ink(colour[bar.name]))  # fmt: skip
    axes.set_yticks(range(len(tile.rows)), tile.rows)
    axes.set_ylim(len(tile.rows) - 0.5, -0.5)
    axes.set_xlim(0, tile.cycles)
    axes.set_xlabel("cycles")
    axes.set_title(_title(tile), fontsize=10, loc="left")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    entries = [
        Patch(facecolor=colour[b.name], edgecolor="black", linewidth=0.6, label=f"{b.name}  {_cycles(b.length)}")
        for b in tile.bars
    ]
    axes.legend(handles=entries, title="cycles", loc="upper left", bbox_to_anchor=(1.01, 1.05), fontsize=8,
                title_fontsize=8, frameon=False, ncols=1 + len(entries) // 9)  # fmt: skip


def _ink(colour: str | tuple[float, float, float]) -> str:
    """Return black or white, whichever reads better on a colour."""
    from matplotlib.colors import to_rgb

    red, green, blue = to_rgb(colour)
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"
