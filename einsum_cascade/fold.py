"""Constant folding, and which operations one point of an Einsum costs."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from einsum_cascade.constants import Value, evaluate, is_constant, is_static
from einsum_cascade.einsum import Access, Apply, Einsum, Expression, Number, accesses
from einsum_cascade.operators import OPERATORS


def fold(node: Expression, names: Mapping[str, Value]) -> Expression:
    """Return `node` with every constant sub-expression replaced by its value.

    >>> from einsum_cascade.parse import parse_expression
    >>> fold(parse_expression("sqrt(E) * 2"), {"E": 64})
    Number(value=16)
    """
    if is_constant(node):
        return Number(evaluate(node, names), node.place)
    if isinstance(node, Access):
        return replace(node, indices=tuple(fold(i, names) for i in node.indices))
    if isinstance(node, Apply):
        return replace(node, arguments=tuple(fold(a, names) for a in node.arguments))
    return node


def operations(node: Expression) -> Counter[str]:
    """Return the operations that one point of a folded expression costs.

    Arithmetic on rank variables alone is address arithmetic or a table and costs nothing. A constant factor of a
    product of two or more other factors costs nothing (it is folded into one of them ahead of time): 2*A*B is one
    mul, 2*A is one.

    >>> from einsum_cascade.parse import parse_expression
    >>> dict(operations(parse_expression("exp(A[m] - B[]) * 2 * C[m]")))
    {'mul': 1, 'exp': 1, 'sub': 1}
    >>> dict(operations(parse_expression("K[e,IX[j]] / 8")))
    {'div': 1, 'gather': 1}
    """
    if is_static(node):
        return Counter()
    if isinstance(node, Access):
        gather = Counter({"gather": 1} if any(accesses(i) for i in node.indices) else {})
        return sum((operations(i) for i in node.indices), gather)
    if not isinstance(node, Apply):
        return Counter()
    if node.operator in ("mul", "div"):
        return _product(node)
    name = "cmp" if node.operator in ("le", "lt", "ge", "gt", "eq", "ne") else node.operator
    own = 0 if name == "and" else len(node.arguments) - 1 if OPERATORS[node.operator].at_least else 1
    return sum((operations(a) for a in node.arguments), Counter({name: own}) if own else Counter())


def _product(node: Apply) -> Counter[str]:
    """A chain of * and /: constants are merged, and absorbed where at least two other factors meet."""
    factors, divisors = _chain(node)
    constants = [f.value for f in factors + divisors if isinstance(f, Number)]
    factors = [f for f in factors if not isinstance(f, Number)]
    constant_divisor = any(isinstance(d, Number) for d in divisors)
    divisors = [d for d in divisors if not isinstance(d, Number)]
    absorbed = len(factors) >= 2 or all(c == 1 for c in constants)
    muls = max(0, len(factors) - 1) + (not absorbed and not constant_divisor and bool(factors))
    divs = len(divisors) + (not absorbed and constant_divisor)
    own = Counter({name: n for name, n in (("mul", muls), ("div", divs)) if n})
    return sum((operations(f) for f in factors + divisors), own)


def _chain(node: Expression) -> tuple[list[Expression], list[Expression]]:
    """The factors and divisors of a chain; a product below a stroke is a factor of its own."""
    if isinstance(node, Apply) and node.operator in ("mul", "div") and not is_static(node):
        factors, divisors = _chain(node.arguments[0])
        if node.operator == "div":
            return factors, [*divisors, node.arguments[1]]
        more, less = _chain(node.arguments[1])
        return factors + more, divisors + less
    return [node], []


def multiplies(einsum: Einsum) -> bool:
    """Return whether the expression is a product, or holds one.

    >>> from einsum_cascade.parse import parse
    >>> multiplies(parse("QK[m,p] = Q[e,p] * K[e,m]")), multiplies(parse("SD[p] = SN[m,p]"))
    (True, False)
    """
    return operations(einsum.expression)["mul"] > 0
