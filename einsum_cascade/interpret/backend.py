"""Array libraries: the types of what they give, and sorting and scattering, which the array API standard lacks."""

import importlib
import math
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Protocol, Union

import array_api_compat

if TYPE_CHECKING:
    from torch import Tensor


class Shaped(Protocol):
    """What an input must offer: an array of NumPy, torch or any library that array_api_compat knows."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the axes."""


class Array(Shaped, Protocol):
    """What an array offers."""

    @property
    def dtype(self) -> object:
        """The type of the elements."""

    @property
    def ndim(self) -> int:
        """The number of axes."""

    def __getitem__(self, key: object, /) -> "Array":
        """Elements, or a view of them."""

    def __setitem__(self, key: object, value: object, /) -> None:
        """Overwrite elements."""

    def view(self, dtype: object, /) -> "Array":
        """The same bits as elements of another type of the same width."""

    def __bool__(self) -> bool:
        """The truth of the only element."""

    def __neg__(self) -> "Array":
        """Minus."""

    def __invert__(self) -> "Array":
        """Not."""

    def __and__(self, other: "Operand", /) -> "Array":
        """And."""

    def __or__(self, other: "Operand", /) -> "Array":
        """Or."""

    def __rshift__(self, other: "Operand", /) -> "Array":
        """Bits shifted towards the lowest."""

    def __add__(self, other: "Operand", /) -> "Array":
        """Sum."""

    def __radd__(self, other: "Operand", /) -> "Array":
        """Sum."""

    def __sub__(self, other: "Operand", /) -> "Array":
        """Difference."""

    def __mul__(self, other: "Operand", /) -> "Array":
        """Product."""

    def __rmul__(self, other: "Operand", /) -> "Array":
        """Product."""

    def __truediv__(self, other: "Operand", /) -> "Array":
        """Quotient."""

    def __rtruediv__(self, other: "Operand", /) -> "Array":
        """Quotient."""

    def __lt__(self, other: "Operand", /) -> "Array":
        """Less."""

    def __ge__(self, other: "Operand", /) -> "Array":
        """Not less."""


Operand = Union[Array, bool, int, float]  # noqa: UP007 (a protocol cannot stand left of |)


def namespace(given: str | ModuleType | None, arrays: Sequence[object]) -> ModuleType:
    """Return the array-API namespace with this name ("numpy", "torch"), or that of `arrays`; NumPy for none.

    >>> namespace("numpy", []).__name__
    'array_api_compat.numpy'
    """
    if isinstance(given, ModuleType):
        probe = getattr(given, "zeros", None)
        return namespace(None, [probe(1)]) if probe else given
    if given is not None:
        return namespace(None, [_probe(given)])
    known = [a for a in arrays if array_api_compat.is_array_api_obj(a)]
    found: ModuleType = array_api_compat.array_namespace(*known) if known else namespace("numpy", [])
    return found


def _probe(name: str) -> object:
    return importlib.import_module(name).zeros(1)


def device_of(array: object) -> object:
    """Return the device of `array`."""
    device: object = array_api_compat.device(array)
    return device


def on_cpu(array: object) -> bool:
    """Return whether `array` lies in the memory of the processor."""
    return "cpu" in str(device_of(array))


def is_floating(xp: ModuleType, array: Operand) -> bool:
    """Return whether `array` holds real numbers (a Python float does)."""
    if isinstance(array, bool | int | float):
        return isinstance(array, float)
    return bool(xp.isdtype(array.dtype, "real floating"))


def is_boolean(xp: ModuleType, array: Operand) -> bool:
    """Return whether `array` holds truth values."""
    return isinstance(array, bool) if isinstance(array, bool | int | float) else bool(xp.isdtype(array.dtype, "bool"))


def identity(xp: ModuleType, name: str, array: Operand) -> float | int:
    """Return the value that does not change a reduction `name` (sum, prod, max, min) over elements like `array`."""
    if name in ("sum", "prod"):
        return 0 if name == "sum" else 1
    if isinstance(array, bool | int | float) or is_floating(xp, array):
        return -math.inf if name == "max" else math.inf
    limits = xp.iinfo(array.dtype)
    return int(limits.min if name == "max" else limits.max)


def best_first(xp: ModuleType, values: Array, present: Array | None, descending: bool) -> Array:
    """Return the coordinates along the last axis in the order of their values, ties by coordinate, absent ones last."""
    order: Array = xp.argsort(values, axis=-1, descending=descending, stable=True)
    if present is None:
        return order
    absent = xp.astype(_along(xp, ~present, order), xp.int64)
    return _along(xp, order, xp.argsort(absent, axis=-1, stable=True))


def _along(xp: ModuleType, array: Array, index: Array) -> Array:
    """Return the elements of the last axis at `index`, row by row: take_along_axis, which is new in the standard."""
    length = array.shape[-1]
    rows = xp.arange(math.prod(array.shape[:-1]), dtype=xp.int64, device=device_of(array)) * length
    flat = index + xp.reshape(rows, (*array.shape[:-1], 1))
    found: Array = xp.take(xp.reshape(array, (-1,)), xp.reshape(flat, (-1,)), axis=0)
    result: Array = xp.reshape(found, index.shape)
    return result


def scatter(xp: ModuleType, name: str, count: int, coordinates: Array, values: Array) -> Array:
    """Combine the rows of `values` that fall on one coordinate.

    Parameters
    ----------
    name : "sum", "prod", "max" or "min"
    count : the number of coordinates
    coordinates : shape (n,), int64, each in 0 <= c < count
    values : shape (n, ...)

    Returns
    -------
    array of shape (count, ...); the identity of the operation where nothing falls

    >>> import numpy as np
    >>> scatter(namespace("numpy", []), "sum", 3, np.array([2, 0, 2]), np.array([1.0, 2.0, 3.0])).tolist()
    [2.0, 0.0, 4.0]
    """
    shape = (count, *values.shape[1:])
    start: Array = xp.full(shape, identity(xp, name, values), dtype=values.dtype, device=device_of(values))
    if array_api_compat.is_torch_namespace(xp):
        return _torch_scatter(name, start, coordinates, values)
    import numpy

    meet = {"sum": numpy.add, "prod": numpy.multiply, "max": numpy.maximum, "min": numpy.minimum}[name]
    filled = numpy.asarray(start)
    meet.at(filled, numpy.asarray(coordinates), numpy.asarray(values))
    result: Array = xp.asarray(filled)
    return result


def _torch_scatter(name: str, start: "Tensor", coordinates: "Tensor", values: "Tensor") -> Array:
    result: Array
    if name == "sum":
        result = start.index_add(0, coordinates, values)
    else:
        where = coordinates.reshape(-1, *(1,) * (values.ndim - 1)).expand_as(values)
        result = start.scatter_reduce(0, where, values, {"prod": "prod", "max": "amax", "min": "amin"}[name])
    return result
