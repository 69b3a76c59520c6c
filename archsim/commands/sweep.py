"""`archsim sweep` and `archsim query`: millions of points into a file, and questions to that file."""

import time
from itertools import accumulate
from pathlib import Path

import click

from archsim.commands.options import typed, with_suffix
from archsim.commands.progress import points_shown
from archsim.commands.where import Where, place_options
from archsim.show import echo_json, json_option, measured, number, room, table, user_errors

__all__ = ["COMMANDS"]

SHOWN = 100
"""Rows of a query that are shown to people."""


def _exported(context: click.Context, option: click.Parameter, file: Path | None) -> Path | None:
    with_suffix(".parquet", ".csv")(context, option, file)
    if file is not None and not file.parent.is_dir():
        raise click.BadParameter(f"there is no folder {file.parent}")
    return file


@click.command()
@click.argument("study", metavar="STUDY.yaml", type=click.Path(path_type=Path))
@click.option("-o", "--output", "file", required=True, metavar="FILE.duckdb",
              type=click.Path(path_type=Path), help="Where the results go, or are already.")  # fmt: skip
@click.option("--export", "target", metavar="FILE", type=click.Path(path_type=Path), callback=_exported,
              help="Write all points into a .parquet or .csv file too.")  # fmt: skip
@place_options
@click.option("--dry-run", is_flag=True, help="Only check the study and show where it would run, with a job's script.")
@json_option
def sweep(study: Path, file: Path, target: Path | None, scheduler: str | None, cluster: str | None,
          workers: int | None, config: Path | None, dry_run: bool, as_json: bool) -> None:  # fmt: skip
    """Evaluate every point of a design space and store the results, point by point, with their Pareto front.

    STUDY.yaml names documents and axes over any number in them; archsim/README.md says how. A sweep that was stopped,
    even killed, goes on where it was when the same command is given again.

    \b
    Examples:
      archsim sweep study.yaml -o results.duckdb
      archsim sweep study.yaml -o results.duckdb --export results.parquet
      archsim sweep study.yaml -o results.duckdb --cluster slurm --cluster-config cluster.yaml --dry-run
      archsim query results.duckdb "SELECT * FROM points JOIN front USING (point) LIMIT 10"
    """
    from archsim.sweeps.contents import export, summary
    from archsim.sweeps.sweep import order
    from archsim.sweeps.sweep import sweep as run

    where = Where(scheduler=scheduler, cluster=cluster, workers=workers, config=config)
    if dry_run:
        _show_plan(study, where, as_json)
        return
    start = time.perf_counter()
    with user_errors():
        try:
            with where.runner() as runner, points_shown() as progress:
                before = run(order(study), file, runner, command=typed(), progress=progress)
        except KeyboardInterrupt:
            if file.exists():
                click.echo(f"stopped: what is done is in {file}, and the same command goes on from there", err=True)
            raise
        seconds = time.perf_counter() - start
        if target is not None:
            export(file, target)
        found = summary(file)
    new = int(str(found["candidates"])) - before
    found |= {"file": str(file), "resumed_at": before, "seconds": seconds, "points_per_second": new / seconds}
    if as_json:
        echo_json(found)
    else:
        _print(found, target)


def _show_plan(study: Path, where: Where, as_json: bool) -> None:
    """Say how many points a study has and where they would be evaluated; nothing is started or written."""
    from archsim.sweeps.chunk import order, space_of
    from archsim.sweeps.sweep import check, chunks

    with user_errors():
        given = order(study)
        check(given)
        told, points = where.told(), space_of(given).points
    parts = sum(1 for _ in chunks(points))
    if as_json:
        echo_json({"points": points, "chunks": parts, "where": told})
    else:
        click.echo(f"{number(points)} points in {number(parts)} chunks, {told}")


