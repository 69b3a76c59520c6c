"""The shape of every tensor of a cascade: inputs, views, intermediates with the extra coordinate of running ranks."""

import math
from collections.abc import Mapping

from einsum_cascade.cascade import Cascade, size
from einsum_cascade.constants import Value, evaluate
from einsum_cascade.einsum import (
    Access,
    Apply,
    Attend,
    Constant,
    Einsum,
    Expression,
    Number,
    Variable,
    accesses,
    read_accesses,
    reduced_variables,
    selection,
)
from einsum_cascade.errors import Diagnostic, SpecError

Bounds = tuple[Value, Value]


def tensor_shapes(cascade: Cascade, names: Mapping[str, Value]) -> dict[str, tuple[int, ...]]:
    """Return the shape of every tensor of `cascade`, given the value of every rank and parameter (`cascade.shape`).

    What `declare` says wins; else an axis reaches to the largest coordinate that any definition writes. The axis of a
    scattered tensor is as long as the rank whose coordinates the index tensor holds, or by which the tensor is read.

    Raises SpecError at a scattered tensor whose shape follows from nothing.

    >>> from einsum_cascade import Cascade, load, shape
    >>> cascade = load(Cascade, "attention_1pass")
    >>> shapes = tensor_shapes(cascade, shape(cascade, {"M": 256, "P": 8}))
    >>> shapes["K"], shapes["BQK"], shapes["RM"]
    ((64, 256), (2, 128, 8), (3, 8))
    """
    given = {**cascade.inputs, **cascade.declared}
    shapes = {name: tuple(_whole(d, evaluate(d, names)) for d in dims) for name, dims in given.items()}
    for statement in cascade.statements:
        if statement.name not in shapes:
            rank = len(statement.target.indices)
            shapes[statement.name] = tuple(_extent(cascade, statement.name, k, names) for k in range(rank))
    return shapes


def bounds(
    node: Expression, cascade: Cascade, names: Mapping[str, Value], bound: Mapping[str, int] | None = None
) -> Bounds | None:
    """Return the least and the greatest value of an index expression, or None if that cannot be said.

    A variable runs over its rank, or has its value in `bound`; an access has the coordinates that its definitions
    give it. The bounds are attained for affine expressions in which every variable occurs once.

    >>> from einsum_cascade import Cascade, load, shape
    >>> from einsum_cascade.parse import parse_expression
    >>> cascade = load(Cascade, "attention_1pass")
    >>> bounds(parse_expression("m1*M0+m0"), cascade, shape(cascade))
    (0, 1023)
    """
    return _bounds(node, cascade, names, bound or {}, ())


def _extent(cascade: Cascade, tensor: str, axis: int, names: Mapping[str, Value]) -> int:
    """Return the size of one axis of a tensor that no declaration fixes."""
    found: list[Value] = []
    for statement in cascade.definitions(tensor):
        index = statement.target.indices[axis]
        limits = bounds(index, cascade, names)
        if limits is not None:
            found.append(limits[1])
        elif accesses(index):
            found.append(_read_extent(cascade, statement, axis, names) - 1)
        else:
            message = f"the largest coordinate of axis {axis} of {tensor} cannot be told"
            raise SpecError([Diagnostic(place=index.place, message=message, hint=f"declare: {{{tensor}: [...]}}")])
    return max(1, _whole(cascade.definitions(tensor)[0].target, max(found)) + 1)


def _whole(node: Expression, value: Value) -> int:
    """Return a size as an integer."""
    if not math.isfinite(value) or value != int(value):
        message = f"a size of {value}"
        raise SpecError([Diagnostic(place=node.place, message=message, expected="an integer")])
    return int(value)


def _read_extent(cascade: Cascade, statement: Einsum, axis: int, names: Mapping[str, Value]) -> int:
    """Return the size of the rank by whose variable a scattered axis is read."""
    for other in cascade.statements:
        for access in read_accesses(other):
            index = access.indices[axis] if access.tensor == statement.name else None
            if isinstance(index, Variable):
                return size(cascade, index.name, names)
    message = f"nothing gives the size of axis {axis} of {statement.name}"
    hint = f"declare: {{{statement.name}: [...]}}"
    raise SpecError([Diagnostic(place=statement.target.place, message=message, hint=hint)])


def _bounds(
    node: Expression, cascade: Cascade, names: Mapping[str, Value], bound: Mapping[str, int], seen: tuple[str, ...]
) -> Bounds | None:
    match node:
        case Number():
            return node.value, node.value
        case Constant():
            value = evaluate(node, names)
            return value, value
        case Variable():
            if node.name in bound:
                return bound[node.name], bound[node.name]
            return 0, size(cascade, node.name, names) - 1
        case Access():
            return _coordinates(node.tensor, cascade, names, seen)
        case Attend():
            return None
    found = [_bounds(a, cascade, names, bound, seen) for a in node.arguments]
    known = [b for b in found if b is not None]
    return _apply(node, known) if len(known) == len(found) else None


def _apply(node: Apply, operands: list[Bounds]) -> Bounds | None:
    low, high = operands[0]
    if node.operator == "neg":
        return -high, -low
    if len(operands) != 2:
        return None
    other_low, other_high = operands[1]
    match node.operator:
        case "add":
            return low + other_low, high + other_high
        case "sub":
            return low - other_high, high - other_low
        case "mul":
            corners = [a * b for a in (low, high) for b in (other_low, other_high)]
            return min(corners), max(corners)
        case "floordiv" if other_low > 0:
            return min(low // other_low, low // other_high), max(high // other_low, high // other_high)
        case "mod" if other_low > 0:
            return (low, high) if low >= 0 and high < other_low else (0, other_high - 1)
        case "max":
            return max(low, other_low), max(high, other_high)
        case "min":
            return min(low, other_low), min(high, other_high)
        case "pow" if low >= 1 and other_low >= 0:
            return low**other_low, high**other_high
    return None


def _coordinates(tensor: str, cascade: Cascade, names: Mapping[str, Value], seen: tuple[str, ...]) -> Bounds | None:
    """Return the bounds of the values of a tensor that holds coordinates."""
    if tensor in seen or tensor in cascade.inputs:
        return None
    found: list[Bounds] = []
    for statement in cascade.definitions(tensor):
        chosen = selection(statement)
        if chosen is not None:
            found.append((0, size(cascade, chosen.variable, names) - 1))
            continue
        summed = any(r.operator in ("sum", "prod") for r in statement.reductions) or _implicit_sum(statement)
        limits = None if summed else _bounds(statement.expression, cascade, names, {}, (*seen, tensor))
        if limits is None:
            return None
        found.append(limits)
    return (min(b[0] for b in found), max(b[1] for b in found)) if found else None


def _implicit_sum(statement: Einsum) -> bool:
    return bool(set(reduced_variables(statement)) - {r.variable for r in statement.reductions})
