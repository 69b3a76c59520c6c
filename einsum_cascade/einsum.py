"""The intermediate representation, on one page: expressions, accesses, reductions, conditions, Einsums.

An Einsum is `target = expression :: reductions | conditions` over the variables that occur in it. Index expressions
and value expressions share one kind of tree. Every node knows its place in the text; places do not take part in
comparisons. Sources: TeAAL (MICRO'23) for accesses, EDGE (arXiv 2404.11591) for map, reduce and generative ranks.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from einsum_cascade.errors import NOWHERE, Place


@dataclass(frozen=True)
class Number:
    """A literal: 2, 0.5, -inf."""

    value: int | float
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Constant:
    """A rank size or a parameter, upper case: M0."""

    name: str
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Variable:
    """A rank variable, lower case: m0 runs over 0 <= m0 < M0 unless `vars` names another rank."""

    name: str
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Access:
    """A tensor at index expressions: K[e, m1*M0+m0]. In an index it gathers, in a target's index it scatters."""

    tensor: str
    indices: tuple["Expression", ...]
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Apply:
    """An operator of `operators.OPERATORS` applied to its arguments."""

    operator: str
    arguments: tuple["Expression", ...]
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Attend:
    """The macro ATTEND(variables; score, value): softmax attention, expanded by `macro.expand` before anything else."""

    variables: tuple[str, ...]
    score: "Expression"
    value: "Expression"
    place: Place = field(default=NOWHERE, compare=False, repr=False)


Expression = Number | Constant | Variable | Access | Apply | Attend


@dataclass(frozen=True)
class Reduction:
    """`operator(variable)`; a selection (argtopk, argsort) writes coordinates `into` a new variable."""

    operator: str
    variable: str
    into: str | None = None
    by_index: bool = False
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True)
class Condition:
    """`left operator right`, operator one of le, lt, ge, gt, eq, ne; data-dependent if it holds an access."""

    left: Expression
    operator: str
    right: Expression
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class Einsum:
    """One statement. `role`: "einsum", "view" (re-indexing or table, free) or "initial" (value of a running rank)."""

    target: Access
    expression: Expression
    reductions: tuple[Reduction, ...] = ()
    conditions: tuple[Condition, ...] = ()
    role: str = "einsum"
    place: Place = field(default=NOWHERE, compare=False, repr=False)

    @property
    def name(self) -> str:
        """The tensor that is written."""
        return self.target.tensor


def walk(node: Expression) -> Iterator[Expression]:
    """Yield `node` and everything below it, parents first, left to right.

    >>> [type(n).__name__ for n in walk(Apply("exp", (Access("QK", (Variable("m"),)),)))]
    ['Apply', 'Access', 'Variable']
    """
    yield node
    if isinstance(node, Access):
        children: tuple[Expression, ...] = node.indices
    elif isinstance(node, Apply):
        children = node.arguments
    elif isinstance(node, Attend):
        children = (node.score, node.value)
    else:
        children = ()
    for child in children:
        yield from walk(child)


def accesses(node: Expression) -> list[Access]:
    """Return every access in `node`, gather indices included.

    >>> [a.tensor for a in accesses(Access("K", (Access("IX", (Variable("j"),)),)))]
    ['K', 'IX']
    """
    return [n for n in walk(node) if isinstance(n, Access)]


def variables(*nodes: Expression) -> tuple[str, ...]:
    """Return the names of the variables in `nodes`, each once, in the order of their first appearance.

    >>> variables(Access("QK", (Variable("m"), Variable("p"))), Variable("m"))
    ('m', 'p')
    """
    return tuple(dict.fromkeys(n.name for node in nodes for n in walk(node) if isinstance(n, Variable)))


def read_accesses(einsum: Einsum) -> list[Access]:
    """Return every access that `einsum` reads: in its expression, its conditions, and the indices of its target.

    >>> from einsum_cascade.parse import parse
    >>> [a.tensor for a in read_accesses(parse("DI[IX[j]] = A[j] :: sum(j) | A[j] > TH"))]
    ['A', 'A', 'IX']
    """
    nodes = [
        einsum.expression,
        *(side for c in einsum.conditions for side in (c.left, c.right)),
        *einsum.target.indices,
    ]
    return [a for node in nodes for a in accesses(node)]


