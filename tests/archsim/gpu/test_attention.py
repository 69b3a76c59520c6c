"""Timing attention: on the processor, with tiny sizes; on a GPU where there is one."""

import pytest

from archsim.gpu.points import Point

torch = pytest.importorskip("torch")

from archsim.gpu.attention import describe, roofline, time_point  # noqa: E402

POINT = {"length": 16, "batch": 2, "heads": 2, "head_dim": 8}


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("dtype", "error"), [("fp32", 1e-5), ("bf16", 2e-2)])
def test_a_point(dtype: str, error: float, causal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archsim.gpu.attention.ENOUGH", 0.0)
    found = time_point(Point(backend="math", dtype=dtype, causal=causal, **POINT), "cpu")
    assert found.why == "" and found.runs >= 3
    assert found.error is not None and 0 < found.error < error
    assert found.seconds is not None and found.flops_per_s == found.point.flops / found.seconds


def test_a_long_run_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archsim.gpu.attention.LONG", 0.0)
    found = time_point(Point(backend="math", dtype="fp32", causal=False, **POINT), "cpu")
    assert found.runs == 1 and found.seconds is not None and found.seconds > 0


def test_a_kernel_that_is_not_there_says_so() -> None:
    found = time_point(Point(backend="efficient", dtype="fp32", causal=False, **POINT), "cpu")
    assert (found.seconds, found.error, found.why) == (None, None, "no such kernel here")


def test_roofline() -> None:
    rates, bandwidth = roofline("cpu", 8, 64)
    assert set(rates) == {"bf16", "fp32"} and min(*rates.values(), bandwidth) > 0
    assert describe("cpu")[1].startswith("torch ")


@pytest.mark.gpu
def test_on_a_gpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    for backend in ("math", "flash", "efficient"):
        point = Point(backend=backend, dtype="bf16", length=1024, batch=1, heads=16, head_dim=64, causal=False)
        found = time_point(point, "cuda")
        assert found.error is not None and found.error < 2e-2
    huge = Point(backend="math", dtype="bf16", length=65536, batch=16, heads=16, head_dim=64, causal=False)
    assert "not tried" in time_point(huge, "cuda").why
