"""Outcomes: what the points of one structure cost, which of them are infeasible and why, and what limits each."""

from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsim.choices import concrete, held
from archsim.limits import bottlenecks
from archsim.model import parts
from archsim.plan import plan
from archsim.report import Report
from archsim.sweeps.axes import whole
from archsim.sweeps.structure import Structure
from archsim.value import Array, Condition, Value
from einsum_cascade.errors import SpecError

__all__ = ["Outcome", "outcome"]

Positions = NDArray[np.intp]
Texts = NDArray[np.object_]
QUANTITIES = ("latency_s", "energy_j", "area_mm2", "dram_traffic_bytes")


class Labels:
    """A text for each of n points, of few different ones; none at first."""

    def __init__(self, points: int) -> None:
        self.codes = np.zeros(points, dtype=np.intp)
        self.known: dict[str | None, int] = {None: 0}

    def put(self, where: Positions | NDArray[np.bool_], text: str) -> None:
        """Give the points at some positions a text."""
        self.codes[where] = self.known.setdefault(text, len(self.known))

    @property
    def none(self) -> NDArray[np.bool_]:
        """Where there is no text."""
        return np.equal(self.codes, 0)

    def texts(self) -> Texts:
        """Return the text of each point, or None."""
        return np.array(list(self.known), dtype=object)[self.codes]


@dataclass(frozen=True)
class Outcome:
    """Of n points: `outputs` by column, each of shape (n,), not a number where nothing can be said; `reason` why a
    point is infeasible; `bottleneck` what limits it."""

    outputs: dict[str, Array]
    reason: Labels
    bottleneck: Labels


def outcome(own: Structure, values: Dict[str, Value], points: int, columns: Sequence[str]) -> Outcome:
    """Evaluate points of one structure; `values` by path, one for all or an array of shape (points,).

    Numbers that make no sense and documents that do not go together make a point infeasible; they are no error.
    """
    result = Outcome({c: np.full(points, np.nan) for c in columns}, Labels(points), Labels(points))
    for path, value in values.items():
        wrong = ~(np.isfinite(value) & np.greater(value, 0))
        _note(result, wrong, f"{path} is not a positive number")
        if whole(path):
            _note(result, ~wrong & np.not_equal(value, np.floor(value)), f"{path} is not a whole number")
    workload = own.sizes(values)
    if workload.kv_heads is not None:
        wrong = np.not_equal(np.remainder(workload.heads, workload.kv_heads), 0)
        _note(result, wrong, "the key-value heads do not divide the heads")
    at = np.flatnonzero(result.reason.none)
    if len(at):
        _attempt(own, values, at, result)
    _conclude(result)
    return result


def _note(result: Outcome, where: Condition, reason: str) -> None:
    """Give a reason to the points that have none yet."""
    if np.any(where):
        result.reason.put(np.logical_and(where, result.reason.none), reason)


def _at(values: Dict[str, Value], at: Positions, points: int) -> dict[str, Value]:
    everything = len(at) == points
    return {p: v[at] if isinstance(v, np.ndarray) and not everything else v for p, v in values.items()}


def _attempt(own: Structure, values: Dict[str, Value], at: Positions, result: Outcome) -> None:
    """Evaluate some of the points; where that fails, half of them at a time, down to the one that fails."""
    try:
        _evaluate(own, values, at, result)
    except (SpecError, ArithmeticError, ValueError) as error:
        if len(at) == 1:
            text = error.diagnostics[0].message if isinstance(error, SpecError) else str(error)
            result.reason.put(at, text)
            return
        half = len(at) // 2
        _attempt(own, values, at[:half], result)
        _attempt(own, values, at[half:], result)


def _evaluate(own: Structure, values: Dict[str, Value], at: Positions, result: Outcome) -> None:
    here = _at(values, at, len(result.reason.codes))
    if len(at) == 1:
        here = {p: _number(v) for p, v in here.items()}
    found, workload, design, chosen = own.found, own.sizes(here), own.machine(here), own.parameters(here)
    names = {**workload.sizes(), **design.parameters, **chosen}
    code = np.zeros(len(at), dtype=np.intp)
    for case in held(found.mapping, names):
        code = code * 2 + np.asarray(case, dtype=np.intp)
    different = np.unique(code)
    if len(different) > 1:  # they differ in structure
        for one in different:
            _attempt(own, values, at[code == one], result)
        return
    mapping = concrete(found.mapping, names)
    if len(at) > 1 and any(f"{g.name}.{n}" not in chosen for g in mapping.groups for n in g.choose):
        for k in range(len(at)):  # tile sizes are chosen point by point
            _attempt(own, values, at[k : k + 1], result)
        return
    start = 0
    for report in parts(plan(found.cascade, mapping, found.design), found.cascade, workload, mapping, design, chosen):
        end = start + report.points if report.points > 1 else len(at)
        _take(report, at[start:end], result)
        start = end


def _number(value: Value) -> int | float:
    """Return the only value, exactly: whole numbers as integers."""
    number = float(np.asarray(value).reshape(-1)[0])
    return int(number) if number.is_integer() else number


def _take(report: Report, at: Positions, result: Outcome) -> None:
    for name in QUANTITIES:
        result.outputs[name][at] = getattr(report, name)
    for array, utilization in report.utilization.items():
        result.outputs[f"utilization_{array}"][at] = utilization
    names, codes = bottlenecks(report)
    for position in np.unique(codes):
        result.bottleneck.put(at[codes == position], names[position])
    strict = {g.group.name for g in report.binding.groups if g.group.spill == "error"}
    for (group, memory), entry in report.fit.items():
        if group in strict and entry.capacity is not None:
            over = np.greater(entry.bytes, entry.capacity)
            if np.any(over):
                where = np.broadcast_to(over, len(at)) & result.reason.none[at]
                result.reason.put(at[where], f"{memory} is too small for group {group}")


def _conclude(result: Outcome) -> None:
    """Call a point infeasible whose numbers came out as none."""
    for name in QUANTITIES:
        column = result.outputs[name]
        wrong = ~np.isfinite(column)
        if np.any(wrong):
            _note(result, wrong, f"{name} is not a finite number")
            column[wrong] = np.nan
