"""Time torch's scaled dot product attention, point by point, on a CUDA device or, to try things out, on the processor.

No point is reported that did not run: a kernel that the device lacks, or that does not fit, says why. A run follows the
one before on the same inputs: those of a short point lie in the caches by then.
"""

import math
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from archsim.gpu.points import DTYPES, Point, Timing
from archsim.prune.scores import attention_map

if TYPE_CHECKING:
    import torch

__all__ = ["describe", "roofline", "time_point"]

BURST = 5e-3  # seconds of runs that are timed at once
MOST = 200  # runs of a burst
ENOUGH = 0.3  # seconds of runs after which the median is taken
LONG = 1.0  # seconds of a run beyond which the second one is the measurement
CHECKED = 32  # queries that are compared with float64


def describe(device: str) -> tuple[str, str]:
    """Return the name of a device, and the versions of what computes there."""
    import platform

    import torch

    if device == "cuda":
        return torch.cuda.get_device_name(), f"torch {torch.__version__}, CUDA {torch.version.cuda}"
    return f"cpu ({platform.machine()}, {torch.get_num_threads()} threads)", f"torch {torch.__version__}"


def _burst(run: Callable[[], object], device: str, count: int) -> float:
    """Return the seconds of a run, of `count` that are queued one behind the other."""
    import torch

    if device != "cuda":
        start = time.perf_counter()
        for _ in range(count):
            run()
        return (time.perf_counter() - start) / count
    first, last = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    first.record()
    for _ in range(count):
        run()
    last.record()
    last.synchronize()
    return float(first.elapsed_time(last)) * 1e-3 / count


def _timed(run: Callable[[], object], device: str) -> tuple[float, int]:
    """Return the median time of a run in seconds, and how many runs were made; the first two count only if long.

    Short runs are timed in bursts of `BURST`, so that it shows little that the processor takes time to start the first.
    Where starting a kernel takes longer than the kernel, the time is that of starting.
    """
    _burst(run, device, 1)
    second = _burst(run, device, 1)
    if second > LONG:
        return second, 1
    count = min(MOST, max(1, math.ceil(BURST / max(second, 1e-9))))
    times: list[float] = []
    while len(times) < 3 or (sum(times) * count < ENOUGH and len(times) < 200):
        times.append(_burst(run, device, count))
    return statistics.median(times), len(times) * count


def roofline(device: str, side: int, elements: int) -> tuple[dict[str, float], float]:
    """Return the rates of a square matrix product (dtype -> FLOP/s) and of a copy (bytes/s, read and write).

    Parameters
    ----------
    side : of the matrices; 8192 fills a large GPU
    elements : of the copy, 4 bytes each
    """
    import torch

    rates = {}
    for name in DTYPES if device == "cuda" else ("bf16", "fp32"):
        kind = getattr(torch, DTYPES[name])
        a, b = (torch.randn(side, side, device=device).to(kind) for _ in range(2))
        rates[name] = 2 * side**3 / _timed(lambda a=a, b=b: a @ b, device)[0]  # type: ignore[misc]
    source = torch.zeros(elements, device=device)
    into = torch.empty_like(source)
    return rates, 8 * elements / _timed(lambda: into.copy_(source), device)[0]


def time_point(point: Point, device: str, seed: int = 0) -> Timing:
    """Return what a point takes on a device, or why it does not run there.

    Raises RuntimeError where the device itself fails: nothing that it does afterwards would mean anything.
    """
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel

    backend = {"math": SDPBackend.MATH, "flash": SDPBackend.FLASH_ATTENTION,
               "efficient": SDPBackend.EFFICIENT_ATTENTION}[point.backend]  # fmt: skip
    generator = torch.Generator(device=device).manual_seed(seed)
    size = (point.batch, point.heads, point.length, point.head_dim)
    why = _too_large(point, device)
    if why:
        return Timing(point=point, why=why)
    with torch.no_grad(), sdpa_kernel([backend]), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")  # by warnings torch says why it has no kernel
        try:
            q, k, v = (torch.randn(size, generator=generator, device=device).to(getattr(torch, DTYPES[point.dtype]))
                       for _ in range(3))  # fmt: skip

            def run() -> "torch.Tensor":
                return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=point.causal)

            error = _error(run(), q, k, v, point.causal)
            seconds, runs = _timed(run, device)
        except RuntimeError as problem:
            return Timing(point=point, why=_reason(problem, [str(w.message) for w in said]))
    return Timing(point=point, seconds=seconds, runs=runs, flops_per_s=point.flops / seconds,
                  bytes_per_s=point.bytes / seconds, error=error)  # fmt: skip


NO_KERNEL = ("No viable backend", "No available kernel")
NO_MEMORY = ("out of memory", "can't allocate memory")


def _reason(problem: RuntimeError, said: Sequence[str]) -> str:
    """Return why a point does not run. Raises the problem again where it is not one of the point."""
    text = str(problem).strip().splitlines()[0]
    if any(t in text for t in NO_MEMORY):
        return f"out of memory: {text}"
    if not any(t in text for t in NO_KERNEL):
        raise problem
    # torch names every kernel that it does not use, and then the reason; the others were not asked for
    reasons = [s.split(" (Triggered")[0].strip() for s in said if "not used because" not in s and "disabled" not in s]
    return ": ".join(["no such kernel here", *reasons[:1]])


def _too_large(point: Point, device: str) -> str:
    """Return why a kernel that keeps all scores does not fit; nothing is known of the others."""
    import torch

    if device == "cuda":
        torch.cuda.empty_cache()  # what earlier points held counts as taken otherwise
    if point.backend != "math" or device != "cuda":
        return ""
    free = torch.cuda.mem_get_info()[0]
    needed = 3 * 4 * point.batch * point.heads * point.length**2  # scores, weights, a mask or copy, in fp32
    return f"not tried: its scores need about {needed / 2**30:.0f} GiB of {free / 2**30:.0f}" if needed > free else ""


def _error(out: "torch.Tensor", q: "torch.Tensor", k: "torch.Tensor", v: "torch.Tensor", causal: bool) -> float:
    """Compare the last queries of the last head with float64."""

    def array(tensor: "torch.Tensor") -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
        return np.asarray(tensor[-1, -1].double().cpu())

    keys, values = array(k), array(v)
    queries, found = array(q)[-CHECKED:], array(out)[-CHECKED:]
    wanted = attention_map(queries @ keys.T / np.sqrt(queries.shape[1]), causal) @ values
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())
