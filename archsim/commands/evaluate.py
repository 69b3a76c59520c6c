"""`archsim evaluate` and `archsim compare`: what a cascade costs on a design."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archsim.commands.options import (
    cascade_option,
    design_option,
    length_option,
    plot_option,
    query_option,
    set_option,
    workload_option,
)
from archsim.show import echo_json, fail, json_option, user_errors

if TYPE_CHECKING:
    from archsim.documents import Documents
    from archsim.prune.pruning import Pruning
    from archsim.report import Report

__all__ = ["COMMANDS"]


@click.command()
@click.option(
    "-m", "--mapping", required=True, metavar="MAPPING", help="How the cascade runs: a name, or a .yaml file."
)
@workload_option
@length_option
@query_option
@design_option
@cascade_option
@set_option
@plot_option("Draw the timeline of one tile into")
@click.option("--trace", metavar="SOURCE", help="Evaluate every point of a pruned run: a trace (.csv), a pruning"
              " schedule (a name or .yaml), or SUITE#BENCHMARK.")  # fmt: skip
@json_option
def evaluate(
    mapping: str,
    workload: str,
    sequence_length: int | None,
    query_length: int | None,
    design: str | None,
    cascade: str | None,
    sets: tuple[str, ...],
    picture: Path | None,
    trace: str | None,
    as_json: bool,
) -> None:
    """Evaluate a mapping: traffic, occupancy, cycles, utilization, energy, area, passes and the bottleneck.

    A mapping that does not fit is a result: the shortfall is printed, and the exit status is 0.

    \b
    Examples:
      archsim evaluate -m unfused -w bert -s 64K
      archsim evaluate -m mine.yaml -w xlm -s 16K --set design.memories.buffer.capacity='8 MiB' --plot tile.png
      archsim evaluate -m mine.yaml -w gpt2_small --trace run.csv
    """
    if trace is not None:
        _evaluate_trace(
            trace, mapping, workload, sequence_length or query_length, design, cascade, sets, picture, as_json
        )
        return
    from archsim.printed import print_report
    from archsim.summary import as_json as report_json
    from archsim.timeline import plot

    with user_errors():
        found, report = _evaluated(mapping, workload, sequence_length, query_length, design, cascade, sets)
        if picture is not None:
            names = found.names()
            plot(report, picture, f"{names['cascade']} on {names['design']} with mapping {names['mapping']}")
    if as_json:
        echo_json(report_json(found, report))
        return
    print_report(found, report)
    if picture is not None:
        click.echo(f"wrote {picture}")


def _evaluate_trace(
    trace: str,
    mapping: str,
    workload: str,
    length: int | None,
    design: str | None,
    cascade: str | None,
    sets: Sequence[str],
    picture: Path | None,
    as_json: bool,
) -> None:
    """Print what all points of a pruned run cost together."""
    from archsim.commands.pruning import find_pruning
    from archsim.prune.pruned import print_pruned, pruned_json

    with user_errors():
        if length is not None or picture is not None:
            what = "lengths" if length is not None else "a picture of one tile"
            raise fail(trace, f"a trace has its own points, it cannot be given {what}")
        kept = find_pruning(trace)
        found, report = _evaluated(mapping, workload, None, None, design, cascade, sets, kept)
    if as_json:
        echo_json(pruned_json(found, report, kept))
    else:
        print_pruned(found, report, kept)


def _evaluated(
    mapping: str,
    workload: str,
    sequence_length: int | None,
    query_length: int | None,
    design: str | None,
    cascade: str | None,
    sets: Sequence[str],
    kept: "Pruning | None" = None,
) -> "tuple[Documents, Report]":
    """Return the documents and what they cost. Raises SpecError."""
    from archsim.documents import documents
    from archsim.model import evaluate as model
    from archsim.setting import blamed, parse

    lengths = {"sequence_length": sequence_length, "query_length": query_length}
    settings = [parse(s) for s in sets]
    try:
        found = documents(
            mapping=mapping, workload=workload, design=design, cascade=cascade, settings=settings,
            lengths={k: v for k, v in lengths.items() if v is not None},
        )  # fmt: skip
        if kept is not None:
            from archsim.prune.pruned import pruned

            found = pruned(found, kept)
        with blamed("mapping", mapping, [s for s in settings if s.kind == "mapping"]):
            return found, model(found.cascade, found.workload, found.mapping, found.design, found.values)
    except (OverflowError, MemoryError) as error:
        message = f"these numbers cannot be evaluated: {error}"
        raise fail(mapping, message, hint="look at the parameters of mapping and design, and at --set") from None


@click.command()
@click.argument("mappings", nargs=-1, required=True, metavar="MAPPING[@DESIGN]...")
@workload_option
@length_option
@query_option
@design_option
@cascade_option
@set_option
@json_option
def compare(
    mappings: tuple[str, ...],
    workload: str,
    sequence_length: int | None,
    query_length: int | None,
    design: str | None,
    cascade: str | None,
    sets: tuple[str, ...],
    as_json: bool,
) -> None:
    """Compare mappings side by side; speedup and energy ratio are relative to the first.

    \b
    Examples:
      archsim compare -w bert -s 64K unfused mine.yaml
      archsim compare -w bert -s 64K unfused unfused@faster.yaml
    """
    from archsim.comparison import comparison, print_comparison

    with user_errors():
        results = []
        for name in mappings:
            own, _, at = name.partition("@")
            results.append(_evaluated(own, workload, sequence_length, query_length, at or design, cascade, sets))
    if as_json:
        echo_json({"workload": results[0][0].workload.name, "results": comparison(results)})
    else:
        print_comparison(results)


COMMANDS: tuple[click.Command, ...] = (evaluate, compare)
