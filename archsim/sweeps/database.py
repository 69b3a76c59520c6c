"""Database: a DuckDB file opened, made whole or not at all, and its mistakes told in our words."""

import errno
import glob
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from archsim.show import fail
from einsum_cascade.errors import SpecError

if TYPE_CHECKING:
    import duckdb

__all__ = ["check_tables", "connected", "explained", "quoted", "remove", "tables"]

MEMORY = 32
"""Megabytes that DuckDB may use: a chunk goes to the file as a whole, so that it needs little; one a column if more."""

TABLES = {"points", "study", "chunks", "front"}


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
        elif not read_only:
            for left in path.parent.glob(f".{glob.escape(path.name)}.[0-9]*"):
                if left.suffix[1:].isdigit():
                    remove(left)  # of a process that was killed while it made this file
        connection = duckdb.connect(str(path), read_only=read_only, config=config)
    except duckdb.Error as error:
        raise explained(path, error) from None
    except OSError as error:
        raise fail(path, f"cannot be written: {error.strerror}") from None
    try:
        yield connection
    except (duckdb.Error, RuntimeError) as error:  # Ctrl-C inside DuckDB comes out as one or the other
        if isinstance(error, duckdb.InterruptException) or str(error) == "Query interrupted":
            raise KeyboardInterrupt from None
        if not isinstance(error, duckdb.Error):
            raise
        raise explained(path, error) from None
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
        with suppress(FileExistsError, FileNotFoundError):  # somebody else was first
            try:
                os.link(temporary, path)
            except OSError as error:
                if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS):
                    raise
                os.rename(temporary, path)  # a file system without links
    finally:
        remove(temporary)


def remove(path: Path) -> None:
    """Remove a database and what DuckDB keeps beside it."""
    for name in (path.name, f"{path.name}.wal"):
        path.with_name(name).unlink(missing_ok=True)
    shutil.rmtree(path.with_name(f"{path.name}.tmp"), ignore_errors=True)


def explained(path: Path, error: Exception) -> SpecError:
    """Return a mistake of DuckDB with a file in our words, where we know it."""
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


def tables(connection: "duckdb.DuckDBPyConnection") -> set[str]:
    """Return the names of the tables of a database."""
    return {str(t) for (t,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}


def check_tables(path: Path, connection: "duckdb.DuckDBPyConnection") -> None:
    """Raise SpecError where a database holds no sweep."""
    if not tables(connection) >= TABLES:
        raise fail(path, "this DuckDB file holds no sweep", hint="give another file")


def quoted(name: str) -> str:
    """Return a name as SQL takes it.

    >>> quoted("latency_s")
    '"latency_s"'
    """
    return '"' + name.replace('"', '""') + '"'
