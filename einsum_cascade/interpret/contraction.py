"""Sums of products, pair by pair as batched matrix products, so that the iteration space is never built."""

import math
from collections.abc import Mapping, Sequence
from types import ModuleType

from einsum_cascade.interpret.arithmetic import Adder
from einsum_cascade.interpret.backend import Array, is_floating
from einsum_cascade.interpret.field import SCALAR, Labelled, aligned, union


def contract(
    xp: ModuleType, factors: Sequence[Labelled], kept: Sequence[str], sizes: Mapping[str, int], dtype: object,
    adder: Adder | None = None,
) -> tuple[Labelled, bool]:  # fmt: skip
    """Return the product of `factors`, summed over the axes that are not in `kept`, and whether it is a new array.

    Parameters
    ----------
    factors : at least one array that is no scalar
    kept : the axes of the result, in the order that suits the reader; a factor that lacks one does not get it
    sizes : the size of every axis
    dtype : what integers and truth values are taken as
    adder : what adds up; None: the array library

    >>> import numpy as np
    >>> a, b = Labelled(np.ones((4, 2)), ("k", "m")), Labelled(np.ones((4, 3)), ("k", "n"))
    >>> result, _ = contract(np, [a, b], ("n", "m"), {"k": 4, "m": 2, "n": 3}, np.float64)
    >>> result.axes, result.array.shape, float(result.array[0, 0])
    (('n', 'm'), (3, 2), 4.0)
    """
    left = [_real(xp, f, dtype) for f in factors]
    fresh = False
    while len(left) > 1:
        i, j = _cheapest(left, kept, sizes) if len(left) > 2 else (0, 1)
        one, two = left[i], left[j]
        rest = [f for n, f in enumerate(left) if n not in (i, j)]
        needed = {*kept, *(a for f in rest for a in f.axes)}
        left = [*rest, _pair(xp, one, two, needed, kept, adder)]
        fresh = True
    result = left[0]
    if set(result.axes) - set(kept):
        return _summed(xp, result, set(kept), adder), True
    return result, fresh


def _real(xp: ModuleType, factor: Labelled, dtype: object) -> Labelled:
    array = factor.array
    if isinstance(array, SCALAR) or is_floating(xp, array):
        return factor
    return Labelled(xp.astype(array, dtype), factor.axes)


def _cheapest(factors: Sequence[Labelled], kept: Sequence[str], sizes: Mapping[str, int]) -> tuple[int, int]:
    """Return the pair whose product is smallest compared with its factors."""

    def growth(i: int, j: int) -> tuple[int, int, int]:
        others = {a for n, f in enumerate(factors) if n not in (i, j) for a in f.axes} | set(kept)
        both = {*factors[i].axes, *factors[j].axes}
        work = math.prod(sizes[a] for a in both)
        size = math.prod(sizes[a] for a in both & others)
        return size - sum(math.prod(sizes[a] for a in factors[n].axes) for n in (i, j)), work, i

    pairs = [(i, j) for i in range(len(factors)) for j in range(i + 1, len(factors))]
    return min(pairs, key=lambda p: growth(*p))


def _summed(xp: ModuleType, given: Labelled, needed: set[str], adder: Adder | None) -> Labelled:
    """Sum over the axes that nobody needs."""
    gone = tuple(n for n, a in enumerate(given.axes) if a not in needed)
    if not gone:
        return given
    assert not isinstance(given.array, SCALAR)
    total = xp.sum(given.array, axis=gone) if adder is None else adder.sum(xp, given.array, gone)
    return Labelled(total, tuple(a for a in given.axes if a in needed))


def _pair(
    xp: ModuleType, one: Labelled, two: Labelled, needed: set[str], order: Sequence[str], adder: Adder | None
) -> Labelled:
    """Multiply two factors and sum over what they share and nobody else needs."""
    one = _summed(xp, one, needed | set(two.axes), adder)
    two = _summed(xp, two, needed | set(one.axes), adder)
    place = {a: n for n, a in enumerate(order)}
    shared = sorted(set(one.axes) & set(two.axes), key=lambda a: place.get(a, len(place)))
    summed = [a for a in one.axes if a in shared and a not in needed]
    if not summed:
        axes = union(*sorted((one.axes, two.axes), key=len, reverse=True))
        return Labelled(aligned(one, axes) * aligned(two, axes), axes)
    batch = [a for a in shared if a in needed]
    first = min((place.get(a, len(place)) for a in one.axes if a not in shared), default=-1)
    second = min((place.get(a, len(place)) for a in two.axes if a not in shared), default=len(place) + 1)
    if second < first:
        one, two = two, one
    rows, batch_one = _merged([a for a in one.axes if a not in shared], one)
    columns, batch_two = _merged([a for a in two.axes if a not in shared], two)
    batch = [*batch_one, *batch_two, *batch]
    a = _matrix(xp, one, batch, rows, summed)
    b = _matrix(xp, two, batch, summed, columns)
    product: Array = xp.matmul(a, b) if adder is None else adder.matmul(xp, a, b)
    length = {**dict(zip(one.axes, _shape(one), strict=True)), **dict(zip(two.axes, _shape(two), strict=True))}
    axes = (*batch, *rows, *columns)
    return Labelled(xp.reshape(product, tuple(length[x] for x in axes)), axes)


def _shape(given: Labelled) -> tuple[int, ...]:
    return () if isinstance(given.array, SCALAR) else tuple(given.array.shape)


def _merged(own: list[str], given: Labelled) -> tuple[list[str], list[str]]:
    """Split a factor's own axes into those that become one side of the matrix, and those that stay a batch.

    Neighbouring axes become one without a copy; of others only the longest does.
    """
    if len(own) < 2:
        return own, []
    at = [given.axes.index(a) for a in own]
    if at == list(range(at[0], at[0] + len(at))):
        return own, []
    shape = _shape(given)
    longest = max(own, key=lambda a: shape[given.axes.index(a)])
    return [longest], [a for a in own if a != longest]


def _matrix(
    xp: ModuleType, given: Labelled, batch: Sequence[str], rows: Sequence[str], columns: Sequence[str]
) -> Array:
    """Return a factor as a stack of matrices, its rows and columns each joined into one axis."""
    array = aligned(given, (*batch, *rows, *columns))
    assert not isinstance(array, SCALAR)
    if len(rows) == 1 and len(columns) == 1:
        return array
    shape = tuple(array.shape)
    n, m = len(batch), len(batch) + len(rows)
    result: Array = xp.reshape(array, (*shape[:n], math.prod(shape[n:m]), math.prod(shape[m:])))
    return result
