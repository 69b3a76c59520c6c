"""Tables of a study of a suite: every benchmark on every configuration, one row each; ratios, means and breakdowns."""

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Mapping as Dict
from dataclasses import replace
from functools import cache

import numpy as np

from archsim.design import Design
from archsim.library import load
from archsim.mapping import Mapping
from archsim.model import evaluate
from archsim.papers.study import Breakdown, Changes, Ratio, Row, Run, Study, Summary, Sweep, Tables
from archsim.prune.pruning import Pruning
from archsim.prune.suite import Benchmark, applied, benchmarks, joined, only
from archsim.prune.totals import Totals, totals
from archsim.workload import Workload
from einsum_cascade.cascade import Cascade
from einsum_cascade.document import Plain

__all__ = ["suite_tables"]

Progress = Callable[[str, int, int], None]
Suite = Dict[str, tuple[Benchmark, Pruning]]


def suite_tables(study: Study, progress: Progress, changes: Dict[str, Changes] | None = None,
                 known: Dict[str, Tables] | None = None) -> dict[str, Tables]:  # fmt: skip
    """Return the tables of a study of a suite under each accounting; see `tables.tables`.

    Latency, energy and traffic of a benchmark are sums over its layers and steps. With `changes`, what they do not
    touch is taken from `known`.
    """
    suite = benchmarks(study.suite)
    result: dict[str, Tables] = {}
    what = f"benchmarks of {study.study}" + (f" with another {', '.join(changes)}" if changes else "")
    runs = [(layer, c, run) for layer, own in study.layers.items() for c, run in own.items()]
    for a in study.accountings:
        found: Tables = {"components": []}
        progress(what, 0, len(runs))
        for done, (layer, c, run) in enumerate(runs, 1):
            own = (changes or {}).get(run.machine, {})
            if known and not own:
                found.setdefault(layer, []).extend(r for r in known[a][layer] if r["configuration"] == c)
            else:
                changed = replace(run, changes={**run.changes, **own})
                for row, parts in _run(study, suite, changed, study.machines[run.machine][a]):
                    found.setdefault(layer, []).append({"configuration": c, **row})
                    found["components"] += [{"table": layer, "configuration": c, **p} for p in parts]
            progress(what, done, len(runs))
        for name, sweep in study.sweeps.items():
            found[name] = known[a][name] if known else list(_sweep(study, suite, sweep, a))
        for name, columns in study.ratios.items():
            found[name] = _ratios(found, columns)
        for name, summary in study.summaries.items():
            found[name] = list(_summary(study, found, summary))
        for name, breakdown in study.breakdowns.items():
            found[name] = _breakdown(study, found, breakdown, a)
        result[a] = found
    return result


def _run(study: Study, suite: Suite, run: Run, design: str) -> Iterator[tuple[Row, list[Row]]]:
    """Yield the row of every benchmark of the run's family, and its components.

    Benchmarks of one family, and so of one structure, are evaluated in one call.
    """
    machine = _design(design, tuple(run.changes.items()))
    how = _mapping(run.mapping, tuple(run.choices.items()))
    together: dict[str, list[str]] = {}
    for name, (benchmark, _) in suite.items():
        if benchmark.family.startswith(run.family):
            together.setdefault(benchmark.family.partition("-")[0], []).append(name)
    for names in together.values():
        kept = joined([suite[name][1] for name in names])
        base = Workload(name=names[0], word_bits=run.word_bits)
        workload, values = applied(only(kept, run.keep), base, how, None if "widths" in run.keep else {})
        report = evaluate(_cascade(how.cascade), workload, how, machine, {**run.values, **values})  # type: ignore[dict-item]
        start = 0
        for name in names:
            at = slice(start, start + len(suite[name][1]))
            start = at.stop
            found = totals(report, kept, at)
            keys = _keys(study, name, suite[name][0])
            parts = found.energy_by.items()
            yield (
                {**keys, **_quantities(found)},
                [{**keys, "component": c.rpartition(" ")[2], "energy_j": j} for c, j in parts],
            )


def _keys(study: Study, name: str, benchmark: Benchmark) -> Row:
    family = next((f for f in study.families if benchmark.family.startswith(f)), "")
    return {"workload": name, "family": family, "sequence_length": benchmark.tokens + benchmark.steps}


def _quantities(found: Totals) -> Row:
    return {
        "latency_s": found.latency_s, "energy_j": found.energy_j, "power_w": found.power_w,
        "dram_traffic_bytes": found.dram_traffic_bytes, "bandwidth": found.bandwidth,
        "executed_flop": found.executed_flop, "dense_flop": found.dense_flop, "executed_flops": found.executed_flops,
        "dense_flops": found.dense_flops, "intensity": found.intensity,
        "dram_reduction_16_bit": found.dram_reduction(16), "dram_reduction_32_bit": found.dram_reduction(32),
        "dense_flop_per_j": found.dense_flop / found.energy_j if found.energy_j else 0.0,
        "area_mm2": sum(found.area_by.values()),
    }  # fmt: skip


