"""`archsim numerics`: what a machine's number formats do to a cascade."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archsim.commands.device import checked_device, device_option
from archsim.commands.options import listed_lengths, named, plot_option
from archsim.commands.progress import stages_shown
from archsim.show import FiniteRange, echo_json, fail, json_option, length, table, user_errors

if TYPE_CHECKING:
    from archsim.numerics.inputs import Tensors
    from archsim.numerics.measure import Measurement
    from einsum_cascade.numerics.rules import Numerics

__all__ = ["COMMANDS", "machine_of"]


@click.command()
@click.option("-c", "--cascades", required=True, callback=named, metavar="CASCADE,...",
              help="Cascades with inputs Q, K, V and the output AV; * and ? stand for any letters.")  # fmt: skip
@click.option("-d", "--design", metavar="DESIGN", help="The machine whose `numerics:` say where it rounds; by default"
              " every tensor is a word and sums are fp32.")  # fmt: skip
@click.option("--lengths", callback=listed_lengths, metavar="1K,4K,...",
              help="Keys; by default 4K, or as many as the .npz file holds.")  # fmt: skip
@click.option("--inputs", "kind", default="normal", show_default=True, metavar="KIND",
              help="normal, heavy (outliers), trace (a model of trained scores), or an .npz file with Q (E, P),"
              " K (E, M) and V (F, M), scores Q.K.")  # fmt: skip
@click.option("--formats", callback=named, metavar="fp32,bf16,...",
              help="Words: fp32, tf32, bf16, fp16, e4m3, e5m2, int8, int12, q4.8, ...;"
              " by default the design's.")  # fmt: skip
@click.option("--exp", "units", callback=named, metavar="exact,poly5,...",
              help="Exponential units: exact, poly3 ... poly7, taylor5, table64, ...;"
              " by default the design's.")  # fmt: skip
@click.option("--accumulate", default="", metavar="FORMAT",
              help="Format of sums, instead of the design's; exact: rounded when they are finished.")  # fmt: skip
@click.option("--block", type=click.IntRange(0), default=0, metavar="N", help="Products that are added up before the"
              " accumulator is rounded, instead of the design's.")  # fmt: skip
@click.option("--scale", type=FiniteRange(), default=1.0, show_default=True, help="Factor on the scores.")
@click.option("--queries", type=length, default="256", show_default=True, metavar="N", help="Queries: the last ones.")
@click.option("--rows", type=click.IntRange(0), default=16, show_default=True,
              help="Queries of which the weights are measured; 0 is much quicker for long sequences.")  # fmt: skip
@click.option("--head-dim", type=click.IntRange(2), default=64, show_default=True, help="Head size.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the random inputs.")
@device_option
@plot_option("Draw a figure into")
@json_option
def numerics(
    cascades: tuple[str, ...], design: str | None, lengths: list[int], kind: str, formats: tuple[str, ...],
    units: tuple[str, ...],
    accumulate: str, block: int, scale: float, queries: int, rows: int, head_dim: int, seed: int, device: str | None,
    picture: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Compare cascades in a machine's number formats with float64 on the same rounded inputs.

    A row a cascade, format, exponential unit and length: the error of the output, the divergence of the attention
    weights, values that overflowed or became zero, and queries that lost all weight or became undefined. What is
    modelled stands in archsim/numerics/README.md.

    \b
    Examples:
      archsim numerics -c attention_1pass,attention_3pass -d fusemax --formats fp32,bf16,fp16,e4m3,int8
      archsim numerics -c 'attention_*pass' -d fusemax --scale 12 --exp exact,poly3,poly5 --plot errors.png
    """
    if picture is not None and not picture.parent.is_dir():
        raise click.BadParameter(f"there is no folder {picture.parent}")  # known before the long work
    if lengths and kind.endswith(".npz"):
        raise click.BadParameter(f"--lengths does not go with {kind}, which has a length of its own")
    from archsim.memory import memory_bounded
    from archsim.numerics.campaign import Campaign, check_rules, chosen, run_campaign
    from archsim.numerics.measure import Platform

    with user_errors(), memory_bounded(device != "cuda"), stages_shown() as progress:
        machine = machine_of(design)
        variants = [machine.using(f, u, accumulate, block) for f in formats or [""] for u in units or [""]]
        place = Platform(library="torch" if device else "numpy", device=checked_device(device))
        given = _inputs(kind, queries, head_dim, seed, scale)
        campaign = Campaign(cascades=chosen(cascades), numerics=tuple(variants), inputs=given, rows=rows, place=place,
                            lengths=(None,) if kind.endswith(".npz") else tuple(lengths or [4096]))  # fmt: skip
        check_rules(machine, campaign.cascades)
        found = run_campaign(campaign, progress)
        if picture is not None:
            from archsim.numerics.chart import draw_measurements

            what = f"{design or 'words everywhere'}, {kind} inputs" + (f", scores times {scale:g}" * (scale != 1))
            draw_measurements(found, f"Against float64 on the rounded inputs\n{what}", picture)
    if as_json:
        echo_json({"design": design, "inputs": kind, "scale": scale, "head_dim": head_dim, "seed": seed,
                   "source": machine.source, "device": device or "cpu", "library": place.library,
                   "measurements": [asdict(m) for m in found]})  # fmt: skip
    else:
        print_measurements(found)


def machine_of(design: str | None) -> "Numerics":
    """Return the numerics of a design, those of fp32 for None. Raises SpecError: no such design, or it says none."""
    from archsim.design import Design
    from archsim.library import load
    from einsum_cascade.numerics.rules import plain

    if design is None:
        return plain("fp32")
    found = load(Design, design).numerics
    if found is None:
        raise fail(
            f"design {design}", "it says no number formats", hint="write them as numerics: {...}, or leave -d out"
        )
    return found


def _inputs(kind: str, queries: int, head: int, seed: int, scale: float) -> "Callable[[int | None], Tensors]":
    from archsim.commands.run import read_tensors as read_archive
    from archsim.numerics.inputs import make_tensors, read_tensors

    if kind.endswith(".npz"):
        file = Path(kind)
        tensors = read_tensors(read_archive(file), file, queries, scale)
        return lambda _: tensors
    make_tensors(kind, 2, 1, head)  # an unknown kind is refused before anything runs
    return lambda keys: make_tensors(kind, keys or 0, min(queries, keys or 0), head, seed, scale)


def print_measurements(found: "list[Measurement]") -> None:
    """Print a row a measurement."""

    def short(value: float | None) -> str:
        return "-" if value is None else f"{value:.2e}"

    rows = [
        [m.cascade, m.format, m.exponential, f"{m.length:,}", short(m.error_max), short(m.error_rms), short(m.kl_mean),
         short(m.kl_max), short(m.mass), f"{m.overflow:,}", f"{m.underflow:,}", f"{m.lost} of {m.queries}"]
        for m in found
    ]  # fmt: skip
    columns = ["cascade", "word", "exp", ">keys", ">max error", ">RMS error", ">mean KL", ">max KL", ">weight sum - 1",
               ">overflows", ">underflows", ">queries lost"]  # fmt: skip
    table("against float64 on the rounded inputs", columns, rows)


COMMANDS: tuple[click.Command, ...] = (numerics,)
