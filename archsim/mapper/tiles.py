"""Tiles: the tile sizes that are tried together with one order of loops, as arrays with a value for each point."""

from collections.abc import Collection
from collections.abc import Mapping as Dict

import numpy as np

from archsim.divisors import divisors
from archsim.mapper.space import GroupSpace, Order
from archsim.value import Array, Value, evaluate

__all__ = ["candidates", "cascade_tiles", "tile_sizes", "tiles_of"]

STEPS = 4
"""Trip counts 1, 2, 3, ... up to this number to the power of the effort are tried although they leave a ragged tile."""


def candidates(size: int, effort: int, sides: tuple[int, ...] = ()) -> list[int]:
    """Return the tile sizes that are tried for an axis: its divisors, the sides of the arrays (up to four times), and
    the smallest tile for every small number of trips.

    Of all tiles with the same number of trips the smallest needs the least room and moves the same words.

    >>> candidates(10, 1)
    [1, 2, 3, 4, 5, 10]
    """
    trips = range(1, min(size, STEPS**effort) + 1)
    found = {int(d) for d in divisors(size)} | {-(-size // k) for k in trips}
    return sorted(found | {k * s for s in sides for k in (1, 2, 4) if k * s < size})


def tile_sizes(space: GroupSpace, order: Order, wanted: Collection[tuple[int, ...]] | None = None) -> dict[str, Array]:
    """Return parameter -> sizes, shape (n,): all combinations of the candidates of every tile; of the tile sizes that
    are constants of the cascade only the wanted ones."""
    p = space.problem
    sides = _sides(space)
    points = cascade_tiles(space)
    if wanted is not None and p.tiles:
        kept = np.array([t in wanted for t in tiles_of(space)])
        points = {n: v[kept] for n, v in points.items()}
    for name, variable, counts in order.sizes:
        size = _size(space, variable, points)
        inner = points.get(order.parts[variable][-1].upper())
        if counts and inner is not None:
            size = np.ceil(size / inner)
            for middle in order.parts[variable][-2:0:-1]:
                if middle.upper() in points:
                    size = np.ceil(size / points[middle.upper()])
        table = {}
        for value in np.unique(size).astype(int).tolist():
            given = p.rules.tiles.get(name)
            found = given or candidates(value, p.effort, () if counts else sides)
            table[value] = sorted({min(v, value) for v in found})
        points = _expanded(points, name, size, table)
    return points


def cascade_tiles(space: GroupSpace) -> dict[str, Array]:
    """Return all combinations of the tile sizes that are constants of the cascade; one point under "" if there are
    none."""
    p = space.problem
    points: dict[str, Array] = {}
    for name in p.tiles:
        own = p.rules.tiles.get(name) or candidates(_reach(space, name), p.effort, _sides(space))
        points = _expanded(points, name, None, {1: list(own)})
    return points or {"": np.ones(1)}


def tiles_of(space: GroupSpace) -> list[tuple[int, ...]]:
    """Return all combinations of the tile sizes that are constants of the cascade; an empty one if there are none."""
    points = cascade_tiles(space)
    columns = [points[t].astype(int).tolist() for t in space.problem.tiles]
    return list(zip(*columns, strict=True)) if columns else [()]


def _sides(space: GroupSpace) -> tuple[int, ...]:
    arrays = space.problem.design.arrays.values()
    shapes = [s for a in arrays for s in (*a.shape.values(), a.lanes)]
    return tuple(sorted({int(s) for s in shapes if not isinstance(s, np.ndarray)}))


def _reach(space: GroupSpace, tile: str) -> int:
    """The points of the axis that a tile size of the cascade divides."""
    p = space.problem
    for linear in space.layout.linear:
        if any(p.cascade.rank(v) == tile for v in linear.variables):
            return int(evaluate(linear.size, p.names))
    return int(p.names[tile])


def _size(space: GroupSpace, variable: str, points: Dict[str, Array]) -> Array:
    """The size of a variable at every point; it may follow from a tile size of the cascade."""
    p = space.problem
    rank = p.cascade.rank(variable)
    size: Value = p.names[rank]
    expression = p.cascade.params.get(rank)
    if expression is not None and any(t in points for t in p.tiles):
        size = evaluate(expression, {**p.names, **points})
    number = len(next(iter(points.values()))) if points else 1
    return np.broadcast_to(np.asarray(size, float), number)


def _expanded(points: dict[str, Array], name: str, size: Array | None, table: Dict[int, list[int]]) -> dict[str, Array]:
    """Combine every point with the candidates for its size."""
    number = len(next(iter(points.values()))) if points else 1
    keys = np.ones(number, int) if size is None else size.astype(int)
    counts = np.array([len(table[k]) for k in keys.tolist()])
    values = np.concatenate([table[k] for k in keys.tolist()]).astype(float)
    return {**{n: np.repeat(v, counts) for n, v in points.items()}, name: values}
