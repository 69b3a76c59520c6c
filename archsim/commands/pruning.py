"""`archsim pruning`: what a pruning schedule or a trace keeps, layer by layer."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from archsim.commands.options import plot_option
from archsim.show import FiniteRange, echo_json, fail, json_option, length, number, percent, table, user_errors

if TYPE_CHECKING:
    from archsim.prune.pruning import Pruning

__all__ = ["COMMANDS", "find_pruning"]


@click.command()
@click.argument("source", metavar="[NAME|FILE.yaml|FILE.csv]", required=False)
@click.option("-s", "--tokens", type=length, metavar="LENGTH", help="Tokens of a schedule, instead of the file's.")
@click.option("--bits", type=FiniteRange(min=1), default=16, show_default=True,
              help="Width of the dense words that the table compares with.")  # fmt: skip
@plot_option("Draw the layers into")
@json_option
def pruning(source: str | None, tokens: int | None, bits: float, picture: Path | None, as_json: bool) -> None:
    """Show what cascade pruning keeps, layer by layer: a schedule by name or file, a trace (.csv), or SUITE#BENCHMARK.

    Without an argument: the schedules that come with archsim. A trace has one row an (iteration, layer, head), with the
    columns of SpAtten's artifact.

    \b
    Examples:
      archsim pruning gpt2_small_wikitext2
      archsim pruning trace.csv --bits 32 --plot kept.svg
    """
    with user_errors():
        if source is None:
            _list(as_json)
            return
        found = find_pruning(source, tokens)
        if picture is not None:
            from archsim.prune.plot import draw

            draw(found, bits, picture)
    if as_json:
        dense = {"dense_bytes": float(found.dense_bytes(bits).sum()), "dense_bits": bits}
        echo_json({**found.summary(), **dense, "by_layer": found.by_layer(bits)})
        return
    _print(found, bits)


def find_pruning(source: str, tokens: int | None = None) -> "Pruning":
    """Return the points of a schedule by name or file, or those of a trace.

    Raises SpecError: nothing of that name, or every mistake of the file.
    """
    from archsim.prune.schedule import find_schedule
    from archsim.prune.suite import find_benchmark
    from archsim.prune.trace import read_trace

    if "#" in source and tokens is None:
        return find_benchmark(source)
    if Path(source).suffix != ".csv":
        return find_schedule(source, tokens)
    if tokens is not None:
        raise fail(source, "a trace has its own numbers of tokens", hint="leave --tokens out")
    return read_trace(Path(source))


def _list(as_json: bool) -> None:
    from archsim.prune.schedule import find_schedule, names

    rows = [find_schedule(name).summary() for name in names()]
    if as_json:
        echo_json({"schedules": rows})
        return
    cells = [[str(r["name"]), str(r["layers"]), f"{r['elements_ratio']:.3g}x", str(r["source"])] for r in rows]
    table("pruning schedules", ["name", ">layers", ">elements fetched", "source"], cells)


def _print(found: "Pruning", bits: float) -> None:
    rows = [
        [
            str(r["layer"]), number(round(r["tokens"], 1)), number(round(r["keys"], 1)), number(round(r["values"], 1)),
            f"{r['heads']:g} of {r['dense_heads']:g}", percent(r["refetched"]), number(round(r["fetched_bytes"])),
            f"{r['dense_bytes'] / r['fetched_bytes']:.2f}x",
        ]
        for r in found.by_layer(bits)
    ]  # fmt: skip
    base = f"dense {bits:g}-bit"
    columns = ["layer", ">tokens", ">live keys", ">values", ">live heads", ">rows with low bits", ">bytes fetched",
               f">less than {base}"]  # fmt: skip
    table(f"{found.name}: what each layer keeps, means over its {len(found):,} points", columns, rows)
    click.echo(f"elements fetched: {found.elements_ratio():.2f}x fewer than without pruning")
    for width in dict.fromkeys((bits, 16.0, 32.0)):
        click.echo(f"bytes fetched: {found.bytes_ratio(width):.1f}x fewer than dense {width:g}-bit words")
    click.echo(f"low bits: {percent(found.refetched_rows)} of the rows, {percent(found.refetched_keys)} of the keys")
    click.echo(f"source: {found.source}")


COMMANDS: tuple[click.Command, ...] = (pruning,)
