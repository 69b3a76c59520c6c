"""A picture's worth of millions of points: how far they reach, how dense they lie, and a sample that covers them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.explore.results import Results
from archsim.sweeps.column import Column
from archsim.sweeps.database import quoted

__all__ = ["Axis", "axis_of", "density", "sample"]

WIDE = 30.0
"""An axis that spans more than this factor is logarithmic."""
GRID = 128
"""Cells along each axis from which the sample takes its points."""
ONE_CELL = "(point < 0)::INTEGER"
"""The cell 0 for all points, as an expression on a column: a bare number after GROUP BY is a position."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A column of numbers with the finite range that its points have; `log` if it is drawn so."""

    column: Column
    low: float
    high: float
    log: bool

    def cell(self, cells: int) -> str:
        """Return SQL for the number (0 to cells - 1) of the cell that a point falls into."""
        name = f"{quoted(self.column.name)}::DOUBLE"
        value, low, high = (
            (f"ln({name})", math.log(self.low), math.log(self.high)) if self.log else (name, self.low, self.high)
        )
        if not high > low:
            return ONE_CELL
        return f"least({cells - 1}, greatest(0, floor(({value} - {low!r}) / {high - low!r} * {cells})))::INTEGER"

    def edges(self, cells: int) -> NDArray[np.float64]:
        """Return the edges of the cells, shape (cells + 1,)."""
        if not self.high > self.low:
            aside = 0.05 * abs(self.low) or 0.5
            return np.linspace(self.low - aside, self.low + aside, cells + 1)
        if self.log:
            return np.geomspace(self.low, self.high, cells + 1)
        return np.linspace(self.low, self.high, cells + 1)


def axis_of(results: Results, column: Column, condition: str, log: bool | None = None) -> Axis | None:
    """Return the axis of a column for the points that meet a condition; None if none has a finite value.

    It is logarithmic where it says so, or by itself where all values are positive and far apart.
    """
    name = quoted(column.name)
    text = f"SELECT min({name})::DOUBLE, max({name})::DOUBLE FROM points WHERE {condition} AND isfinite({name}::DOUBLE)"
    low, high = results.select(text)[0]
    if low is None:
        return None
    wide = low > 0 and high > WIDE * low
    return Axis(column=column, low=low, high=high, log=(wide if log is None else log and low > 0))


def density(results: Results, x: Axis, y: Axis, condition: str, cells: int) -> NDArray[np.float64]:
    """Return how many points lie in each cell, shape (cells in y, cells in x); NaN where there are none."""
    text = (
        f"SELECT {y.cell(cells)} AS r, {x.cell(cells)} AS c, count(*) AS n FROM points WHERE {condition} GROUP BY ALL"
    )
    found: dict[str, NDArray[Any]] = results.connection.execute(text).fetchnumpy()
    grid = np.full((cells, cells), np.nan)
    grid[found["r"], found["c"]] = found["n"]
    return grid


def sample(results: Results, axes: Sequence[Axis], condition: str, number: int) -> NDArray[np.int64]:
    """Return at most `number` points that cover the plane of some axes: as many as there are from every cell, up to a
    limit that is the same for all.

    The same store gives the same points. Memory for the sample, however many points there are.
    """
    (total,) = results.select(f"SELECT count(*) FROM points WHERE {condition}")[0]
    if total <= number:
        text = f"SELECT point FROM points WHERE {condition} ORDER BY point"
    else:
        cells = GRID
        while True:
            keys = ", ".join(a.cell(cells) for a in axes) or ONE_CELL
            (occupied,) = results.select(f"SELECT count(DISTINCT ({keys},)) FROM points WHERE {condition}")[0]
            if occupied <= number or cells == 1:
                break
            cells //= 2
        # Point numbers are dense: a multiplicative hash (Knuth) spreads them better than their order does.
        mixed = "(point * 2654435761) % 4294967296"
        text = f"""SELECT unnest(min_by(point, {mixed}, {max(1, number // occupied)})) AS point
                   FROM points WHERE {condition} GROUP BY {keys}
                   ORDER BY point"""
    return np.asarray(results.connection.execute(text).fetchnumpy()["point"], dtype=np.int64)
