"""Arrays with named axes, and fields: values together with the set of points that are present.

An axis that an array does not depend on is simply not among its axes; a scalar has none. So a mask over (m, p) stays
one over (m, p) however many heads and batches the values have.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

from einsum_cascade.interpret.backend import Array, Operand
from einsum_cascade.interpret.functions import select

SCALAR = (bool, int, float)


@dataclass(frozen=True, slots=True)
class Labelled:
    """An array whose axes have names; a Python scalar has no axes."""

    array: Operand
    axes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """Values and which of them are present (`mask` None: all). What stands at an absent point means nothing.

    `fresh`: nobody else holds the values, so they may be overwritten.
    """

    values: Labelled
    mask: Labelled | None = None
    fresh: bool = False

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes on which the values or the presence depend."""
        return self.values.axes if self.mask is None else union(self.values.axes, self.mask.axes)

    @property
    def absent(self) -> bool:
        """Whether no point at all is present, as far as is known without looking at the data."""
        return self.mask is not None and self.mask.array is False


ABSENT = Field(Labelled(0.0), Labelled(False))


def union(*axes: Iterable[str]) -> tuple[str, ...]:
    """Return the names in `axes`, each once.

    >>> union(("m", "p"), ("p", "f"))
    ('m', 'p', 'f')
    """
    return tuple(dict.fromkeys(a for some in axes for a in some))


def aligned(given: Labelled, axes: Sequence[str]) -> Operand:
    """Return the array with its axes in the order of `axes`, of size 1 where it lacks one (a scalar as it is).

    >>> import numpy as np
    >>> aligned(Labelled(np.ones((2, 3)), ("m", "p")), ("p", "f", "m")).shape
    (3, 1, 2)
    """
    array = given.array
    if isinstance(array, SCALAR) or given.axes == tuple(axes):
        return array
    order = tuple(given.axes.index(a) for a in axes if a in given.axes)
    if order != tuple(range(len(order))):
        array = transpose(array, order)
    key = tuple(slice(None) if a in given.axes else None for a in axes)
    return array[key] if None in key else array


def transpose(array: Array, order: tuple[int, ...]) -> Array:
    """Return `array` with its axes in the order given, without a copy."""
    from array_api_compat import array_namespace

    result: Array = array_namespace(array).permute_dims(array, order)
    return result


def combine(function: Callable[..., Operand], *operands: Labelled) -> Labelled:
    """Apply an element-wise function to arrays, over all their axes; the operand with most axes gives the order."""
    axes = union(*(o.axes for o in sorted(operands, key=lambda o: -len(o.axes))))
    return Labelled(function(*(aligned(o, axes) for o in operands)), axes)


def meet(*masks: Labelled | None) -> Labelled | None:
    """Return the points that are in all of `masks`."""
    result: Labelled | None = None
    for mask in masks:
        if mask is None or (result is not None and result.array is False):
            continue
        result = mask if result is None or mask.array is False else combine(lambda a, b: a & b, result, mask)
    return result


def join(*masks: Labelled | None) -> Labelled | None:
    """Return the points that are in any of `masks`."""
    result: Labelled = Labelled(False)
    for mask in masks:
        if mask is None:
            return None
        if mask.array is not False:
            result = mask if result.array is False else combine(lambda a, b: a | b, result, mask)
    return result


def filled(xp: ModuleType, field: Field, fill: float | int) -> Labelled:
    """Return the values with `fill` at absent points."""
    if field.mask is None:
        return field.values
    if field.absent:
        return Labelled(fill)
    return combine(lambda m, v: select(xp, m, v, fill), field.mask, field.values)


def settled(xp: ModuleType, mask: Labelled | None) -> Labelled | None:
    """Return None for a mask that is true everywhere. Looks at the data."""
    if mask is None or mask.array is False:
        return mask
    return None if mask.array is True or bool(xp.all(mask.array)) else mask


def expanded(xp: ModuleType, given: Labelled, axes: Sequence[str], sizes: Mapping[str, int], dtype: object) -> Array:
    """Return the array over all of `axes`; a view where it can be one. `dtype` is for scalars."""
    array = aligned(given, axes)
    if isinstance(array, SCALAR):
        array = xp.asarray(array, dtype=dtype)
    result: Array = xp.broadcast_to(array, tuple(sizes[a] for a in axes))
    return result
