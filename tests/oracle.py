"""A brute-force evaluator of cascades: dictionaries coordinate -> value, one point after the other.

Written from the attention zoo section 2.3 alone, to check the interpreter and the counts; only the syntax tree and the
order of the statements come from the package. For small sizes.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from einsum_cascade.cascade import Cascade, shape, size
from einsum_cascade.einsum import (
    Access,
    Apply,
    Condition,
    Constant,
    Einsum,
    Expression,
    Number,
    Variable,
    accesses,
    iteration_variables,
    variables,
)
from einsum_cascade.plan import Loop, Node, schedule
from einsum_cascade.shapes import tensor_shapes

Point = tuple[int, ...]
Live = dict[tuple[tuple[str, int], ...], float]


@dataclass
class Result:
    """`values` of each tensor where present; `points` present in the iteration space of statement k."""

    values: dict[str, dict[Point, float]] = field(default_factory=dict)
    points: dict[int, int] = field(default_factory=dict)


def run(cascade: Cascade, tensors: Mapping[str, object], sizes: Mapping[str, float] | None = None) -> Result:
    """Evaluate every statement of `cascade`; `tensors` are arrays or nested lists without batch axes."""
    arrays = {name: np.asarray(t) for name, t in tensors.items()}
    seen = {d.name: n for name, dims in cascade.inputs.items()
            for d, n in zip(dims, arrays[name].shape, strict=True) if isinstance(d, Constant)}  # fmt: skip
    names = shape(cascade, {**seen, **(sizes or {})})
    result = Result(points=dict.fromkeys(range(len(cascade.statements)), 0))
    for name, array in arrays.items():
        result.values[name] = {point: array[point].item() for point in np.ndindex(*array.shape)}
    machine = _Machine(cascade, names, tensor_shapes(cascade, names), result)
    for node in schedule(cascade.statements, fused=False):
        machine.node(node, {})
    return result


def dense(result: Result, tensor: str, shape: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return a tensor of `result` as an array, 0 where it is absent, and where it is present."""
    values, present = np.zeros(shape), np.zeros(shape, dtype=bool)
    for point, value in result.values.get(tensor, {}).items():
        values[point], present[point] = value, True
    return values, present


def _try(function: Callable[..., float], *operands: float) -> float:
    """Do what floating-point hardware does instead of raising."""
    try:
        return function(*operands)
    except OverflowError:
        return math.inf
    except ZeroDivisionError:
        above = operands[0]
        return math.nan if above == 0 or math.isnan(above) else math.copysign(math.inf, above)
    except ValueError:
        return -math.inf if operands[0] == 0 else math.nan


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def _normal(x: float) -> float:
    return 0.5 * (1 + math.erf(x / math.sqrt(2)))


NEED_ALL: dict[str, Callable[..., float]] = {
    "mul": lambda a, b: a * b, "div": lambda a, b: a / b, "neg": lambda a: -a, "pow": lambda a, b: a**b,
    "floordiv": lambda a, b: a // b, "mod": lambda a, b: a % b,
    "le": lambda a, b: a <= b, "lt": lambda a, b: a < b, "ge": lambda a, b: a >= b, "gt": lambda a, b: a > b,
    "eq": lambda a, b: a == b, "ne": lambda a, b: a != b, "and": lambda a, b: bool(a) and bool(b),
    "where": lambda c, a, b: a if c else b, "abs": abs, "sign": lambda a: (a > 0) - (a < 0),
    "relu": lambda a: a if a > 0 else 0, "sqrt": math.sqrt, "rsqrt": lambda a: 1 / math.sqrt(a),
    "log": math.log, "log2": math.log2, "exp": math.exp, "exp2": lambda a: 2.0**a, "sigmoid": _sigmoid,
    "silu": lambda a: a * _sigmoid(a), "gelu": lambda a: a * _normal(a),
    "dgelu": lambda a: _normal(a) + a * math.exp(-a * a / 2) / math.sqrt(2 * math.pi),
    "tanh": math.tanh, "softplus": lambda a: math.log1p(math.exp(-abs(a))) + max(a, 0),
    "elu1": lambda a: a + 1 if a > 0 else math.exp(a), "erf": math.erf, "sin": math.sin, "cos": math.cos,
    "floor": math.floor,
}  # fmt: skip
NEED_ANY: dict[str, Callable[[Iterable[float]], float]] = {"add": sum, "max": max, "min": min}
REDUCE: dict[str, Callable[[Sequence[float]], float]] = {"sum": sum, "max": max, "min": min, "prod": math.prod}


