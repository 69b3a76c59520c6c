"""Plan: what a mapping does with a cascade on a design, as far as no number matters. Made once, used for every
point."""

from collections.abc import Callable
from collections.abc import Mapping as Dict
from threading import Lock

from archsim.checks import check_names, check_passes, check_running
from archsim.design import Array, Design
from archsim.layout import Fail, GroupPlan, Linear, Place, Plan
from archsim.loopnest import index_variables
from archsim.mapping import Group, Mapping
from archsim.pieces import expanded, pieces
from einsum_cascade.cascade import Cascade
from einsum_cascade.einsum import (
    Access,
    Apply,
    Einsum,
    Expression,
    Number,
    Variable,
    accesses,
    iteration_variables,
    read_accesses,
    reduced_variables,
    walk,
)
from einsum_cascade.errors import Diagnostic, SpecError, did_you_mean
from einsum_cascade.fold import operations
from einsum_cascade.operators import REDUCTION_OPERATION
from einsum_cascade.plan import kept_offset, resolve_views

__all__ = ["operation_cost", "plan"]

_PLANS: dict[tuple[int, int, int], tuple[Cascade, Mapping, Design, Plan]] = {}
_KEPT = 64
_LOCK = Lock()


def plan(cascade: Cascade, mapping: Mapping, design: Design) -> Plan:
    """Return the plan of three documents, remembered for the documents themselves.

    Raises SpecError: a name that the cascade or the design does not have, an Einsum that is bound nowhere or twice, an
    operation that an array cannot do, a tensor of a further pass that is neither kept whole nor written out.
    """
    key = (id(cascade), id(mapping), id(design))
    found = _PLANS.get(key)
    if found is None:
        made = _plan(cascade, mapping, design)
        found = (cascade, mapping, design, made)  # the documents are kept, so that their ids stay theirs
        with _LOCK:
            while len(_PLANS) >= _KEPT:
                del _PLANS[next(iter(_PLANS))]
            _PLANS[key] = found
    return found[3]


def _plan(cascade: Cascade, mapping: Mapping, design: Design) -> Plan:
    views = {v.name: v for v in cascade.views}
    einsums = {name: resolve_views(s, views) for name, s in pieces(cascade).items()}
    own_groups = [expanded(g, einsums) for g in mapping.groups]
    shapes = {**cascade.inputs, **cascade.declared}
    wrong: list[Diagnostic] = []
    bound: dict[str, str] = {}
    placed = [_places(g, cascade, design, einsums, bound, _fail(g, mapping, wrong)) for g in own_groups]
    for name, fit in mapping.fit.items():
        if fit.memory not in design.memories:
            place, hint = mapping.document.place("fit", name, "memory"), did_you_mean(fit.memory, design.memories)
            wrong.append(Diagnostic(place=place, message=f"{design.name} has no memory {fit.memory}", hint=hint))
    for name in einsums:
        if name not in bound and not wrong:
            message = f"the Einsum {name} of {cascade.name} is bound to no array"
            wrong.append(Diagnostic(place=mapping.place, message=message, hint="name it under `binding`"))
    if wrong:
        raise SpecError(wrong)
    groups = []
    for group, own in zip(own_groups, placed, strict=True):
        others = {a.tensor for ps in placed if ps is not own for p in ps for a in p.reads}
        groups.append(_group(group, cascade, einsums, shapes, own, others))
        fail = _fail(group, mapping, wrong)
        check_names(groups[-1], design, fail)
        if not wrong:
            check_passes(groups[-1], cascade, design, fail)
            check_running(groups[-1], fail)
    if wrong:
        raise SpecError(wrong)
    composite = {a.tensor for s in einsums.values() for a in (*read_accesses(s), s.target)
                 if any(len(i) > 1 for i in index_variables(a))}  # fmt: skip
    return Plan(tuple(groups), shapes, frozenset(composite & shapes.keys()))


def _fail(group: Group, mapping: Mapping, wrong: list[Diagnostic]) -> Fail:
    def fail(message: str, hint: str, path: tuple[str | int, ...]) -> None:
        place = mapping.document.place("groups", group.name, *path)
        found = Diagnostic(place=place, message=f"group {group.name}: {message}", hint=hint)
        if found not in wrong:
            wrong.append(found)

    return fail


def _used(einsums: Dict[str, Einsum]) -> tuple[str, ...]:
    made = [r.into for s in einsums.values() for r in s.reductions if r.into]  # coordinates that a selection writes
    return tuple(dict.fromkeys([*(v for s in einsums.values() for v in iteration_variables(s)), *made]))


def _batch(group: Group, used: tuple[str, ...]) -> tuple[str, ...]:
    """The variables of loops, in time or in space, that no Einsum of the cascade has: all is done once for each."""
    base = {part: v for v, parts in group.partitioning.items() for part in parts}
    loops = [*group.loops, *(v for own in group.space.values() for v in own.values())]
    return tuple(dict.fromkeys(base.get(v, v) for v in loops if base.get(v, v) not in used))


def _places(
    group: Group, cascade: Cascade, design: Design, einsums: Dict[str, Einsum], bound: dict[str, str], fail: Fail
) -> tuple[Place, ...]:
    placed: list[Place] = []
    for array, members in group.binding.items():
        if array not in design.arrays:
            fail(f"{design.name} has no array {array}", did_you_mean(array, design.arrays), ("binding", f"{array}#key"))
            for name in members:
                bound.setdefault(name, array)
            continue
        for name in members:
            if name not in einsums:
                fail(f"{cascade.name} has no Einsum {name}", did_you_mean(name, einsums), ("binding", array))
                continue
            if name in bound:
                fail(f"the Einsum {name} is bound twice, to {bound[name]} and {array}", "", ("binding", array))
                continue
            bound[name] = array
            placed.append(
                _place(name, einsums[name], array, group, design.arrays[array], _batch(group, _used(einsums)), fail)
            )
    order = list(einsums)
    return tuple(sorted(placed, key=lambda p: order.index(p.name)))


