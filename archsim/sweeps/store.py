"""Store: the results of a sweep in a DuckDB file, chunk by chunk, so that nothing is lost whatever happens."""

import errno
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from collections.abc import Mapping as Dict
from contextlib import contextmanager, suppress
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from archsim.show import fail
from archsim.sweeps.header import Header, changes_of, listed, read_header
from archsim.sweeps.pareto import front
from einsum_cascade.errors import Diagnostic, Place, SpecError

if TYPE_CHECKING:
    import duckdb

__all__ = ["Store", "connected", "export", "query", "quoted", "summary"]

MEMORY = 32
"""Megabytes that DuckDB may use: a chunk goes to the file as a whole, so that it needs little; one a column if more."""

Array = NDArray[np.float64]
Classes = Callable[[NDArray[np.int64]], NDArray[np.int64]]

TABLES = {"points", "study", "chunks", "front"}
TYPES = {"b": "BOOLEAN", "i": "BIGINT", "f": "DOUBLE", "O": "VARCHAR"}


def alike(points: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return one class for all points."""
    return np.zeros(len(points), dtype=np.int64)


@contextmanager
def connected(path: Path, *, read_only: bool = False, memory: int = MEMORY) -> "Iterator[duckdb.DuckDBPyConnection]":
    """Open a DuckDB file; what goes wrong with the file comes out as SpecError with its reason.

    A file that is opened to be read can neither be changed nor used to reach other files.
    """
    import duckdb

    if not path.parent.is_dir():
        raise fail(path, f"there is no folder {path.parent}")
    if path.is_dir():
        raise fail(path, "this is a folder", expected="the path of a file")
    if read_only and not path.exists():
        raise fail(path, "there is no such file", hint="`archsim sweep STUDY.yaml -o FILE` makes one")
    if not os.access(path if path.exists() else path.parent, os.R_OK if read_only else os.W_OK):
        raise fail(path, "cannot be written: permission denied" if not read_only else "cannot be read")
    config: dict[str, str | bool | int | float | list[str]] = {"memory_limit": f"{memory}MB", "threads": 1}
    try:
        if not path.exists():
            _new(path)
        connection = duckdb.connect(str(path), read_only=read_only, config=config)
    except duckdb.Error as error:
        raise _explained(path, error) from None
    except OSError as error:
        raise fail(path, f"cannot be written: {error.strerror}") from None
    try:
        yield connection
    except (duckdb.Error, RuntimeError) as error:  # Ctrl-C inside DuckDB comes out as one or the other
        if isinstance(error, duckdb.InterruptException) or str(error) == "Query interrupted":
            raise KeyboardInterrupt from None
        if not isinstance(error, duckdb.Error):
            raise
        raise _explained(path, error) from None
    finally:
        connection.close()
        with suppress(OSError):  # a folder of DuckDB's that a killed process has left; not if it is in use
            path.with_name(f"{path.name}.tmp").rmdir()


def _new(path: Path) -> None:
    """Make an empty database, whole or not at all: DuckDB writes its first blocks one by one, and half of them, left
    by a kill or a full disk, would be a damaged file. What another process puts there first is left alone."""
    import duckdb

    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        duckdb.connect(str(temporary)).close()
        with suppress(FileExistsError):
            try:
                os.link(temporary, path)
            except OSError as error:
                if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS):
                    raise
                os.rename(temporary, path)  # a file system without links
    finally:
        _remove(temporary)


def _remove(path: Path) -> None:
    """Remove a database and what DuckDB keeps beside it."""
    for name in (path.name, f"{path.name}.wal"):
        path.with_name(name).unlink(missing_ok=True)
    shutil.rmtree(path.with_name(f"{path.name}.tmp"), ignore_errors=True)


def _explained(path: Path, error: Exception) -> SpecError:
    """Return a mistake of DuckDB in our words, where we know it."""
    text = str(error)
    first = text.splitlines()[0] if text else type(error).__name__
    if "lock on file" in text:
        found = re.search(r"PID (\d+)", text)
        who = f"another process (PID {found.group(1)})" if found else "another process"
        return fail(path, f"{who} has this file open", hint="wait for it to end, or give another file")
    if "not a valid DuckDB database file" in text:
        return fail(path, "this is no DuckDB file", expected="a new path, or the results of this sweep")
    if re.search(r"No space left|File too large|not enough space|could not write all", text, re.IGNORECASE):
        hint = "all chunks that were stored are safe: make room, and the same command goes on"
        return fail(path, f"cannot be written: {_reason(text)}", hint=hint)
    if re.search(r"[Cc]orrupt|checksum|Serialization|deserializ|Could not read", text):
        hint = "restore it from a copy, or remove it and start anew"
        return fail(path, f"this file is damaged: {first}", hint=hint)
    return fail(path, first)


def _reason(text: str) -> str:
    return "no space left on the device" if "No space" in text else "the file cannot grow (a limit on its size?)"


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
                _remove(path)

    def _resume(self) -> None:
        if not _tables(self._connection):
            return  # made with the first chunk, whose columns have the types
        _check_tables(self.path, self._connection)
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


def query(path: Path, sql: str, most: int | None = None) -> tuple[list[str], Iterator[tuple[object, ...]]]:
    """Return the columns and the rows, or the first `most` rows, of a query on results, which it cannot change.

    Raises SpecError: a file that cannot be read or holds no DuckDB data, SQL that is wrong or would change something.
    """
    import duckdb

    with connected(path, read_only=True, memory=128) as connection:
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        try:
            found = connection.execute(sql)
            if found is None:  # DuckDB's answer to no statement, whatever its stubs say
                raise SpecError([Diagnostic(place=Place(file="SQL"), message="there is no statement",
                                            expected="a query such as SELECT count(*) FROM points")])  # fmt: skip
            rows = (found.fetchall() if most is None else found.fetchmany(most)) if found.description else []
        except (
            duckdb.ProgrammingError,
            duckdb.NotSupportedError,
            duckdb.DataError,
            duckdb.PermissionException,
            duckdb.OutOfMemoryException,
        ) as error:
            message = str(error).partition(": ")[2]
            if "pytz" in message:  # DuckDB's Python needs it for times with a zone alone
                message = "times with a zone cannot be shown; take now()::TIMESTAMP, or ::VARCHAR"
            raise SpecError([Diagnostic(place=Place(file="SQL"), message=message)]) from None
        return [d[0] for d in found.description or ()], iter(rows)


def export(path: Path, target: Path) -> None:
    """Write the points to a .parquet or .csv file, in order, whole or not at all. Raises SpecError."""
    import duckdb

    if not target.parent.is_dir():
        raise fail(target, f"there is no folder {target.parent}")
    form = "PARQUET" if target.suffix.lower() == ".parquet" else "CSV, HEADER"
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with connected(path, read_only=True, memory=128) as connection:
            _check_tables(path, connection)
            name = str(temporary).replace("'", "''")
            try:
                connection.execute(f"COPY (SELECT * FROM points ORDER BY point) TO '{name}' (FORMAT {form})")
            except duckdb.IOException as error:
                raise _explained(target, error) from None
        os.replace(temporary, target)
    except OSError as error:
        raise fail(target, f"cannot be written: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)


def summary(path: Path) -> dict[str, object]:
    """Return what results hold: points, feasible ones, reasons, bottlenecks, the front, the best of each objective."""
    with connected(path, read_only=True, memory=128) as connection:
        _check_tables(path, connection)
        found = read_header(connection)
        run = connection.execute
        total, feasible = run("SELECT count(*), count(*) FILTER (feasible) FROM points").fetchone() or (0, 0)
        reasons = run(
            "SELECT reason, count(*) n FROM points WHERE NOT feasible GROUP BY 1 ORDER BY n DESC, 1"
        ).fetchall()
        limits = run(
            "SELECT bottleneck, count(*) n FROM points WHERE feasible GROUP BY 1 ORDER BY n DESC, 1"
        ).fetchall()
        (on_front,) = run("SELECT count(*) FROM front").fetchone() or (0,)
        best: dict[str, object] = {}
        for name in found.objectives:
            sql = f"SELECT * FROM points WHERE feasible ORDER BY {quoted(name)}, point LIMIT 1"
            row = run(sql).fetchone()
            if row is not None and connection.description is not None:
                best[name] = dict(zip((d[0] for d in connection.description), row, strict=True))
        return {
            "sweep": found.name, "units": {c["name"]: c["unit"] for c in json.loads(found.columns) if c["unit"]},
            "candidates": found.total, "points": total, "feasible": feasible,
            "infeasible": dict(reasons), "bottlenecks": dict(limits), "front": on_front,
            "front_per": list(found.per), "objectives": list(found.objectives), "best": best,
        }  # fmt: skip


def _tables(connection: "duckdb.DuckDBPyConnection") -> set[str]:
    return {str(t) for (t,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}


def _check_tables(path: Path, connection: "duckdb.DuckDBPyConnection") -> None:
    if not _tables(connection) >= TABLES:
        raise fail(path, "this DuckDB file holds no sweep", hint="give another file")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def quoted(name: str) -> str:
    """Return a name as SQL takes it.

    >>> quoted("latency_s")
    '"latency_s"'
    """
    return '"' + name.replace('"', '""') + '"'
