"""Binding: cascade, workload, mapping and design, cross-checked; the only place where the four documents meet."""

from collections.abc import Mapping as Dict
from dataclasses import dataclass, field

import numpy as np

from archsim.design import Design
from archsim.layout import GroupPlan, Linear, Plan
from archsim.loopnest import Extents, LoopNest
from archsim.mapping import Group, Mapping
from archsim.plan import plan
from archsim.value import Value, evaluate
from archsim.workload import Workload
from einsum_cascade.cascade import Cascade
from einsum_cascade.constants import resolve
from einsum_cascade.einsum import Access, Einsum
from einsum_cascade.errors import Diagnostic, SpecError, did_you_mean

__all__ = ["Binding", "BoundGroup", "Placed", "bind", "known_axes", "loop_extents", "settled"]


@dataclass(frozen=True)
class Placed:
    """One Einsum in its place: its nest on an array, and what one point costs there (cycles, actions)."""

    einsum: Einsum
    array: str
    nest: LoopNest
    cycles: int
    actions: Dict[str, int]
    reads: tuple[Access, ...]
    variables: tuple[str, ...]

    @property
    def name(self) -> str:
        """The tensor that it writes."""
        return self.einsum.name

    @property
    def points(self) -> Value:
        """The points of its iteration space."""
        return self.nest.points(self.variables)


@dataclass(frozen=True)
class BoundGroup:
    """A fusion group with its Einsums in order, and the variables along which tensors are running values.

    `touches` tensor -> every access to it, in order, with its Einsum; `leaves` the tensors that go to another group
    or out.
    """

    group: Group
    placed: tuple[Placed, ...]
    state: Dict[str, tuple[str, ...]]
    touches: Dict[str, tuple[tuple[Placed, Access], ...]]
    leaves: frozenset[str]
    plan: GroupPlan = field(repr=False)


@dataclass(frozen=True)
class Binding:
    """The documents, cross-checked; `names` the value of every rank and parameter."""

    cascade: Cascade
    workload: Workload
    mapping: Mapping
    design: Design
    names: Dict[str, Value]
    groups: tuple[BoundGroup, ...]

    @property
    def word_bytes(self) -> Value:
        """Bytes of a stored value."""
        return self.workload.word_bits / 8


def bind(cascade: Cascade, workload: Workload, mapping: Mapping, design: Design,
         values: Dict[str, Value] | None = None) -> Binding:  # fmt: skip
    """Return the documents bound together; `values` fixes parameters (tile sizes, say).

    Raises SpecError: a name of the mapping that the cascade or the design does not have, an Einsum that is bound
    nowhere or twice, an operation that an array cannot do, a loop that has no size, a tensor that a further pass needs
    and that is neither kept whole nor written out.
    """
    structure = plan(cascade, mapping, design)
    names = settled(cascade, workload, mapping, design, dict(values or {}))
    for name in mapping.fit:
        names.setdefault(name, 1)
    return bind_plan(structure, cascade, workload, mapping, design, names)


def bind_plan(structure: Plan, cascade: Cascade, workload: Workload, mapping: Mapping, design: Design,
              names: Dict[str, Value]) -> Binding:  # fmt: skip
    """Return the binding of documents whose structure is known, with the value of every name.

    Raises SpecError at a loop or a tile without a size.
    """
    wrong: list[Diagnostic] = []
    known = known_axes(structure, names)
    groups = tuple(_group(g, cascade, design, names, known, wrong) for g in structure.groups)
    if wrong:
        raise SpecError(wrong)
    return Binding(cascade, workload, mapping, design, names, groups)


def known_axes(structure: Plan, names: Dict[str, Value]) -> dict[str, tuple[Value, ...]]:
    """Return the sizes of the axes of the tensors that several variables index together."""
    axes = {t: a for t, a in structure.shapes.items() if t in structure.composite}
    return {t: tuple(evaluate(e, names) for e in shape) for t, shape in axes.items()}


