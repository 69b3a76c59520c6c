"""Points per second of a sweep: in the library, from the command line with its store, one by one, and of a peer.

Required: 300,000 points a second from the command line on two idle cores, less than 300 MB. CPU seconds are what can be
compared on a machine that others use too.

The peer is ZigZag 3.9.1 (Mei et al., IEEE TC 2021), which is installed into a virtual environment of its own under the
folder that the environment variable ARCHSIM_BENCH_CACHE names, and left out where there is none or it cannot be had.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

from archsim.sweeps.sweep import chunks, order, run_chunk
from tests.bench.bench_model import one_by_one

ROOT = Path(__file__).resolve().parents[2]
STUDY = ROOT / "notebooks" / "studies" / "fusemax_design_space.yaml"
POINTS = 2_172_016
PEER = ("zigzag-dse==3.9.1", "six")  # it imports six and does not say so
PEER_SCRIPT = """\
import json, os, pathlib, sys, tempfile, time
import zigzag
from zigzag.api import get_hardware_performance_zigzag as cost
inputs = pathlib.Path(zigzag.__file__).parent / "inputs"

def gemm(number, b, k, c):
    return {"id": number, "operator_type": "Gemm", "equation": "O[b][k]+=W[k][c]*I[b][c]", "loop_dims": ["B", "K", "C"],
            "loop_sizes": [b, k, c], "dimension_relations": [], "operand_source": {"W": number, "I": number},
            "operand_precision": {"O": 16, "O_final": 16, "W": 16, "I": 16}}

os.chdir(tempfile.mkdtemp())
def point(length):
    layers = [gemm(0, length, length, 64), gemm(1, length, 64, length)]
    for layer in layers:
        cost([dict(layer, id=0, operand_source={"W": 0, "I": 0})], str(inputs / "hardware/tpu_like.yaml"),
             str(inputs / "mapping/tpu_like.yaml"), opt="latency", lpf_limit=1, nb_spatial_mappings_generated=1,
             loma_show_progress_bar=False, dump_folder="out")
point(1024)
start = time.process_time()
for n in range(1, 9):
    point(1024 * n)
print(json.dumps(8 / (time.process_time() - start)))
"""


def library(number: int = 6) -> float:
    """Return points per CPU second of `run_chunk`, front included, nothing stored."""
    given = order(STUDY)
    some = list(chunks(POINTS))[:: len(range(0, POINTS, 122_880)) // number]
    run_chunk(given, some[0])
    start = time.process_time()
    points = sum(len(run_chunk(given, chunk)["point"]) for chunk in some)
    return points / (time.process_time() - start)


def command_line() -> tuple[float, float, float]:
    """Return wall seconds, CPU seconds and peak megabytes of the whole study from the command line."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        command = [sys.executable, "-m", "archsim.cli", "sweep", str(STUDY), "-o", f"{folder}/r.duckdb", "--json"]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdout is not None
        found = json.loads(process.stdout.read())
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
    assert status == 0 and found["points"] == POINTS
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e3


def peer() -> float:
    """Return points (two matrix products) per CPU second of the peer; 0 where it is not available."""
    cache = os.environ.get("ARCHSIM_BENCH_CACHE")
    if not cache:
        print("  the peer is left out: ARCHSIM_BENCH_CACHE names no folder to install it in")
        return 0.0
    folder = Path(cache) / "zigzag"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        venv.create(folder, with_pip=True, clear=True)
        done = subprocess.run([python, "-m", "pip", "install", "-q", *PEER], capture_output=True, text=True)
        if done.returncode:
            print(f"  the peer is left out: pip install {' '.join(PEER)} failed")
            return 0.0
        (folder / "ready").touch()
    ran = subprocess.run([python, "-c", PEER_SCRIPT], capture_output=True, text=True)
    if ran.returncode:
        print(f"  the peer is left out: {ran.stderr.strip().splitlines()[-1]}")
        return 0.0
    return float(ran.stdout.split()[-1])


def main() -> None:
    """Measure all of them."""
    together = max(library() for _ in range(3))
    print(f"library: {together:,.0f} points per CPU second, front included")
    for _ in range(2):
        wall, cpu, peak = command_line()
        print(f"command line, with store and front: {POINTS:,} points in {wall:.1f} s wall, {cpu:.1f} s CPU: "
              f"{POINTS / wall:,.0f} points/s here, {POINTS / cpu:,.0f} per CPU second "
              f"(300,000/s required on two idle cores), at most {peak:.0f} MB (300 allowed)", flush=True)  # fmt: skip
    alone = one_by_one(200)
    print(
        f"the same formulas in plain Python, a point at a time: {alone:,.0f} per CPU second, {together / alone:,.0f}x"
    )
    other = peer()
    if other:
        print(f"ZigZag 3.9.1, QK and AV on its TPU-like machine, least search: {other:,.1f} points per CPU second, "
              f"{together / other:,.0f}x")  # fmt: skip


if __name__ == "__main__":
    main()
