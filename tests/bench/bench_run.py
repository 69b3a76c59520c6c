"""attention_1pass against plain dense NumPy: CPU time (time.process_time) and peak memory (tracemalloc).

Required: time within 5x, peak memory beyond inputs and output within 1/4.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

from archsim.memory import peak_memory
from einsum_cascade import Cascade, load
from einsum_cascade.interpret import run

Tensors = dict[str, np.ndarray]
RUNS = 7


def dense(tensors: Tensors) -> np.ndarray:
    s = np.swapaxes(tensors["K"], -1, -2) @ tensors["Q"]
    a = np.exp(s - s.max(axis=-2, keepdims=True))
    return tensors["V"] @ (a / a.sum(axis=-2, keepdims=True))


def seconds(function: Callable[[], object]) -> float:
    function()
    times = []
    for _ in range(RUNS):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return statistics.median(times)


def peak(function: Callable[[], object], output: int) -> int:
    """Return the peak of the memory that `function` takes, in bytes, beyond its output."""
    with peak_memory("numpy") as most:
        function()
    return (most() or 0) - output


def measure(heads: int = 12, length: int = 1024, width: int = 64, tile: int = 128) -> tuple[float, float]:
    """Return the ratios cascade/dense of time and of memory, and print how they come about."""
    rng = np.random.default_rng(0)
    tensors = {name: rng.normal(size=(1, heads, width, length)) for name in ("Q", "K", "V")}
    cascade = load(Cascade, "attention_1pass")

    def cascaded() -> np.ndarray:
        return run(cascade, tensors, sizes={"M0": tile})["AV"]

    def plain() -> np.ndarray:
        return dense(tensors)

    error = np.abs(cascaded() - plain()).max()
    times = seconds(cascaded), seconds(plain)
    memory = peak(cascaded, tensors["Q"].nbytes), peak(plain, tensors["Q"].nbytes)
    print(f"attention_1pass B=1 H={heads} E=F={width} M=P={length} M0={tile} float64, error {error:.1e}")
    print(f"  CPU time  cascade {times[0]:.3f} s, dense {times[1]:.3f} s: {times[0] / times[1]:.2f}x (5x allowed)")
    print(f"  memory    cascade {memory[0] / 1e6:.1f} MB, dense {memory[1] / 1e6:.1f} MB: "
          f"{memory[0] / memory[1]:.3f}x (0.25x allowed)")  # fmt: skip
    return times[0] / times[1], memory[0] / memory[1]


def main() -> None:
    """Measure with one BLAS thread, and with as many as the library takes.

    With several, the threads spin while they wait for each other, which process_time counts: on a busy machine both
    sides of the comparison become noise.
    """
    for threads in ("1", ""):
        print(f"BLAS threads: {threads or 'default'}", flush=True)
        given = {"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
        environment = {**os.environ, **(given if threads else {})}
        subprocess.run([sys.executable, "-m", __spec__.name, "--here"], env=environment, check=True)


if __name__ == "__main__":
    measure() if "--here" in sys.argv else main()