def settled(cascade: Cascade, workload: Workload, mapping: Mapping, design: Design,
            values: dict[str, Value]) -> dict[str, Value]:  # fmt: skip
    """Return the value of every rank, constant and parameter, arrays as float64 (products of integers would wrap).

    Raises SpecError at a parameter whose expression has an unknown name.
    """
    pending = {**cascade.ranks, **cascade.params}
    names: dict[str, Value] = {**workload.sizes(), **design.parameters}
    pending = {n: e for n, e in pending.items() if n not in names} | dict(mapping.parameters)
    pending |= {f"{g.name}.{n}": e for g in mapping.groups for n, e in g.choose.items()}
    names |= values
    names = {n: v.astype(np.float64) if isinstance(v, np.ndarray) else v for n, v in names.items()}
    chosen = mapping.fit.keys() - mapping.given  # later, unless a caller gave a value
    return resolve({n: e for n, e in pending.items() if n not in values and n not in chosen}, names, evaluate)


def _group(layout: GroupPlan, cascade: Cascade, design: Design, names: Dict[str, Value],
           axes: Dict[str, tuple[Value, ...]], wrong: list[Diagnostic]) -> BoundGroup:  # fmt: skip
    extents = loop_extents(layout, cascade, names, axes, wrong)
    placed = []
    for p in layout.placed:
        own = extents.folded(p.space, design.arrays[p.array].shape) if not wrong else extents
        nest = LoopNest(p.loops, p.shared, p.space, layout.batch, own)
        placed.append(Placed(p.einsum, p.array, nest, p.cycles, p.actions, p.reads, p.variables))
    touches = {t: tuple((placed[k], a) for k, a in found) for t, found in layout.touches.items()}
    return BoundGroup(layout.group, tuple(placed), layout.state, touches, layout.leaves, layout)


def loop_extents(layout: GroupPlan, cascade: Cascade, names: Dict[str, Value], axes: Dict[str, tuple[Value, ...]],
                 wrong: list[Diagnostic]) -> Extents:  # fmt: skip
    """Return the extents of a group's variables and their parts; notes in `wrong` what has no size."""
    group = layout.group

    def fail(message: str, hint: str = "") -> None:
        wrong.append(Diagnostic(place=group.place, message=f"group {group.name}: {message}", hint=hint))

    size: dict[str, Value] = {}
    for v in (*layout.used, *layout.batch):
        rank = cascade.rank(v)
        if rank not in names:
            fail(f"nothing gives a size to the loop {v}", did_you_mean(v, layout.used))
        size[v] = names.get(rank, 1)
    part: dict[str, Value] = {}
    for v, parts in layout.parts.items():
        for name in parts[1:]:
            own = f"{group.name}.{name.upper()}"  # what a group chose for itself
            if own not in names and name.upper() not in names:
                fail(f"nothing gives the tile size {name.upper()} of {v}", "add it under `parameters`")
            part[name] = names.get(own, names.get(name.upper(), 1))
    joined: dict[str, tuple[tuple[str, ...], Value]] = {}
    for linear in layout.linear:
        found = _joined(linear, size, names)
        if found is not None and not set(found[0]) & joined.keys():
            joined |= dict.fromkeys(found[0], found)
    return Extents(size, layout.parts, part, tuple({j[0]: j for j in joined.values()}.values()), axes)


def _joined(linear: Linear, size: Dict[str, Value], names: Dict[str, Value]) -> tuple[tuple[str, ...], Value] | None:
    """The variables of an index m1*M0+m0 and the points of its axis, if they go through the axis once, in order."""
    unit: Value = 1
    for variable, factor in zip(reversed(linear.variables), reversed(linear.factors), strict=True):
        if variable not in size or not np.all(np.equal(evaluate(factor, names), unit)):
            return None
        unit = unit * size[variable]
    points = evaluate(linear.size, names)
    coarse = unit / size[linear.variables[0]]
    enough = np.equal(np.ceil(np.divide(points, coarse)), size[linear.variables[0]])
    return (linear.variables, points) if np.all(enough) else None
