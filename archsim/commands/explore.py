"""`archsim pareto`, `archsim plot` and `archsim report`: what a sweep found."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archsim.commands.options import listed, named, plot_option, with_suffix
from archsim.show import counted, echo_json, json_option, number, table, user_errors

if TYPE_CHECKING:
    from archsim.explore.fronts import FrontSet
    from archsim.explore.results import Results

__all__ = ["COMMANDS"]


def _numbers(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[float, ...]:
    try:
        found = tuple(float(part) for part in (text or "").split(",") if part.strip())
    except ValueError:
        raise click.BadParameter(f"{text} is not a list of numbers such as 0.1,5,300") from None
    if not all(map(math.isfinite, found)):
        raise click.BadParameter(f"{text}: the numbers must be finite")
    return found


def _group_by(context: click.Context, option: click.Parameter, text: str | None) -> tuple[str, ...] | None:
    return None if text is None else () if text == "none" else listed(context, option, text)


results_argument = click.argument("file", type=click.Path(path_type=Path), metavar="RESULTS")
where_option = click.option("--where", default="", metavar="CONDITION",
                            help="Only points for which this SQL condition on the columns holds.")  # fmt: skip
minimize_option = click.option("--minimize", callback=named, metavar="COLUMNS",
                               help="Objectives of which less is better; by default the study's own.")  # fmt: skip
maximize_option = click.option("--maximize", callback=named, metavar="COLUMNS",
                               help="Objectives of which more is better.")  # fmt: skip
group_option = click.option("--group-by", callback=_group_by, metavar="COLUMNS",
                            help="A front for each value of these columns, or none;"
                            " by default of those in which the points of the study compete.")  # fmt: skip


@click.command()
@results_argument
@minimize_option
@maximize_option
@group_option
@where_option
@click.option(
    "--reference",
    callback=_numbers,
    metavar="NUMBERS",
    help="Reference point of the hypervolume, a number an objective; default: a tenth behind the nadir.",
)
@click.option(
    "--rows",
    default=20,
    show_default=True,
    type=click.IntRange(min=1),
    metavar="N",
    help="Points of a front that the table shows, spread evenly over it.",
)
@click.option(
    "--export",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    callback=with_suffix(".csv", ".parquet"),
    help="Write the fronts, all columns, into this file.",
)
@json_option
def pareto(
    file: Path,
    minimize: tuple[str, ...],
    maximize: tuple[str, ...],
    group_by: tuple[str, ...] | None,
    where: str,
    reference: tuple[float, ...],
    rows: int,
    target: Path | None,
    as_json: bool,
) -> None:
    """Find the Pareto front of a sweep, and its hypervolume.

    RESULTS is what `archsim sweep` wrote. Only feasible points are compared. The hypervolume is the volume of the
    objectives' space that the front dominates, up to a reference point; all groups are measured with the same one.

    \b
    Examples:
      archsim pareto results.duckdb
      archsim pareto results.duckdb --minimize latency_s,area_mm2 --group-by workload --where "SIDE <= 256" --json
    """
    from archsim.explore.fronts import export, fronts_of, objectives_of, plain_rows
    from archsim.explore.results import open_results

    with user_errors(), open_results(file) as results:
        groups = results.per if group_by is None else group_by
        found = fronts_of(results, objectives_of(results, minimize, maximize), groups, where, reference)
        if target is not None:
            export(results, found, target)
        if as_json:
            fronts = [
                {"group": dict(zip(found.group_by, f.group, strict=True)), "compared": f.seen, "size": len(f.points),
                 "hypervolume": found.volume(f), "share": found.share(f), "points": plain_rows(results.rows(f.points))}
                for f in found.fronts
            ]  # fmt: skip
            corners = {n: dict(zip(found.objectives, getattr(found, n).tolist(), strict=True))
                     for n in ("reference", "ideal", "nadir")}  # fmt: skip
            directions = {n: "maximize" if more else "minimize" for n, more in found.objectives.items()}
            echo_json({"objectives": directions, **corners, "not_finite": found.left_out, "fronts": fronts})
            return
        _print_fronts(results, found, rows)
        if target is not None:
            click.echo(f"wrote {counted(len(found.points), 'point')} to {target}")


TABLES = 6
"""Fronts that are shown point by point; of more, only how large they are."""
MOST = 100
"""Fronts of which that is shown; --json has all."""


def _print_fronts(results: "Results", found: "FrontSet", shown: int) -> None:
    from archsim.explore.fronts import spread, varying

    titles = [results.columns[n].title for n in found.objectives]
    at = ", ".join(f"{t} {v:.6g}" for t, v in zip(titles, found.reference, strict=True))
    lines = []
    for f in found.fronts:
        line = [f"{len(f.points):,}", f"{f.seen:,}", f"{found.volume(f):.6g}", f"{100 * found.share(f):.2f}%"]
        lines.append([*(_cell(v) for v in f.group), *line])
        if len(found.fronts) > TABLES:
            continue
        chosen = spread(len(f.points), shown)
        rows = results.rows(f.points[chosen])
        inputs = [c for c in varying(results, rows) if c.name not in found.group_by]
        cells = [[str(p), *(_cell(rows[c.name][i]) for c in inputs), *(f"{v:.6g}" for v in f.values[chosen[i]])]
                 for i, p in enumerate(f.points[chosen])]  # fmt: skip
        of = f", {len(chosen)} of its {len(f.points):,} points" if len(chosen) < len(f.points) else ""
        group = ", ".join(f"{n} {_cell(v)}" for n, v in zip(found.group_by, f.group, strict=True))
        columns = [">point", *(">" * c.numeric + c.title for c in inputs), *(f">{t}" for t in titles)]
        table(f"Front{' of ' * bool(group)}{group}{of}", columns, cells)
    title = "Fronts" + (f", the first {MOST} of {number(len(lines))}" if len(lines) > MOST else "")
    table(title, [*found.group_by, ">points", ">of", ">hypervolume", ">share of the box"], lines[:MOST])
    click.echo(f"reference point: {at}")
    if len(found.fronts) > TABLES:
        click.echo("--where shows the points of some of the groups, --export and --json those of all")
    if found.left_out:
        click.echo(f"{found.left_out:,} feasible points without a finite value of every objective are left out")


def _cell(value: object) -> str:
    if isinstance(value, float):
        return number(int(value)) if value.is_integer() and abs(value) < 2**53 else f"{value:.6g}"
    return "-" if value is None else number(value) if isinstance(value, int) else str(value)


def _log(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    found = tuple(part.strip() for part in text.split(",")) if text != "none" else ()
    if not set(found) <= {"x", "y"}:
        raise click.BadParameter(f"{text}: expected x, y, x,y or none")
    return found


def _pair(context: click.Context, option: click.Parameter, text: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(listed(context, option, text)))
    if len(found) > 2:
        raise click.BadParameter(f"{text}: expected one column, or two")
    return found


@click.command()
@results_argument
@click.option("--x", required=True, metavar="COLUMN", help="What is drawn to the right.")
@click.option("--y", required=True, metavar="COLUMN", help="What is drawn upwards.")
@click.option("--color", default="", metavar="COLUMN", help="What the colour shows; without it, how dense points lie.")
@click.option("--group-by", default="", callback=_pair, metavar="COLUMNS",
              help="A panel for each value of this column; of two, a row and a column of panels for each.")  # fmt: skip
@click.option("--front", is_flag=True, help="Draw the Pareto front of x and y.")
@maximize_option
@where_option
@click.option("--log", callback=_log, metavar="AXES", help="Logarithmic axes: x, y, x,y or none; by default by range.")
@plot_option("Draw into", "-o", "--output", default="; by default beside RESULTS, as .png")
@json_option
def plot(
    file: Path,
    x: str,
    y: str,
    color: str,
    group_by: tuple[str, ...],
    front: bool,
    maximize: tuple[str, ...],
    where: str,
    log: tuple[str, ...] | None,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Draw two columns of a sweep against each other: feasible points, their density, and the front.

    Of millions of points the density is drawn, or with --color a sample that covers the plane. Where points stand on a
    grid of few values, one at each place, --color draws a map.

    \b
    Examples:
      archsim plot results.duckdb --x area_mm2 --y latency_s --front
      archsim plot results.duckdb --x area_mm2 --y latency_s --color CAPACITY --group-by workload -o space.svg
      archsim plot results.duckdb --x SIDE --y CAPACITY --color bottleneck --group-by workload,sequence_length
    """
    from archsim.explore.results import open_results
    from archsim.explore.scatter import Scatter, scatter

    target = picture or file.with_suffix(".png")
    with user_errors(), open_results(file) as results:
        wanted = Scatter(x=x, y=y, color=color, group_by=group_by, where=where, front=front, maximize=maximize, log=log)
        drawn = scatter(results, wanted, target)
    if as_json:
        echo_json({"file": str(target), **drawn})
    else:
        click.echo(f"wrote {target}: {counted(int(str(drawn['points'])), 'point')}, {drawn['drawn']:,} drawn")


