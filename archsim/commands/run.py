"""`archsim run`: a cascade on tensors, against the dense reference."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archsim.commands.device import checked_device, device_option
from archsim.commands.progress import stages_shown
from archsim.show import (
    FiniteRange,
    binary,
    echo_json,
    fail,
    json_option,
    length,
    shape_option,
    table,
    user_errors,
    write_bytes,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from einsum_cascade import Cascade

    Array = NDArray[np.float64]

__all__ = ["COMMANDS", "read_tensors"]


def _split(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[str, int] | None:
    if text is None:
        return None
    rank, equals, size = text.partition("=")
    if not equals:
        raise click.BadParameter(f"{text}: expected RANK=SIZE such as P=1K")
    return rank.strip(), length(size.strip())


@click.command()
@click.argument("cascade", metavar="CASCADE")
@shape_option
@click.option("--check", "compare", is_flag=True, help="Compare with the dense reference; exit status 1 if it differs.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the random inputs.")
@click.option(
    "--scale", type=FiniteRange(), default=1.0, show_default=True, help="Factor on the scores of the random inputs."
)
@click.option("--xp", type=click.Choice(["numpy", "torch"]), default="numpy", show_default=True, help="Array library.")
@device_option
@click.option("--dtype", type=click.Choice(["float64", "float32"]), default="float64", show_default=True,
              help="Type of the random inputs, in which everything is computed.")  # fmt: skip
@click.option("--split", callback=_split, metavar="P=1K",
              help="Run so many coordinates of a rank at a time, queries for example: takes less memory.")  # fmt: skip
@click.option(
    "--input",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An .npz file with the input tensors, instead of random ones.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE.npz",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the outputs to this .npz file.",
)
@json_option
def run(
    cascade: str,
    sizes: Mapping[str, float],
    compare: bool,
    seed: int,
    scale: float,
    xp: str,
    device: str | None,
    dtype: str,
    split: tuple[str, int] | None,
    file: Path | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Run a cascade on tensors: random ones, or those of a file.

    \b
    Examples:
      archsim run attention_1pass --shape M=1024,P=16 --check
      archsim run attention_1pass --shape M=64K,P=64K --split P=4K
      archsim run attention_3pass --shape M=64K,P=4K --split P=256 --device cuda
    """
    from archsim.memory import memory_bounded
    from einsum_cascade import Cascade, load
    from einsum_cascade.reference import check, make_inputs

    with user_errors(), memory_bounded(device != "cuda"), stages_shown() as progress:
        loaded = load(Cascade, cascade)
        report: dict[str, object] = {"cascade": loaded.name}
        if compare:
            result = check(loaded, sizes, seed=seed, xp=xp, scale=scale)
            report |= {
                "error": result.error,
                "tolerance": result.tolerance,
                "output": result.worst_output,
                "largest_exp_argument": result.largest_exp_argument,
                "ok": result.error <= result.tolerance,
            }
        if output or not compare:
            tensors = read_tensors(file) if file else make_inputs(loaded, sizes, seed, scale)
            outputs, peak = _computed(loaded, tensors, sizes, "torch" if device else xp, device, dtype, split,
                                      progress)  # fmt: skip
            report["peak_memory_bytes"] = peak
            report["outputs"] = {
                n: {"shape": list(v.shape), "mean": float(v.mean()), "rms": float((v**2).mean() ** 0.5)}
                for n, v in outputs.items()
            }
            if output:
                write_tensors(output, outputs)
    if as_json:
        echo_json(report)
    else:
        print_run(report)
    if report.get("ok") is False:
        raise SystemExit(1)


def _computed(
    cascade: "Cascade", tensors: "Mapping[str, Array]", sizes: Mapping[str, float], library: str, device: str | None,
    dtype: str, split: tuple[str, int] | None, progress: Callable[[str, int, int], None],
) -> "tuple[dict[str, Array], int | None]":  # fmt: skip
    """Return the outputs of a cascade, and the peak of the memory it took in bytes, None where it is not known."""
    import numpy as np

    from archsim.memory import peak_memory
    from archsim.numerics.measure import Platform
    from einsum_cascade.interpret import run as interpret
    from einsum_cascade.interpret import run_split

    place = Platform(library=library, device=checked_device(device))
    arrays = {n: place.array(np.asarray(t), dtype == "float64")[1] for n, t in tensors.items()}
    with peak_memory(place.device if library == "torch" else "numpy") as peak:
        if split:
            rank, size = split
            what = f"{cascade.name}, coordinates of {rank}"
            found = run_split(cascade, arrays, rank=rank, size=size, sizes=sizes,
                              progress=lambda done, total: progress(what, done, total))  # fmt: skip
        else:
            found = interpret(cascade, arrays, sizes=sizes)
    return {n: np.asarray(getattr(v, "cpu", lambda v=v: v)()) for n, v in found.items()}, peak()


def print_run(report: Mapping[str, object]) -> None:
    """Print what `archsim run` found, for people."""
    if "error" in report:
        verdict = "agrees with" if report["ok"] else "DIFFERS from"
        click.echo(
            f"{report['cascade']} {verdict} the dense reference: largest relative error {report['error']:.3g}"
            f" (in {report['output']}; tolerance {report['tolerance']:g})"
        )
        if report["largest_exp_argument"] is not None:
            click.echo(f"largest argument of exp: {report['largest_exp_argument']:.4g}")
    if (peak := report.get("peak_memory_bytes")) is not None:
        click.echo(f"peak memory beside the inputs: {binary(float(str(peak)))}")
    outputs = report.get("outputs")
    if isinstance(outputs, dict):
        table(
            f"outputs of {report['cascade']}",
            ["tensor", "shape", ">mean", ">rms"],
            [[n, str(v["shape"]), f"{v['mean']:.6g}", f"{v['rms']:.6g}"] for n, v in outputs.items()],
        )


def read_tensors(file: Path) -> "dict[str, Array]":
    """Return the arrays of an .npz file. Raises SpecError if it is not one."""
    import zipfile

    import numpy as np

    try:
        with np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise fail(file, f"not an .npz file of arrays: {error}", hint="write it with numpy.savez") from None


def write_tensors(file: Path, tensors: "Mapping[str, Array]") -> None:
    """Write arrays to an .npz file, whole or not at all. Raises SpecError if the folder cannot be written."""
    import io

    import numpy as np

    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **tensors)
    write_bytes(file, stream.getvalue())


COMMANDS: tuple[click.Command, ...] = (run,)
