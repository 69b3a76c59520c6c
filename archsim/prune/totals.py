"""Totals: the points of one run (layers, heads, steps) added up, with executed and dense-equivalent work apart."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from archsim.prune.pruning import Pruning
from archsim.report import Report
from archsim.value import Value
from einsum_cascade.fold import operations

__all__ = ["Totals", "multiplications", "totals"]


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Sums over the points of a run.

    `executed_flop` two for each multiplication that the machine makes; `dense_flop` two for each that attention without
    pruning takes (queries times keys, and values): effective work, which machines that skip are often rated by;
    `dense_words` the words of Q, K, V and AV without pruning, each moved once.
    """

    points: int
    latency_s: float
    energy_j: float
    dram_traffic_bytes: float
    executed_flop: float
    dense_flop: float
    dense_words: float
    energy_by: Mapping[str, float]
    area_by: Mapping[str, float]

    @property
    def bandwidth(self) -> float:
        """Bytes per second of the far memory, on average."""
        return self.dram_traffic_bytes / self.latency_s

    @property
    def executed_flops(self) -> float:
        """Executed operations per second."""
        return self.executed_flop / self.latency_s

    @property
    def dense_flops(self) -> float:
        """Dense-equivalent operations per second."""
        return self.dense_flop / self.latency_s

    @property
    def intensity(self) -> float:
        """Executed operations per byte of the far memory."""
        return self.executed_flop / self.dram_traffic_bytes

    def dram_reduction(self, bits: float) -> float:
        """Return the bytes of dense Q, K, V and AV, words of `bits`, over the traffic of the far memory."""
        return self.dense_words * bits / 8 / self.dram_traffic_bytes

    @property
    def power_w(self) -> float:
        """Watts on average."""
        return self.energy_j / self.latency_s


def multiplications(report: Report) -> Value:
    """Return the multiplications that a report's Einsums make, densities included."""
    result: Value = 0
    for placed in (p for g in report.binding.groups for p in g.placed):
        count = operations(placed.einsum.expression)["mul"]
        result = result + placed.points * count if count else result
    return result


def totals(report: Report, kept: Pruning, at: slice = slice(None)) -> Totals:
    """Return the sums of a report over the points of a pruning, or over the points `at` of it."""

    def whole(value: Value) -> float:
        return float(np.sum(np.broadcast_to(value, report.points)[at]))

    moved = kept.dense_words + 2 * kept.dense_queries * kept.dense_heads * kept.head_dim
    return Totals(
        points=len(range(report.points)[at]), latency_s=whole(report.latency_s), energy_j=whole(report.energy_j),
        dram_traffic_bytes=whole(report.dram_traffic_bytes), executed_flop=2 * whole(multiplications(report)),
        dense_flop=4 * whole(kept.dense_macs), dense_words=whole(moved),
        energy_by={c: whole(v) for c, v in report.energy_by.items()},
        area_by={c: float(np.max(v)) for c, v in report.area_by.items()},
    )  # fmt: skip
