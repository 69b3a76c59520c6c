"""`archsim run`: a cascade on tensors, against the dense reference."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archsim.show import echo_json, fail, json_option, shape_option, table, user_errors, write_bytes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["COMMANDS", "read_tensors"]


@click.command()
@click.argument("cascade", metavar="CASCADE")
@shape_option
@click.option("--check", "compare", is_flag=True, help="Compare with the dense reference; exit status 1 if it differs.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the random inputs.")
@click.option("--scale", type=float, default=1.0, show_default=True, help="Factor on the scores of the random inputs.")
@click.option("--xp", type=click.Choice(["numpy", "torch"]), default="numpy", show_default=True, help="Array library.")
@click.option(
    "--input",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An .npz file with the input tensors, instead of random ones.",
)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the outputs to this .npz file.")
@json_option
def run(
    cascade: str,
    sizes: Mapping[str, float],
    compare: bool,
    seed: int,
    scale: float,
    xp: str,
    file: Path | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Run a cascade on tensors: random ones, or those of a file.

    \b
    Example:
      archsim run attention_1pass --shape M=1024,P=16 --check
    """
    import numpy as np

    from einsum_cascade import Cascade, load
    from einsum_cascade.interpret import run as interpret
    from einsum_cascade.reference import check, make_inputs

    with user_errors():
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
            outputs = {n: np.asarray(v) for n, v in interpret(loaded, tensors, sizes=sizes, xp=xp).items()}
            report["outputs"] = {
                n: {"shape": list(v.shape), "mean": float(v.mean()), "rms": float(np.sqrt((v**2).mean()))}
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
    outputs = report.get("outputs")
    if isinstance(outputs, dict):
        table(
            f"outputs of {report['cascade']}",
            ["tensor", "shape", ">mean", ">rms"],
            [[n, str(v["shape"]), f"{v['mean']:.6g}", f"{v['rms']:.6g}"] for n, v in outputs.items()],
        )


def read_tensors(file: Path) -> "dict[str, NDArray[np.float64]]":
    """Return the arrays of an .npz file. Raises SpecError if it is not one."""
    import zipfile

    import numpy as np

    try:
        with np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise fail(file, f"not an .npz file of arrays: {error}", hint="write it with numpy.savez") from None


def write_tensors(file: Path, tensors: "Mapping[str, NDArray[np.float64]]") -> None:
    """Write arrays to an .npz file, whole or not at all. Raises SpecError if the folder cannot be written."""
    import io

    import numpy as np

    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **tensors)
    write_bytes(file, stream.getvalue())


COMMANDS: tuple[click.Command, ...] = (run,)
