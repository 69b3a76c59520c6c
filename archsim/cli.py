"""The command `archsim`. Every command imports what it needs when it runs, so that the help is instant."""

from collections.abc import Mapping
from pathlib import Path

import click

from archsim import __version__
from archsim.show import echo_json, number, shape_option, table, user_errors

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
cascade_argument = click.argument("cascade", metavar="CASCADE")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="archsim")
def main() -> None:
    """Simulate hardware accelerators for attention algorithms written as cascades of extended Einsums.

    CASCADE is a name that `archsim list` shows, or the path of a .yaml file (FILE.yaml#NAME where it holds several).
    """


@main.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the cascades, designs, mappings and workloads that come with archsim."""
    from archsim.paths import DATA_FOLDERS, data_folder
    from einsum_cascade.load import FOLDER, index, read_file

    with user_errors():
        files = sorted(set(index().values()))
        cascades = [c for file in files for c in read_file(file)]
    found = {kind: sorted(f.stem for f in data_folder(kind).glob("*.yaml")) for kind in DATA_FOLDERS}
    if as_json:
        echo_json(
            {
                "cascades": [{"name": c.name, "description": c.description, "source": c.source} for c in cascades],
                **found,
            }
        )
        return
    table(
        f"cascades ({FOLDER.name}/)",
        ["name", "what it computes", "source"],
        [[c.name, c.description, c.source] for c in cascades],
    )
    for kind, names in found.items():
        if names:
            table(kind, ["name"], [[n] for n in names])


@main.command()
@click.argument("cascades", nargs=-1, metavar="[CASCADE]...")
@click.option("--rank", help="The rank or variable to analyse; by default the sequence rank.")
@click.option("--explain", is_flag=True, help="Say which dependency chain forces each pass and what must stay live.")
@shape_option
@json_option
def passes(
    cascades: tuple[str, ...], rank: str | None, explain: bool, sizes: Mapping[str, float], as_json: bool
) -> None:
    """Count the passes over a rank and what must stay live, for every mapping (default: all attention cascades)."""
    from einsum_cascade.passes import explain as sentences
    from einsum_cascade.passes import passes as analyse

    from einsum_cascade import Cascade, load
    from einsum_cascade.load import index

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
        rows.append(
            [
                r.cascade,
                r.rank,
                str(r.passes),
                per,
                live,
                number(sum(r.live_words.values())),
                "yes" if r.sequence_independent else "no",
            ]
        )
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


@main.command()
@cascade_argument
@shape_option
@click.option(
    "--input",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An .npz file with the input tensors: data-dependent Einsums are then counted exactly.",
)
@json_option
def count(cascade: str, sizes: Mapping[str, float], file: Path | None, as_json: bool) -> None:
    """Count operations, points and unique words exactly, for sizes as large as you like."""
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


@main.command()
@cascade_argument
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
    """Run a cascade on tensors: random ones, or those of a file."""
    import numpy as np
    from einsum_cascade.interpret import run as interpret
    from einsum_cascade.reference import check, make_inputs

    from einsum_cascade import Cascade, load

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


def read_tensors(file: Path) -> dict[str, object]:
    """Return the arrays of an .npz file. Raises SpecError if it is not one."""
    import numpy as np

    from einsum_cascade.errors import Diagnostic, Place, SpecError

    try:
        with np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, AttributeError, EOFError) as error:
        message = f"not an .npz file of arrays: {error}"
        raise SpecError(
            [Diagnostic(place=Place(file=str(file)), message=message, hint="write it with numpy.savez")]
        ) from None


def write_tensors(file: Path, tensors: Mapping[str, object]) -> None:
    """Write arrays to an .npz file, whole or not at all. Raises SpecError if the folder cannot be written."""
    import os
    import tempfile

    import numpy as np

    from einsum_cascade.errors import Diagnostic, Place, SpecError

    try:
        with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".npz", delete=False) as temporary:
            np.savez(temporary, **{n: np.asarray(v) for n, v in tensors.items()})  # type: ignore[arg-type]
        os.replace(temporary.name, file)
    except OSError as error:
        message = f"cannot be written: {error.strerror}"
        raise SpecError([Diagnostic(place=Place(file=str(file)), message=message)]) from None
