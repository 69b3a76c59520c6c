"""Figures of a study with matplotlib: bars over workloads and lengths, shares of an array's time, curves of a sweep."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Patch

from archsim.papers.plot_beside import beside, roofline
from archsim.papers.study import Figure, Row, Study, Tables
from archsim.picture import MARKERS, PALETTE, STYLE, length_label, save

__all__ = ["draw"]

MARGINS = {"left": 0.07, "right": 0.985, "wspace": 0.06}


def draw(study: Study, name: str, tables: Mapping[str, Tables], files: Iterable[Path]) -> None:
    """Draw a figure of a study from its tables (accounting -> table -> rows) into files, by their suffix."""
    figure = study.figures[name]
    with mpl.rc_context(STYLE):  # type: ignore[arg-type]
        kinds = {"bars": _bars, "einsums": _einsums, "curve": _curve, "beside": beside, "roofline": roofline}
        canvas = kinds[figure.kind](study, figure, tables)
        height = canvas.get_figheight()
        canvas.suptitle(figure.title, x=0.01, y=1 - 0.08 / height, ha="left", va="top", fontsize=12, fontweight="bold")
        canvas.text(0.01, 0.08 / height, figure.caption, ha="left", va="bottom", color="#444444", wrap=True)
        for file in files:
            save(canvas, file, dpi=120)


def _frame(width: float, heights: Sequence[float], columns: int, gap: float = 0.0, top: float = 0.85,
           bottom: float = 0.85) -> tuple[Canvas, list[list[Axes]]]:  # fmt: skip
    """Make a figure with rows of the given heights (inches) below a title and a legend and above a caption."""
    total = sum(heights) + gap * (len(heights) - 1) + top + bottom
    canvas = Canvas(figsize=(width, total))
    grid = canvas.add_gridspec(
        len(heights), columns, top=1 - top / total, bottom=bottom / total, height_ratios=heights,
        hspace=gap * len(heights) / sum(heights), **MARGINS,
    )  # fmt: skip
    axes: list[list[Axes]] = []
    for r in range(len(heights)):
        axes.append([])
        for c in range(columns):
            axes[r].append(canvas.add_subplot(grid[r, c], sharey=axes[r][0] if c else None))
            if c:
                axes[r][c].tick_params(labelleft=False, left=False)
                axes[r][c].spines["left"].set_visible(False)
    return canvas, axes


def _legend(canvas: Canvas, colours: Mapping[str, str], height: float) -> None:
    """Put a legend at a height of the figure (0 to 1)."""
    handles = [Patch(facecolor=c, label=label) for label, c in colours.items()]
    canvas.legend(handles=handles, ncols=len(handles), loc="upper left", bbox_to_anchor=(0.005, height),
                  handlelength=1.2, columnspacing=1.4, borderpad=0)  # fmt: skip


def _bars(study: Study, figure: Figure, tables: Mapping[str, Tables]) -> Canvas:
    heights = [2.1] * len(figure.quantities) + ([1.9] * len(tables) if figure.parts_at else [])
    bottom = 1.15 if figure.parts_at else 0.85
    canvas, axes = _frame(12, heights, len(study.workloads), 0.75 if figure.parts_at else 0.4, bottom=bottom)
    rows = tables[study.accounting][figure.table]
    for line, (quantity, label) in zip(axes, figure.quantities.items(), strict=False):
        values = {(r["configuration"], r["workload"], r["sequence_length"]): float(r[quantity]) for r in rows}
        for axis, (workload, title) in zip(line, study.workloads.items(), strict=True):
            axis.set_title(title if line is axes[0] else "")
            _grouped(study, figure, axis, workload, values)
        line[0].set_ylabel(label)
    for axis in axes[len(figure.quantities) - 1]:
        axis.set_xlabel("sequence length [tokens]", labelpad=2)
    labels = {f"{c.short}: {c.label}" if figure.parts_at else c.label: c.colour for c in study.configurations.values()}
    _legend(canvas, labels, 1 - 0.36 / canvas.get_figheight())
    if figure.parts_at:
        _parts(study, figure, canvas, axes[len(figure.quantities) :], tables)
    return canvas


def _grouped(study: Study, figure: Figure, axis: Axes, workload: str,
             values: Mapping[tuple[str | float, str | float, str | float], float]) -> None:  # fmt: skip
    width = 0.84 / len(study.configurations)
    for i, (name, configuration) in enumerate(study.configurations.items()):
        heights = [values[name, workload, s] for s in study.lengths]
        if figure.relative:
            base = [values[figure.relative, workload, s] for s in study.lengths]
            heights = [b / h if figure.inverse else h / b for h, b in zip(heights, base, strict=True)]
        at = [x + (i - (len(study.configurations) - 1) / 2) * width for x in range(len(heights))]
        axis.bar(at, heights, width, color=configuration.colour)
    axis.set_xticks(range(len(study.lengths)), [length_label(s) for s in study.lengths])
    axis.tick_params(axis="x", length=0)


def _parts(study: Study, figure: Figure, canvas: Canvas, axes: list[list[Axes]], tables: Mapping[str, Tables]) -> None:
    """Stack the components of the energy at one length, one row of axes an accounting."""
    own = _parts_of(tables[study.accounting]["components"], figure)
    names = list(dict.fromkeys(figure.names.values()))
    shown = dict(zip(names, PALETTE, strict=False))
    for line, (accounting, computed) in zip(axes, tables.items(), strict=True):
        values = _parts_of(computed["components"], figure)
        for axis, (workload, title) in zip(line, study.workloads.items(), strict=True):
            base = sum(own[figure.relative, workload].values()) if figure.relative else 1.0
            stacks = {n: [values[c, workload].get(n, 0.0) / base for c in study.configurations] for n in names}
            _stack(axis, stacks, shown, [c.short for c in study.configurations.values()])
            axis.set_title(f"{title}, {length_label(figure.parts_at)} tokens" if line is axes[0] else "")
        line[0].set_ylabel(f"{next(iter(figure.quantities.values()))},\n{accounting} accounting")
    highest = max(line[0].get_ylim()[1] for line in axes)
    for line in axes:
        line[0].set_ylim(0, highest)
    _legend(canvas, shown, 0.72 / canvas.get_figheight())


def _parts_of(rows: list[Row], figure: Figure) -> dict[tuple[str | float, str | float], dict[str, float]]:
    result: dict[tuple[str | float, str | float], dict[str, float]] = {}
    for row in rows:
        if row["table"] == figure.table and row["sequence_length"] == figure.parts_at:
            parts = result.setdefault((row["configuration"], row["workload"]), {})
            name = figure.names.get(str(row["component"]), str(row["component"]))
            parts[name] = parts.get(name, 0.0) + float(row["energy_j"])
    return result


def _stack(axis: Axes, stacks: Mapping[str, list[float]], colours: Mapping[str, str], ticks: list[str]) -> None:
    below = [0.0] * len(ticks)
    for name, heights in stacks.items():
        axis.bar(range(len(ticks)), heights, 0.7, bottom=below, color=colours[name], linewidth=0)
        below = [b + h for b, h in zip(below, heights, strict=True)]
    axis.set_xticks(range(len(ticks)), ticks)
    axis.tick_params(axis="x", length=0)


def _einsums(study: Study, figure: Figure, tables: Mapping[str, Tables]) -> Canvas:
    canvas, (axes,) = _frame(12, [2.6], len(study.lengths))
    quantity, label = next(iter(figure.quantities.items()))
    names = list(dict.fromkeys(figure.names.values()))
    shares: dict[tuple[str | float, str | float, str], float] = {}
    for row in tables[study.accounting]["einsums"]:
        name = figure.names.get(str(row["einsum"]))
        if (row["table"], row["workload"], row["array"]) == (figure.table, figure.workload, figure.array) and name:
            at = (row["configuration"], row["sequence_length"], name)
            shares[at] = shares.get(at, 0.0) + float(row[quantity])
    colours = dict(zip(names, PALETTE, strict=False))
    for axis, length in zip(axes, study.lengths, strict=True):
        stacks = {n: [shares.get((c, length, n), 0.0) for c in study.configurations] for n in names}
        _stack(axis, stacks, colours, [c.short for c in study.configurations.values()])
        axis.set_title(f"{length_label(length)} tokens")
        axis.set_ylim(0, 1)
    axes[0].set_ylabel(label)
    _legend(canvas, colours, 1 - 0.36 / canvas.get_figheight())
    shorts = ", ".join(f"{c.short} = {c.label}" for c in study.configurations.values() if c.short != c.label)
    canvas.text(0.01, 0.3 / canvas.get_figheight(), shorts, ha="left", va="bottom", color="#444444")
    return canvas


def _curve(study: Study, figure: Figure, tables: Mapping[str, Tables]) -> Canvas:
    canvas, ((axis,),) = _frame(8, [4.4], 1, top=0.5)
    (x, x_label), (y, y_label) = figure.quantities.items()
    rows = tables[study.accounting][figure.table]
    parameter = next(iter(study.sweeps[figure.table].series[0].points[0]))
    workloads = list(dict.fromkeys(str(r["workload"]) for r in rows))
    lowest = min(rows, key=lambda r: float(r[y]))["workload"]
    for workload, colour, marker in zip(workloads, PALETTE[:1] + PALETTE[2:], MARKERS, strict=False):
        own = [r for r in rows if r["workload"] == workload]
        at, height = [float(r[x]) for r in own], [float(r[y]) for r in own]
        axis.plot(at, height, marker=marker, color=colour, label=study.workloads[workload], markersize=5, linewidth=1.2)
        if workload == lowest:
            for r, a, h in zip(own, at, height, strict=True):
                axis.annotate(f"{r[parameter]}", (a, h), (-5, -5), textcoords="offset points", ha="right", va="top")
    axis.set(xscale="log", yscale="log", xlabel=x_label, ylabel=y_label)
    axis.grid(visible=True, which="major", axis="both")
    axis.legend()
    return canvas