def _sweep(study: Study, suite: Suite, sweep: Sweep, accounting: str) -> Iterator[Row]:
    parameters = dict.fromkeys(p for series in sweep.series for point in series.points for p in point)
    for series in sweep.series:
        for w in series.workloads:
            first = None
            for point in series.points:
                changes = {**sweep.changes, **{f"parameters.{p}": v for p, v in point.items()}}
                run = Run(
                    mapping=sweep.mapping, machine=sweep.machine, changes=changes, keep=sweep.keep,
                    word_bits=sweep.word_bits,
                )  # fmt: skip
                ((row, _),) = _run(study, {w: suite[w]}, run, study.machines[sweep.machine][accounting])
                first = first or float(row["latency_s"])
                yield {**row, **{p: point.get(p, "") for p in parameters}, "gain": first / float(row["latency_s"])}


def _ratios(found: Tables, columns: Dict[str, Ratio]) -> list[Row]:
    """One row a benchmark that has all configurations, and their geometric mean."""
    rows: dict[tuple[str | float, ...], Row] = {}
    for column, ratio in columns.items():
        above, below = ({(r["workload"], r["family"], r["sequence_length"]): float(r[ratio.quantity])
                         for r in found[ratio.table] if r["configuration"] == c}
                        for c in (ratio.numerator, ratio.denominator))  # fmt: skip
        for key in above.keys() & below.keys():
            own = rows.setdefault(key, {"workload": key[0], "family": key[1], "sequence_length": key[2]})
            own[column] = above[key] / below[key]
    order = [r["workload"] for r in found[next(iter(columns.values())).table]]
    whole = [r for r in rows.values() if columns.keys() <= r.keys()]
    mean: Row = {"workload": "geometric mean", "family": "all", "sequence_length": 0}
    mean |= {c: float(np.exp(np.mean([np.log(float(r[c])) for r in whole]))) for c in columns}
    return [*sorted(whole, key=lambda r: order.index(r["workload"])), mean]


RATES = ("bandwidth", "executed_flops", "dense_flops", "power_w", "dram_reduction_16_bit", "dram_reduction_32_bit",
         "dense_flop_per_j")  # fmt: skip


def _summary(study: Study, found: Tables, summary: Summary) -> Iterator[Row]:
    """Yield geometric means of ratios, arithmetic means of rates, and executed operations per byte in all."""
    rows = found[summary.table]
    base = {r["workload"]: r for r in rows if r["configuration"] == summary.relative}
    for c in dict.fromkeys(str(r["configuration"]) for r in rows):
        for family in (*study.families, "all"):
            own = [r for r in rows if r["configuration"] == c and family in ("all", r["family"])]
            if not own:
                continue
            gains = {n: [float(base[r["workload"]][q]) / float(r[q]) for r in own]
                     for n, q in (("speedup", "latency_s"), ("energy_gain", "energy_j"))
                     if all(float(r[q]) > 0 for r in own)}  # fmt: skip
            yield {
                "configuration": c, "family": family, "sequence_length": 0, "benchmarks": len(own),
                **{n: float(np.exp(np.mean(np.log(g)))) for n, g in gains.items()},
                **{q: float(np.mean([float(r[q]) for r in own])) for q in RATES},
                "intensity": _all(own, "executed_flop") / _all(own, "dram_traffic_bytes"),
            }  # fmt: skip


def _all(rows: Iterable[Row], quantity: str) -> float:
    return sum(float(r[quantity]) for r in rows)


def _breakdown(study: Study, found: Tables, breakdown: Breakdown, accounting: str) -> list[Row]:
    """One row a part: its area, and the mean over the benchmarks of its power."""
    latency = {r["workload"]: float(r["latency_s"]) for r in found[breakdown.table]
               if r["configuration"] == breakdown.configuration}  # fmt: skip
    families = {"": latency} | {f: {w: s for w, s in latency.items() if _family(found, breakdown, w) == f}
                                for f in study.families}  # fmt: skip
    rows: dict[str, Row] = {p: {"part": p, "sequence_length": 0, "area_mm2": 0.0, **{_watts(f): 0.0 for f in families}}
                            for p in dict.fromkeys(breakdown.parts.values())}  # fmt: skip
    for r in found["components"]:
        part = breakdown.parts.get(str(r["component"]))
        if part and (r["table"], r["configuration"]) == (breakdown.table, breakdown.configuration):
            for f, own in families.items():
                if r["workload"] in own:
                    watts = float(r["energy_j"]) / own[str(r["workload"])] / len(own)
                    rows[part][_watts(f)] = float(rows[part][_watts(f)]) + watts
    run = study.layers[breakdown.table][breakdown.configuration]
    design = _design(study.machines[run.machine][accounting], tuple(run.changes.items()))
    for name, array in design.arrays.items():
        part = breakdown.parts.get(name)
        if part:
            rows[part]["area_mm2"] = float(rows[part]["area_mm2"]) + float(array.area) / 1e6
    return list(rows.values())


def _watts(family: str) -> str:
    return f"power_w_{family}" if family else "power_w"


def _family(found: Tables, breakdown: Breakdown, workload: str | float) -> str:
    return next(str(r["family"]) for r in found[breakdown.table] if r["workload"] == workload)


@cache
def _mapping(name: str, choices: tuple[tuple[str, str], ...]) -> Mapping:
    found = load(Mapping, name, {f"choices.{n}": c for n, c in choices})
    return replace(found, pinned=frozenset(n for n, _ in choices))


@cache
def _design(name: str, changes: tuple[tuple[str, Plain], ...]) -> Design:
    return load(Design, name, dict(changes))


@cache
def _cascade(name: str) -> Cascade:
    return load(Cascade, name)