def _place(name: str, s: Einsum, array: str, group: Group, spec: Array, batch: tuple[str, ...], fail: Fail) -> Place:
    base = {part: v for v, parts in group.partitioning.items() for part in parts}
    variables = iteration_variables(s)
    own = dict.fromkeys((*batch, *variables))
    key = name if name in group.space else array
    given = group.space.get(key, {})
    space = {d: v for d, v in given.items() if base.get(v, v) in own}
    for dimension in given:
        if dimension not in spec.shape:
            fail(
                f"{array} has no dimension {dimension}",
                did_you_mean(dimension, spec.shape),
                ("space", key, f"{dimension}#key"),
            )
    shared = tuple(v for v in group.loops if base.get(v, v) in own)
    time = group.time.get(name, ())
    for loop in time:
        if base.get(loop, loop) not in own:
            fail(f"the Einsum {name} has no variable {loop}", did_you_mean(loop, own), ("time", name))
    for loop in {*shared, *time} & set(space.values()):
        fail(f"the loop {loop} runs in time and in space", "", ("space", key))
    missing = [p for v in own for p in group.partitioning.get(v, (v,))
               if p not in shared and p not in time and p not in space.values()]  # fmt: skip
    # What no one orders runs innermost, reduced variables last, so that results stay where they are accumulated.
    reduced = set(reduced_variables(s))
    missing.sort(key=lambda p: base.get(p, p) in reduced)
    cycles, law, actions = operation_cost(s, spec, lambda text, hint: fail(f"{array} {text}", hint, ("binding", array)))
    reads = tuple(dict.fromkeys(read_accesses(s)))
    return Place(name, s, array, (*shared, *time, *missing), len(shared), space, cycles, law, actions, reads, variables)


def operation_cost(s: Einsum, spec: Array, fail: Callable[[str, str], None]) -> tuple[int, str, dict[str, int]]:
    """Return cycles of one point, the operation that follows a law instead, and actions: fused operations first.

    `fail` gets what is missing.
    """
    needed = operations(s.expression)
    if reduced_variables(s):
        operator = s.reductions[0].operator if s.reductions else "sum"
        needed[REDUCTION_OPERATION[operator]] += 1
    cycles, law, actions = 0, "", dict[str, int]()
    for name, operation in sorted(spec.operations.items(), key=lambda item: -item[0].count("+")):
        wanted = name.split("+")
        while all(needed[w] >= wanted.count(w) for w in wanted):
            needed.subtract(wanted)
            law = name if operation.law else law
            own = 0 if operation.law else operation.cycles
            cycles = max(cycles, own) if spec.pipelined else cycles + own
            for action, times in operation.actions.items():
                actions[action] = actions.get(action, 0) + times
    for name, count in needed.items():
        if count > 0 and name not in ("gather", "scatter"):
            fail(f"cannot do {name}, which {s.name} needs", did_you_mean(name, spec.operations))
    return max(cycles, 0 if law else 1), law, actions


def _group(group: Group, cascade: Cascade, einsums: Dict[str, Einsum], shapes: Dict[str, tuple[Expression, ...]],
           placed: tuple[Place, ...], others: set[str]) -> GroupPlan:  # fmt: skip
    used = _used(einsums)
    batch = _batch(group, used)
    touches: dict[str, list[tuple[int, Access]]] = {}
    for k, p in enumerate(placed):
        for access in (*p.reads, p.einsum.target):
            touches.setdefault(access.tensor, []).append((k, access))
    made = {p.einsum.name for p in placed}
    running = {p.name: tuple(v for v in used if (kept_offset(p.einsum, v) or 0) > 0) for p in placed}
    return GroupPlan(
        group=group, placed=placed, used=used, batch=batch,
        parts={v: p for v, p in group.partitioning.items() if v in used or v in batch},
        linear=tuple(dict.fromkeys(form for s in einsums.values() for form in _linear(s, shapes))),
        touches={t: tuple(found) for t, found in touches.items()},
        state={t: tuple(dict.fromkeys(v for p in placed if p.einsum.name == t for v in running[p.name])) for t in made},
        leaves=frozenset(t for t in made if t in others or t in cascade.outputs),
    )  # fmt: skip


def _linear(s: Einsum, shapes: Dict[str, tuple[Expression, ...]]) -> list[Linear]:
    """The indices of an Einsum that are sums of several variables with constant factors, into axes of known size."""
    found = []
    for access in (*read_accesses(s), s.target):
        for index, size in zip(access.indices, shapes.get(access.tensor, ()), strict=False):
            terms = _terms(index)
            if terms is not None and len(terms) > 1:
                found.append(Linear(tuple(v for v, _ in terms), tuple(f for _, f in terms), size))
    return found


def _terms(index: Expression) -> list[tuple[str, Expression]] | None:
    if isinstance(index, Variable):
        return [(index.name, Number(1))]
    if not isinstance(index, Apply) or accesses(index):
        return None
    if len(index.arguments) != 2:
        return None
    first, second = index.arguments
    if index.operator == "add":
        left, right = _terms(first), _terms(second)
        return None if left is None or right is None else left + right
    if index.operator == "mul":
        for variable, factor in ((first, second), (second, first)):
            if isinstance(variable, Variable) and not any(isinstance(n, Variable) for n in walk(factor)):
                return [(variable.name, factor)]
    return None
