"""`archsim map`: the best mapping of a cascade on a design."""

import math
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archsim.commands.options import length_option, query_option, set_option, workload_option
from archsim.commands.progress import search_shown
from archsim.show import (
    FiniteRange,
    binary,
    echo_json,
    json_option,
    number,
    percent,
    si,
    table,
    user_errors,
    write_text,
)

if TYPE_CHECKING:
    from archsim.design import Design
    from archsim.mapper.best import Best
    from archsim.mapper.search import Coverage
    from archsim.workload import Workload
    from einsum_cascade import Cascade

    Searched = tuple[Best, tuple[Cascade, Workload, Design]]

__all__ = ["COMMANDS"]


@click.command(name="map")
@click.option("-c", "--cascade", required=True, metavar="CASCADE", help="The algorithm: a name, or a .yaml file.")
@workload_option
@click.option("-d", "--design", required=True, metavar="DESIGN", help="The machine: a name, or a .yaml file.")
@click.option("--objective", type=click.Choice(["latency", "energy", "edp"]), default="latency", show_default=True,
              help="What is minimised; edp is the product of the two.")  # fmt: skip
@click.option("--constraints", type=click.Path(path_type=Path), metavar="FILE",
              help="A .yaml file that fixes or restricts parts of the search.")  # fmt: skip
@click.option("--max-traffic", metavar="BYTES", help="At most so much in and out of the far memory: '40 GB'.")
@length_option
@query_option
@click.option("--effort", type=click.IntRange(1, 6), default=1, show_default=True,
              help="More tile sizes and loop orders; never a worse result.")  # fmt: skip
@click.option("--points", type=click.IntRange(1), default=10_000_000, show_default=True, metavar="N",
              help="Look at so many tile sizes at most, about half a minute; if that is not enough, the best mapping so"
              " far is given with a bound of the best possible.")  # fmt: skip
@click.option("--slack", type=FiniteRange(0, 100), default=0.1, show_default=True, metavar="PERCENT",
              help="Latencies so close to the least count as equal, and less far traffic decides; so do energies, and"
              " latency decides.")  # fmt: skip
@click.option("--vary", "axes", multiple=True, metavar="PATH=V1,V2,...",
              help="Search again for each value of a number of a document, as --set takes it, and compare; may be given"
              " several times for all combinations.")  # fmt: skip
@set_option
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.yaml",
              help="Write the mapping to this file.")  # fmt: skip
@json_option
def map_(
    cascade: str,
    workload: str,
    design: str,
    objective: str,
    constraints: Path | None,
    max_traffic: str | None,
    sequence_length: int | None,
    query_length: int | None,
    effort: int,
    points: int,
    slack: float,
    axes: tuple[str, ...],
    sets: tuple[str, ...],
    output: Path | None,
    as_json: bool,
) -> None:
    """Find the best mapping: tile sizes, loop orders, what is kept where, fusion, and which array runs which Einsum.

    The search is exhaustive over a declared space (archsim/README.md); it says what it covered, and the mapping that it
    writes is one for `archsim evaluate -m`. Where nothing fits it says what is missing; the exit status is then 1.
    Ctrl-C ends it with the best mapping so far.

    \b
    Examples:
      archsim map -c attention_1pass -w bert -d fusemax -s 64K -o best.yaml
      archsim map -c attention_3pass -w xlm -d flat_cloud --objective edp --constraints mine.yaml
      archsim map -c attention_1pass -w bert -d fusemax --vary design.arrays.array_1d.shape.lanes=128,256,512
    """
    from archsim.units import quantity
    from einsum_cascade.errors import Place

    lengths = {"sequence_length": sequence_length, "query_length": query_length}
    sizes = {k: v for k, v in lengths.items() if v is not None}
    rows = []
    with user_errors(), search_shown() as progress:
        limit = quantity(max_traffic, "bytes", Place(file="--max-traffic", text=max_traffic)) if max_traffic else None
        for point in product(*[_axis(a) for a in axes]):
            found = _search(cascade, workload, design, objective, constraints, limit, slack / 100, sizes, effort,
                            points, (*sets, *point), progress)  # fmt: skip
            rows.append((point, found))
        chosen = min((found for _, found in rows), key=lambda found: found[0].value)
        text = chosen[0].text
        if output is not None and text:
            write_text(output, text)
    if as_json:
        plain = [{"set": list(p), **as_plain(found)} for p, found in rows]
        echo_json(plain[0] if not axes else {"points": plain})
    elif axes:
        print_axes(axes, rows)
    else:
        print_best(chosen)
    if not text:
        raise SystemExit(1)
    if output is not None and not as_json:
        click.echo(f"wrote {output}")


def _axis(text: str) -> list[str]:
    path, _, values = text.partition("=")
    return [f"{path}={value.strip()}" for value in values.split(",")]


def _search(
    cascade: str, workload: str, design: str, objective: str, constraints: Path | None, limit: float | None,
    slack: float, sizes: dict[str, int], effort: int, points: int, sets: tuple[str, ...],
    progress: "Callable[[str, Coverage], None]",
) -> "Searched":  # fmt: skip
    from archsim.documents import unmapped
    from archsim.mapper.best import best_mapping
    from archsim.mapper.rules import FREE, read_rules
    from archsim.setting import parse

    settings = [parse(s) for s in sets]
    given = unmapped(cascade=cascade, workload=workload, design=design, lengths=sizes, settings=settings)
    rules = read_rules(constraints, *given) if constraints is not None else FREE
    most = float("inf") if limit is None else limit
    best = best_mapping(*given, objective, rules, effort, most, slack, progress, (cascade, design), points)
    return best, given


