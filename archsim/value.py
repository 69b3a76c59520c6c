"""Numbers of the model: Python numbers for one point (integers exact), or arrays of shape (n,) for n points."""

from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from einsum_cascade.constants import ARITHMETIC
from einsum_cascade.einsum import Access, Attend, Constant, Expression, Number, Variable
from einsum_cascade.errors import Diagnostic, SpecError, did_you_mean

__all__ = [
    "Array",
    "Condition",
    "Value",
    "ceil_div",
    "compare",
    "either",
    "evaluate",
    "floor_div",
    "larger",
    "shown",
    "smaller",
    "total",
    "whole",
]

Array: TypeAlias = NDArray[np.float64]
Value: TypeAlias = int | float | Array
Condition: TypeAlias = bool | np.bool_ | NDArray[np.bool_]


def evaluate(node: Expression, names: Mapping[str, Value]) -> Value:
    """Return the value of a constant expression over numbers or arrays.

    Raises SpecError at an unknown name, at a tensor and at an impossible operation.

    >>> from einsum_cascade.parse import parse_expression
    >>> evaluate(parse_expression("max(A, 2) * 3"), {"A": np.array([1.0, 4.0])})
    array([ 6., 12.])
    """
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Constant):
        if node.name in names:
            return names[node.name]
        hint = did_you_mean(node.name, names) or "give it a value under `parameters`"
        raise SpecError([Diagnostic(place=node.place, message=f"{node.name} has no value", hint=hint)])
    if isinstance(node, Access | Attend | Variable):
        expected = "a number, or an expression over ranks and parameters, which begin with a capital letter"
        raise SpecError([Diagnostic(place=node.place, message="a constant is needed here", expected=expected)])
    values = [evaluate(a, names) for a in node.arguments]
    arrays = any(isinstance(v, np.ndarray) for v in values)
    if arrays and node.operator == "div":
        return values[0] / values[1]
    operation = ELEMENTWISE.get(node.operator) if arrays else None
    operation = operation or ARITHMETIC.get(node.operator)
    if operation is None:
        raise SpecError([Diagnostic(place=node.place, message=f"{node.operator} is not available here")])
    try:
        result: Value = operation(*values)
    except (ValueError, ArithmeticError) as error:
        message = f"{node.operator} of {', '.join(map(str, values))}: {error}"
        raise SpecError([Diagnostic(place=node.place, message=message)]) from None
    return result


def ceil_div(a: Value, b: Value) -> Value:
    """Return a / b rounded up.

    >>> ceil_div(7, 2)
    4
    """
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.ceil(np.divide(a, b))  # exact below 2**53, and much faster than floor division
    return -(-a // b)


def floor_div(a: Value, b: Value) -> Value:
    """Return a / b rounded down.

    >>> floor_div(7, 2)
    3
    """
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.floor(np.divide(a, b))
    return a // b


def larger(a: Value, b: Value) -> Value:
    """Return the larger one, element by element.

    >>> larger(3, 4)
    4
    """
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.maximum(a, b)
    return max(a, b)


def smaller(a: Value, b: Value) -> Value:
    """Return the smaller one, element by element.

    >>> smaller(3, 4)
    3
    """
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.minimum(a, b)
    return min(a, b)


def either(condition: object, yes: Value, no: Value) -> Value:
    """Return `yes` where the condition holds, else `no`.

    >>> either(True, 1, 2)
    1
    """
    if isinstance(condition, np.ndarray):
        if condition.all():
            return yes
        return np.where(condition, yes, no) if condition.any() else no
    return yes if condition else no


def whole(value: Value) -> bool:
    """Return whether a value, or every element of an array, is a whole number from 1 on.

    >>> whole(3), whole(0), whole(np.array([1.0, 2.5]))
    (True, False, False)
    """
    if isinstance(value, np.ndarray):
        return bool(value.min(initial=1) >= 1 and np.array_equal(np.floor(value), value))
    return value >= 1 and value == value // 1


def shown(value: Value) -> str:
    """Return a value for a message: of an array, the first element that is not a whole number from 1 on.

    >>> shown(2.5), shown(np.array([1.0, 0.0]))
    ('2.5', '0.0')
    """
    if isinstance(value, np.ndarray):
        return str(value[(value < 1) | (np.floor(value) != value)][0])
    return str(value)


def total(values: Iterable[Value]) -> Value:
    """Return the sum; 0 of none.

    >>> total([1, 2])
    3
    """
    result: Value = 0
    for value in values:
        if isinstance(result, np.ndarray) or isinstance(value, np.ndarray) or value:
            result = result + value
    return result


def compare(operator: str, left: Value, right: Value) -> Value:
    """Return whether a comparison holds, element by element."""
    return {"le": np.less_equal, "lt": np.less, "ge": np.greater_equal, "gt": np.greater, "eq": np.equal,
            "ne": np.not_equal}[operator](left, right)  # fmt: skip


ELEMENTWISE: dict[str, Callable[..., Value]] = {
    "max": lambda *a: reduce(larger, a),
    "min": lambda *a: reduce(smaller, a),
    "floordiv": floor_div,
    "abs": np.abs,
    "sqrt": np.sqrt,
    "log2": np.log2,
    "exp2": np.exp2,
    "log": np.log,
    "exp": np.exp,
    "floor": np.floor,
    "mod": np.remainder,
    "pow": lambda a, b: np.power(np.asarray(a, float), b),
    "rsqrt": lambda a: 1 / np.sqrt(a),
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
}
