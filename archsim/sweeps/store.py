"""Store: the results of a sweep in a DuckDB file, chunk by chunk, so that nothing is lost whatever happens."""

import json
from collections.abc import Callable, Iterator
from collections.abc import Mapping as Dict
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from archsim.show import fail
from archsim.sweeps.database import MEMORY, check_tables, connected, quoted, remove, tables
from archsim.sweeps.header import Header, changes_of, listed, read_header
from archsim.sweeps.pareto import front

if TYPE_CHECKING:
    import duckdb

__all__ = ["Store"]

Array = NDArray[np.float64]
Classes = Callable[[NDArray[np.int64]], NDArray[np.int64]]

TYPES = {"b": "BOOLEAN", "i": "BIGINT", "f": "DOUBLE", "O": "VARCHAR"}


def alike(points: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return one class for all points."""
    return np.zeros(len(points), dtype=np.int64)


class Store:
    """The results of one sweep, open to be written. `done` the chunks that are there; use it in a `with` statement."""

    def __init__(self, path: Path, connection: "duckdb.DuckDBPyConnection", header: Header, classes: Classes) -> None:
        self.path, self.header = path, header
        self._connection, self._classes = connection, classes
        self.done: set[int] = set()
        self._points: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._front: dict[str, NDArray[np.float64]] = {n: np.empty(0) for n in header.objectives}

    @classmethod
    @contextmanager
    def opened(cls, path: Path, header: Header, classes: Classes = alike) -> Iterator[Self]:
        """Open the results of a sweep, to go on where it stopped, or a new file.

        Parameters
        ----------
        classes : point numbers -> which of them compete for a place on the front: those with equal numbers.

        Raises SpecError: a file that cannot be written, is damaged, is no DuckDB file, is open elsewhere, or holds
        something else; the results of another sweep, or of the same with changed documents. A new file into which no
        chunk came is removed again.
        """
        new, empty = not path.exists(), False
        try:
            with connected(path) as connection:
                store = cls(path, connection, header, classes)
                store._resume()
                try:
                    yield store
                finally:
                    empty = new and not store.done
                    if empty:  # nothing was stored: leave no empty file; it is still ours alone here
                        path.unlink(missing_ok=True)
        finally:
            if empty:  # what DuckDB leaves beside it when it cannot close it in order
                remove(path)

    def _resume(self) -> None:
        if not tables(self._connection):
            return  # made with the first chunk, whose columns have the types
        check_tables(self.path, self._connection)
        changes = list(changes_of(read_header(self._connection), self.header))
        if changes:
            hint = "give another file with -o, or remove this one to start anew"
            raise fail(self.path, "these are results of another sweep: " + listed(changes), hint=hint)
        self.done = {int(c) for (c,) in self._connection.execute("SELECT chunk FROM chunks").fetchall()}
        names = ", ".join(f"p.{quoted(n)}" for n in self._front)
        sql = f"SELECT point, {names} FROM front JOIN points p USING (point) ORDER BY point"
        found = self._connection.execute(sql).fetchnumpy()
        self._points = np.asarray(found["point"], dtype=np.int64)
        self._front = {n: np.asarray(found[n], dtype=np.float64) for n in self._front}

    def _create(self, columns: Dict[str, NDArray[np.generic]]) -> None:
        """Make the tables, in the transaction of the first chunk."""
        types = ", ".join(f"{quoted(n)} {TYPES[c.dtype.kind]}" for n, c in columns.items())
        run = self._connection.execute
        run(f"CREATE TABLE points ({types})")
        run("CREATE TABLE chunks (chunk INTEGER, first BIGINT, count BIGINT, seconds DOUBLE)")
        run("CREATE TABLE front (point BIGINT)")
        text = {f.name: getattr(self.header, f.name) for f in fields(self.header)}
        text |= {"documents": json.dumps(text["documents"])}
        text |= {n: json.dumps(list(text[n])) for n in ("objectives", "per")}
        text |= {"started": _now(), "finished": None}
        integers = ("total", "chunk_points")
        kinds = ", ".join(f"{n} {'BIGINT' if n in integers else 'VARCHAR'}" for n in text)
        run(f"CREATE TABLE study ({kinds})")
        run(f"INSERT INTO study VALUES ({', '.join('?' * len(text))})", list(text.values()))

    def add(self, number: int, first: int, count: int, seconds: float, columns: Dict[str, NDArray[np.generic]]) -> None:
        """Add a chunk, whole or not at all: its points, its entry in `chunks`, and what changes in `front`.

        Parameters
        ----------
        columns : as `sweep.run_chunk` returns them; `front` (shape (n,), bool) is which points to consider for the
            front, and no column of the table.

        Raises SpecError if the file cannot be written; the chunks that were added before stay.
        """
        rows = {n: c for n, c in columns.items() if n != "front"}
        points, objectives = self._merged(columns)
        run = self._connection.execute
        if len(rows) > MEMORY:
            run(f"SET memory_limit = '{len(rows)}MB'")
        run("BEGIN")
        if not self.done:
            self._create(rows)
        self._insert("points", rows)
        gone, come = np.setdiff1d(self._points, points), np.setdiff1d(points, self._points)
        if len(gone):
            self._connection.register("gone", {"point": gone})
            run("DELETE FROM front WHERE point IN (SELECT point FROM gone)")
            self._connection.unregister("gone")
        if len(come):
            self._insert("front", {"point": come})
        run("INSERT INTO chunks VALUES (?, ?, ?, ?)", [number, first, count, seconds])
        run("COMMIT")
        self.done.add(number)
        self._points, self._front = points, objectives

    def _insert(self, table: str, rows: Dict[str, NDArray[np.generic]]) -> None:
        self._connection.register("rows", dict(rows))
        self._connection.execute(f"INSERT INTO {table} SELECT * FROM rows")
        self._connection.unregister("rows")

    def _merged(self, columns: Dict[str, NDArray[np.generic]]) -> tuple[NDArray[np.int64], dict[str, Array]]:
        """Return the front of what is there and of the front of a chunk: points, and objectives."""
        chosen = columns["front"].astype(bool)
        points = np.concatenate([self._points, columns["point"][chosen].astype(np.int64)])
        order = np.argsort(points)  # of equal points the one with the lowest number stays, whatever came first
        points = points[order]
        objectives = {
            n: np.concatenate([old, columns[n][chosen].astype(np.float64)])[order] for n, old in self._front.items()
        }
        best = front(objectives, self._classes(points))
        return points[best], {n: c[best] for n, c in objectives.items()}

    def finish(self) -> None:
        """Note that all chunks are there."""
        self._connection.execute("UPDATE study SET finished = ? WHERE finished IS NULL", [_now()])
        self._connection.execute("CHECKPOINT")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
