"""Lattice: points of a sweep that stand where few values of two columns cross, one at a crossing: drawn as a map."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archsim.explore.results import Results
from archsim.explore.sample import Axis
from archsim.sweeps.database import quoted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize

__all__ = ["Lattice", "frame", "lattice_of", "paint"]

MOST = 64
"""Values of an axis: of more, a cell would be too small to be seen."""
TICKS = 9
FULL = 0.5
"""More than this part of the crossings must have a point: a diagonal is no map, not even one of two."""

Points = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Lattice:
    """The distinct values of two axes, ascending; `x_log` and `y_log` whether they are drawn so."""

    x: Points
    y: Points
    x_log: bool
    y_log: bool


def lattice_of(results: Results, x: Axis, y: Axis, group_by: tuple[str, ...], condition: str) -> Lattice | None:
    """Return the lattice of the points that meet a condition, the same for all groups; None where they have none.

    They have one if both columns have 2 to 64 values, no two points of a group share a crossing, and the fullest group
    has a point at more than half of the crossings.
    """
    names = [quoted(a.column.name) for a in (x, y)]
    for name in names:  # of many values the count is cheap, the list is not
        if not 2 <= results.select(f"SELECT count(DISTINCT {name}) FROM points WHERE {condition}")[0][0] <= MOST:
            return None
    groups = ", ".join(quoted(n) for n in group_by)
    counted = f"SELECT count(*) AS n{', ' * bool(groups)}{groups} FROM points WHERE {condition}"
    crossings = f"{counted} GROUP BY {', '.join([*names, *map(quoted, group_by)])}"
    sizes = f"{counted} GROUP BY {groups}" if groups else counted
    most, fullest = results.select(f"SELECT (SELECT max(n) FROM ({crossings})), (SELECT max(n) FROM ({sizes}))")[0]
    values = [
        np.array(results.select(f"SELECT DISTINCT {n}::DOUBLE FROM points WHERE {condition} ORDER BY 1"))[:, 0]
        for n in names
    ]
    if most > 1 or fullest <= FULL * len(values[0]) * len(values[1]):
        return None
    return Lattice(x=values[0], y=values[1], x_log=x.log, y_log=y.log)


def edges(values: Points, log: bool) -> Points:
    """Return the edges of cells around ascending values, half-way between neighbours, shape (n + 1,).

    >>> edges(np.array([1.0, 4.0, 16.0]), log=True).tolist(), edges(np.array([1.0, 2.0]), log=False).tolist()
    ([0.5, 2.0, 8.0, 32.0], [0.5, 1.5, 2.5])
    """
    at = np.log2(values) if log else values
    middle = (at[1:] + at[:-1]) / 2
    ends = np.concatenate([[2 * at[0] - middle[0]], middle, [2 * at[-1] - middle[-1]]])
    return np.exp2(ends) if log else ends


def paint(lattice: Lattice, axes: "Axes", x: Points, y: Points, shades: Points, cmap: "Colormap | str",
          norm: "Normalize") -> Any:  # fmt: skip
    """Colour the cell of every point; crossings without a point stay white. Returns what a colour bar shows."""
    grid = np.full((len(lattice.y), len(lattice.x)), np.nan)
    grid[np.searchsorted(lattice.y, y), np.searchsorted(lattice.x, x)] = shades
    across, up = edges(lattice.x, lattice.x_log), edges(lattice.y, lattice.y_log)
    return axes.pcolormesh(across, up, grid, cmap=cmap, norm=norm, edgecolors="white", linewidth=0.6, rasterized=True)


def frame(lattice: Lattice, axes: "Axes") -> None:
    """Let the axes end where the cells do, with a tick at every value where they are few; no grid lines over cells."""
    from matplotlib.ticker import FixedLocator, NullLocator

    for line, values, log in ((axes.xaxis, lattice.x, lattice.x_log), (axes.yaxis, lattice.y, lattice.y_log)):
        ends = edges(values, log)
        line.axes.set(**{f"{line.axis_name}lim": (ends[0], ends[-1])})
        if len(values) <= TICKS:
            line.set_major_locator(FixedLocator(values.tolist()))
            line.set_minor_locator(NullLocator())