def iteration_variables(einsum: Einsum) -> tuple[str, ...]:
    """Return the variables of the iteration space: those of the target first, then of the expression and conditions.

    The variable that a selection writes into is not iterated: argtopk(m, j) iterates m and produces j.

    >>> from einsum_cascade.parse import parse
    >>> iteration_variables(parse("GM[p] = QK[m,p] :: max(m)"))
    ('p', 'm')
    >>> iteration_variables(parse("IX[j] = IMP[m] :: argtopk(m, j)"))
    ('m',)
    """
    sides = [side for c in einsum.conditions for side in (c.left, c.right)]
    made = {r.into for r in einsum.reductions}
    return tuple(v for v in variables(*einsum.target.indices, einsum.expression, *sides) if v not in made)


def reduced_variables(einsum: Einsum) -> tuple[str, ...]:
    """Return the iterated variables that do not stand in the target: they are reduced.

    >>> from einsum_cascade.parse import parse
    >>> reduced_variables(parse("QK[m,p] = Q[e,p] * K[e,m]"))
    ('e',)
    """
    kept = {n.name for i in einsum.target.indices if not accesses(i) for n in walk(i) if isinstance(n, Variable)}
    return tuple(v for v in iteration_variables(einsum) if v not in kept)


def selection(einsum: Einsum) -> Reduction | None:
    """Return the argtopk, argsort or argmax of `einsum`, or None."""
    return next((r for r in einsum.reductions if r.operator.startswith("arg")), None)


def substitute(node: Expression, values: dict[str, Expression]) -> Expression:
    """Return `node` with variables replaced by expressions.

    >>> show(substitute(Access("K", (Variable("m"),)), {"m": Number(3)}))
    'K[3]'
    """
    if isinstance(node, Variable):
        return values.get(node.name, node)
    if isinstance(node, Access):
        return replace(node, indices=tuple(substitute(i, values) for i in node.indices))
    if isinstance(node, Apply):
        return replace(node, arguments=tuple(substitute(a, values) for a in node.arguments))
    return node


INFIX = {
    "add": "+", "sub": "-", "mul": "*", "div": "/", "floordiv": "//", "mod": "%", "pow": "**",
    "le": "<=", "lt": "<", "ge": ">=", "gt": ">", "eq": "==", "ne": "!=", "and": "and",
}  # fmt: skip
BINDING = {"and": 0, "le": 1, "lt": 1, "ge": 1, "gt": 1, "eq": 1, "ne": 1, "add": 2, "sub": 2, "neg": 3, "pow": 5}


def show(node: Expression | Condition | Reduction | Einsum, outer: int = 0) -> str:
    """Return the text of a node in the language's own notation.

    >>> from einsum_cascade.parse import parse
    >>> show(parse("SN[m,p]=exp((QK[m,p]-GM[p])/sqrt(E)) | m<=p"))
    'SN[m,p] = exp((QK[m,p] - GM[p]) / sqrt(E)) | m <= p'
    """
    match node:
        case Einsum():
            text = f"{show(node.target)} = {show(node.expression)}"
            text += " :: " + ", ".join(map(show, node.reductions)) if node.reductions else ""
            return text + (" | " + " and ".join(map(show, node.conditions)) if node.conditions else "")
        case Condition():
            return f"{show(node.left)} {INFIX[node.operator]} {show(node.right)}"
        case Reduction():
            parts = [node.variable] + ([node.into] if node.into else []) + (["byindex"] if node.by_index else [])
            return f"{node.operator}({', '.join(parts)})"
        case Number():
            text = str(node.value).removesuffix(".0")
            return f"({text})" if outer > 5 and text.startswith("-") else text
        case Constant() | Variable():
            return node.name
        case Access():
            return f"{node.tensor}[{','.join(map(show, node.indices))}]"
        case Attend():
            return f"ATTEND({','.join(node.variables)}; {show(node.score)}, {show(node.value)})"
    if node.operator == "neg":
        return f"(-{show(node.arguments[0], 5)})" if outer > 5 else f"-{show(node.arguments[0], 5)}"
    if node.operator not in INFIX:
        return f"{node.operator}({', '.join(map(show, node.arguments))})"
    binding = BINDING.get(node.operator, 4)
    left, right = node.arguments
    sign = f" {INFIX[node.operator]} " if binding != 4 or node.operator in ("mul", "div") else INFIX[node.operator]
    power = node.operator == "pow"  # binds to the right
    text = f"{show(left, binding + (power or binding == 1))}{sign}{show(right, binding + (not power))}"
    return f"({text})" if binding < outer else text
