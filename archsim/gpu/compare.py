"""How far the model of a machine is from times that were measured on it."""

from collections.abc import Mapping as Dict
from dataclasses import dataclass

from archsim.design import Design
from archsim.gpu.points import BYTES, Measured, Point
from archsim.library import load
from archsim.mapping import Mapping
from archsim.model import evaluate
from archsim.workload import Workload
from einsum_cascade.cascade import Cascade

__all__ = ["Deviation", "compare", "measured_changes"]


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """A measured time, that of the fastest kernel, and the model's."""

    point: Point
    measured_s: float
    model_s: float

    @property
    def deviation(self) -> float:
        """The model's over the measured, less one."""
        return self.model_s / self.measured_s - 1


def measured_changes(design: Design, measured: Measured, dtype: str = "bf16") -> dict[str, str | float]:
    """Return what to replace in a design, path -> value, so that its roofline is the measured one.

    The farthest memory gets the bandwidth of the copy; the clock is such that the largest array makes the measured
    rate of a matrix product, a multiply-accumulate a lane and cycle.
    """
    changes: dict[str, str | float] = {}
    if measured.bytes_per_s is not None:
        changes[f"memories.{next(iter(design.memories))}.bandwidth"] = f"{measured.bytes_per_s:.6g} B/s"
    if dtype in measured.flops_per_s:
        lanes = max(float(a.lanes) for a in design.arrays.values())
        changes["clock"] = f"{measured.flops_per_s[dtype] / 2 / lanes:.6g} Hz"
    return changes


def compare(
    measured: Measured, mapping: str, changes: Dict[str, str | float] | None = None, dtype: str = "bf16"
) -> list[Deviation]:
    """Return the measured times beside the model's, of the points without a mask (the model has none) in a type.

    Parameters
    ----------
    mapping : a name or a file; its own design is the model of the device
    changes : path -> value, replaced in the design, for example `measured_changes`

    Raises SpecError: an unknown mapping or path, or documents that do not fit.
    """
    best: dict[Point, tuple[float, Point]] = {}
    for timing in measured.timings:
        p = timing.point
        if timing.seconds is None or p.causal or p.dtype != dtype:
            continue
        key = Point(backend="", dtype=dtype, length=p.length, batch=p.batch, heads=p.heads, head_dim=p.head_dim,
                    causal=False)  # fmt: skip
        if key not in best or timing.seconds < best[key][0]:
            best[key] = (float(timing.seconds), p)
    loaded = load(Mapping, mapping)
    design, cascade = load(Design, loaded.design, dict(changes or {})), load(Cascade, loaded.cascade)
    result = []
    for seconds, p in best.values():
        workload = Workload(name="measured", batch=p.batch, heads=p.heads, head_dim=p.head_dim,
                            sequence_length=p.length, word_bits=8 * BYTES[dtype])  # fmt: skip
        model = evaluate(cascade, workload, loaded, design)
        result.append(Deviation(point=p, measured_s=seconds, model_s=float(model.latency_s)))
    return result
