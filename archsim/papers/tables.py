"""Tables of a study: every point evaluated, one row each; lengths in one call of the model where it may be."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Mapping as Dict
from dataclasses import replace
from functools import cache

import numpy as np

from archsim.design import Design
from archsim.library import find, load
from archsim.mapping import Mapping
from archsim.model import evaluate
from archsim.papers.study import Changes, Row, Run, Study, Sweep, Tables
from archsim.report import Report, charge
from archsim.value import Value
from archsim.workload import Workload
from einsum_cascade.cascade import Cascade
from einsum_cascade.document import Plain
from einsum_cascade.forms import Scalar

__all__ = ["Progress", "silent", "tables"]

Progress = Callable[[str, int, int], None]
KEYS = ("configuration", "workload", "sequence_length")
SUMMED = ("dram_traffic_bytes", "latency_s", "energy_j")
NAMING = ("design", "description", "source", "energy")


def silent(what: str, done: int, total: int) -> None:
    """Report no progress."""


def tables(study: Study, progress: Progress = silent, changes: Dict[str, Changes] | None = None,
           known: Dict[str, Tables] | None = None) -> dict[str, Tables]:  # fmt: skip
    """Return the tables of a study under each accounting: accounting -> table -> rows.

    One table a layer, a total and a sweep; `components` (energy of each) and `einsums` (time on their arrays) of all.

    Parameters
    ----------
    changes : machine -> path -> value, made to the designs of that machine.
    known : the tables without these changes; rows of other machines are taken from there, and sweeps left out.

    Raises
    ------
    SpecError : a mapping, design or workload that does not exist, or documents that do not go together.
    """
    if study.suite:
        from archsim.papers.suite_tables import suite_tables

        return suite_tables(study, progress, changes, known)
    result: dict[str, Tables] = {a: {"components": [], "einsums": []} for a in study.accountings}
    what = f"points of {study.study}" + (f" with another {', '.join(changes)}" if changes else "")
    runs = list(_runs(study))
    total, done = len(runs) * len(study.workloads) * len(study.lengths), 0
    progress(what, done, total)
    for layer, run, configurations in runs:
        own = (changes or {}).get(run.machine, {})
        if known and not own:
            for a in study.accountings:
                rows = [r for r in known[a][layer] if r["configuration"] in configurations]
                result[a].setdefault(layer, []).extend(rows)
        else:
            _add_run(study, result, layer, replace(run, changes={**run.changes, **own}), configurations)
        done += total // len(runs)
        progress(what, done, total)
    for computed in result.values():
        for name, layers in study.totals.items():
            computed[name] = _added([r for layer in layers for r in computed[layer]], KEYS, SUMMED)
            parts = [{**r, "table": name} for r in computed["components"] if r["table"] in layers]
            computed["components"] += _added(parts, ("table", *KEYS, "component"), ("energy_j",))
    for name, sweep in study.sweeps.items() if not known else ():
        for a, rows in _sweep(study, sweep).items():
            result[a][name] = rows
    return result


def _runs(study: Study) -> Iterator[tuple[str, Run, list[str]]]:
    """Each layer's different runs, with the configurations that they stand for."""
    for layer, configurations in study.layers.items():
        seen: list[Run] = []
        for run in configurations.values():
            if run not in seen:
                seen.append(run)
                yield layer, run, [c for c, other in configurations.items() if other == run]


def _add_run(study: Study, result: dict[str, Tables], layer: str, run: Run, configurations: list[str]) -> None:
    """Evaluate a run on all workloads and lengths."""
    how = _mapping(run.mapping)
    alone = bool(how.cases) or any(g.choose for g in how.groups)  # the lengths may differ in structure
    batches = [[s] for s in study.lengths] if alone else [study.lengths]
    for w, lengths in ((w, b) for w in study.workloads for b in batches):
        reports = _reports(study, run, {}, w, lengths[0] if alone else np.array(lengths, float))
        for c, (a, report) in ((c, r) for c in configurations for r in reports.items()):
            keys: list[Row] = [{"configuration": c, "workload": w, "sequence_length": s} for s in lengths]
            labelled: list[Row] = [{"table": layer, **key} for key in keys]
            result[a].setdefault(layer, []).extend(_spread(keys, _quantities(report)))
            result[a]["components"] += _components(report, labelled)
            result[a]["einsums"] += _einsums(report, labelled)


def _sweep(study: Study, sweep: Sweep) -> dict[str, list[Row]]:
    result: dict[str, list[Row]] = {a: [] for a in study.accountings}
    parameters = dict.fromkeys(name for series in sweep.series for point in series.points for name in point)
    run = Run(mapping=sweep.mapping, machine=sweep.machine, changes=sweep.changes)
    for w, point in ((w, p) for series in sweep.series for w in series.workloads for p in series.points):
        key: Row = {"workload": w, "sequence_length": sweep.length, **{p: point.get(p, "") for p in parameters}}
        for a, report in _reports(study, run, point, w, sweep.length).items():
            result[a] += _spread([key], {**_quantities(report), **_shares(report)})
    return result


