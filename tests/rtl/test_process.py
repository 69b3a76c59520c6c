"""rtl.bench.process: a tool that hangs is ended with everything that it started."""

import os
import sys
import time
from pathlib import Path

from rtl.bench.process import run


def gone(pid: int) -> bool:
    """Say whether a process has ended, though nobody may have asked for its status yet."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_status_and_output_of_a_tool(tmp_path: Path) -> None:
    script = "import os, sys; print(os.getcwd(), os.environ['X']); print('fault', file=sys.stderr); sys.exit(3)"
    found = run([sys.executable, "-c", script], cwd=tmp_path, limit=60, environment={**os.environ, "X": "given"})
    assert found.status == 3
    assert sorted(found.log.splitlines()) == sorted([f"{tmp_path} given", "fault"])
    assert 0 < found.seconds < 10


def test_children_end_with_it(tmp_path: Path) -> None:
    started = time.monotonic()
    found = run(["sh", "-c", "sleep 100 & echo $!; wait"], cwd=tmp_path, limit=0.3)
    assert time.monotonic() - started < 20
    assert found.status is None
    child, said = found.log.splitlines()[0], found.log.splitlines()[-1]
    assert said == "no end after 0.3 seconds"
    while not gone(int(child)):
        assert time.monotonic() - started < 20
        time.sleep(0.01)
