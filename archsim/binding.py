"""Binding: cascade, workload, mapping and design, cross-checked; the only place where the four documents meet."""

from collections.abc import Mapping as Dict
from dataclasses import dataclass, field

import numpy as np

from archsim.design import Array, Design
from archsim.extents import Extents
from archsim.layout import GroupPlan, Linear, Place, Plan
from archsim.loopnest import LoopNest
from archsim.mapping import Group, Mapping
from archsim.plan import plan
from archsim.value import Value, evaluate, shown, whole
from archsim.visits import Tile, Visits
from archsim.workload import Workload
from einsum_cascade.cascade import Cascade, rank_names
from einsum_cascade.constants import resolve
from einsum_cascade.einsum import Access, Einsum, reduced_variables
from einsum_cascade.errors import Diagnostic, SpecError, did_you_mean

__all__ = ["Binding", "BoundGroup", "Placed", "bind", "known_axes", "loop_extents", "settled"]


@dataclass(frozen=True)
class Placed:
    """One Einsum in its place, by its own `name`: its nest on an array, and what one point costs there (cycles,
    actions).

    `density` is the fraction of its points that the data leave (None: all); `rows` and `row_cycles`, where an operation
    follows a cycle law, how often the array takes a row of items and for how long.
    """

    name: str
    einsum: Einsum
    array: str
    nest: LoopNest
    cycles: int
    actions: Dict[str, int]
    reads: tuple[Access, ...]
    variables: tuple[str, ...]
    lanes: Value = 1
    efficiency: Value = 1
    density: Value | None = None
    rows: Value = 0
    row_cycles: Value = 0

    @property
    def tensor(self) -> str:
        """The tensor that it writes."""
        return self.einsum.name

    @property
    def points(self) -> Value:
        """The points of its iteration space that are there."""
        return self.thinned(self.nest.points(self.variables))

    @property
    def busy(self) -> Value:
        """The cycles for which its array works on it."""
        cycles = self.nest.steps() * self.cycles if self.cycles else 0
        if np.any(self.rows):
            cycles = cycles + self.rows * self.row_cycles
        if np.any(np.not_equal(self.efficiency, 1)):
            cycles = cycles / self.efficiency
        return self.thinned(cycles)

    @property
    def work(self) -> Value:
        """The lane cycles that it takes: a row of items takes all lanes."""
        own = self.points * self.cycles
        return own + self.thinned(self.rows * self.row_cycles * self.lanes) if np.any(self.rows) else own

    def thinned(self, count: Value) -> Value:
        """Return the part of a count that is left where only some points are there."""
        return count if self.density is None else count * self.density


@dataclass(frozen=True)
class BoundGroup:
    """A fusion group with its Einsums in order, and the variables along which tensors are running values.

    `touches` tensor -> every access to it, in order, with its Einsum; `leaves` the tensors that go to another group
    or out; `whole` tensor -> words, in whole multiples of which its tiles come.
    """

    group: Group
    placed: tuple[Placed, ...]
    state: Dict[str, tuple[str, ...]]
    touches: Dict[str, tuple[tuple[Placed, Access], ...]]
    leaves: frozenset[str]
    whole: Dict[str, Value]
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
        """Bytes of a stored value, where nothing else is said."""
        return self.workload.word_bits / 8

    def width(self, memory: str, tensor: str) -> Value:
        """Return the bytes of a word of a tensor in a memory."""
        own = self.design.memories[memory].word_bits
        return (self.workload.bits.get(tensor, self.workload.word_bits) if own is None else own) / 8

    @property
    def uniform(self) -> bool:
        """Whether all words have the same width."""
        return not self.workload.bits and all(m.word_bits is None for m in self.design.memories.values())


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
    chosen = mapping.fit.keys() - mapping.parameters.keys()  # later; what has a value is not chosen
    return resolve({n: e for n, e in pending.items() if n not in values and n not in chosen}, names, evaluate)


def _group(layout: GroupPlan, cascade: Cascade, design: Design, names: Dict[str, Value],
           axes: Dict[str, tuple[Value, ...]], wrong: list[Diagnostic]) -> BoundGroup:  # fmt: skip
    extents = loop_extents(layout, cascade, names, axes, wrong)
    visits = _visits(layout, cascade, names, extents)
    placed = []
    for p in layout.placed:
        _selects(p, layout.group, cascade, names, wrong)
        array = design.arrays[p.array]
        own = extents.folded(p.space, array.shape) if not wrong else extents
        nest = LoopNest(p.loops, p.shared, p.space, layout.batch, own, visits)
        rows, row_cycles = _rows(p, nest, array, cascade, names) if p.law and not wrong else (0, 0)
        placed.append(Placed(
            p.name, p.einsum, p.array, nest, p.cycles, p.actions, p.reads, p.variables, lanes=array.lanes,
            efficiency=array.efficiency, density=_density(layout.group, p.name, names), rows=rows,
            row_cycles=row_cycles,
        ))  # fmt: skip
    touches = {t: tuple((placed[k], a) for k, a in found) for t, found in layout.touches.items()}
    tiles = _whole(layout.group, names)
    return BoundGroup(layout.group, tuple(placed), layout.state, touches, layout.leaves, tiles, layout)