def _print(found: dict[str, object], target: Path | None) -> None:
    points, feasible = int(str(found["points"])), int(str(found["feasible"]))
    left_out = int(str(found["candidates"])) - points
    rate = float(str(found["points_per_second"]))
    new = int(str(found["candidates"])) - int(str(found["resumed_at"]))
    click.echo(f"{found['sweep']}: {number(points)} points in {found['file']}, {number(feasible)} of them feasible"
               + (f"; {number(left_out)} left out by conditions or keep: front" if left_out else ""))  # fmt: skip
    if found["resumed_at"]:
        click.echo(f"{number(int(str(found['resumed_at'])))} points were there before")
    if new:
        click.echo(f"{number(new)} in {float(str(found['seconds'])):.1f} s: {number(round(rate))} points a second")
    for title, key in (("Infeasible", "infeasible"), ("What limits the feasible points", "bottlenecks")):
        counts = found[key]
        if isinstance(counts, dict) and counts:
            share = points - feasible if key == "infeasible" else feasible
            rows = [[str(k), number(n), f"{n / share:.1%}"] for k, n in list(counts.items())[:12]]
            table(title, ["", ">points", ">share"], rows)
    best, objectives, units = found["best"], found["objectives"], found["units"]
    if isinstance(best, dict) and isinstance(objectives, list) and isinstance(units, dict) and best:
        names = [n for n in next(iter(best.values())) if n not in ("feasible", "reason")]
        rows = [[n, *(measured(row[n], units.get(n, "")) for row in best.values())] for n in names]
        table("The feasible point with the least", ["", *(f">{n}" for n in best)], rows)
        per = found["front_per"]
        among = f", a front for each {', '.join(per)}" if isinstance(per, list) and per else ""
        click.echo(f"Pareto front of {', '.join(objectives)}: {number(int(str(found['front'])))} points{among}")
    if target is not None:
        click.echo(f"wrote {target}")
    if points:
        click.echo(f"next: archsim pareto {found['file']}; archsim report {found['file']}; archsim query --help")


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return "" if value is None else str(value)


@click.command()
@click.argument("file", metavar="FILE.duckdb", type=click.Path(path_type=Path))
@click.argument("sql", metavar="SQL")
@click.option("--limit", default=SHOWN, show_default=True, metavar="ROWS", type=click.IntRange(1),
              help="Show at most so many rows (with --json: all of them).")  # fmt: skip
@json_option
def query(file: Path, sql: str, limit: int, as_json: bool) -> None:
    """Ask the results of a sweep a question in SQL; nothing can be changed.

    The tables are `points` (a row a point), `front` (the points of the Pareto front), `study` (what was swept) and
    `chunks` (what is done). archsim/README.md lists their columns.

    \b
    Examples:
      archsim query results.duckdb "SELECT bottleneck, count(*) FROM points GROUP BY ALL"
      archsim query results.duckdb "SELECT * FROM points JOIN front USING (point) ORDER BY latency_s" --json
    """
    from archsim.sweeps.contents import query as ask

    with user_errors():
        columns, found = ask(file, sql, None if as_json else limit + 1)
    rows = list(found)
    if as_json:
        echo_json({"columns": columns, "rows": [[_plain(v) for v in row] for row in rows]})
        return
    _show_rows(columns, rows[:limit])
    if len(rows) > limit:
        click.echo(f"the first {number(limit)} rows; --limit shows more")


TURNED = 6
"""Rows that are shown as columns where they are too wide."""


def _show_rows(columns: list[str], rows: list[tuple[object, ...]]) -> None:
    """Print rows; what is too wide is turned if it is few rows, else cut after the columns that there is room for."""
    numeric = [bool(rows) and all(isinstance(r[i], int | float | None) for r in rows) for i in range(len(columns))]
    heads = [f">{c}" if right else c for c, right in zip(columns, numeric, strict=True)]
    cells = [[_cell(v) for v in row] for row in rows]
    widths = [3 + max(len(line) for r in (columns, *cells) for line in (r[i].splitlines() or [""]))
              for i in range(len(columns))]  # fmt: skip
    fits = sum(1 for total in accumulate(widths) if total <= room() + 1)
    if fits >= len(columns) or len(columns) < 2:
        table("", heads, cells)
    elif len(rows) <= TURNED:
        table("", ["column", *(f">row {i + 1}" for i in range(len(rows)))],
              [[name, *(row[i] for row in cells)] for i, name in enumerate(columns)])  # fmt: skip
    else:
        fits = max(1, fits)
        table("", heads[:fits], [row[:fits] for row in cells])
        click.echo(f"no room for {', '.join(columns[fits:])}; name the columns that you want, or take --json")


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float | bool | None) else str(value)


COMMANDS: tuple[click.Command, ...] = (sweep, query)
