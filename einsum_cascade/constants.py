"""Constants: rank sizes and parameters, evaluated exactly (Python integers and floats, never `eval`)."""

import math
from collections.abc import Callable, Mapping
from typing import TypeVar

from einsum_cascade.einsum import Access, Attend, Constant, Expression, Number, Variable, walk
from einsum_cascade.errors import Diagnostic, SpecError, did_you_mean

Value = int | float
V = TypeVar("V")


def _divide(a: Value, b: Value) -> Value:
    exact = isinstance(a, int) and isinstance(b, int) and a % b == 0
    return a // b if exact else a / b


def _power(a: Value, b: Value) -> Value:
    if a < 0 and b != int(b):
        raise ValueError("not a real number")
    return a**b if isinstance(b, float) or b >= 0 or isinstance(a, float) else float(a) ** b


def _sqrt(a: Value) -> Value:
    root = math.isqrt(a) if isinstance(a, int) and a >= 0 else None
    return root if root is not None and root * root == a else math.sqrt(a)


ARITHMETIC: dict[str, Callable[..., Value]] = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "neg": lambda a: -a,
    "div": _divide, "floordiv": lambda a, b: a // b, "mod": lambda a, b: a % b, "pow": _power,
    "max": max, "min": min, "abs": abs, "sqrt": _sqrt, "rsqrt": lambda a: 1 / _sqrt(a),
    "log": math.log, "log2": math.log2, "exp": math.exp, "exp2": lambda a: _power(2, a), "floor": math.floor,
    "sin": math.sin, "cos": math.cos, "tanh": math.tanh,
    "le": lambda a, b: a <= b, "lt": lambda a, b: a < b, "ge": lambda a, b: a >= b, "gt": lambda a, b: a > b,
    "eq": lambda a, b: a == b, "ne": lambda a, b: a != b, "and": lambda a, b: a and b,
    "where": lambda c, a, b: a if c else b,
}  # fmt: skip


def evaluate(node: Expression, names: Mapping[str, Value]) -> Value:
    """Return the value of a constant expression; `names` gives constants (and variables, where they are bound).

    Integers stay integers where the result is exact: 8/4 is 2, sqrt(64) is 8.

    Raises SpecError at a name that `names` does not have, at an access, and at an impossible operation.

    >>> from einsum_cascade.parse import parse_expression
    >>> evaluate(parse_expression("(M + M0 - 1) // M0"), {"M": 100, "M0": 16})
    7
    """
    match node:
        case Number():
            return node.value
        case Constant() | Variable():
            if node.name in names:
                return names[node.name]
            hint = did_you_mean(node.name, names) or "give its size under `ranks`, or with --shape"
            raise SpecError([Diagnostic(place=node.place, message=f"{node.name} has no value", hint=hint)])
        case Access() | Attend():
            message = "a tensor stands where a constant is needed"
            raise SpecError([Diagnostic(place=node.place, message=message)])
    values = [evaluate(a, names) for a in node.arguments]
    if node.operator not in ARITHMETIC:
        message = f"{node.operator} is not available in constants"
        raise SpecError([Diagnostic(place=node.place, message=message, hint=did_you_mean(node.operator, ARITHMETIC))])
    try:
        return ARITHMETIC[node.operator](*values)
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        message = f"{node.operator} of {', '.join(map(str, values))}: {error}"
        raise SpecError([Diagnostic(place=node.place, message=message)]) from None


def resolve(
    expressions: Mapping[str, Expression], names: Mapping[str, V], value: Callable[[Expression, Mapping[str, V]], V]
) -> dict[str, V]:
    """Return `names` with the value of every expression added, whatever the order in which they depend on each other.

    Raises SpecError with all mistakes where the rest depends on nothing that has a value.

    >>> from einsum_cascade.parse import parse_expression
    >>> resolve({"B": parse_expression("2*A"), "A": parse_expression("C + 1")}, {"C": 3}, evaluate)
    {'C': 3, 'A': 4, 'B': 8}
    """
    found, pending = dict(names), dict(expressions)
    while pending:
        failed: dict[str, SpecError] = {}
        for name, expression in pending.items():
            try:
                found[name] = value(expression, found)
            except SpecError as error:
                failed[name] = error
        if len(failed) == len(pending):
            raise SpecError([d for error in failed.values() for d in error.diagnostics])
        pending = {n: e for n, e in pending.items() if n in failed}
    return found


def is_constant(node: Expression) -> bool:
    """Return whether `node` holds neither a tensor nor a rank variable.

    >>> from einsum_cascade.parse import parse_expression
    >>> is_constant(parse_expression("sqrt(E) * 2")), is_constant(parse_expression("LAM ** (i-j)"))
    (True, False)
    """
    return not any(isinstance(n, Access | Variable | Attend) for n in walk(node))


def is_static(node: Expression) -> bool:
    """Return whether `node` holds no tensor: it is known without any data.

    >>> from einsum_cascade.parse import parse_expression
    >>> is_static(parse_expression("LAM ** (i-j)")), is_static(parse_expression("A[i]"))
    (True, False)
    """
    return not any(isinstance(n, Access | Attend) for n in walk(node))
