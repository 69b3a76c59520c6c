"""Contents: what a file of results holds, asked in SQL, exported, summed up; nothing here changes it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from archsim.show import fail
from archsim.sweeps.database import check_tables, connected, explained, quoted
from archsim.sweeps.header import read_header
from einsum_cascade.errors import Diagnostic, Place, SpecError

__all__ = ["export", "query", "summary"]


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
            check_tables(path, connection)
            name = str(temporary).replace("'", "''")
            try:
                connection.execute(f"COPY (SELECT * FROM points ORDER BY point) TO '{name}' (FORMAT {form})")
            except duckdb.IOException as error:
                raise explained(target, error) from None
        os.replace(temporary, target)
    except OSError as error:
        raise fail(target, f"cannot be written: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)


def summary(path: Path) -> dict[str, object]:
    """Return what results hold: points, feasible ones, reasons, bottlenecks, the front, the best of each objective."""
    with connected(path, read_only=True, memory=128) as connection:
        check_tables(path, connection)
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
