"""Breakdowns: points of a sweep evaluated once more, for what a table of results does not hold."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archsim.explore.results import Results
from archsim.model import evaluate
from archsim.report import Report
from archsim.sweeps.space import Space, read_space
from archsim.sweeps.structure import Structure, completed, fingerprints, structure
from archsim.value import Value
from archsim.version import __version__
from einsum_cascade.document import read
from einsum_cascade.errors import Diagnostic, Place, SpecError

__all__ = ["Breakdown", "breakdowns", "evaluated", "space_of"]

SAME = 1e-9
"""Relative difference between a stored latency and the new one that rounding can make."""


@dataclass(frozen=True, kw_only=True)
class Breakdown:
    """One `point`: energy (J) and area (mm²) by component, and where it stands under its roof.

    `lane_cycles` are operations as the arrays count them: a lane that is busy for a cycle (an exponential is several).
    `peak` lane cycles a second of all arrays, `bandwidth` bytes a second of the far memory (None: unlimited).
    """

    point: int
    energy_j: dict[str, float]
    area_mm2: dict[str, float]
    latency_s: float
    dram_bytes: float
    lane_cycles: float
    peak: float
    bandwidth: float | None


def space_of(results: Results, folder: Path) -> Space:
    """Return the space of a study as it was swept; documents that it names by a path stand beside `folder`/any file.

    Raises SpecError where archsim or a document is not the one that the results were made with.
    """
    study = results.study
    space = read_space(read(str(study["yaml"]), str(folder / f"{study['name']}.yaml"))[0])
    wrong = []
    if study["version"] != __version__:
        wrong.append(f"the results are of archsim {study['version']}, this is {__version__}")
    else:
        before = json.loads(str(study["documents"]))
        now = fingerprints(space)
        wrong += [f"{n} is not what it was" for n in dict.fromkeys((*before, *now)) if before.get(n) != now.get(n)]
    if wrong:
        raise SpecError(Diagnostic(place=Place(file=str(results.file)), message=message) for message in wrong)
    return space


def evaluated(space: Space, point: int) -> Report:
    """Return the report of one point of a space. Raises SpecError where its documents do not go together."""
    index = [int(i[0]) for i in space.indices(np.array([point]))]
    structural = [any(a.numbers is None for a in d) for d in space.dimensions]
    own = structure(space, tuple(i if s else 0 for i, s in zip(index, structural, strict=True)))
    values: dict[str, Value] = {
        axis.path: _number(axis.numbers[i])
        for dimension, i in zip(space.dimensions, index, strict=True)
        for axis in dimension
        if axis.numbers is not None
    }
    return _report(own, completed(space, own, values)[0])


def _report(own: Structure, values: dict[str, Value]) -> Report:
    values = {path: _number(value) for path, value in values.items()}
    found = own.found
    workload, design = own.sizes(values), own.machine(values)
    return evaluate(found.cascade, workload, found.mapping, design, own.parameters(values))


def _number(value: Value) -> int | float:
    number = float(value)
    return int(number) if number.is_integer() else number


def breakdowns(results: Results, space: Space, points: Sequence[int]) -> Iterator[Breakdown]:
    """Yield the breakdown of each point.

    Raises SpecError where the new latency is not the stored one.
    """
    stored = results.rows(points, ["latency_s"])["latency_s"]
    for point, latency in zip(points, stored.tolist(), strict=True):
        report = evaluated(space, int(point))
        if abs(float(report.latency_s) - latency) > SAME * latency:
            message = f"point {point} takes {float(report.latency_s)!r} s now, {latency!r} s when it was swept"
            raise SpecError([Diagnostic(place=Place(file=str(results.file)), message=message)])
        yield _breakdown(int(point), report)


def _breakdown(point: int, report: Report) -> Breakdown:
    design = report.binding.design
    clock, latency = float(design.clock), float(report.latency_s)
    lanes = {a: float(array.lanes) for a, array in design.arrays.items()}
    far = next(iter(design.memories.values()))
    return Breakdown(
        point=point,
        energy_j={c: float(v) for c, v in report.energy_by.items()},
        area_mm2={c: float(v) for c, v in report.area_by.items()},
        latency_s=latency,
        dram_bytes=float(report.dram_traffic_bytes),
        lane_cycles=sum(float(u) * lanes[a] for a, u in report.utilization.items()) * clock * latency,
        peak=sum(lanes.values()) * clock,
        bandwidth=None if far.bandwidth is None else float(far.bandwidth),
    )