@dataclass
class _Machine:
    cascade: Cascade
    names: Mapping[str, float]
    shapes: Mapping[str, tuple[int, ...]]
    result: Result

    def node(self, node: Node, bound: dict[str, int]) -> None:
        if isinstance(node, Einsum):
            self.statement(node, bound)
            return
        assert isinstance(node, Loop)
        for value in range(self.length(node.variable)):
            for child in node.body:
                self.node(child, {**bound, node.variable: value})

    def length(self, variable: str) -> int:
        return size(self.cascade, variable, self.names)

    def value(self, node: Expression, at: Mapping[str, int]) -> float | None:
        """Return the value of an expression at a point, None where it is absent."""
        if isinstance(node, Number):
            return node.value
        if isinstance(node, Constant):
            return self.names[node.name]
        if isinstance(node, Variable):
            return at[node.name]
        if isinstance(node, Access):
            point = self.point(node, at)
            return None if point is None else self.result.values.get(node.tensor, {}).get(point)
        assert isinstance(node, Apply)
        operands = [self.value(a, at) for a in node.arguments]
        there = [o for o in operands if o is not None]
        if node.operator in NEED_ANY:
            return NEED_ANY[node.operator](there) if there else None
        if node.operator == "sub":
            left, right = operands
            return None if left is None else left - (right or 0)
        return _try(NEED_ALL[node.operator], *there) if len(there) == len(operands) else None

    def point(self, access: Access, at: Mapping[str, int]) -> Point | None:
        if any(self.value(a, at) is None for i in access.indices for a in accesses(i)):
            return None  # no coordinate without all that it is computed from, even where + would pass the other operand
        found = [self.value(i, at) for i in access.indices]
        return None if any(i is None for i in found) else tuple(round(i) for i in found if i is not None)

    def holds(self, condition: Condition, at: Mapping[str, int]) -> bool:
        left, right = self.value(condition.left, at), self.value(condition.right, at)
        return left is not None and right is not None and bool(NEED_ALL[condition.operator](left, right))

    def statement(self, s: Einsum, bound: dict[str, int]) -> None:
        if s.role == "initial" and isinstance(s.expression, Number) and math.isinf(s.expression.value):
            return  # nothing seen yet
        free = [v for v in iteration_variables(s) if v not in bound]
        live: Live = {}
        for coordinates in itertools.product(*(range(self.length(v)) for v in free)):
            at = {**bound, **dict(zip(free, coordinates, strict=True))}
            if all(self.holds(c, at) for c in s.conditions):
                value = self.value(s.expression, at)
                if value is not None:
                    live[tuple(at.items())] = value
        self.result.points[self.position(s)] += len(live)
        for operator, variable, into, by_index in self.reductions(s):
            live = self.reduce(live, operator, variable, into, by_index)
        self.store(s, live)

    def position(self, s: Einsum) -> int:
        return next(k for k, other in enumerate(self.cascade.statements) if other is s)

    def reductions(self, s: Einsum) -> list[tuple[str, str, str | None, bool]]:
        """Return what to reduce in which order; variables by which a target is scattered stay."""
        stays = set(variables(*s.target.indices))
        stated = [(r.operator, r.variable, r.into, r.by_index) for r in s.reductions if r.variable not in stays]
        named = {r.variable for r in s.reductions}
        unstated = [v for v in iteration_variables(s) if v not in stays and v not in named]
        return [("sum", v, None, False) for v in unstated] + stated

    def reduce(self, live: Live, operator: str, variable: str, into: str | None, by_index: bool) -> Live:
        groups: dict[tuple[tuple[str, int], ...], list[tuple[int, float]]] = {}
        for at, value in live.items():
            rest = tuple(item for item in at if item[0] != variable)
            groups.setdefault(rest, []).append((dict(at)[variable], value))
        if operator in REDUCE:
            return {at: REDUCE[operator]([v for _, v in members]) for at, members in groups.items()}
        found: Live = {}
        for at, members in groups.items():
            upward = operator == "argsort"
            order = [c for c, v in sorted(members, key=lambda m: (m[1] if upward else -m[1], m[0]))]
            if into is None:
                found[at] = order[0]
                continue
            chosen = order[: self.length(into)]
            for place, coordinate in enumerate(sorted(chosen) if by_index else chosen):
                found[(*at, (into, place))] = coordinate
        return found

    def store(self, s: Einsum, live: Live) -> None:
        landing: dict[Point, list[float]] = {}
        for at, value in live.items():
            point = self.point(s.target, dict(at))
            if point is not None and all(0 <= c < n for c, n in zip(point, self.shapes[s.name], strict=True)):
                landing.setdefault(point, []).append(value)
        scattered = any(accesses(i) for i in s.target.indices)
        operators = [r.operator for r in s.reductions if r.operator in REDUCE]
        meet = REDUCE[operators[-1] if scattered and operators else "sum"]
        tensor = self.result.values.setdefault(s.name, {})
        for point, values in landing.items():
            tensor[point] = values[0] if len(values) == 1 else meet(values)
