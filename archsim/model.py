"""evaluate(cascade, workload, mapping, design) -> Report: the stages in order, and the tile sizes that a mapping
leaves open."""

from collections.abc import Iterator
from collections.abc import Mapping as Dict
from dataclasses import replace

import numpy as np

from archsim.actions import count_actions
from archsim.binding import Binding, bind, bind_plan, settled
from archsim.choices import concrete
from archsim.design import Design
from archsim.divisors import divisors, largest_divisor
from archsim.layout import Plan
from archsim.mapping import Mapping
from archsim.occupancy import occupancy
from archsim.plan import plan
from archsim.report import Report, charge, joined
from archsim.schedule import schedule
from archsim.slices import cutter, points
from archsim.value import Value, either, shown, smaller, whole
from archsim.value import evaluate as value_of
from archsim.workload import Workload
from einsum_cascade.cascade import Cascade
from einsum_cascade.errors import Diagnostic, SpecError

__all__ = ["CHUNK", "evaluate", "parts"]

CHUNK = 40960
"""Points that are evaluated together: few enough that the intermediate arrays stay in a core's cache."""


def evaluate(cascade: Cascade, workload: Workload, mapping: Mapping, design: Design,
             values: Dict[str, Value] | None = None) -> Report:  # fmt: skip
    """Return what a cascade costs on a design under a mapping.

    Any number in the documents or in `values` (parameters by name) may be an array of shape (n,): one call evaluates n
    points, closed form, without a loop over them (beyond one over chunks of `CHUNK` points).

    Raises SpecError where the documents do not go together (`binding.bind`).
    """
    chosen = dict(values or {})
    mapping = concrete(mapping, {**workload.sizes(), **design.parameters, **chosen})
    structure = plan(cascade, mapping, design)
    number = points(workload, mapping, design, chosen)
    if number <= CHUNK:
        return _cost(_bound(structure, cascade, workload, mapping, design, chosen), number)

    def all_points() -> Binding:
        chain = {n: np.concatenate(found) for n, found in fitted.items()}
        return bind(cascade, workload, mapping, design, {**chosen, **chain})

    reports: list[Report] = []
    fitted: dict[str, list[Value]] = {n: [] for n in mapping.fit}
    for report in parts(structure, cascade, workload, mapping, design, chosen):
        for n, found in fitted.items():
            found.append(np.broadcast_to(report.binding.names[n], report.points))
        reports.append(replace(report, bound=all_points))  # without its stages: they would fill the memory
    return joined(all_points, reports)


def parts(structure: Plan, cascade: Cascade, workload: Workload, mapping: Mapping, design: Design,
          values: dict[str, Value]) -> Iterator[Report]:  # fmt: skip
    """Yield the reports of consecutive chunks of at most `CHUNK` points, each with its stages.

    `mapping` is concrete (`mapping.concrete`), `structure` its plan; `values` parameters by name.
    """
    number = points(workload, mapping, design, values)
    workloads, mappings, designs, chosen = cutter(workload), cutter(mapping), cutter(design), cutter(values)
    for start in range(0, number, CHUNK):
        at = slice(start, start + CHUNK)
        binding = _bound(structure, cascade, workloads(at), mappings(at), designs(at), chosen(at))
        yield _cost(binding, min(CHUNK, number - start))


def _bound(structure: Plan, cascade: Cascade, workload: Workload, mapping: Mapping, design: Design,
           chosen: dict[str, Value]) -> Binding:  # fmt: skip
    names = settled(cascade, workload, mapping, design, chosen)
    names |= _fitted(structure, cascade, workload, mapping, design, names)
    chosen = {**chosen, **{n: names[n] for n in mapping.fit}}
    found = _least(cascade, workload, mapping, design, chosen)
    if mapping.fit or found:
        names = settled(cascade, workload, mapping, design, {**chosen, **found})
    return bind_plan(structure, cascade, workload, mapping, design, names)


def _cost(binding: Binding, number: int) -> Report:
    fit = occupancy(binding)
    counts = count_actions(binding, fit)
    return charge(binding, counts, fit, schedule(binding, counts), number)


def _fitted(structure: Plan, cascade: Cascade, workload: Workload, mapping: Mapping, design: Design,
            names: dict[str, Value]) -> dict[str, Value]:  # fmt: skip
    """Choose the `fit` parameters, one after the other: the occupancy of every group is linear in each of them."""
    found: dict[str, Value] = {}
    free = {n: 1 for n in mapping.fit if n not in names}
    for name, fit in mapping.fit.items():
        if name in names:
            found[name] = names[name]
            continue
        used = []
        for trial in (1, 2):
            given = {**free, **names, **found, name: trial}
            used.append(occupancy(bind_plan(structure, cascade, workload, mapping, design, given), fit.memory))
        total = value_of(fit.divides, {**names, **found})
        if not whole(total):
            message = f"{name} would divide {shown(total)}"
            raise SpecError([Diagnostic(place=fit.divides.place, message=message, expected="whole numbers from 1 on")])
        room = total
        capacity = design.memories[fit.memory].capacity
        for group, entry in used[0].items() if capacity is not None else ():
            slope = used[1][group].bytes - entry.bytes
            if capacity is not None and np.any(np.greater(slope, 0)):
                fits = np.floor((capacity - entry.bytes + slope) / np.maximum(slope, 1))
                room = smaller(room, either(np.greater(slope, 0), fits, total))
        found[name] = largest_divisor(total, room)
    return found


def _least(cascade: Cascade, workload: Workload, mapping: Mapping, design: Design,
           chosen: dict[str, Value]) -> dict[str, Value]:  # fmt: skip
    """Choose the tile sizes of a group's `choose`: of all divisors the least far traffic that fits, then the least
    time."""
    found: dict[str, Value] = {}
    for group in mapping.groups:
        names = {f"{group.name}.{n}": e for n, e in group.choose.items() if f"{group.name}.{n}" not in chosen}
        if not names:
            continue
        if points(workload, mapping, design, chosen) > 1:
            message = f"group {group.name} chooses tile sizes, which cannot be done for many points at once"
            hint = "evaluate them one by one, or give " + ", ".join(names)
            raise SpecError([Diagnostic(place=group.place, message=message, hint=hint)])
        only = replace(mapping, groups=(group,), fit={})
        made = {e.partition(".")[0] for es in group.binding.values() for e in es}
        part = replace(cascade, statements=tuple(s for s in cascade.statements if s.role != "einsum" or s.name in made))
        start = bind(part, workload, only, design, {**chosen, **dict.fromkeys(names, 1)})
        grids = np.meshgrid(*[divisors(int(value_of(e, start.names))) for e in names.values()], indexing="ij")
        grid = {n: g.ravel().astype(float) for n, g in zip(names, grids, strict=True)}
        binding = bind(part, workload, only, design, {**chosen, **grid})
        fit = occupancy(binding)
        far = next(iter(design.memories))
        counts = count_actions(binding, fit)
        traffic = counts.moved(far) + np.zeros(grids[0].size)
        latency = schedule(binding, counts).latency_s + np.zeros(grids[0].size)
        fits = np.ones(len(traffic), dtype=bool)
        for entry in fit.values():
            if entry.capacity is not None:
                fits &= np.asarray(entry.bytes <= entry.capacity)
        best = int(np.lexsort((latency, traffic, ~fits))[0])
        found |= {n: int(g[best]) for n, g in grid.items()}
    return found
