"""`archsim passes` and `archsim count`: what follows from a cascade alone."""

from collections.abc import Mapping
from pathlib import Path

import click

from archsim.show import echo_json, json_option, number, shape_option, table, user_errors

__all__ = ["COMMANDS"]


@click.command()
@click.argument("cascades", nargs=-1, metavar="[CASCADE]...")
@click.option("--rank", help="The rank or variable to analyse; by default the sequence rank.")
@click.option("--explain", is_flag=True, help="Say which dependency chain forces each pass and what must stay live.")
@shape_option
@json_option
def passes(
    cascades: tuple[str, ...], rank: str | None, explain: bool, sizes: Mapping[str, float], as_json: bool
) -> None:
    """Count the passes over a rank and what must stay live, for every mapping (default: all attention cascades).

    \b
    Example:
      archsim passes attention_3pass attention_1pass --explain
    """
    from einsum_cascade import Cascade, load
    from einsum_cascade.load import index
    from einsum_cascade.passes import explain as sentences
    from einsum_cascade.passes import passes as analyse

    chosen = cascades or tuple(
        n for n in index() if n.startswith("attention_") and not n.endswith(("causal", "prefill", "decode"))
    )
    with user_errors():
        results = [analyse(load(Cascade, name), rank, sizes) for name in chosen]
    if as_json:
        echo_json(results[0].as_json() if len(cascades) == 1 else {"cascades": [r.as_json() for r in results]})
        return
    rows = []
    for r in results:
        per = ", ".join(f"{t} {n}" for t, n in r.per_tensor.items())
        live = ", ".join(f"{t} {number(w)}" for t, w in r.live_words.items())
        total = number(sum(r.live_words.values()))
        independent = "yes" if r.sequence_independent else "no"
        rows.append([r.cascade, r.rank, str(r.passes), per, live, total, independent])
    table(
        "Passes over a rank, and the words that must stay live for one fiber (whatever the mapping)",
        ["cascade", "rank", ">passes", "per input", "live words", ">in all", "independent of the sequence"],
        rows,
    )
    if explain:
        for r in results:
            click.echo(f"{r.cascade}, rank {r.rank}:")
            for line in sentences(r):
                click.echo(f"  {line}")


@click.command()
@click.argument("cascade", metavar="CASCADE")
@shape_option
@click.option(
    "--input",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An .npz file with the input tensors: data-dependent Einsums are then counted exactly.",
)
@json_option
def count(cascade: str, sizes: Mapping[str, float], file: Path | None, as_json: bool) -> None:
    """Count operations, points and unique words exactly, for sizes as large as you like.

    \b
    Example:
      archsim count attention_1pass --shape M=1M,P=1M,E=64,F=64
    """
    from archsim.commands.run import read_tensors
    from einsum_cascade import Cascade, load
    from einsum_cascade.count import count as counted

    with user_errors():
        tensors = read_tensors(file) if file else None
        result = counted(load(Cascade, cascade), sizes, tensors)
    if as_json:
        echo_json(result.as_json())
        return
    shape = ", ".join(f"{n}={v}" for n, v in result.shape.items())
    histogram = [
        [e.einsum, number(e.points), ", ".join(f"{n} {number(v)}" for n, v in e.operations.items()) or "-"]
        for e in result.einsums
    ]
    total = ", ".join(f"{n} {number(v)}" for n, v in result.operations.items())
    table(
        f"{result.cascade}: operations at {shape}",
        ["Einsum", ">points", "operations"],
        [*histogram, ["all", number(sum(e.points for e in result.einsums)), total]],
    )
    table("unique words", ["tensor", ">words"], [[t, number(w)] for t, w in result.words.items()])
    click.echo(f"MACs {number(result.macs)}; inputs and outputs {number(result.unique_words)} words")
    for name, why in result.bounds.items():
        click.echo(f"not exact: {name}: {why}")


COMMANDS: tuple[click.Command, ...] = (passes, count)
