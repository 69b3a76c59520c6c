"""Two columns of a sweep against each other with matplotlib: points or their density, by colour, with the front."""

import textwrap
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from archsim.explore.colour import REST, Colour, colour_of, norm_of
from archsim.explore.fronts import fronts_of
from archsim.explore.lattice import Lattice, frame, lattice_of, paint
from archsim.explore.panels import grid_of, panels_of, placed
from archsim.explore.results import Results
from archsim.explore.sample import Axis, axis_of, density, sample
from archsim.picture import PALETTE, STYLE, length_label, save
from archsim.show import binary, counted
from archsim.sweeps.column import Column
from archsim.sweeps.pareto import Front
from einsum_cascade.errors import Diagnostic, Place, SpecError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure

__all__ = ["Scatter", "scatter"]

SHOWN = 20_000
"""Points that are drawn one by one; of more, a sample, or their density where colour says nothing else."""
CELLS = 240
SPARSE = 0.05
"""Where points lie in fewer of the cells, they are drawn twice as large, to be seen."""
FRONT = "#CC3311"


@dataclass(frozen=True, kw_only=True)
class Scatter:
    """What is drawn: columns, a panel for each value of `group_by`, of two columns a row and a column of panels; `log`
    which axes, None: where the range asks."""

    x: str
    y: str
    color: str = ""
    group_by: tuple[str, ...] = ()
    where: str = ""
    front: bool = False
    maximize: Collection[str] = ()
    log: Collection[str] | None = None


def scatter(results: Results, wanted: Scatter, file: Path) -> dict[str, object]:
    """Draw a scatter plot of the feasible points into a .png, .svg or .pdf file, whole or not at all.

    Points that stand on a lattice (`lattice.lattice_of`) are drawn as a map if they have a colour.

    Returns how many points there are, how many are drawn, and the size of each panel's front.
    Raises SpecError: no such column, no condition, no points, too many panels, a file that cannot be written.
    """
    import matplotlib as mpl
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure

    x, y = (results.column(n, o, numeric=True) for n, o in ((wanted.x, "--x"), (wanted.y, "--y")))
    if x.name == y.name:
        at = Place(file="--y", length=len(wanted.y), text=wanted.y)
        raise SpecError([Diagnostic(place=at, message=f"{y.name} is drawn to the right already")])
    for name in wanted.maximize:
        if results.column(name, "--maximize", numeric=True).name not in (x.name, y.name):
            at = Place(file="--maximize", length=len(name), text=name)
            raise SpecError([Diagnostic(place=at, message=f"{name} is not drawn", expected=f"{x.name} or {y.name}")])
    condition = results.condition(wanted.where, finite=(x.name, y.name))
    names = [("x", x), ("y", y)]
    axes = [axis_of(results, c, condition, None if wanted.log is None else n in wanted.log) for n, c in names]
    if axes[0] is None or axes[1] is None:
        at = Place(file="--where", length=len(wanted.where), text=wanted.where)
        if not wanted.where:
            at = Place(file=str(results.file))
        raise SpecError([Diagnostic(place=at, message="no feasible point is left to draw")])
    for (name, column), found_axis in zip(names, axes, strict=True):
        if found_axis is not None and name in (wanted.log or ()) and not found_axis.log:
            message = f"{column.name} goes down to {found_axis.low:g}; a logarithmic axis shows positive numbers alone"
            hint = f'--where "{column.name} > 0" leaves the others out'
            raise SpecError([Diagnostic(place=Place(file="--log", text=name), message=message, hint=hint)])
    panels = panels_of(results, wanted.group_by, condition)
    colour = colour_of(results, results.column(wanted.color, "--color"), condition) if wanted.color else None
    lattice = lattice_of(results, axes[0], axes[1], wanted.group_by, condition) if colour else None
    fronts: dict[tuple[Any, ...], Front] = {}
    if wanted.front:
        objectives = {c.name: c.name in wanted.maximize for c in (x, y)}
        found = fronts_of(results, objectives, wanted.group_by, wanted.where)
        fronts = {tuple(f.group): f for f in found.fronts}
    with mpl.rc_context(STYLE | {"axes.grid.axis": "both"}):  # type: ignore[arg-type]
        lines, columns = grid_of(panels)
        figure = Figure(figsize=(max(7.2, 3.6 * columns + 1), max(4.8, 3.1 * lines + 0.9)), layout="constrained")
        grid = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
        shown = 0
        mapped = None
        heights = LogNorm(vmin=1, vmax=2)  # of the density: one scale for all panels
        number = SHOWN // len(panels)
        free = list(grid.flat)
        for axis, (values, own) in zip(placed(grid, panels), panels.items(), strict=True):
            free.remove(axis)
            part = f"{condition} AND {own}"
            drawn, mappable = _draw(results, axis, axes[0], axes[1], part, colour, number, heights, lattice)
            shown, mapped = shown + drawn, mappable or mapped
            if values in fronts:
                _stairs(axis, fronts[values], x.name in wanted.maximize)
            named = zip(wanted.group_by, values, strict=True)
            axis.set_title(", ".join(f"{_short(results.columns[n])}: {_text(v)}" for n, v in named))
        for axis in free:
            axis.remove()
        _decorate(figure, grid, axes[0], axes[1], colour, mapped, bool(fronts))
        if lattice is not None:
            frame(lattice, next(a for a in grid.flat if a not in free))
        (total,) = results.select(f"SELECT count(*) FROM points WHERE {condition}")[0]
        caption = textwrap.fill(_caption(results, wanted, total, shown, fronts), int(15 * figure.get_figwidth()))
        figure.supxlabel(caption, fontsize=7.5, color="#444444", x=0.01, ha="left")
        save(figure, file, dpi=160)
    sizes = [{"group": g[0] if len(g) == 1 else list(g) or None, "size": len(f.points)} for g, f in fronts.items()]
    return {"points": total, "drawn": shown, "fronts": sizes}