def as_plain(found: "Searched") -> dict[str, object]:
    """Return what a search found as plain data."""
    from archsim.summary import headline

    best = found[0]
    c = best.coverage
    result: dict[str, object] = {
        "objective": best.objective, "feasible": best.report is not None, "optimal": best.complete,
        **({} if best.complete else {"bound": best.bound}),
        "coverage": {
            "mappings_in_space": c.space, "evaluated": c.evaluated, "solved_exactly": c.solved, "groups": c.groups,
            "groups_searched": c.searched, "loop_orders": c.orders, "tile_sizes": c.points,
            "pruned": c.pruned,
        },
    }  # fmt: skip
    if best.report is None or best.mapping is None:
        return {**result, "shortfall": shortfall(best)}
    return {**result, **headline(best.report), "mapping": best.text}


def shortfall(best: "Best") -> dict[str, object]:
    """Return what is missing where nothing fits: a limit that is too low, or the mapping that comes closest."""
    s = best.coverage.shortage
    if not best.complete:
        return {"component": "", "helps": "the search was not completed: more --points"}
    if math.isfinite(best.least_bytes):
        least = f"{binary(best.least_bytes)} ({math.ceil(best.least_bytes)} B)"
        helps = f"--max-traffic of {least} or more: no mapping moves less"
        return {"component": "far memory", "demand": best.least_bytes, "bound": best.traffic_bytes, "unit": "bytes",
                "helps": helps}  # fmt: skip
    if not s.memory:
        return {"component": "", "helps": "the constraints leave no mapping; loosen them"}
    helps = f"a larger {s.memory}, a higher effort (smaller tiles) or fewer tensors that must be kept"
    return {"component": s.memory, "group": s.group, "demand": s.demand, "bound": s.bound, "unit": "bytes",
            "helps": helps}  # fmt: skip


def print_best(found: "Searched") -> None:
    """Print the mapping, its numbers and what was covered."""
    from archsim.summary import notes

    best, (cascade, workload, design) = found
    c = best.coverage
    if best.report is None:
        s = shortfall(best)
        click.echo("No mapping fits." if best.complete else "No mapping was found.")
        if math.isfinite(best.least_bytes):
            click.echo(f"The one with the least far traffic moves {binary(best.least_bytes)}, more than"
                       f" {binary(best.traffic_bytes)} (--max-traffic).")  # fmt: skip
        elif s["component"]:
            demand, bound = c.shortage.demand, c.shortage.bound
            click.echo(f"The closest needs at least {binary(demand)} in {s['component']} for {s['group']}, but it has"
                       f" {binary(bound)} (short by {binary(demand - bound)}).")  # fmt: skip
        click.echo(f"What would help: {s['helps']}.")
    else:
        r = best.report
        click.echo(f"{cascade.name} on {design.name}, workload {workload.name}: least {best.objective}\n")
        click.echo(best.text)
        use = ", ".join(f"{a} {percent(float(u))}" for a, u in r.utilization.items())
        click.echo(f"latency {si(float(r.latency_s), 's')}, energy {si(float(r.energy_j), 'J')},"
                   f" far memory {binary(float(r.dram_traffic_bytes))}, utilization {use}")  # fmt: skip
        for note in notes(r):
            click.echo(f"note: {note}")
    click.echo(f"space: {c.space:.4g} mappings in {c.orders} loop orders of {c.searched} groups ({c.groups} could be"
               f" fused); evaluated {number(c.evaluated)}, solved exactly {number(c.solved)}")  # fmt: skip
    for rule, count in c.pruned.items():
        if count:
            click.echo(f"  pruned, {rule}: {count:.4g}")
    if best.report is not None:
        click.echo("optimal for this space" if best.complete else unproved(best))


def unproved(best: "Best") -> str:
    """Say how far from the best one a mapping may be, if the search was not completed."""
    unit = {"latency": "s", "energy": "J", "edp": "J s"}[best.objective]
    gap = f"{percent(1 - best.bound / best.value)} less" if best.value > 0 else "less"
    return (
        "not proved optimal: the search was not completed (Ctrl-C, or more --points are needed);"
        f" no mapping has less {best.objective} than {si(best.bound, unit)}, {gap}"
    )


def print_axes(axes: tuple[str, ...], rows: "list[tuple[tuple[str, ...], Searched]]") -> None:
    """Print one line for each machine."""
    columns = [*(a.partition("=")[0] for a in axes), ">latency", ">energy", ">far memory", ">area mm2", "utilization"]
    lines = []
    for point, (best, *_) in rows:
        values = [p.partition("=")[2] for p in point]
        if best.report is None:
            lines.append([*values, "does not fit", "", "", "", ""])
            continue
        r = best.report
        use = ", ".join(f"{a} {percent(float(u))}" for a, u in r.utilization.items())
        lines.append([*values, si(float(r.latency_s), "s"), si(float(r.energy_j), "J"),
                      binary(float(r.dram_traffic_bytes)), f"{float(r.area_mm2):.1f}", use])  # fmt: skip
    table(f"the best mapping of each, by {rows[0][1][0].objective}", columns, lines)


COMMANDS: tuple[click.Command, ...] = (map_,)
