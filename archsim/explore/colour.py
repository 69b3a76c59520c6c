"""Colour of a plot: how a column becomes colour, a colour for each of few values or a scale of a range."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from archsim.explore.results import Results
from archsim.explore.sample import Axis, axis_of
from archsim.picture import PALETTE
from archsim.sweeps.column import Column
from archsim.sweeps.database import quoted

if TYPE_CHECKING:
    from matplotlib.colors import Normalize

__all__ = ["REST", "Colour", "colour_of", "norm_of"]

DISTINCT = 8
REST = "#BBBBBB"
"""The colour of values that are too many for a colour of their own."""


@dataclass(frozen=True, kw_only=True)
class Colour:
    """How a column becomes colour: a colour for each of few values, or a scale of a range."""

    axis: Axis | None
    column: Column
    values: Mapping[Any, str]

    def key(self, value: Any) -> Any:
        """Return a value as it stands in `values`."""
        return value if self.column.numeric else "none" if value is None else str(value)


def colour_of(results: Results, column: Column, condition: str) -> Colour:
    """Return how a column becomes colour among the points that meet a condition."""
    import matplotlib as mpl

    name = quoted(column.name)
    text = f"SELECT {name}, count(*) FROM points WHERE {condition} GROUP BY 1 ORDER BY 2 DESC LIMIT {DISTINCT + 1}"
    values = [v for v, _ in results.select(text)]
    if column.numeric and len(values) > DISTINCT:
        return Colour(axis=axis_of(results, column, condition), column=column, values={})
    if column.numeric:
        values = sorted(v for v in values if v is not None)
        scale = mpl.colormaps["viridis"](np.linspace(0, 0.92, len(values)))
        return Colour(axis=None, column=column, values=dict(zip(values, map(mpl.colors.to_hex, scale), strict=True)))
    texts = sorted("none" if v is None else str(v) for v in values[:DISTINCT])
    return Colour(axis=None, column=column, values=dict(zip(texts, PALETTE, strict=False)))


def norm_of(axis: Axis) -> "Normalize":
    """Return the scale of the colours of a range."""
    from matplotlib.colors import LogNorm, Normalize

    return (LogNorm if axis.log else Normalize)(axis.low, axis.high)
