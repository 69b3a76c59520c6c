"""The fronts of a store: which of its points no other beats, with their rows; as a table, as JSON, and as a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.explore.results import Results
from archsim.sweeps.column import Column
from archsim.sweeps.pareto import Front, Objectives, box_share, fronts, hypervolume, nadir, reference_of
from einsum_cascade.errors import Diagnostic, Place, SpecError

__all__ = ["FrontSet", "export", "fronts_of", "objectives_of", "plain_rows", "spread", "varying"]


@dataclass(frozen=True, kw_only=True)
class FrontSet:
    """The fronts of the groups of a store, and the one `reference` point, shape (objectives,), of all."""

    objectives: Objectives
    group_by: tuple[str, ...]
    fronts: list[Front]
    reference: NDArray[np.float64]
    ideal: NDArray[np.float64]
    nadir: NDArray[np.float64]
    left_out: int

    @property
    def points(self) -> NDArray[np.int64]:
        """The points of all the fronts, group by group."""
        return np.concatenate([f.points for f in self.fronts])

    def volume(self, found: Front) -> float:
        """Return the hypervolume of a front, in the product of the objectives' units."""
        return hypervolume(found.values, self.reference, self.objectives)

    def share(self, found: Front) -> float:
        """Return the part (0 to 1) of the box between the best values of all groups and the reference it dominates."""
        return box_share(found.values, self.reference, self.ideal, self.objectives)


def objectives_of(results: Results, minimize: Sequence[str], maximize: Sequence[str]) -> Objectives:
    """Return objective -> whether more is better: the study's own where none is named.

    Raises SpecError: no such column, one that is not a number or that is named twice.
    """
    less = list(minimize) if minimize or maximize else [n for n in results.objectives if n in results.columns]
    if not less and not maximize:
        place = Place(file=str(results.file))
        message = "the study minimizes nothing"
        raise SpecError([Diagnostic(place=place, message=message, expected="--minimize latency_s,energy_j")])
    found: dict[str, bool] = {}
    for name, more in [*((n, False) for n in less), *((n, True) for n in maximize)]:
        option = "--maximize" if more else "--minimize"
        results.column(name, option, numeric=True)
        if name in found:
            place = Place(file=option, length=len(name), text=name)
            raise SpecError([Diagnostic(place=place, message=f"{name} is named twice")])
        found[name] = more
    return found


def fronts_of(results: Results, objectives: Objectives, group_by: Sequence[str] = (), where: str = "",
              reference: Sequence[float] = ()) -> FrontSet:  # fmt: skip
    """Return the front of every group of the feasible points for which `where` holds.

    Feasible points without a finite value of every objective are left out and counted.

    Parameters
    ----------
    reference : a value for each objective, worse than the fronts; by default a tenth behind the nadir of all groups.

    Raises
    ------
    SpecError : no such column, no condition, no point that meets it, a reference that does not fit.
    """
    for name in group_by:
        results.column(name, "--group-by")
    all_of_them = results.condition(where)
    condition = results.condition(where, finite=objectives)
    found = fronts(results.chunks([*objectives, *group_by], condition), objectives, group_by)
    if not found:
        message = "no feasible point" + (" meets the condition" if where else "")
        at = Place(file="--where", length=len(where), text=where) if where else Place(file=str(results.file))
        raise SpecError([Diagnostic(place=at, message=message)])
    (number,) = results.select(f"SELECT count(*) FROM points WHERE {all_of_them}")[0]
    worst, signs = nadir(found, objectives), np.where(list(objectives.values()), -1.0, 1.0)
    values = np.concatenate([f.values for f in found])
    chosen = _reference(reference, objectives) if len(reference) else reference_of(worst, objectives)
    return FrontSet(
        objectives=objectives, group_by=tuple(group_by), fronts=found, reference=chosen, nadir=worst,
        ideal=(values * signs).min(axis=0) * signs, left_out=number - sum(f.seen for f in found),
    )  # fmt: skip


def _reference(given: Sequence[float], objectives: Objectives) -> NDArray[np.float64]:
    text = ",".join(f"{v:g}" for v in given)
    if len(given) != len(objectives):
        place = Place(file="--reference", length=len(text), text=text)
        message = f"{len(given)} numbers for {len(objectives)} objectives"
        raise SpecError([Diagnostic(place=place, message=message, expected=f"one each of {', '.join(objectives)}")])
    return np.array(given, dtype=float)


def plain_rows(rows: dict[str, NDArray[Any]]) -> list[dict[str, object]]:
    """Return columns as rows of plain values; a number that is missing is None.

    >>> plain_rows({"a": np.array([1.0, np.nan]), "b": np.array(["x", None], dtype=object)})
    [{'a': 1.0, 'b': 'x'}, {'a': None, 'b': None}]
    """
    lists = {n: [None if isinstance(v, float) and v != v else v for v in values.tolist()] for n, values in rows.items()}
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def spread(number: int, shown: int) -> NDArray[np.intp]:
    """Return at most `shown` of the indices 0 to number-1, evenly, the first and the last among them.

    >>> spread(10, 4).tolist(), spread(3, 4).tolist()
    ([0, 3, 6, 9], [0, 1, 2])
    """
    return np.unique(np.linspace(0, number - 1, min(number, shown)).round().astype(np.intp))


def varying(results: Results, rows: dict[str, NDArray[Any]]) -> list[Column]:
    """Return the inputs that differ among some rows."""
    return [c for c in results.inputs if len(set(rows[c.name].tolist())) > 1]


def export(results: Results, found: FrontSet, file: Path) -> int:
    """Write the points of the fronts with all their columns into a .csv or .parquet file, whole or not at all.

    Returns the number of rows. Raises SpecError if the file cannot be written.
    """
    import os
    import tempfile

    import duckdb

    form = "HEADER, DELIMITER ','" if file.suffix.lower() == ".csv" else "FORMAT parquet, COMPRESSION zstd"
    try:
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=".archsim-") as folder:
            temporary = Path(folder) / file.name
            target = str(temporary).replace("'", "''")
            query = "SELECT * FROM points WHERE point IN (SELECT unnest(?::BIGINT[])) ORDER BY point"
            results.connection.execute(f"COPY ({query}) TO '{target}' ({form})", [found.points.tolist()])
            os.replace(temporary, file)
    except (OSError, duckdb.Error) as error:
        message = f"cannot be written: {getattr(error, 'strerror', None) or str(error).splitlines()[0]}"
        raise SpecError([Diagnostic(place=Place(file=str(file)), message=message)]) from None
    return len(found.points)