def _reports(study: Study, run: Run, values: Dict[str, int], workload: str, length: Value) -> dict[str, Report]:
    """Return a report for each accounting; machines that differ in their energy table alone are evaluated once."""
    how, designs = _mapping(run.mapping), study.machines[run.machine]
    sizes = replace(_workload(workload), sequence_length=length)
    result: dict[str, Report] = {}
    for accounting in study.accountings:
        name = designs[accounting]
        machine = _design(name, tuple(run.changes.items()), tuple(values.items()))
        twin = next((r for a, r in result.items() if _machine(designs[a]) == _machine(name)), None)
        if twin is None:
            result[accounting] = evaluate(_cascade(how.cascade), sizes, how, machine)
        else:
            bound = replace(twin.binding, design=machine)
            result[accounting] = charge(bound, twin.counts, twin.fit, twin.timeline)
    return result


@cache
def _mapping(name: str) -> Mapping:
    return load(Mapping, name)


@cache
def _design(name: str, changes: tuple[tuple[str, Scalar | None], ...],
            values: tuple[tuple[str, int], ...]) -> Design:  # fmt: skip
    return load(Design, name, dict(changes), **dict(values))


@cache
def _workload(name: str) -> Workload:
    return load(Workload, name)


@cache
def _cascade(name: str) -> Cascade:
    return load(Cascade, name)


@cache
def _machine(name: str) -> Plain:
    """Return what a design is apart from how it is called and charged."""
    data = find("design", name).data
    return {k: v for k, v in data.items() if k not in NAMING} if isinstance(data, dict) else data


def _spread(keys: Sequence[Row], columns: Dict[str, Value]) -> list[Row]:
    """One row a point from columns that are numbers or arrays of shape (n,)."""
    return [{**key, **{c: _at(v, i) for c, v in columns.items()}} for i, key in enumerate(keys)]


def _at(value: Value, i: int) -> float:
    return float(value[i]) if isinstance(value, np.ndarray) and value.ndim else float(value)


def _quantities(report: Report) -> dict[str, Value]:
    return {
        "dram_traffic_bytes": report.dram_traffic_bytes, "latency_s": report.latency_s, "energy_j": report.energy_j,
        "area_mm2": report.area_mm2, **{f"utilization_{a}": u for a, u in report.utilization.items()},
    }  # fmt: skip


def _shares(report: Report) -> dict[str, Value]:
    """Seconds that the memories and each array need, and the area of each component."""
    memory: Value = 0.0
    for group in report.timeline.groups:
        slowest: Value = 0.0
        for seconds in group.memory_s.values():
            slowest = np.maximum(slowest, seconds)
        memory = memory + slowest
    busy = {f"busy_{a}_s": u * report.latency_s for a, u in report.utilization.items()}
    return {"memory_s": memory, **busy, **{f"area_{c}_mm2": v for c, v in report.area_by.items()}}


def _components(report: Report, keys: Sequence[Row]) -> list[Row]:
    """Joules of each component; what the arrays do is added up over the arrays."""
    joules: dict[str, Value] = {}
    for component, value in report.energy_by.items():
        name = component.rpartition(" ")[2]
        joules[name] = joules.get(name, 0.0) + value
    return [
        row for name, v in joules.items() for row in _spread([{**k, "component": name} for k in keys], {"energy_j": v})
    ]


def _einsums(report: Report, keys: Sequence[Row]) -> Iterator[Row]:
    """Seconds of each Einsum on its array, and their share of the latency."""
    cycles = {e: c for g in report.timeline.groups for e, c in g.busy.items()}
    for placed in (p for g in report.binding.groups for p in g.placed):
        seconds = cycles[placed.name] / report.binding.design.clock
        named: list[Row] = [{**k, "array": placed.array, "einsum": placed.name} for k in keys]
        yield from _spread(named, {"busy_s": seconds, "busy_share": seconds / report.latency_s})


def _added(rows: Iterable[Row], keys: tuple[str, ...], summed: tuple[str, ...]) -> list[Row]:
    """Add up the rows with equal keys."""
    result: dict[tuple[str | float, ...], Row] = {}
    for row in rows:
        at = tuple(row[k] for k in keys)
        here = result.setdefault(at, {**{k: row[k] for k in keys}, **dict.fromkeys(summed, 0.0)})
        here |= {q: float(here[q]) + float(row[q]) for q in summed}
    return list(result.values())
