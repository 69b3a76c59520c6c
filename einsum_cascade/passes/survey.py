"""A cascade prepared for the analysis of passes: views resolved, every index decomposed, recurrences found."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from einsum_cascade.cascade import Cascade
from einsum_cascade.einsum import (
    Access,
    Apply,
    Constant,
    Einsum,
    Expression,
    Number,
    Variable,
    accesses,
    iteration_variables,
    reduced_variables,
    show,
    variables,
)
from einsum_cascade.plan import Loop, Node, resolve_views, schedule, shift


@dataclass(frozen=True)
class Index:
    """One index of an access.

    `direct` has the coefficients of its variables outside of gathers (None if it is not affine), `moving` every
    variable on which the coordinate depends.
    """

    expression: Expression
    direct: Mapping[str, str] | None
    moving: frozenset[str]
    gathers: bool


@dataclass(frozen=True)
class Read:
    """An access with its indices; `around` is the outermost access whose index it stands in, or itself."""

    access: Access
    around: Access
    indices: tuple[Index, ...]


@dataclass(frozen=True)
class Statement:
    """An Einsum prepared for the analysis. A view that shows more than one tensor is kept, but costs no pass."""

    einsum: Einsum
    target: tuple[Index, ...]
    reads: tuple[Read, ...]
    iterated: frozenset[str]
    reduced: frozenset[str]
    below: frozenset[tuple[str, str]]  # (k, i) of every condition k <= i or k < i

    @property
    def name(self) -> str:
        """The tensor that is written."""
        return self.einsum.name


@dataclass(frozen=True)
class Survey:
    """A cascade with its views resolved: statements, who writes what, recurrences as (variable, members)."""

    cascade: Cascade
    statements: tuple[Statement, ...]
    writers: Mapping[str, tuple[int, ...]]
    loops: tuple[tuple[str, frozenset[int]], ...]
    order: tuple[int, ...]  # position of each statement in the plan


def survey(cascade: Cascade) -> Survey:
    """Return `cascade` prepared for the analysis of any rank.

    >>> from einsum_cascade import load, Cascade
    >>> found = survey(load(Cascade, "attention_1pass"))
    >>> [found.statements[k].name for k in sorted(found.loops[0][1])]
    ['RM']
    """
    defined = [s.name for s in cascade.views]
    plain = {s.name: s for s in cascade.views if _is_plain(s) and defined.count(s.name) == 1}
    tables = {s.name for s in cascade.views if not any(accesses(s.expression))}
    kept = [s for s in cascade.statements if s.role != "initial" and s.name not in {*plain, *tables}]
    einsums = [resolve_views(s, plain) for s in kept]
    writers: dict[str, tuple[int, ...]] = {}
    for k, einsum in enumerate(einsums):
        writers[einsum.name] = (*writers.get(einsum.name, ()), k)
    nodes = schedule(einsums, fused=False)
    place = {id(e): k for k, e in enumerate(einsums)}
    loops = tuple((loop.variable, frozenset(place[id(e)] for e in members)) for loop, members in _loops(nodes))
    order = [place[id(e)] for e in _flat(nodes)]
    prepared = tuple(_statement(e, tables) for e in einsums)
    return Survey(cascade, prepared, writers, loops, tuple(order.index(k) for k in range(len(einsums))))


def _is_plain(view: Einsum) -> bool:
    return isinstance(view.expression, Access) and all(isinstance(i, Variable) for i in view.target.indices)


def _flat(nodes: tuple[Node, ...]) -> Iterator[Einsum]:
    for node in nodes:
        if isinstance(node, Loop):
            yield from _flat(node.body)
        else:
            yield node


def _loops(nodes: tuple[Node, ...]) -> Iterator[tuple[Loop, tuple[Einsum, ...]]]:
    for node in nodes:
        if isinstance(node, Loop):
            yield node, tuple(_flat(node.body))
            yield from _loops(node.body)


def _statement(einsum: Einsum, tables: set[str]) -> Statement:
    sides = [side for c in einsum.conditions for side in (c.left, c.right)]
    nodes = (einsum.expression, *sides, *einsum.target.indices)
    reads = [r for node in nodes for r in _reads(node, None, tables) if r.access.tensor not in tables]
    below = {pair for c in einsum.conditions for pair in _bounds(c.left, c.operator, c.right)}
    target = tuple(_index(i, tables) for i in einsum.target.indices)
    iterated, reduced = frozenset(iteration_variables(einsum)), frozenset(reduced_variables(einsum))
    return Statement(einsum, target, tuple(reads), iterated, reduced, frozenset(below))


def _reads(node: Expression, around: Access | None, tables: set[str]) -> Iterator[Read]:
    if isinstance(node, Access):
        yield Read(node, around or node, tuple(_index(i, tables) for i in node.indices))
        for index in node.indices:
            yield from _reads(index, around or node, tables)
    elif isinstance(node, Apply):
        for argument in node.arguments:
            yield from _reads(argument, around, tables)


def _bounds(left: Expression, operator: str, right: Expression) -> Iterator[tuple[str, str]]:
    low, high = (left, right) if operator in ("le", "lt") else (right, left)
    a, b = shift(low), shift(high)
    if a and b and operator in ("le", "lt", "ge", "gt"):
        yield a[0], b[0]


def _index(expression: Expression, tables: set[str]) -> Index:
    """An entry of a constant table is an offset like a number, not a gather."""
    gathers = any(a.tensor not in tables for a in accesses(expression))
    return Index(expression, _coefficients(expression), frozenset(variables(expression)), gathers)


def _coefficients(node: Expression) -> dict[str, str] | None:
    """Return variable -> coefficient of an affine index, an access counting as a constant; None if it is not affine."""
    match node:
        case Variable():
            return {node.name: "1"}
        case Number() | Constant() | Access():
            return {}
        case Apply(operator="neg" | "add" | "sub", arguments=arguments):
            found = [_coefficients(a) for a in arguments]
            merged: dict[str, str] = {}
            for k, terms in enumerate(found):
                if terms is None or merged.keys() & terms.keys():
                    return None
                minus = node.operator == "neg" or (node.operator == "sub" and k == 1)
                merged |= {v: (c[1:] if c[0] == "-" else f"-{c}") if minus else c for v, c in terms.items()}
            return merged
        case Apply(operator="mul", arguments=(left, right)):
            factor, inner = (left, right) if not variables(left) else (right, left)
            terms = _coefficients(inner)
            return None if terms is None or variables(factor) else dict.fromkeys(terms, show(factor))
    return None if variables(node) else {}
