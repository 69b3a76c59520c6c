"""`archsim numerics-pruning`: what pruning and keys of fewer bits do to the output."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from archsim.commands.numerics import machine_of
from archsim.commands.options import named
from archsim.commands.progress import stages_shown
from archsim.show import echo_json, json_option, length, table, user_errors

if TYPE_CHECKING:
    from archsim.numerics.pruned import Pruned

__all__ = ["COMMANDS"]


def _vary(_context: click.Context, _option: click.Parameter, values: Sequence[str]) -> Mapping[str, list[str]]:
    result: dict[str, list[str]] = {}
    for text in values:
        name, equals, rest = text.partition("=")
        found = [v.strip() for v in rest.split(",") if v.strip()]
        if not equals or not found:
            raise click.BadParameter(f"{text}: expected NAME=VALUE,... such as J=M,M//2")
        result[name.strip()] = found
    return result


def _bits(_context: click.Context, _option: click.Parameter, text: str) -> list[tuple[int, int]]:
    result = []
    for part in text.split(","):
        high, plus, low = part.strip().partition("+")
        if not (plus and high.isdigit() and low.isdigit() and int(high) >= 2 and int(high) + int(low) <= 24):
            raise click.BadParameter(f"{part}: expected high and low bits such as 8+4, 24 at most")
        result.append((int(high), int(low)))
    return result


@click.command("numerics-pruning")
@click.option("-c", "--cascade", required=True, metavar="CASCADE",
              help="Its inputs are among Q, K or KH and KL, V of several heads, IMP and HIMP.")  # fmt: skip
@click.option("-d", "--design", metavar="DESIGN", help="The machine whose `numerics:` say where it rounds.")
@click.option("--vary", multiple=True, callback=_vary, metavar="NAME=VALUE,...",
              help="Values of a rank or parameter, expressions over others; may be given several times.")  # fmt: skip
@click.option("--bits", default="8+4", show_default=True, callback=_bits, metavar="8+4,6+4",
              help="High and low bits of keys that come as KH and KL.")  # fmt: skip
@click.option("--formats", callback=named, metavar="fp32,int12,...", help="Words; by default the design's, or fp32.")
@click.option("--tokens", type=length, default="256", show_default=True, metavar="N", help="Keys.")
@click.option("--queries", type=length, default="64", show_default=True, metavar="N", help="Queries.")
@click.option("--heads", type=click.IntRange(1), default=12, show_default=True, help="Heads.")
@click.option("--head-dim", type=click.IntRange(2), default=64, show_default=True, help="Head size.")
@click.option("--inputs", "kind", default="trace", show_default=True, metavar="KIND", help="normal, heavy or trace.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the inputs.")
@json_option
def numerics_pruning(
    cascade: str, design: str | None, vary: Mapping[str, list[str]], bits: list[tuple[int, int]], formats: list[str],
    tokens: int, queries: int, heads: int, head_dim: int, kind: str, seed: int, as_json: bool,
) -> None:  # fmt: skip
    """Compare a pruning cascade with full attention in float64, over kept tokens, thresholds and bits.

    Beside the errors stands the share of the points of each Einsum whose condition depends on data: of low bits that
    are fetched for some queries only, how many.

    \b
    Examples:
      archsim numerics-pruning -c spatten_layer --vary J=M,M*7//10,M//2 --formats fp32,int12
      archsim numerics-pruning -c spatten_layer --vary T=J,J//5 --json
    """
    from dataclasses import asdict

    from archsim.memory import memory_bounded
    from archsim.numerics.campaign import check_rules
    from archsim.numerics.pruned import measure_pruned, pruning_layer, settings
    from einsum_cascade import Cascade, load

    found: list[tuple[str, Pruned]] = []
    with user_errors(), memory_bounded(), stages_shown() as progress:
        loaded, machine = load(Cascade, cascade), machine_of(design)
        check_rules(machine, [loaded])
        split = bits if "KH" in loaded.inputs else bits[:1]
        for high, low in split:
            layer = pruning_layer(loaded, kind, heads=heads, tokens=tokens, queries=queries, head=head_dim, seed=seed,
                                  high=high, low=low)  # fmt: skip
            label = f"{high}+{low}" if "KH" in loaded.inputs else ""
            cases = [(machine.using(f), s) for f in formats or [""] for s in settings(loaded, layer, vary)]
            for done, (numerics, setting) in enumerate(cases):
                progress(f"settings {label}".strip(), done, len(cases))
                found.append((label, measure_pruned(loaded, numerics, layer, setting)))
            progress(f"settings {label}".strip(), len(cases), len(cases))
    if as_json:
        echo_json({"cascade": loaded.name, "inputs": kind, "tokens": tokens, "queries": queries, "heads": heads,
                   "seed": seed, "measurements": [{"bits": label, **asdict(p)} for label, p in found]})  # fmt: skip
    else:
        print_pruned(list(vary), found)


def print_pruned(varied: list[str], found: "list[tuple[str, Pruned]]") -> None:
    """Print a row a setting."""
    shares = list(dict.fromkeys(name for _, p in found for name in p.kept))
    labelled = any(label for label, _ in found)
    rows = []
    for label, p in found:
        errors = ["-" if e is None else f"{e:.2e}" for e in (p.error_max, p.error_rms)]
        rows.append([*([label] if labelled else []), p.format, *(f"{p.setting[v]:g}" for v in varied), *errors,
                     f"{p.lost} of {p.queries}", *(f"{p.kept[s]:.1%}" for s in shares)])  # fmt: skip
    columns = [*(["key bits"] if labelled else []), "word", *(f">{v}" for v in varied), ">max error", ">RMS error",
               ">queries lost", *(f">of {s}" for s in shares)]  # fmt: skip
    table("against full attention in float64", columns, rows)


COMMANDS: tuple[click.Command, ...] = (numerics_pruning,)
