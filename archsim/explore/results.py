"""Results: what `archsim sweep` wrote, for reading. Chunk by chunk, so that millions of points need little memory."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archsim.sweeps.column import Column, described
from archsim.sweeps.database import connected, quoted
from einsum_cascade.errors import Diagnostic, Place, SpecError, did_you_mean

if TYPE_CHECKING:
    import duckdb

__all__ = ["CHUNK", "Results", "open_results"]

CHUNK = 2**18
"""Points that are read at once."""
MEMORY = 256
"""Megabytes that DuckDB may hold in memory."""

NUMERIC = ("DOUBLE", "FLOAT", "BIGINT", "INTEGER", "HUGEINT", "UBIGINT", "UINTEGER", "SMALLINT", "TINYINT", "DECIMAL")


@dataclass(frozen=True, kw_only=True)
class Results:
    """An open store: its `columns` by name and what it says about its `study`; `last` is the largest point."""

    file: Path
    connection: "duckdb.DuckDBPyConnection"
    columns: Mapping[str, Column]
    study: Mapping[str, object]
    last: int

    @property
    def objectives(self) -> list[str]:
        """The columns that the study minimizes."""
        return list(_decoded(self.study.get("objectives"), list))

    @property
    def per(self) -> list[str]:
        """The columns in which points must agree to compete for a place on the study's front."""
        return [n for n in _decoded(self.study.get("per"), list) if n in self.columns]

    @property
    def inputs(self) -> list[Column]:
        """The columns that say what a point is."""
        return [c for c in self.columns.values() if c.role == "input"]

    def column(self, name: str, option: str, numeric: bool = False) -> Column:
        """Return a column that an option names. Raises SpecError: no such column, or not a number where one is due."""
        place = Place(file=option, length=max(1, len(name)), text=name)
        if name not in self.columns:
            hint = did_you_mean(name, self.columns) or "columns: " + ", ".join(self.columns)
            raise SpecError([Diagnostic(place=place, message=f"{self.file} has no column {name}", hint=hint)])
        found = self.columns[name]
        if numeric and not found.numeric:
            known = ", ".join(c.name for c in self.columns.values() if c.numeric)
            raise SpecError([Diagnostic(place=place, message=f"{name} is not a number", expected=f"one of {known}")])
        return found

    def condition(self, where: str = "", feasible: bool = True, finite: Collection[str] = ()) -> str:
        """Return an SQL condition: feasible points with finite values of some columns for which `where` holds.

        Raises SpecError where `where` is not one condition on the columns.
        """
        import duckdb

        parts = ["feasible"] * feasible
        parts += [f"isfinite({quoted(name)})" for name in finite if self.columns[name].numeric]
        if where.strip():
            text = f"SELECT 1 FROM points WHERE (\n{where}\n)"
            try:
                if len(self.connection.extract_statements(text)) != 1:
                    raise duckdb.ParserException("it is more than one condition")
                kind = self.connection.execute(f"DESCRIBE SELECT (\n{where}\n) AS kept FROM points").fetchall()[0][1]
                if kind != "BOOLEAN":
                    raise duckdb.ParserException(f"it is of type {kind}, neither true nor false")
            except duckdb.Error as error:
                raise self._no_condition(where, str(error)) from None
            parts.append(f"(\n{where}\n)")
        return " AND ".join(parts) or "TRUE"

    def _no_condition(self, where: str, error: str) -> SpecError:
        first = next(iter(error.splitlines()), "")
        message = first.partition(" Error: ")[2] or first
        place = Place(file="--where", length=max(1, len(where)), text=where)
        unknown = message.split('"')[1] if 'column "' in message else ""
        hint = did_you_mean(unknown, self.columns) if unknown else ""
        expected = "an SQL condition on the columns, such as workload = 'bert' AND area_mm2 < 400"
        return SpecError([Diagnostic(place=place, message=message, expected=expected, hint=hint)])

    def chunks(self, names: Sequence[str], condition: str, size: int = CHUNK) -> Iterator[dict[str, NDArray[Any]]]:
        """Yield `point` and the named columns of the points that meet a condition, at most `size` points at a time."""
        shown = ", ".join(quoted(n) for n in dict.fromkeys(["point", *names]))
        for start in range(0, self.last + 1, size):
            text = f"SELECT {shown} FROM points WHERE point >= ? AND point < ? AND {condition} ORDER BY point"
            with _evaluable():
                found = self.connection.execute(text, [start, start + size]).fetchnumpy()
            yield _plain(found)

    def rows(self, points: Sequence[int] | NDArray[np.int64], names: Sequence[str] = ()) -> dict[str, NDArray[Any]]:
        """Return columns (all by default) of some points, in the order in which they are given."""
        shown = ", ".join(quoted(n) for n in dict.fromkeys(["point", *(names or self.columns)]))
        text = f"SELECT {shown} FROM points WHERE point IN (SELECT unnest(?::BIGINT[])) ORDER BY point"
        wanted = np.asarray(points, dtype=np.int64)
        found = _plain(self.connection.execute(text, [wanted.tolist()]).fetchnumpy())
        at = np.searchsorted(found["point"], wanted)
        return {name: values[at] for name, values in found.items()}

    def select(self, text: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query of ours."""
        with _evaluable():
            return self.connection.execute(text, list(values)).fetchall()


@contextmanager
def _evaluable() -> Iterator[None]:
    """Blame the condition for what cannot be worked out: the rest of a query is ours."""
    import duckdb

    try:
        yield
    except duckdb.DataError as error:
        message = f"the condition cannot be evaluated: {str(error).splitlines()[0]}"
        raise SpecError([Diagnostic(place=Place(file="--where"), message=message)]) from None


@contextmanager
def open_results(file: Path) -> Iterator[Results]:
    """Open a file that `archsim sweep` wrote, read-only.

    Raises SpecError: what `database.connected` does; not a sweep's, no points yet, a wrong condition.
    """
    with connected(file, read_only=True, memory=MEMORY) as connection:
        yield _read(file, connection)


def _read(file: Path, connection: "duckdb.DuckDBPyConnection") -> Results:
    tables = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    missing = [t for t in ("points", "study") if t not in tables]
    if missing:
        raise _unusable(file, f"it has no table {missing[0]}: archsim sweep did not write it")
    types = {n: str(t) for n, t, *_ in connection.execute("DESCRIBE points").fetchall()}
    last = connection.execute("SELECT max(point) FROM points").fetchall()[0][0]
    if last is None:
        raise _unusable(file, "it holds no points yet", "run the sweep again: it goes on where it stopped")
    row = connection.execute("SELECT * FROM study LIMIT 1")
    names = [d[0] for d in row.description]
    study = dict(zip(names, row.fetchone() or (), strict=False))
    numeric = {n: kind.startswith(NUMERIC) for n, kind in types.items() if n != "point"}
    columns = described(str(study.get("columns") or ""), numeric)
    return Results(file=file, connection=connection, columns=columns, study=study, last=int(last))


def _unusable(file: Path, message: str, hint: str = "") -> SpecError:
    return SpecError([Diagnostic(place=Place(file=str(file)), message=message, hint=hint)])


def _decoded(text: object, kind: type) -> Any:
    return json.loads(text) if isinstance(text, str) and text else kind()


def _plain(found: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return columns without masks: NULL is NaN, or None in a column of text."""
    result: dict[str, NDArray[Any]] = {}
    for name, values in found.items():
        if isinstance(values, np.ma.MaskedArray):
            mask = np.ma.getmaskarray(values)
            values = values.data.astype(object if values.dtype.kind in "OUS" else float)
            values[mask] = None if values.dtype == object else np.nan
        result[name] = values
    return result
