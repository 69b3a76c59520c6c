"""Reproduce a study: evaluate its points, compare its headlines, and write tables and figures, whole or not at all."""

import csv
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archsim.papers.study import Headline, Row, Study, Tables, Variant
from archsim.papers.tables import Progress, silent, tables
from einsum_cascade.errors import Diagnostic, Place, SpecError

__all__ = ["Result", "average", "merged", "reproduce", "staged", "write"]


@dataclass(frozen=True)
class Result:
    """What a study gives: accounting -> tables, one row a headline, and one row a headline and variant."""

    study: Study
    tables: Mapping[str, Tables]
    headlines: list[Row]
    sensitivities: list[Row]


def reproduce(study: Study, progress: Progress = silent) -> Result:
    """Evaluate every point of a study under every accounting, its headlines and their variants.

    Raises SpecError: a mapping, design or workload that does not exist, or documents that do not go together.
    """
    computed = tables(study, progress)
    headlines = [_headline(h, computed[study.accounting]) for h in study.headlines]
    sensitivities: dict[tuple[str, str], Row] = {}
    for v in study.variants:
        changed = tables(study, progress, v.changes, computed) if v.changes else computed
        for h in study.headlines:
            sensitivities[h.name, v.name] = _sensitivity(h, v, changed[v.accounting or study.accounting])
    ordered = [sensitivities[h.name, v.name] for h in study.headlines for v in study.variants]
    return Result(study, computed, headlines, ordered)


def average(mean: str, numerator: np.ndarray, denominator: np.ndarray) -> float:
    """Return a mean of ratios: arithmetic, geometric, harmonic, or the ratio of sums.

    >>> [average(m, np.array([1.0, 4.0]), np.array([1.0, 2.0])) for m in ("arithmetic", "of sums")]
    [1.5, 1.6666666666666667]
    """
    ratios = numerator / denominator
    if mean == "geometric":
        return float(np.exp(np.log(ratios).mean()))
    if mean == "harmonic":
        return float(1 / (1 / ratios).mean())
    return float(numerator.sum() / denominator.sum()) if mean == "of sums" else float(ratios.mean())


def _mean(h: Headline, mean: str, computed: Tables) -> tuple[float, int]:
    """Return the mean of a headline, and over how many points."""
    values: dict[str, list[float]] = {h.numerator: [], h.denominator: []}
    for row in computed[h.table]:
        wanted = (not h.lengths or row["sequence_length"] in h.lengths) and h.family in ("", row.get("family"))
        if row["configuration"] in values and wanted:
            values[str(row["configuration"])].append(float(row[h.quantity]))
    above, below = np.array(values[h.numerator]), np.array(values[h.denominator])
    return average(mean, above, below), len(above)


def _headline(h: Headline, computed: Tables) -> Row:
    value, points = _mean(h, h.mean, computed)
    which = f"{h.mean} mean of {points} ratios"
    return {
        "headline": h.name, "stated": h.stated, "published": h.published, "computed": value,
        "ratio": value / h.published, "mean": which, "tolerance": h.tolerance,
        "expected": "" if h.expected is None else h.expected, "expected_tolerance": h.expected_tolerance, "why": h.why,
    }  # fmt: skip


def _sensitivity(h: Headline, v: Variant, computed: Tables) -> Row:
    value, _ = _mean(h, v.mean or h.mean, computed)
    return {"headline": h.name, "variant": v.name, "computed": value, "expected": v.expected.get(h.name, "")}


def merged(result: Result, table: str) -> list[Row]:
    """Return the rows of a table with the accountings side by side: a column that depends on it is named after each."""
    by = {a: t[table] for a, t in result.tables.items()}
    first = by[result.study.accounting]
    differ = {c for rows in by.values() for row, own in zip(rows, first, strict=True) for c in row if row[c] != own[c]}
    rows: list[Row] = []
    for i, own in enumerate(first):
        row: Row = {}
        for column in own:
            names = {a: f"{column}_{a}" for a in by} if column in differ else {result.study.accounting: column}
            row |= {name: by[a][i][column] for a, name in names.items()}
        rows.append(row)
    return rows


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Give an empty place to write files to; they appear in `folder` (made where missing) at the end, or not at all.

    Raises SpecError if the folder cannot be written, before anything else happens.
    """
    made = not folder.exists()
    work = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".archsim-", dir=folder))
        yield work
        for file in sorted(work.iterdir()):
            file.replace(folder / file.name)
    except OSError as error:
        message = f"cannot be written: {error.strerror or error}"
        place = Place(file=os.fspath(folder))
        raise SpecError(
            [Diagnostic(place=place, message=message, hint="name a folder that you may write to")]
        ) from None
    finally:
        if work is not None:
            shutil.rmtree(work, ignore_errors=True)
            if made and not any(folder.iterdir()):
                folder.rmdir()


def write(result: Result, folder: Path, progress: Progress = silent) -> list[str]:
    """Write the tables (CSV) and figures (PNG and SVG) of a study into a folder; return the names of the files."""
    from archsim.papers.plot import draw

    for name in result.tables[result.study.accounting]:
        _write_csv(folder / f"{name}.csv", merged(result, name))
    _write_csv(folder / "headline.csv", result.headlines)
    _write_csv(folder / "sensitivity.csv", result.sensitivities)
    progress("figures", 0, len(result.study.figures))
    for done, name in enumerate(result.study.figures, 1):
        draw(result.study, name, result.tables, [folder / f"{name}.png", folder / f"{name}.svg"])
        progress("figures", done, len(result.study.figures))
    return sorted(f.name for f in folder.iterdir())


def _write_csv(path: Path, rows: list[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]) if rows else [])
        writer.writeheader()
        writer.writerows(rows)
