"""Space: what can be chosen for one fusion group, as far as no number matters."""

from collections.abc import Iterator
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field, replace
from itertools import combinations, pairwise, permutations

import numpy as np

from archsim.binding import settled
from archsim.checks import whole_tensors
from archsim.design import Design
from archsim.layout import GroupPlan, Plan
from archsim.mapper.rules import FREE, Rules
from archsim.mapping import Group, Mapping
from archsim.plan import operation_cost, plan
from archsim.report import areas
from archsim.schedule import running_chains
from archsim.value import Value
from archsim.workload import Workload
from einsum_cascade.cascade import Cascade
from einsum_cascade.document import Document
from einsum_cascade.einsum import (
    Access,
    Einsum,
    Number,
    Variable,
    iteration_variables,
    read_accesses,
    reduced_variables,
)
from einsum_cascade.errors import Diagnostic, Place, SpecError
from einsum_cascade.plan import resolve_views

__all__ = ["GroupSpace", "Order", "Problem", "group_space", "problem", "whole_space"]

INSIDE = {"b": {"B", "N"}, "h": {"H", "HK", "A", "N"}}
"""A cascade that names none of these ranks runs once for every sequence of the batch, and for every head."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """The documents of a search. `einsums` with their views resolved; `arrays` Einsum -> array -> (cycles, actions) of
    a point; `tiles` the constants of the cascade that are tile sizes, and so are searched; `names` all other sizes;
    without `prune` choices that another one beats are kept (for tests)."""

    cascade: Cascade
    workload: Workload
    design: Design
    rules: Rules = FREE
    effort: int = 1
    prune: bool = True
    batch: tuple[str, ...] = ()
    einsums: Dict[str, Einsum] = field(default_factory=dict)
    arrays: Dict[str, Dict[str, tuple[int, Dict[str, int]]]] = field(default_factory=dict)
    tiles: tuple[str, ...] = ()
    names: Dict[str, Value] = field(default_factory=dict)
    tensors: frozenset[str] = frozenset()

    @property
    def near(self) -> tuple[str, ...]:
        """The memories besides the first, which holds everything."""
        return tuple(self.design.memories)[1:]


@dataclass(frozen=True)
class Order:
    """The shared loops of a group, outermost first; `parts` variable -> its parts; `sizes` the tile sizes to choose,
    (parameter, variable, whether it counts tiles of the inner size)."""

    loops: tuple[str, ...]
    parts: Dict[str, tuple[str, ...]]
    sizes: tuple[tuple[str, str, bool], ...]


@dataclass(frozen=True, kw_only=True)
class GroupSpace:
    """One fusion group.

    `shared` the variables that may be looped over together; `running` those of them along which a recurrence runs;
    `aligned` tensor made here -> the variables with which all that touch it move together; `handed` (tensor, Einsum) ->
    how the Einsum may take it from the array that makes it: "stream" as it is made, "hold" in the registers of its
    array, "" not at all; `places` Einsum -> the Einsum in whose result's place it may write its own; `chains` the
    recurrences.
    """

    problem: Problem
    members: tuple[str, ...]
    structure: Plan
    layout: GroupPlan
    seed: Mapping
    shared: tuple[str, ...] = ()
    running: tuple[str, ...] = ()
    aligned: Dict[str, frozenset[str]] = field(default_factory=dict)
    handed: Dict[tuple[str, str], str] = field(default_factory=dict)
    places: Dict[str, str] = field(default_factory=dict)
    chains: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def made(self) -> frozenset[str]:
        """The tensors that the group makes."""
        return frozenset(self.members)

    def orders(self) -> Iterator[Order]:
        """Yield the orders of the shared loops that are not special cases of another.

        A variable stands once, or twice with another one between (its outer and its inner tile); loops next to each
        other over one variable are one loop. An order in which a variable stands once is the case of another in which
        its outer or its inner loop makes one trip, so only the longest orders that the effort allows are yielded.
        """
        most = max(len(self.shared), 2 + self.problem.effort)
        free = [v for v in self.shared if v not in self.running]
        longest = min(most, len(self.shared) + len(free)) if len(self.shared) > 1 else len(self.shared)
        found = {s for s in _sequences(self.shared, frozenset(free), longest)}
        prefix = tuple(v for v in self.problem.rules.loops if v in self.shared)
        for sequence in sorted(found):
            if tuple(dict.fromkeys(sequence))[: len(prefix)] == prefix:
                yield self._order(sequence)

    def _order(self, sequence: tuple[str, ...]) -> Order:
        parts: dict[str, tuple[str, ...]] = {}
        sizes: list[tuple[str, str, bool]] = []
        for v in self.shared:
            if v not in self.running:
                count = sequence.count(v)
                parts[v] = tuple(self._part(v, k) for k in range(count, -1, -1))
                sizes += [(parts[v][-1 - k].upper(), v, k > 0) for k in range(count)]
        left = {v: list(p[:-1]) for v, p in parts.items()}
        loops = tuple(left[v].pop(0) if v in left else v for v in sequence)
        return Order((*self.problem.batch, *loops), parts, tuple(sizes))

    def _part(self, variable: str, number: int) -> str:
        taken = {v for s in self.problem.einsums.values() for v in iteration_variables(s)}
        name = f"{variable}{number}"
        return name if name not in taken and name.upper() not in self.problem.names else f"{variable}_{number}"


def _sequences(shared: tuple[str, ...], free: frozenset[str], length: int) -> Iterator[tuple[str, ...]]:
    """Yield the longest sequences of variables, each once, or twice if it is free, never next to itself."""
    doubles = length - len(shared)
    for twice in _subsets(tuple(v for v in shared if v in free), doubles):
        for found in set(permutations((*shared, *twice))):
            if all(a != b for a, b in pairwise(found)):
                yield found


def _subsets(items: tuple[str, ...], size: int) -> Iterator[tuple[str, ...]]:
    yield from combinations(items, max(0, min(size, len(items))))


def problem(cascade: Cascade, workload: Workload, design: Design, rules: Rules = FREE, effort: int = 1) -> Problem:
    """Return the documents of a search, cross-checked.

    Raises SpecError: an Einsum that no array can run, or none that the rules allow.
    """
    _covered(workload, design)
    areas(design, workload.word_bits)  # what has none is found now, not after the search
    views = {v.name: v for v in cascade.views}
    einsums = {s.name: resolve_views(s, views) for s in cascade.einsums}
    if len(einsums) < len(cascade.einsums):
        message = "the search does not cover tensors that several Einsums define, each under its condition"
        raise SpecError([Diagnostic(place=cascade.einsums[0].place, message=message)])
    arrays: dict[str, dict[str, tuple[int, Dict[str, int]]]] = {}
    wrong: list[Diagnostic] = []
    for name, s in einsums.items():
        missing: list[str] = []
        arrays[name] = {}
        for array in rules.arrays.get(name, tuple(design.arrays)):
            lacks: list[str] = []
            cycles, law, actions = operation_cost(s, design.arrays[array], lambda text, hint, to=lacks: to.append(text))  # type: ignore[misc]
            if law:
                lacks.append(f"does {law} by a cycle law, which the search does not cover")
            if lacks:
                missing.append(f"{array} {lacks[0]}")
            else:
                arrays[name][array] = cycles, actions
        if not arrays[name]:
            message = f"no array of {design.name} can run the Einsum {name}: {'; '.join(missing)}"
            wrong.append(Diagnostic(place=s.place, message=message, hint="add the operation to an array of the design"))
    if wrong:
        raise SpecError(wrong)
    batch = rules.batch
    if batch is None:
        batch = tuple(v for v, ranks in INSIDE.items() if not ranks & set(cascade.ranks))
    used = {cascade.rank(v) for s in einsums.values() for v in iteration_variables(s)}
    tiles = tuple(n for n, e in cascade.params.items() if isinstance(e, Number) and n in used)
    start = Problem(cascade=cascade, workload=workload, design=design, rules=rules, effort=effort)
    names = settled(cascade, workload, _seed(start, (), einsums), design, {})
    tensors = frozenset(a.tensor for s in einsums.values() for a in (*read_accesses(s), s.target))
    return replace(start, batch=batch, einsums=einsums, arrays=arrays, tiles=tiles, names=names, tensors=tensors)


def _covered(workload: Workload, design: Design) -> None:
    """Refuse what the tables have no entry for, since costs would no longer add up over Einsums and tensors."""
    found = [f"array {a} is pipelined" for a, spec in design.arrays.items() if spec.pipelined]
    for name, memory in design.memories.items():
        if np.any(memory.request) or memory.burst is not None:
            found.append(f"memory {name} has requests or bursts")
        if memory.word_bits is not None:
            found.append(f"memory {name} has a word width of its own")
    found += ["power is drawn all the time"] if np.any(design.power) else []
    wrong = [
        Diagnostic(place=Place(file=design.name), message=f"the search does not cover this design: {f}") for f in found
    ]
    if workload.bits:
        message = "the search does not cover widths of single tensors (bits)"
        wrong.append(Diagnostic(place=Place(file=workload.name), message=message))
    if wrong:
        raise SpecError(wrong)


def _seed(p: Problem, members: tuple[str, ...], einsums: Dict[str, Einsum]) -> Mapping:
    """A mapping with the members in one group and the others in a second one, everything through the far memory."""
    far = next(iter(p.design.memories))
    groups = []
    for name, some in (("group", members), ("others", tuple(n for n in einsums if n not in members))):
        binding: dict[str, tuple[str, ...]] = {}
        for e in some:
            array = next(iter(p.arrays.get(e, {})), "")
            binding[array] = (*binding.get(array, ()), e)
        keep = {far: {e: next(iter(iteration_variables(einsums[e])), "") for e in some}}
        keep = {far: {e: v for e, v in keep[far].items() if v}}
        schedule = p.rules.schedule
        groups.append(Group(name=name, loops=p.batch, binding=binding, keep=keep, schedule=schedule, place=Place()))
    return Mapping(
        name="seed", description="", source="", cascade=p.cascade.name, design=p.design.name, parameters={}, fit={},
        groups=tuple(g for g in groups if g.binding), cases=(), choices={},
        document=Document(file="seed", lines=[]), place=Place(),
    )  # fmt: skip


def group_space(p: Problem, members: tuple[str, ...]) -> GroupSpace | None:
    """Return the space of a fusion group; None if its Einsums cannot share their loops."""
    found = whole_space(p, members)
    layout = found.layout
    einsums = {n: p.einsums[n] for n in members}
    variables = {n: tuple(iteration_variables(s)) for n, s in einsums.items()}
    after = {n: _descendants(n, einsums) for n in members}
    running = tuple(dict.fromkeys(v for n in members for v in layout.state[n]))
    shared = tuple(v for v in layout.used if _shareable(v, einsums, variables, after))
    if any(v not in shared for v in running):
        return None
    aligned = {n: _aligned(s, [e for e in einsums.values() if e is not s]) for n, s in einsums.items()}
    handed = {
        (n, y): _handed(p, einsums, n, y, shared, aligned[n], variables, after)
        for n in members for y in members if y != n and any(a.tensor == n for a in read_accesses(einsums[y]))
    }  # fmt: skip
    return replace(
        found, shared=shared, running=running, aligned=aligned, handed=handed,
        places=_in_place(layout, einsums, after),
        chains=tuple((v, tuple(s.name for s in chain)) for v, chain in running_chains(list(einsums.values()))),
    )  # fmt: skip


def whole_space(p: Problem, members: tuple[str, ...]) -> GroupSpace:
    """Return Einsums as a group of which only the sizes matter: for bounds."""
    seed = _seed(p, members, p.einsums)
    structure = plan(p.cascade, seed, p.design)
    return GroupSpace(problem=p, members=members, structure=structure, layout=structure.groups[0], seed=seed)


def _descendants(name: str, einsums: Dict[str, Einsum]) -> frozenset[str]:
    found: set[str] = set()
    todo = [name]
    while todo:
        made = todo.pop()
        for n, s in einsums.items():
            if n not in found and any(a.tensor == made for a in read_accesses(s)):
                found.add(n)
                todo.append(n)
    return frozenset(found)


def _shareable(v: str, einsums: Dict[str, Einsum], variables: Dict[str, tuple[str, ...]],
               after: Dict[str, frozenset[str]]) -> bool:  # fmt: skip
    """Whether the Einsums can run one loop over v together: none needs a whole sum over v of another one, and all have
    v, those aside that only finish what the others made."""
    have = {n for n in einsums if v in variables[n]}
    if not have:
        return False
    if any(v in reduced_variables(einsums[n]) and after[n] - {n} for n in have):
        return False
    return all(n in have or not after[n] & have for n in einsums)


def _plain(index: object) -> str:
    return index.name if isinstance(index, Variable) else ""


def _aligned(s: Einsum, others: list[Einsum]) -> frozenset[str]:
    """The variables at which everyone who reads the result of s has the very index that s writes."""
    reads = [a for e in (*others, s) for a in read_accesses(e) if a.tensor == s.name]
    found = {_plain(i) for i in s.target.indices} - {""}
    for access in reads:
        found &= {_plain(i) for i, j in zip(access.indices, s.target.indices, strict=False) if _plain(i) == _plain(j)}
    return frozenset(found)


def _same(a: Access, b: Access) -> bool:
    names = [_plain(i) for i in a.indices]
    return names == [_plain(i) for i in b.indices] and "" not in names


def _handed(p: Problem, einsums: Dict[str, Einsum], tensor: str, reader: str, shared: tuple[str, ...],
            aligned: frozenset[str], variables: Dict[str, tuple[str, ...]],
            after: Dict[str, frozenset[str]]) -> str:  # fmt: skip
    """How a reader may take a tensor from the array that makes it."""
    s, y = einsums[tensor], einsums[reader]
    mine = [a for a in read_accesses(y) if a.tensor == tensor]
    loops = {v for v in shared if v in variables[tensor] or v in variables[reader]}
    if not all(_same(a, s.target) for a in mine) or not loops <= aligned:
        return ""
    between = {n for n in after[tensor] if reader in after[n] and n != reader}
    waits = any(set(reduced_variables(einsums[n])) & set(variables[tensor]) - set(shared) for n in between)
    whole, passes = whole_tensors(p.cascade)
    if passes > 1 and tensor in whole and waits:
        return ""
    return "stream" if set(variables[reader]) <= {_plain(i) for i in s.target.indices} and not waits else "hold"


def _in_place(layout: GroupPlan, einsums: Dict[str, Einsum], after: Dict[str, frozenset[str]]) -> dict[str, str]:
    """Einsum -> the tensor that it may overwrite word by word: nobody reads it later."""
    found: dict[str, str] = {}
    for y, s in einsums.items():
        for access in read_accesses(s):
            t = access.tensor
            if t not in einsums or t in layout.leaves or t in found.values() or y in found or layout.state[t]:
                continue
            if layout.state[y] or not _same(access, s.target) or reduced_variables(s):
                continue
            if not _same(access, einsums[t].target) or set(iteration_variables(s)) != {
                _plain(i) for i in access.indices
            }:
                continue
            others = {n for n, e in einsums.items() if n != y and any(a.tensor == t for a in read_accesses(e))}
            if all(y in after[n] for n in others):
                found[y] = t
    return found
