"""The operators of the language on whole arrays; scalars stay Python scalars, so that they do not widen the type."""

import importlib
import math
import operator
from collections.abc import Callable
from types import ModuleType

import array_api_compat

from einsum_cascade.interpret.backend import Array, Operand, device_of, is_boolean, is_floating

Function = Callable[..., Operand]


def as_float(xp: ModuleType, x: Operand) -> Array:
    """Return `x` as an array; a scalar and truth values become float64."""
    array: Array = xp.asarray(x, dtype=xp.float64) if isinstance(x, bool | int | float) or is_boolean(xp, x) else x
    return array


def _paired(xp: ModuleType, *operands: Operand) -> list[Array]:
    """Make arrays of scalars, in the type of the arrays beside them."""
    like = next((a for a in operands if not isinstance(a, bool | int | float)), None)
    if like is None:
        whole = all(isinstance(a, int) for a in operands)
        return [xp.asarray(a, dtype=xp.int64 if whole else xp.float64) for a in operands]
    widen = not is_floating(xp, like) and any(isinstance(a, float) for a in operands)
    dtype = xp.float64 if widen else like.dtype
    return [
        xp.asarray(a, dtype=dtype, device=device_of(like)) if isinstance(a, bool | int | float) else a for a in operands
    ]


def _extreme(name: str) -> Function:
    def extreme(xp: ModuleType, *operands: Operand) -> Operand:
        arrays = _paired(xp, *operands)
        result = arrays[0]
        for array in arrays[1:]:
            result = getattr(xp, name)(result, array)
        return result

    return extreme


def select(xp: ModuleType, condition: Operand, chosen: Operand, other: Operand) -> Operand:
    """Return `chosen` where `condition` holds, else `other`; scalars take the type of the array beside them."""
    if isinstance(condition, bool | int | float):
        return chosen if condition else other
    one, two = _paired(xp, chosen, other)
    if isinstance(chosen, bool | int | float) and isinstance(other, bool | int | float):
        one = xp.asarray(one, device=device_of(condition))
        two = xp.asarray(two, device=device_of(condition))
    picked: Array = xp.where(xp.asarray(condition, dtype=xp.bool), one, two)
    return picked


def erf(xp: ModuleType, x: Operand, name: str = "erf") -> Array:
    """Return the error function of `x`, or with the name erfc its complement, exact in the tail."""
    array = as_float(xp, x)
    result: Array
    if array_api_compat.is_torch_namespace(xp):
        import torch

        result = getattr(torch, name)(array)
    else:
        import numpy
        from scipy import special

        result = xp.asarray(getattr(special, name)(numpy.asarray(array)))
    return result


def _elementwise(name: str) -> Function:
    def function(xp: ModuleType, x: Operand) -> Operand:
        result: Array = getattr(xp, name)(as_float(xp, x))
        return result

    return function


def _exp(xp: ModuleType, x: Array) -> Array:
    result: Array = xp.exp(x)
    return result


def _sigmoid(xp: ModuleType, x: Operand) -> Array:
    return 1 / (1 + _exp(xp, -as_float(xp, x)))


def _gaussian(xp: ModuleType, x: Array) -> Array:
    """Return the distribution function of the normal distribution."""
    return 0.5 * erf(xp, x * -math.sqrt(0.5), "erfc")


def _gelu(xp: ModuleType, x: Operand) -> Array:
    array = as_float(xp, x)
    return array * _gaussian(xp, array)


def _dgelu(xp: ModuleType, x: Operand) -> Array:
    array = as_float(xp, x)
    return _gaussian(xp, array) + array * _exp(xp, array * array * -0.5) * (1 / math.sqrt(2 * math.pi))


def _softplus(xp: ModuleType, x: Operand) -> Array:
    array = as_float(xp, x)
    rest: Array = xp.log1p(_exp(xp, -xp.abs(array)))
    return rest + FUNCTIONS["max"](xp, array, 0.0)


def _elu1(xp: ModuleType, x: Operand) -> Operand:
    array = as_float(xp, x)
    return select(xp, array < 0, xp.exp(FUNCTIONS["min"](xp, array, 0.0)), array + 1)


def _plain(function: Callable[..., Operand]) -> Function:
    return lambda xp, *operands: function(*operands)


def _both(xp: ModuleType, a: Operand, b: Operand) -> Operand:
    return operator.and_(operator.ne(a, 0), operator.ne(b, 0))  # type: ignore[no-any-return]


FUNCTIONS: dict[str, Function] = {
    "add": _plain(operator.add), "sub": _plain(operator.sub), "mul": _plain(operator.mul), "neg": _plain(operator.neg),
    "div": _plain(operator.truediv), "floordiv": _plain(operator.floordiv), "mod": _plain(operator.mod),
    "pow": _plain(operator.pow), "le": _plain(operator.le), "lt": _plain(operator.lt), "ge": _plain(operator.ge),
    "gt": _plain(operator.gt), "eq": _plain(operator.eq), "ne": _plain(operator.ne), "and": _both,
    "max": _extreme("maximum"), "min": _extreme("minimum"), "abs": _plain(operator.abs), "where": select,
    "relu": lambda xp, x: FUNCTIONS["max"](xp, x, 0), "sign": _elementwise("sign"), "floor": _elementwise("floor"),
    "sqrt": _elementwise("sqrt"), "rsqrt": lambda xp, x: 1 / xp.sqrt(as_float(xp, x)),
    "log": _elementwise("log"), "log2": _elementwise("log2"), "exp": _elementwise("exp"),
    "exp2": lambda xp, x: operator.pow(2.0, as_float(xp, x)), "sin": _elementwise("sin"), "cos": _elementwise("cos"),
    "tanh": _elementwise("tanh"), "erf": erf, "sigmoid": _sigmoid, "softplus": _softplus, "elu1": _elu1,
    "silu": lambda xp, x: as_float(xp, x) * _sigmoid(xp, x), "gelu": _gelu, "dgelu": _dgelu,
    "present": lambda xp, x: xp.ones_like(as_float(xp, x)),
}  # fmt: skip

IN_PLACE: dict[str, Callable[..., Array]] = {
    "add": operator.iadd,
    "sub": operator.isub,
    "mul": operator.imul,
    "div": operator.itruediv,
}


def exp_in_place(xp: ModuleType, array: Array) -> Array:
    """Return exp(array), written over `array` where the library can do that."""
    if array_api_compat.is_numpy_namespace(xp) or array_api_compat.is_torch_namespace(xp):
        library = importlib.import_module(xp.__name__.rpartition(".")[2])
        library.exp(array, out=array)
        return array
    result: Array = xp.exp(array)
    return result
