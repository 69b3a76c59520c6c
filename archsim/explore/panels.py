"""Panels of a plot: one for each value of a column, or a row and a column of panels for each value of two."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from archsim.explore.results import Results
from archsim.sweeps.database import quoted
from einsum_cascade.errors import Diagnostic, Place, SpecError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["grid_of", "panels_of", "placed"]

PANELS = 12
"""More of them cannot be read."""


def panels_of(results: Results, group_by: Sequence[str], condition: str) -> dict[tuple[Any, ...], str]:
    """Return values of the columns that make panels -> SQL condition of the panel.

    Raises SpecError: no such column, too many panels.
    """
    if not group_by:
        return {(): "TRUE"}
    found = [results.column(n, "--group-by") for n in group_by]
    names = [quoted(c.name) for c in found]
    text = f"SELECT DISTINCT {', '.join(names)} FROM points WHERE {condition} ORDER BY ALL"
    values = results.select(text)
    if len(values) > PANELS:
        last = found[-1].name
        place = Place(file="--group-by", length=len(last), text=last)
        message = f"{' and '.join(group_by)} {'have' if len(found) > 1 else 'has'} {len(values)} values; "
        message += f"at most {PANELS} panels can be read"
        hint = f"name some of them with --where, or use --color {last}"
        raise SpecError([Diagnostic(place=place, message=message, hint=hint)])
    return {v: " AND ".join(_equal(n, e) for n, e in zip(names, v, strict=True)) for v in values}


def _equal(name: str, value: object) -> str:
    return f"{name} = {_literal(value)}" if value is not None else f"{name} IS NULL"


def _literal(value: object) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)


def grid_of(panels: Collection[tuple[Any, ...]]) -> tuple[int, int]:
    """Return how many panels stand below and beside each other: two columns make a row and a column of each value."""
    if len(next(iter(panels))) == 2:
        return len({v[0] for v in panels}), len({v[1] for v in panels})
    columns = 2 if len(panels) == 4 else min(len(panels), 3)
    return -(-len(panels) // columns), columns


def placed(grid: Any, panels: Collection[tuple[Any, ...]]) -> list["Axes"]:
    """Return the axes of each panel."""
    if len(next(iter(panels))) != 2:
        return list(grid.flat)[: len(panels)]
    first, second = (list(dict.fromkeys(sorted((v[k] for v in panels), key=_order))) for k in (0, 1))
    return [grid[first.index(a), second.index(b)] for a, b in panels]


def _order(value: object) -> tuple[bool, bool, Any]:
    return value is None, isinstance(value, str), value if value is not None else 0
