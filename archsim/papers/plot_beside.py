"""Figures of a suite: computed beside published, and rooflines."""

from collections.abc import Mapping, Sequence
from math import floor, log10

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from archsim.design import Design
from archsim.library import load
from archsim.papers.published import load_published, published_names, published_rows
from archsim.papers.study import Figure, Row, Study, Tables
from archsim.picture import MARKERS

__all__ = ["beside", "roofline"]

COMPUTED, PUBLISHED, STATED = "#0072B2", "#B0B0B0", "#555555"


def beside(study: Study, figure: Figure, tables: Mapping[str, Tables]) -> Canvas:
    """Draw rows of a table across one of its columns, computed beside published; a panel a quantity and workload."""
    rows = _wanted(tables[study.accounting][figure.table], figure.series)
    known = _wanted(_published(study, figure.table), figure.series)
    apart = "workload" if figure.across != "workload" and "workload" in rows[0] else ""
    panels = [
        (q, label, w) for q, label in figure.quantities.items() for w in dict.fromkeys(r.get(apart, "") for r in rows)
    ]
    wide = len({str(r[figure.across]) for r in rows}) > 12
    lines, columns = (len(panels), 1) if wide else (1, len(panels))
    height = (3.8 if wide else 3.6) * lines
    canvas = Canvas(figsize=(12, height + 1.6))
    bottom = (2.2 if wide else 1.15) / (height + 1.6)
    grid = canvas.add_gridspec(lines, columns, top=1 - 0.95 / (height + 1.6), bottom=bottom, left=0.07, right=0.985,
                               wspace=0.2, hspace=0.75)  # fmt: skip
    drawn: dict[str, list[Axes]] = {}
    for n, (quantity, label, workload) in enumerate(panels):
        axis = canvas.add_subplot(grid[n if wide else 0, 0 if wide else n])
        own = [r for r in rows if r.get(apart, "") == workload and quantity in r]
        theirs = {str(r[figure.across]): float(r[quantity]) for r in known
                  if r.get(apart, "") == workload and quantity in r}  # fmt: skip
        values = {str(r[figure.across]): float(r[quantity]) for r in own}
        values = {c: v for c, v in values.items() if v or c in theirs}  # what has no such quantity takes no room
        _pairs(axis, [study.configurations[c].label if c in study.configurations else c for c in values],
               list(values.values()), [theirs.get(c) for c in values], wide)  # fmt: skip
        axis.set_ylabel(label)
        axis.set_xlabel(figure.across_label)
        axis.set_title(str(workload))
        if quantity in figure.stated:
            axis.axhline(figure.stated[quantity], color=STATED, linestyle="--", linewidth=1.2)
        if figure.log:
            axis.set_yscale("log")
            least = min(v for v in (*values.values(), *theirs.values()) if v > 0)
            axis.set_ylim(bottom=10 ** floor(log10(0.99 * least)))  # a whole decade, and no bar without a height
        drawn.setdefault(quantity, []).append(axis)
    for axes in drawn.values():  # one scale for one quantity
        low, high = min(a.get_ylim()[0] for a in axes), max(a.get_ylim()[1] for a in axes)
        for axis in axes:
            axis.set_ylim(low, high)
    handles: list[Artist] = [Patch(facecolor=COMPUTED, label="computed")]
    handles += [Patch(facecolor=PUBLISHED, label="published")] if known else []
    handles += [Line2D([], [], color=STATED, linestyle="--", label="published mean")] if figure.stated else []
    canvas.legend(handles=handles, ncols=3, loc="upper left",
                  bbox_to_anchor=(0.005, 1 - 0.36 / (height + 1.6)), borderpad=0)  # fmt: skip
    return canvas


def _wanted(rows: Sequence[Row], series: str) -> list[Row]:
    """Return the rows of a series, `column=value`; rows that do not have the column are taken too."""
    column, _, value = series.partition("=")
    return [r for r in rows if not series or str(r.get(column, value)) == value]


def _published(study: Study, table: str) -> list[Row]:
    if study.study not in published_names():
        return []
    return [dict(r) for r in published_rows(load_published(study.study), table)]


def _pairs(axis: Axes, names: list[str], computed: list[float], published: list[float | None], wide: bool) -> None:
    at = np.arange(len(names), dtype=float)
    both = any(p is not None for p in published)
    width = 0.4 if both else 0.7
    axis.bar(at - (width / 2 if both else 0), computed, width, color=COMPUTED)
    if both:
        axis.bar(at + width / 2, [p or 0.0 for p in published], width, color=PUBLISHED)
    angle = 55 if wide else 20
    axis.set_xticks(at, names, rotation=angle if max(map(len, names)) > 3 else 0, ha="right" if wide else "center")
    axis.tick_params(axis="x", length=0)
    axis.set_xlim(-0.6, len(names) - 0.4)


def roofline(study: Study, figure: Figure, tables: Mapping[str, Tables]) -> Canvas:
    """Draw operations per second over operations per byte, computed (filled) and published (hollow), with the roofs."""
    canvas = Canvas(figsize=(8, 5.6))
    axis = canvas.add_axes((0.1, 0.2, 0.87, 0.68))
    (x, x_label), (y, y_label) = figure.quantities.items()
    known = [r for r in _published(study, figure.table) if x in r and y in r]
    drawn = dict.fromkeys(str(r["configuration"]) for r in known)
    rows = [r for r in tables[study.accounting][figure.table] if r["configuration"] in drawn and r["family"] != "all"]
    reach = np.geomspace(0.2, 300, 200)
    for c in drawn:
        configuration = study.configurations[c]
        run = next(layer[c] for layer in study.layers.values() if c in layer)
        bandwidth, peak = _roof(load(Design, study.machines[run.machine][study.accounting]))
        axis.plot(reach, np.minimum(peak, bandwidth * reach), color=configuration.colour, linewidth=1, linestyle="--")
        axis.annotate(f"roof of {configuration.label}", (reach[-1], peak), (0, 3), textcoords="offset points",
                      fontsize=8, ha="right", color=configuration.colour)  # fmt: skip
        for own, face in ((rows, configuration.colour), (known, "white")):
            hollow = face == "white"
            for r in (r for r in own if r["configuration"] == c):
                at, family = (float(r[x]), float(r[y])), str(r["family"])
                marker = MARKERS[list(study.families).index(family)]
                axis.plot(*at, marker=marker, markersize=8, color=face, markeredgecolor=configuration.colour)
                name = "published" if hollow else f"{configuration.label}, {study.families[family]}"
                axis.annotate(name, at, (8, 0 if hollow else -10), textcoords="offset points", fontsize=8)
    axis.set(xscale="log", yscale="log", xlabel=x_label, ylabel=y_label)
    axis.grid(visible=True, which="major", axis="both")
    return canvas


def _roof(design: Design) -> tuple[float, float]:
    """Return peak bytes and peak operations (two for a multiply-add) per second of a machine."""
    far = next(iter(design.memories.values()))
    lanes = sum(float(a.lanes) for a in design.arrays.values() if "mul+add" in a.operations)
    return float((far.bandwidth or 0) * far.channels), 2 * lanes * float(design.clock)
