"""`archsim reproduce` and `archsim validate`: the studies of papers that come with archsim."""

from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archsim.commands.progress import stages_shown
from archsim.show import echo_json, json_option, table, user_errors

if TYPE_CHECKING:
    from archsim.papers.reproduce import Result
    from archsim.papers.study import Row
    from archsim.papers.unit_energies import Pair
    from archsim.papers.validate import Group

__all__ = ["COMMANDS"]


@click.command()
@click.argument("study", required=False)
@click.option("-o", "--output", "folder", type=click.Path(path_type=Path), metavar="DIR",
              help="Write tables (CSV) and figures (PNG, SVG) into this folder.")  # fmt: skip
@json_option
def reproduce(study: str | None, folder: Path | None, as_json: bool) -> None:
    """Reproduce the evaluation of a paper: all its points, tables, figures and headline numbers.

    STUDY is a name that `archsim reproduce` alone lists, or the path of a .yaml file.

    \b
    Examples:
      archsim reproduce
      archsim reproduce NAME -o out
    """
    from archsim.papers.study import load_study, names

    with user_errors():
        if study is None:
            studies = [load_study(name) for name in names()]
            found = [{"name": s.study, "title": s.title, "source": s.source} for s in studies]
            if as_json:
                echo_json({"studies": found})
            else:
                table("studies", ["name", "title", "source"], [[s.study, s.title, s.source] for s in studies])
            return
        result, files = _run(study, folder)
    if as_json:
        echo_json({"study": result.study.study, "source": result.study.source, "headlines": plain(result.headlines),
                   "sensitivities": plain(result.sensitivities), "files": files})  # fmt: skip
        return
    click.echo(f"{result.study.title}\n{result.study.source}\n")
    print_headlines(result.headlines)
    print_sensitivities(result.headlines, result.sensitivities)
    if folder:
        click.echo(f"{len(files)} files in {folder}: " + ", ".join(files))
    else:
        click.echo("name a folder with -o to get the tables (CSV) and figures (PNG, SVG)")


def _run(name: str, folder: Path | None) -> "tuple[Result, list[str]]":
    from archsim.papers.reproduce import reproduce as evaluate
    from archsim.papers.reproduce import staged, write
    from archsim.papers.study import load_study

    loaded = load_study(name)
    with staged(folder) if folder else nullcontext() as work, stages_shown() as progress:
        result = evaluate(loaded, progress)
        return result, write(result, work, progress) if work else []


@click.command()
@click.option("--reference", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="FOLDER",
              help="Compare every row of the published tables in this folder too.")  # fmt: skip
@click.option("--measured", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="Compare with times of `archsim gpu measure` instead.")  # fmt: skip
@click.option("-m", "--mapping", metavar="MAPPING", help="The model of the machine of --measured.")
@json_option
def validate(reference: Path | None, measured: Path | None, mapping: str | None, as_json: bool) -> None:
    """Compare with every published figure that comes with archsim; exit status 1 if one is outside its tolerance.

    \b
    Examples:
      archsim validate
      archsim validate --measured h200.json -m flash_gpu
    """
    if measured is not None:
        from archsim.gpu.printed import validate_measured

        return validate_measured(measured, mapping, as_json)
    from archsim.papers.published import load_published, published_names
    from archsim.papers.reproduce import reproduce as evaluate
    from archsim.papers.study import load_study
    from archsim.papers.unit_energies import comparisons
    from archsim.papers.validate import validate as compare

    found: list[tuple[Result, list[Group]]] = []
    with user_errors(), stages_shown() as progress:
        sets = {name: load_published(name) for name in published_names()}
        holding = [
            n for n, s in sets.items() if reference and any((reference / t.file).exists() for t in s.tables.values())
        ]
        for name, published in sets.items():
            own = None if holding and name not in holding else reference
            result = evaluate(load_study(name), progress)
            found.append((result, compare(result, published, own)))
        units = comparisons()
    ok = all(g.ok for _, groups in found for g in groups)
    if as_json:
        shown = {title: [asdict(pair) for pair in pairs] for title, pairs in units.items()}
        echo_json({"ok": ok, "studies": [validation_json(result, groups) for result, groups in found],
                   "unit_energies": shown})  # fmt: skip
    else:
        for result, groups in found:
            print_validation(result, groups)
        for title, pairs in units.items():
            print_units(title, pairs)
    if not ok:
        raise SystemExit(1)