def _short(column: Column) -> str:
    """Return the title of a column, or its name where that is shorter: a path is long."""
    return min(column.title, column.name, key=len)


def _draw(results: Results, axis: "Axes", x: Axis, y: Axis, condition: str, colour: Colour | None, number: int,
          heights: "LogNorm", lattice: Lattice | None) -> tuple[int, Any]:  # fmt: skip
    """Draw the points, a sample of them or their density; return how many are drawn, and what a colour bar shows."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap, Normalize

    (total,) = results.select(f"SELECT count(*) FROM points WHERE {condition}")[0]
    if total > number and colour is None:
        cells = CELLS
        grid = density(results, x, y, condition, cells)
        if np.isfinite(grid).mean() < SPARSE:
            cells = CELLS // 2
            grid = density(results, x, y, condition, cells)
        blues = ListedColormap(colormaps["Blues"](np.linspace(0.25, 1, 256)))  # a cell of one point is seen too
        heights.vmax = max(float(heights.vmax or 2), float(np.nanmax(grid)))
        mesh = axis.pcolormesh(x.edges(cells), y.edges(cells), grid, cmap=blues, norm=heights, rasterized=True)
        return total, mesh
    points = sample(results, [x, y], condition, number)
    # The order of a study's axes would lay one value of the colour over the others.
    points = points[np.argsort(points * 2654435761 % 2**32, kind="stable")]
    rows = results.rows(points, [x.column.name, y.column.name, *([colour.column.name] if colour else [])])
    at: dict[str, Any] = {"s": 14 if len(points) < 2000 else 5, "linewidths": 0, "rasterized": True, "alpha": 0.8}
    horizontal, vertical = rows[x.column.name], rows[y.column.name]
    if colour is None:
        axis.scatter(horizontal, vertical, color=PALETTE[0], **at)
        return len(points), None
    of = rows[colour.column.name]
    if lattice is not None:
        if colour.axis is None:
            known = [colour.key(v) for v in of.tolist()]
            codes = [list(colour.values).index(v) if v in colour.values else len(colour.values) for v in known]
            cmap = ListedColormap([*colour.values.values(), REST])
            norm = Normalize(-0.5, len(colour.values) + 0.5)
            paint(lattice, axis, horizontal, vertical, np.array(codes, dtype=float), cmap, norm)
            return len(points), None
        return len(points), paint(
            lattice, axis, horizontal, vertical, of.astype(float), "viridis", norm_of(colour.axis)
        )
    if colour.axis is None:
        shades = [colour.values.get(colour.key(v), REST) for v in of.tolist()]
        axis.scatter(horizontal, vertical, c=shades, **at)
        return len(points), None
    norm = norm_of(colour.axis)
    return len(points), axis.scatter(horizontal, vertical, c=of.astype(float), cmap="viridis", norm=norm, **at)


def _stairs(axis: "Axes", front: Front, x_up: bool) -> None:
    order = np.argsort(front.values[:, 0], kind="stable")
    x, y = front.values[order].T
    axis.step(x, y, where="pre" if x_up else "post", color=FRONT, linewidth=1.2, zorder=4)
    if len(x) <= 150:
        axis.plot(x, y, "o", color=FRONT, markersize=3.5, markeredgecolor="white", markeredgewidth=0.5, zorder=5)


def _decorate(figure: "Figure", grid: Any, x: Axis, y: Axis, colour: Colour | None, mapped: Any,
              fronts: bool) -> None:  # fmt: skip
    """Scale and label the axes, and say what the colours mean."""
    from matplotlib.lines import Line2D

    first = grid[0, 0]
    for axis, letter in ((x, "x"), (y, "y")):
        _scale(first, axis, letter, 9 if grid.shape[1] == 1 else 5)
    used = [a for a in grid.flat if a.figure is not None]
    for axis in used:
        spec = axis.get_subplotspec()
        below = axis is used[-1] or spec.is_last_row() or (grid.shape[0] > 1 and axis in used[-grid.shape[1] :])
        axis.tick_params(labelbottom=below)
        axis.set(xlabel=x.column.title if below else "", ylabel=y.column.title if spec.is_first_col() else "")
    handles = [Line2D([], [], color=FRONT, marker="o", markersize=4, label="Pareto front")] if fronts else []
    if colour is not None and colour.axis is None:
        show = _ticks(colour.column)
        handles += [
            Line2D([], [], color=c, marker="o", linestyle="", label=show(v) if colour.column.numeric else str(v))
            for v, c in colour.values.items()
        ]
    if handles:
        title = colour.column.title if colour is not None and colour.axis is None else None
        figure.legend(
            handles=handles,
            title=title,
            loc="outside upper left",
            ncols=min(len(handles), 6),
            alignment="left",
            handlelength=1.5,
            columnspacing=1.5,
        )
    if mapped is not None:
        bar = figure.colorbar(mapped, ax=used, aspect=30, pad=0.02)
        bar.set_label(colour.column.title if colour is not None else "points in a cell")
        bar.outline.set_visible(False)
        if colour is not None and colour.axis is not None:
            _scale(bar.ax, colour.axis, "y", 9, own=False)


def _scale(axes: "Axes", axis: Axis, letter: str, ticks: int, own: bool = True) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    powers = axis.column.unit == "B" or (axis.column.role == "input" and _power(axis.low) and _power(axis.high))
    line = getattr(axes, f"{letter}axis")
    if own and axis.log:
        getattr(axes, f"set_{letter}scale")("log", base=2 if powers else 10)
    if own:
        low, *_, high = axis.edges(1)
        room = (high / low) ** 0.02 if axis.log else 0.02 * (high - low)
        getattr(axes, f"set_{letter}lim")(*((low / room, high * room) if axis.log else (low - room, high + room)))
    if axis.log and powers:
        line.set_major_locator(LogLocator(base=2, numticks=ticks))
        line.set_minor_locator(NullLocator())
    if powers:
        line.set_major_formatter(FuncFormatter(lambda value, _: _ticks(axis.column)(value)))


def _ticks(column: Column) -> Any:
    return binary if column.unit == "B" else length_label if column.numeric else str


def _power(value: float) -> bool:
    return value >= 1 and value == 2 ** round(np.log2(value))


def _text(value: object) -> str:
    return length_label(value) if isinstance(value, int | float) else "none" if value is None else str(value)


def _caption(results: Results, wanted: Scatter, total: int, shown: int, fronts: Mapping[tuple[Any, ...], Front]) -> str:
    parts = [f"{results.study.get('name', results.file.name)}: {counted(total, 'feasible point')}"]
    if wanted.where:
        parts[0] += f" with {wanted.where}"
    if shown < total:
        parts.append(f"{shown:,} drawn, taken evenly over the area")
    if fronts:
        names: Sequence[str] = [f"{'most' if n in wanted.maximize else 'least'} {n}" for n in (wanted.x, wanted.y)]
        sizes = ", ".join(str(len(f.points)) for f in fronts.values())
        mixed = ", ".join(results.columns[n].label or n for n in results.per if n not in wanted.group_by)
        over = f", over every {mixed} here" if mixed else ""
        parts.append(f"front of {' and '.join(names)}{over}: {sizes} point{'s' * (sizes != '1')}")
    return "; ".join(parts)
