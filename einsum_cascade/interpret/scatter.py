"""Scatters: values combined at computed coordinates of a tensor that is written."""

import math
from collections.abc import Sequence

from einsum_cascade.einsum import Expression, variables
from einsum_cascade.interpret import backend
from einsum_cascade.interpret.field import SCALAR, Field, Labelled, combine, expanded, filled, meet, union
from einsum_cascade.interpret.functions import select
from einsum_cascade.interpret.indexing import Form, Gather, Integer, Span, is_whole, within
from einsum_cascade.interpret.scope import Scope


def scattered(
    field: Field, labels: Sequence[str], extents: Sequence[int], indices: Sequence[Expression],
    places: Sequence[Form], scope: Scope, integer: Integer, operation: str,
) -> Field:  # fmt: skip
    """Return what stands at every coordinate after all points were combined; absent where none falls.

    `labels`, `extents`, `indices` and `places` describe the axes that are written; `operation` is sum, prod, max or
    min. Points that are absent, or fall out of range, go to a coordinate behind the last and are cut off.
    """
    xp = scope.xp
    bare = {p.variables[0]: x for p, x, n in zip(places, labels, extents, strict=True)
            if isinstance(p, Span) and is_whole(p, n)}  # fmt: skip
    along = [
        (x, n, p.index if isinstance(p, Gather) else integer(i))
        for x, n, i, p in zip(labels, extents, indices, places, strict=True)
        if x not in bare.values()
    ]
    free = (v for i, x in zip(indices, labels, strict=True) if x not in bare.values() for v in variables(i))
    points = union(*(index.axes for _, _, index in along), (v for v in free if v not in scope.bound))
    along = [(a, scope.sizes[a], Field(scope.coordinates(a))) for a in points if a.startswith("~")] + along
    count = math.prod(n for _, n, _ in along)
    flat, valid = _flat(scope, along)
    if valid is not None:
        flat = combine(lambda v, f: select(xp, v, f, count), valid, flat)
    coordinates = xp.reshape(expanded(xp, flat, points, scope.sizes, xp.int64), (-1,))
    rest = tuple(a for a in field.axes if a not in points)
    shape = tuple(n for _, n, _ in along)
    names = tuple(x for x, _, _ in along)

    def spread(name: str, given: Labelled, dtype: object) -> Labelled:
        own = tuple(a for a in rest if a in given.axes)
        array = expanded(xp, given, (*points, *own), scope.sizes, dtype)
        rows = xp.reshape(array, (-1, *(scope.sizes[a] for a in own)))
        found = backend.scatter(xp, name, count + 1, coordinates, rows)[:count]
        axes = (*names, *(bare.get(a, a) for a in own))
        return Labelled(xp.reshape(found, (*shape, *(scope.sizes[a] for a in own))), axes)

    values = filled(xp, field, backend.identity(xp, operation, field.values.array))
    present = field.mask or Labelled(True)
    ones = Labelled(xp.astype(xp.asarray(present.array, device=scope.device), xp.int64), present.axes)
    landed = combine(lambda n: n > 0, spread("sum", ones, xp.int64))
    return Field(spread(operation, values, scope.dtype), landed)


def _flat(scope: Scope, along: Sequence[tuple[str, int, Field]]) -> tuple[Labelled, Labelled | None]:
    """Return the number of each point's coordinate in the joined axes, and which points fall inside."""
    flat, valid = Labelled(0), None
    for _, extent, index in along:
        safe = filled(scope.xp, index, 0)
        inside = combine(lambda i, n=extent: within(i, n), safe)
        if not isinstance(inside.array, SCALAR):
            valid = meet(valid, inside)
        elif not inside.array:
            valid = Labelled(False)
        valid = meet(valid, index.mask)
        flat = combine(lambda f, i, n=extent: f * n + i, flat, safe)
    return flat, valid
