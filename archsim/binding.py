"""Binding: cascade, workload, mapping and design, cross-checked; the only place where the four documents meet."""

from collections.abc import Callable
from collections.abc import Mapping as Dict
from dataclasses import dataclass

from archsim.design import Design, Operation
from archsim.loopnest import Extents, LoopNest
from archsim.mapping import Group, Mapping
from archsim.value import Value, evaluate
from archsim.workload import Workload
from einsum_cascade.cascade import Cascade
from einsum_cascade.einsum import Access, Einsum, iteration_variables, read_accesses, reduced_variables
from einsum_cascade.errors import Diagnostic, SpecError, did_you_mean
from einsum_cascade.fold import operations
from einsum_cascade.operators import REDUCTION_OPERATION
from einsum_cascade.plan import kept_offset, resolve_views

__all__ = ["Binding", "BoundGroup", "Placed", "bind"]


@dataclass(frozen=True)
class Placed:
    """One Einsum in its place: its nest on an array, and what one point costs there (cycles, actions)."""

    einsum: Einsum
    array: str
    nest: LoopNest
    cycles: int
    actions: Dict[str, int]
    reads: tuple[Access, ...]

    @property
    def name(self) -> str:
        """The tensor that it writes."""
        return self.einsum.name

    @property
    def points(self) -> Value:
        """The points of its iteration space."""
        return self.nest.points(iteration_variables(self.einsum))


