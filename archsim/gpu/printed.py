"""What `archsim validate --measured` prints."""

from dataclasses import asdict
from pathlib import Path

import click

from archsim.design import Design
from archsim.gpu.compare import compare, measured_changes
from archsim.gpu.points import read_measured
from archsim.library import load
from archsim.mapping import Mapping
from archsim.show import echo_json, fail, si, table, user_errors

__all__ = ["validate_measured"]


def validate_measured(file: Path, mapping: str | None, as_json: bool) -> None:
    """Print how far the model of a machine is from measured times, with the design's roofline and the measured one."""
    with user_errors():
        measured = read_measured(file)
        if mapping is None:
            raise fail(
                "--measured", "it is not said what to compare with", "-m MAPPING", "`archsim list` shows mappings"
            )
        changes = measured_changes(load(Design, load(Mapping, mapping).design), measured)
        stated, adapted = compare(measured, mapping), compare(measured, mapping, changes)
        if not stated:
            expected = "a bf16 point without a mask that ran"
            raise fail(file, "it holds nothing to compare with", expected, "archsim gpu measure --dtypes bf16")
    if as_json:
        points = [
            {**asdict(s.point), "measured_s": s.measured_s, "model_s": s.model_s, "deviation": s.deviation,
             "model_measured_roofline_s": a.model_s, "deviation_measured_roofline": a.deviation}
            for s, a in zip(stated, adapted, strict=True)
        ]  # fmt: skip
        echo_json({"device": measured.device, "mapping": mapping, "changes": changes, "points": points})
        return
    rows = [
        [s.point.backend, f"{s.point.length:,}", str(s.point.batch), str(s.point.heads), str(s.point.head_dim),
         si(s.measured_s, "s"), si(s.model_s, "s"), f"{s.deviation:+.1%}", si(a.model_s, "s"), f"{a.deviation:+.1%}"]
        for s, a in zip(stated, adapted, strict=True)
    ]  # fmt: skip
    columns = ["fastest kernel", ">tokens", ">batch", ">heads", ">size", ">measured", ">model", ">deviation",
               ">model, measured roofline", ">deviation"]  # fmt: skip
    table(f"{mapping} against {measured.device}, bf16, no mask", columns, rows)
    click.echo("measured roofline: " + ", ".join(f"{k} {v}" for k, v in changes.items()))
