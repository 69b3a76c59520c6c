"""Cascade: Einsums over ranks with their inputs, outputs and default shapes; the dependency graph; rank sizes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from einsum_cascade.constants import Value, evaluate, resolve
from einsum_cascade.einsum import (
    Constant,
    Einsum,
    Expression,
    Number,
    iteration_variables,
    read_accesses,
    selection,
)
from einsum_cascade.errors import NOWHERE, Diagnostic, Place, SpecError, did_you_mean

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True, kw_only=True)
class Expect:
    """What a cascade file states about itself and the test-suite asserts.

    `passes` over the sequence rank; `macs`, `operations` (operation -> formula) exact counts over all Einsums;
    `reference` the dense reference of `reference.REFERENCES` and `mask` its condition; `stable` promises that no
    argument of exp is above zero.
    """

    passes: int | None = None
    macs: Expression | None = None
    operations: Mapping[str, Expression] = field(default_factory=dict)
    reference: str = ""
    mask: str = ""
    stable: bool = False


@dataclass(frozen=True, kw_only=True)
class Cascade:
    """A cascade of extended Einsums. `load.load(Cascade, name_or_path)` makes one; it holds no hardware and no data.

    `ranks` default sizes; `params` derived constants; `inputs` and `declared` the shapes of tensors; `variables` the
    rank of each variable that is not a lower-cased rank name; `statements` all views, initial values and Einsums in the
    order of the text; `sequence` the variables of the sequence rank, outermost first; `density` the
    expected live fraction of data-dependent Einsums; `stop` the number of steps of an iterative rank where it is not
    the rank's size.
    """

    name: str
    description: str = ""
    source: str = ""
    ranks: Mapping[str, Expression] = field(default_factory=dict)
    params: Mapping[str, Expression] = field(default_factory=dict)
    inputs: Mapping[str, tuple[Expression, ...]] = field(default_factory=dict)
    declared: Mapping[str, tuple[Expression, ...]] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    statements: tuple[Einsum, ...] = ()
    sequence: tuple[str, ...] = ()
    density: Mapping[str, float] = field(default_factory=dict)
    stop: Mapping[str, Expression] = field(default_factory=dict)
    expect: Expect = Expect()
    mapping: Mapping[str, object] = field(default_factory=dict)
    place: Place = field(default=NOWHERE, compare=False, repr=False)

    @property
    def einsums(self) -> tuple[Einsum, ...]:
        """The statements that compute."""
        return tuple(s for s in self.statements if s.role == "einsum")

    @property
    def views(self) -> tuple[Einsum, ...]:
        """The zero-cost re-indexings and constant tables."""
        return tuple(s for s in self.statements if s.role == "view")

    @property
    def initial(self) -> tuple[Einsum, ...]:
        """The initial values of running ranks."""
        return tuple(s for s in self.statements if s.role == "initial")

    def rank(self, variable: str) -> str:
        """Return the rank over which `variable` runs: `vars` says so, else its upper-cased name."""
        return self.variables.get(variable, variable.upper())

    def definitions(self, tensor: str) -> tuple[Einsum, ...]:
        """Return the statements that write `tensor`, initial values included; none for an input."""
        return tuple(s for s in self.statements if s.name == tensor)


def shape(cascade: Cascade, sizes: Mapping[str, Value] | None = None) -> dict[str, Value]:
    """Return the value of every rank and parameter: defaults, overridden by `sizes`, parameters derived.

    Ranks are positive integers, in words or elements along the rank.

    Raises SpecError at an override that names nothing and at a rank whose size is not a positive integer.

    >>> from einsum_cascade import load, Cascade
    >>> shape(load(Cascade, "attention_1pass"), {"M": 1000, "M0": 256})["M1"]
    4
    """
    given = dict(sizes or {})
    known = {*cascade.ranks, *cascade.params, *rank_names(cascade)}
    wrong = [
        Diagnostic(
            place=cascade.place,
            message=f"{cascade.name} has no rank or parameter {name}",
            hint=did_you_mean(name, known),
        )
        for name in given
        if name not in known
    ]
    if wrong:
        raise SpecError(wrong)
    names = _evaluated({**cascade.ranks, **cascade.params}, given)
    for name in rank_names(cascade):
        value = names.get(name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
            expression = cascade.params.get(name) or cascade.ranks.get(name) or Number(0)
            message = f"rank {name} has size {value}"
            wrong.append(
                Diagnostic(
                    place=getattr(expression, "place", cascade.place), message=message, expected="a positive integer"
                )
            )
    if wrong:
        raise SpecError(wrong)
    return names


def _evaluated(expressions: Mapping[str, Expression], given: Mapping[str, Value]) -> dict[str, Value]:
    """Evaluate in order, and again what depends on something that stands further down."""
    names = resolve({n: e for n, e in expressions.items() if n not in given}, given, evaluate)
    return {n: names[n] for n in (*expressions, *given)}


def rank_names(cascade: Cascade) -> tuple[str, ...]:
    """Return the ranks over which the variables of the cascade run, and those of its inputs.

    >>> from einsum_cascade import load, Cascade
    >>> rank_names(load(Cascade, "attention_3pass"))
    ('M', 'P', 'E', 'F')
    """
    names: dict[str, None] = {}
    for statement in cascade.statements:
        chosen = selection(statement)
        for variable in (*iteration_variables(statement), *([chosen.into] if chosen and chosen.into else [])):
            names[cascade.rank(variable)] = None
    for dimensions in cascade.inputs.values():
        names |= {d.name: None for d in dimensions if isinstance(d, Constant)}
    return tuple(names)


def size(cascade: Cascade, variable: str, names: Mapping[str, Value]) -> int:
    """Return how many values `variable` takes: its rank's size, or what `stop` says.

    Raises SpecError if nothing gives the size.

    >>> from einsum_cascade import load, Cascade
    >>> cascade = load(Cascade, "attention_1pass")
    >>> size(cascade, "m0", shape(cascade, {"M0": 32}))
    32
    """
    if variable in cascade.stop:
        return int(evaluate(cascade.stop[variable], names))
    rank = cascade.rank(variable)
    if rank not in names:
        message = f"rank {rank} of variable {variable} has no size"
        hint = f"add {rank} to `ranks`, give --shape {rank}=..., or say with `vars` over which rank {variable} runs"
        raise SpecError([Diagnostic(place=cascade.place, message=message, hint=hint)])
    return int(names[rank])


def graph(cascade: Cascade) -> "nx.DiGraph[str]":
    """Return the dependency graph: an edge from tensor to tensor where the second is computed from the first.

    Views are nodes like any other; edges through an iterative rank are included, so that a recurrence is a cycle.

    >>> from einsum_cascade import load, Cascade
    >>> sorted(graph(load(Cascade, "attention_3pass")).predecessors("A"))
    ['SD', 'SN']
    """
    import networkx as nx

    result: nx.DiGraph[str] = nx.DiGraph()
    result.add_nodes_from(cascade.inputs)
    for statement in cascade.statements:
        result.add_node(statement.name)
        result.add_edges_from((a.tensor, statement.name) for a in read_accesses(statement))
    return result