@dataclass(frozen=True)
class BoundGroup:
    """A fusion group with its Einsums in order, and the variables along which tensors are running values."""

    group: Group
    placed: tuple[Placed, ...]
    state: Dict[str, tuple[str, ...]]


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
    nowhere or twice, an operation that an array cannot do, a variable that is neither in a loop nor spread.
    """
    names = _names(cascade, workload, mapping, design, dict(values or {}))
    wrong: list[Diagnostic] = []
    for name in mapping.fit:
        names.setdefault(name, 1)
    views = {v.name: v for v in cascade.views}
    einsums = {s.name: resolve_views(s, views) for s in cascade.einsums}
    bound: dict[str, str] = {}
    groups = []
    for group in mapping.groups:
        groups.append(_group(group, cascade, design, names, einsums, bound, wrong))
    for name in einsums:
        if name not in bound:
            message = f"the Einsum {name} of {cascade.name} is bound to no array"
            wrong.append(Diagnostic(place=mapping.place, message=message, hint="name it under `binding`"))
    if wrong:
        raise SpecError(wrong)
    return Binding(cascade, workload, mapping, design, names, tuple(groups))


def _names(cascade: Cascade, workload: Workload, mapping: Mapping, design: Design,
           values: dict[str, Value]) -> dict[str, Value]:  # fmt: skip
    names: dict[str, Value] = {**workload.sizes(), **design.parameters}
    pending = {**cascade.ranks, **cascade.params}
    pending = {n: e for n, e in pending.items() if n not in names} | dict(mapping.parameters)
    pending |= {f"{g.name}.{n}": e for g in mapping.groups for n, e in g.choose.items()}
    names |= values
    pending = {n: e for n, e in pending.items() if n not in values and n not in mapping.fit}
    while pending:
        failed: dict[str, SpecError] = {}
        for name, expression in pending.items():
            try:
                names[name] = evaluate(expression, names)
            except SpecError as error:
                failed[name] = error
        if len(failed) == len(pending):
            raise SpecError([d for error in failed.values() for d in error.diagnostics])
        pending = {n: e for n, e in pending.items() if n in failed}
    return names


def _group(group: Group, cascade: Cascade, design: Design, names: Dict[str, Value], einsums: Dict[str, Einsum],
           bound: dict[str, str], wrong: list[Diagnostic]) -> BoundGroup:  # fmt: skip
    def fail(message: str, hint: str = "", expected: str = "") -> None:
        wrong.append(
            Diagnostic(place=group.place, message=f"group {group.name}: {message}", hint=hint, expected=expected)
        )

    used = {v for s in einsums.values() for v in iteration_variables(s)}
    batch = tuple(v for v in group.loops if v not in used and all(v not in p for p in group.partitioning.values()))
    size: dict[str, Value] = {}
    for v in (*used, *batch):
        if cascade.rank(v) in names:
            size[v] = names[cascade.rank(v)]
        else:
            fail(f"nothing gives a size to the loop {v}", did_you_mean(v, used))
            size[v] = 1
    parts = {v: p for v, p in group.partitioning.items() if v in used}
    part: dict[str, Value] = {}
    for v, names_of in parts.items():
        for name in names_of[1:]:
            own = f"{group.name}.{name.upper()}"  # what a group chose for itself
            if own not in names and name.upper() not in names:
                fail(f"nothing gives the tile size {name.upper()} of {v}", "add it under `parameters`")
            part[name] = names.get(own, names.get(name.upper(), 1))
    extents = Extents(size, parts, part)
    placed: list[Placed] = []
    for array, members in group.binding.items():
        if array not in design.arrays:
            fail(f"{design.name} has no array {array}", did_you_mean(array, design.arrays))
            continue
        for name in members:
            if name not in einsums:
                fail(f"{cascade.name} has no Einsum {name}", did_you_mean(name, einsums))
                continue
            if name in bound:
                fail(f"the Einsum {name} is bound twice, to {bound[name]} and {array}")
            bound[name] = array
            placed.append(_place(einsums[name], array, group, design, extents, batch, fail))
    order = list(einsums)
    placed.sort(key=lambda p: order.index(p.name))
    tensors = {t for p in placed for t in (p.name, *(a.tensor for a in p.reads))}
    for memory, kept in group.keep.items():
        if memory not in design.memories and memory not in design.arrays:
            fail(f"{design.name} has no memory {memory}", did_you_mean(memory, [*design.memories, *design.arrays]))
        for tensor, scope in kept.items():
            if tensor not in tensors:
                fail(
                    f"{tensor} is kept in {memory}, but no Einsum of the group touches it",
                    did_you_mean(tensor, tensors),
                )
            elif not any(scope in p.nest.loops for p in placed):
                fail(f"{tensor} is kept inside the loop {scope}, which the group does not have",
                     did_you_mean(scope, {v for p in placed for v in p.nest.loops}))  # fmt: skip
    state = {p.name: tuple(v for v in used if (kept_offset(p.einsum, v) or 0) > 0) for p in placed}
    return BoundGroup(group, tuple(placed), state)


def _place(s: Einsum, array: str, group: Group, design: Design, extents: Extents, batch: tuple[str, ...],
           fail: Callable[..., None]) -> Placed:  # fmt: skip
    own = set(iteration_variables(s))
    space = {d: v for d, v in group.space.get(s.name, group.space.get(array, {})).items() if extents.base(v) in own}
    for dimension in space:
        if dimension not in design.arrays[array].shape:
            fail(f"{array} has no dimension {dimension}", did_you_mean(dimension, design.arrays[array].shape))
            return Placed(s, array, LoopNest((), 0, {}, batch, extents), 1, {}, ())
    spread = set(space.values())
    shared = tuple(v for v in group.loops if v in batch or extents.base(v) in own)
    time = group.time.get(s.name, ())
    missing = [p for v in iteration_variables(s) for p in extents.parts.get(v, (v,))
               if p not in shared and p not in time and p not in spread]  # fmt: skip
    for loop in time:
        if extents.base(loop) not in own:
            fail(f"the Einsum {s.name} has no variable {loop}", did_you_mean(loop, own))
    # What no one orders runs innermost, reduced variables last, so that results stay where they are accumulated.
    reduced = set(reduced_variables(s))
    missing.sort(key=lambda p: extents.base(p) in reduced)
    nest = LoopNest((*shared, *time, *missing), len(shared), space, batch, extents)
    cycles, actions = _cost(s, design.arrays[array].operations, lambda text, hint: fail(f"{array}: {text}", hint))
    reads = tuple(dict.fromkeys(read_accesses(s)))
    return Placed(s, array, nest, cycles, actions, reads)


def _cost(s: Einsum, table: Dict[str, Operation], fail: Callable[[str, str], None]) -> tuple[int, dict[str, int]]:
    """Cycles and actions of one point: fused operations first, then one by one."""
    needed = operations(s.expression)
    if reduced_variables(s):
        operator = s.reductions[0].operator if s.reductions else "sum"
        needed[REDUCTION_OPERATION[operator]] += 1
    cycles, actions = 0, dict[str, int]()
    for name, operation in sorted(table.items(), key=lambda item: -item[0].count("+")):
        wanted = name.split("+")
        while all(needed[w] >= wanted.count(w) for w in wanted):
            needed.subtract(wanted)
            cycles += operation.cycles
            for action, times in operation.actions.items():
                actions[action] = actions.get(action, 0) + times
    for name, count in needed.items():
        if count > 0 and name not in ("gather", "scatter"):
            fail(f"cannot do {name}, which {s.name} needs", did_you_mean(name, table))
    return max(cycles, 1), actions
