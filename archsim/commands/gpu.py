"""`archsim gpu measure`: how fast attention is on a GPU."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archsim.commands.device import checked_device
from archsim.commands.options import listed_lengths, named, typed
from archsim.commands.progress import stages_shown
from archsim.show import echo_json, fail, json_option, length, si, table, user_errors, write_text

if TYPE_CHECKING:
    from archsim.gpu.points import Measured, Point

__all__ = ["COMMANDS"]

LENGTHS = {"cuda": "1K,2K,4K,8K,16K,32K,64K", "cpu": "64,128"}


@click.group()
def gpu() -> None:
    """Measure attention on a GPU, to compare the model of it with.

    \b
    Example:
      archsim gpu measure -o h200.json --json
    """


@gpu.command()
@click.option("-o", "--output", "file", required=True, type=click.Path(dir_okay=False, path_type=Path),
              help="The file of measurements (JSON). If it exists, what it lacks is measured and added.")  # fmt: skip
@click.option("--device", type=click.Choice(["cuda", "cpu"]), default="cuda", show_default=True,
              help="cpu tries the command out; its times are of no use.")  # fmt: skip
@click.option(
    "--lengths", callback=listed_lengths, metavar="1K,...", help="Queries and keys; by default 1K to 64K (cuda)."
)
@click.option(
    "--batches", default="1,16", show_default=True, callback=listed_lengths, metavar="1,16", help="Batch sizes."
)
@click.option("--heads", default="16", show_default=True, callback=listed_lengths, metavar="16", help="Heads.")
@click.option(
    "--head-dims", default="64,128", show_default=True, callback=listed_lengths, metavar="64,...", help="Head sizes."
)
@click.option("--dtypes", default="bf16,fp32", show_default=True, callback=named, metavar="bf16,...", help="Types.")
@json_option
def measure(
    file: Path, device: str, lengths: list[int], batches: list[int], heads: list[int], head_dims: list[int],
    dtypes: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Time torch's attention kernels (math, flash, efficient), with a causal mask and without, and the roofline.

    The file is written after every point; the same command goes on where it stopped.

    \b
    Examples:
      archsim gpu measure -o h200.json
      archsim gpu measure -o try.json --device cpu --lengths 64 --batches 1
    """
    from dataclasses import asdict

    from archsim.gpu.points import DTYPES, grid

    with user_errors(), stages_shown() as progress:
        wrong = [d for d in dtypes if d not in DTYPES]
        if wrong:
            raise fail("--dtypes", f"there is no type {wrong[0]}", "one of " + ", ".join(DTYPES))
        checked_device(device)
        chosen = lengths or [length(n) for n in LENGTHS[device].split(",")]
        points = list(grid(chosen, batches, heads, head_dims, dtypes))
        measured = run_points(file, device, points, progress, typed())
    if as_json:
        echo_json({"file": str(file), **asdict(measured)})
        return
    print_measured(measured)


def run_points(
    file: Path, device: str, points: "list[Point]", progress: Callable[[str, int, int], None], command: str = ""
) -> "Measured":  # fmt: skip
    """Measure the points that the file lacks, and write it after each, with the date and the `command`.

    Raises SpecError: the file is of another device or of other versions, it cannot be written, or the device failed.
    """
    from datetime import UTC, datetime

    from archsim.gpu.attention import describe, roofline, time_point
    from archsim.gpu.points import Measured, Session, read_measured, text_of

    name, software = describe(device)
    measured = Measured(device=name, software=software)
    if file.exists():
        measured = read_measured(file)
        if (measured.device, measured.software) != (name, software):
            message = f"it was measured on {measured.device} with {measured.software}"
            raise fail(file, message, f"{name} with {software}", "choose another file")
    done = {t.point for t in measured.timings}
    left = [p for p in points if p not in done]
    if left or measured.bytes_per_s is None:
        session = Session(date=datetime.now(UTC).isoformat(timespec="seconds"), command=command)
        measured = replace(measured, sessions=[*measured.sessions, session])
    try:
        if measured.bytes_per_s is None:
            rates, bandwidth = roofline(device, *((8192, 2**28) if device == "cuda" else (256, 2**22)))
            measured = replace(measured, flops_per_s=rates, bytes_per_s=bandwidth)
            write_text(file, text_of(measured))
        for i, point in enumerate(left):
            progress("points", i, len(left))
            measured = replace(measured, timings=[*measured.timings, time_point(point, device)])
            write_text(file, text_of(measured))
    except RuntimeError as problem:
        text = str(problem).strip().splitlines()[0]
        hint = "the same command goes on after the last point that is in the file"
        raise fail(file, f"the device failed: {text}", hint=hint) from None
    progress("points", len(left), max(1, len(left)))
    return measured


def print_measured(measured: "Measured") -> None:
    """Print the roofline and a row a point."""
    click.echo(", ".join([measured.device, measured.software, *(s.date for s in measured.sessions[-1:])]))
    rates = ", ".join(f"{d} {si(r, 'FLOP/s')}" for d, r in measured.flops_per_s.items())
    click.echo(f"matrix product: {rates}; copy: {si(measured.bytes_per_s or 0, 'B/s')}")
    rows = []
    for t in measured.timings:
        p = t.point
        cells = [p.backend, p.dtype, f"{p.length:,}", str(p.batch), str(p.heads), str(p.head_dim),
                 "causal" if p.causal else "full"]  # fmt: skip
        if t.seconds is None:
            rows.append([*cells, "-", "-", "-", "-", t.why])
        else:
            rows.append([*cells, si(t.seconds, "s"), si(t.flops_per_s or 0, "FLOP/s"), si(t.bytes_per_s or 0, "B/s"),
                         f"{t.error:.2e}", ""])  # fmt: skip
    columns = ["kernel", "type", ">tokens", ">batch", ">heads", ">size", "mask", ">time", ">rate", ">compulsory bytes",
               ">error", ""]  # fmt: skip
    table("scaled dot product attention", columns, rows)


COMMANDS: tuple[click.Command, ...] = (gpu,)