def _selects(p: Place, group: Group, cascade: Cascade, names: Dict[str, Value], wrong: list[Diagnostic]) -> None:
    """Note in `wrong` a selection that keeps more than there is: what is absent then would be charged."""
    for r in p.einsum.reductions:
        kept, rank = names.get(cascade.rank(r.into), 1) if r.into else 1, cascade.rank(r.variable)
        if r.into and rank in names and np.any(np.greater(kept, names[rank])):
            message = f"group {group.name}: {p.name} keeps {cascade.rank(r.into)} of {rank}: more than there are"
            wrong.append(Diagnostic(place=group.place, message=message, expected=f"{cascade.rank(r.into)} <= {rank}"))


def _whole(group: Group, names: Dict[str, Value]) -> dict[str, Value]:
    """The words in whole multiples of which tiles come. Raises SpecError at what is not positive."""
    result = {tensor: evaluate(words, names) for tensor, words in group.whole.items()}
    for tensor, words in result.items():
        if not whole(words):
            message = f"group {group.name}: {tensor} comes in multiples of {shown(words)} words"
            raise SpecError([Diagnostic(place=group.place, message=message, expected="a whole number from 1 on")])
    return result


def _density(group: Group, einsum: str, names: Dict[str, Value]) -> Value | None:
    """The fraction of the points of an Einsum that are there; None: all. Raises SpecError outside of 0 to 1."""
    if einsum not in group.density:
        return None
    density = evaluate(group.density[einsum], names)
    if np.any(np.less(density, 0)) or np.any(np.greater(density, 1)):
        message = f"group {group.name}: the density of {einsum} is {density}"
        raise SpecError([Diagnostic(place=group.place, message=message, expected="a fraction, 0 to 1")])
    return density


def _rows(p: Place, nest: LoopNest, array: Array, cascade: Cascade, names: Dict[str, Value]) -> tuple[Value, Value]:
    """How many rows of items an array takes for an Einsum one after another, and the cycles of each.

    A row is what the Einsum reduces, or one iteration of the shared loops where it reduces nothing. Rows that are
    spread over the array go to its engines side by side.
    """
    reduced = reduced_variables(p.einsum)
    points = nest.points(p.variables)
    shared = nest.trips(nest.loops[: nest.shared])
    items = nest.extents.trips(q for v in reduced for q in nest.extents.split(v)) if reduced else points / shared
    kept: Value = 1
    for r in p.einsum.reductions:
        kept = names.get(cascade.rank(r.into), 1) if r.into else kept
    one_by_one = (
        [v for v in nest.temporal if nest.extents.base(v) not in reduced] if reduced else nest.loops[: nest.shared]
    )
    return nest.trips(one_by_one), array.operations[p.law].row(items, kept)


def _visits(layout: GroupPlan, cascade: Cascade, names: Dict[str, Value], extents: Extents) -> Visits | None:
    """The iterations that a group executes; None: all."""
    group = layout.group
    by = next((p for p in layout.placed if p.name == group.skip), None)
    if by is None or not any(s.conditions for s in cascade.statements):
        return None
    tiles: dict[str, Tile] = {}
    for v in dict.fromkeys(extents.base(loop) for loop in by.loops[: by.shared]):
        points: Value = 1
        within: dict[str, Value] = {}
        for part in reversed(layout.parts.get(v, (v,))):
            tiles[part] = Tile(v, points)
            points = within[part] = points * extents.part.get(part, 1)
        for part in layout.parts.get(v, (v,))[1:]:
            tiles[part] = Tile(v, tiles[part].points, within[part])
    tiles = {loop: tiles[loop] for loop in by.loops[: by.shared] if extents.base(loop) not in layout.batch}
    known = {*cascade.ranks, *cascade.params, *rank_names(cascade)}
    return Visits(cascade, by.einsum, {n: v for n, v in names.items() if n in known}, tiles, group.place)


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
        if not whole(size[v]):
            fail(f"the loop {v} goes over {rank} = {shown(size[v])} points", "sizes are whole numbers from 1 on")
    part: dict[str, Value] = {}
    for v, parts in layout.parts.items():
        for name in parts[1:]:
            own = f"{group.name}.{name.upper()}"  # what a group chose for itself
            if own not in names and name.upper() not in names:
                fail(f"nothing gives the tile size {name.upper()} of {v}", "add it under `parameters`")
            part[name] = names.get(own, names.get(name.upper(), 1))
            if not whole(part[name]):
                message = f"the tile size {name.upper()} of {v} is {shown(part[name])}"
                fail(message, "sizes are whole numbers from 1 on")
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