@click.command()
@results_argument
@click.option("-o", "--output", "target", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.html",
              callback=with_suffix(".html", ".htm"), help="The page; by default beside RESULTS, as .html.")  # fmt: skip
@click.option("--points", default=20_000, show_default=True, type=click.IntRange(1, 200_000), metavar="N",
              help="Points of the sample that the page holds beside the front.")  # fmt: skip
@click.option("--details", default=60, show_default=True, type=click.IntRange(0, 1000), metavar="N",
              help="Points of the front to evaluate again, for roofline and breakdowns.")  # fmt: skip
@click.option("--documents", "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="FOLDER",
              help="Where the study stood, if it names documents by their paths; default: beside RESULTS.")  # fmt: skip
@json_option
def report(file: Path, target: Path | None, points: int, details: int, folder: Path | None, as_json: bool) -> None:
    """Write an interactive page about a sweep: design space, fronts, roofline, breakdowns, how to reproduce it.

    The page is one file that opens in any browser without a network. Of millions of points it holds the front and a
    sample. Needs the extra `report` (plotly).

    \b
    Example:
      archsim report results.duckdb -o report.html
    """
    from archsim.explore.page import page
    from archsim.explore.results import open_results
    from archsim.show import write_text

    written = target or file.with_suffix(".html")
    with user_errors(), open_results(file) as results:
        write_text(written, page(results, folder or file.parent, points, details))
    size = written.stat().st_size
    if as_json:
        echo_json({"file": str(written), "bytes": size})
    else:
        click.echo(f"wrote {written} ({size / 1e6:.1f} MB)")


COMMANDS: tuple[click.Command, ...] = (pareto, plot, report)
