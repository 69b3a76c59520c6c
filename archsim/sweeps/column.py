"""Columns of the results of a sweep: what goes in, what comes out, and the verdict on it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["OUTPUTS", "VERDICTS", "Column", "column_names", "columns_json", "comes_out", "described"]

OUTPUTS = {
    "latency_s": ("s", "latency"),
    "energy_j": ("J", "energy"),
    "area_mm2": ("mm²", "area"),
    "dram_traffic_bytes": ("B", "DRAM traffic"),
}
VERDICTS = {"feasible": "feasible", "reason": "why it is infeasible", "bottleneck": "what limits the latency"}
UTILIZATION = "utilization_"
KEPT = ("name", "role", "path", "unit", "label")
"""What the results say about a column; whether it holds numbers is the type of the table's column."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of the table `points`: `role` is input, output or verdict; `path` in a document, `unit` in SI."""

    name: str
    role: str
    path: str = ""
    unit: str = ""
    label: str = ""
    numeric: bool = True

    @property
    def title(self) -> str:
        """The label with its unit: `latency [s]`."""
        label = self.label or self.name
        return f"{label} [{self.unit}]" if self.unit else label


def comes_out(name: str) -> bool:
    """Return whether a column is one that an evaluation makes.

    >>> comes_out("latency_s"), comes_out("utilization_array_2d"), comes_out("SIDE")
    (True, True, False)
    """
    return name in OUTPUTS or name in VERDICTS or name.lower().startswith(UTILIZATION)


def column_names(paths: Sequence[str]) -> dict[str, str]:
    """Return path -> column: the last component, with as many before it as are needed to tell them apart.

    SQL does not tell upper from lower case.

    >>> column_names(["design.memories.dram.bandwidth", "workload.ranks.reason"])
    {'design.memories.dram.bandwidth': 'bandwidth', 'workload.ranks.reason': 'ranks_reason'}
    """
    depth = dict.fromkeys(paths, 1)
    while True:
        names = {p: "_".join(p.split(".")[-depth[p] :]) for p in paths}
        lower = [n.lower() for n in names.values()]
        clash = [p for p in paths if lower.count(names[p].lower()) > 1 or names[p].lower() == "point"
                 or comes_out(names[p].lower())]  # fmt: skip
        longer = [p for p in clash if depth[p] < p.count(".") + 1]
        if not longer:
            return names
        for p in longer:
            depth[p] += 1


def columns_json(columns: Sequence[Column]) -> str:
    """Return columns as the JSON that stands in the results."""
    return json.dumps([{k: getattr(c, k) for k in KEPT} for c in columns])


def described(text: str, numeric: dict[str, bool]) -> dict[str, Column]:
    """Return name -> column of the table `points` from that JSON; `numeric` name -> whether a column holds numbers.

    A column about which nothing is said is an output.
    """
    told = {c["name"]: {k: c[k] for k in KEPT if c.get(k)} for c in json.loads(text or "[]")}
    return {
        n: Column(**{"role": "output", **told.get(n, {}), "name": n, "numeric": holds}) for n, holds in numeric.items()
    }