def validation_json(result: "Result", groups: "list[Group]") -> dict[str, object]:
    """Return what `archsim validate` found about one study, as plain data."""
    rows = [
        {"group": g.name, "figures": len(g.checks), "largest_deviation": g.worst.deviation, "at": g.worst.where,
         "published": g.worst.published, "computed": g.worst.computed, "tolerance": g.worst.tolerance, "ok": g.ok,
         "why": g.why}
        for g in groups
    ]  # fmt: skip
    return {"study": result.study.study, "groups": rows, "headlines": plain(result.headlines),
            "sensitivities": plain(result.sensitivities)}  # fmt: skip


def print_units(title: str, pairs: "list[Pair]") -> None:
    """Print the unit energies and areas of two tables side by side, and why they differ."""
    rows = [
        [p.component, f"{p.energy_pj:.4g}", f"{p.other_pj:.4g}", f"{p.area_um2:.0f}", f"{p.other_um2:.0f}", f"({i})"]
        for i, p in enumerate(pairs, 1)
    ]
    table(title, ["component", ">pJ", ">beside", ">um2", ">beside", "why"], rows)
    for i, pair in enumerate(pairs, 1):
        click.echo(f"({i}) {pair.why}")


def plain(rows: "list[Row]") -> "list[Row]":
    """Return the rows without their empty cells."""
    return [{column: value for column, value in row.items() if value != ""} for row in rows]


def print_validation(result: "Result", groups: "list[Group]") -> None:
    """Print the largest deviation of each group, the reasons, and what the headlines hang on."""
    rows = []
    reasons = {why: i for i, why in enumerate(dict.fromkeys(g.why for g in groups if g.why), 1)}
    for g in groups:
        w = g.worst
        note = f"({reasons[g.why]})" if g.why else ""
        verdict = "ok" if g.ok else "OUTSIDE"
        rows.append([g.name, str(len(g.checks)), f"{w.deviation:+.2e}", w.where, f"{w.tolerance:g}", verdict, note])
    columns = ["published figures", ">n", ">largest deviation", "at", ">tolerance", "", "why"]
    table(f"{result.study.study}: computed against published", columns, rows)
    for why, i in reasons.items():
        click.echo(f"({i}) {why}")
    click.echo()
    print_headlines(result.headlines)
    print_sensitivities(result.headlines, result.sensitivities)


def print_headlines(headlines: "list[Row]") -> None:
    """Print published, computed and ratio of every headline."""
    rows = [
        [str(h["headline"]), str(h["stated"]), f"{h['published']:.4f}", f"{h['computed']:.4f}", f"{h['ratio']:.4f}",
         str(h["mean"]), f"{h['expected']:.4f}" if h["expected"] else ""]
        for h in headlines
    ]  # fmt: skip
    columns = ["headline", ">stated", ">published", ">computed", ">ratio", "average", ">published, corrected"]
    table("Headlines, under the paper's accounting", columns, rows)
    for why in dict.fromkeys(str(h["why"]) for h in headlines if h["expected"]):
        click.echo(f"corrected: {why}")
    click.echo()


def print_sensitivities(headlines: "list[Row]", sensitivities: "list[Row]") -> None:
    """Print every headline under every variant, side by side."""
    variants = list(dict.fromkeys(str(s["variant"]) for s in sensitivities))
    value = {(s["headline"], s["variant"]): f"{s['computed']:.4f}" for s in sensitivities}
    rows = [
        [str(h["headline"]), f"{h['computed']:.4f}", *(value[h["headline"], v] for v in variants)] for h in headlines
    ]
    table("What the headlines hang on: each with one thing otherwise", ["headline", ">as above",
          *(f">{v}" for v in variants)], rows)  # fmt: skip


COMMANDS: tuple[click.Command, ...] = (reproduce, validate)
