"""Points, and the file that holds what was measured."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.gpu.points import BACKENDS, Measured, Point, Timing, grid, read_measured, text_of
from einsum_cascade import SpecError

POINT = Point(backend="flash", dtype="bf16", length=1024, batch=2, heads=3, head_dim=64, causal=False)


def test_work_of_a_point() -> None:
    assert POINT.flops == 2 * 3 * (2 * 1024 * 1024 * 64) * 2
    assert POINT.bytes == 4 * 2 * 3 * 1024 * 64 * 2
    causal = Point(backend="math", dtype="fp32", length=4, batch=1, heads=1, head_dim=1, causal=True)
    assert causal.flops == 4 * 10 and causal.bytes == 4 * 4 * 4


def test_grid() -> None:
    points = list(grid([64, 128], [1], [16], [64], ["bf16"]))
    assert len(set(points)) == len(points) == 2 * 2 * len(BACKENDS)
    assert [p.length for p in points] == sorted(p.length for p in points)


@given(st.lists(st.floats(1e-9, 1e17), max_size=4), st.floats(1, 1e16))
def test_file_comes_back(tmp_path_factory: pytest.TempPathFactory, seconds: list[float], rate: float) -> None:
    timings = [Timing(point=POINT, seconds=s, runs=3, flops_per_s=rate, bytes_per_s=1e15, error=1e-5) for s in seconds]
    timings.append(Timing(point=POINT, why='out of "memory": 1e-05, really'))
    measured = Measured(device="d", software="s", flops_per_s={"bf16": rate}, bytes_per_s=1e12, timings=timings)
    file = tmp_path_factory.mktemp("measured") / "m.json"
    file.write_text(text_of(measured))
    found = read_measured(file)
    assert found.timings[:-1] == timings[:-1] and found.timings[-1].seconds is None
    assert (found.device, found.flops_per_s, found.bytes_per_s) == ("d", {"bf16": rate}, 1e12)


def test_empty_file_comes_back(tmp_path: Path) -> None:
    file = tmp_path / "m.json"
    file.write_text(text_of(Measured(device="d", software="s")))
    assert read_measured(file) == Measured(device="d", software="s")


@pytest.mark.parametrize(("old", "new", "why"), [
    ('"seconds": 0.5', '"seconds": "fast"', "timings.0.seconds has the wrong kind of value"),
    ('"dtype": "bf16"', '"dtype": "bf15"', "there is no type bf15"),
    ('"device": "d"', '"devices": "d"', "unknown key devices"),
])  # fmt: skip
def test_mistakes(tmp_path: Path, old: str, new: str, why: str) -> None:
    text = text_of(Measured(device="d", software="s", timings=[Timing(point=POINT, seconds=0.5, runs=3)]))
    assert old in text
    (tmp_path / "m.json").write_text(text.replace(old, new))
    with pytest.raises(SpecError, match=why):
        read_measured(tmp_path / "m.json")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SpecError):
        read_measured(tmp_path / "none.json")
