"""Timing attention: on the processor, with tiny sizes; on a GPU where there is one."""

import pytest

from archsim.gpu.points import Point

torch = pytest.importorskip("torch")

from archsim.gpu.attention import _reason, _timed, describe, roofline, time_point  # noqa: E402

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


# --- what only a CUDA device does, with stand-ins for it --------------------------------------------------------------


class Clock:
    """A GPU whose kernels take `kernel` milliseconds each; events note how many have been queued before them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, kernel: float) -> None:
        self.kernel, self.queued, self.waited = kernel, 0, 0
        clock = self

        class Event:
            def __init__(self, enable_timing: bool) -> None:
                assert enable_timing
                self.at: float | None = None
                self.done = False

            def record(self) -> None:
                self.at = clock.queued * clock.kernel

            def synchronize(self) -> None:
                self.done = True
                clock.waited += 1

            def elapsed_time(self, other: "Event") -> float:
                assert self.at is not None and other.at is not None and other.done
                return other.at - self.at

        monkeypatch.setattr(torch.cuda, "Event", Event)

    def run(self) -> None:
        self.queued += 1


@pytest.mark.parametrize("kernel", [0.02, 0.5, 40.0])
def test_events_are_milliseconds_and_bursts_are_divided(kernel: float, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, kernel)
    seconds, runs = _timed(clock.run, "cuda")
    assert seconds == pytest.approx(kernel * 1e-3) and runs == clock.queued - 2
    assert runs * seconds >= 0.3 or runs >= 600
    assert clock.waited - 2 == pytest.approx(runs / min(200, max(1, round(5 / kernel))), rel=0.02)  # of 5 ms


def test_a_long_kernel_runs_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, 2000.0)
    assert _timed(clock.run, "cuda") == (2.0, 1) and clock.queued == 2


def test_scores_that_do_not_fit_are_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    free = [0]
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: free.__setitem__(0, 2**30))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (free[0], 2**37))
    monkeypatch.setattr(torch, "Generator", lambda device: torch._C.Generator(device="cpu"))
    large = Point(backend="math", dtype="bf16", length=16384, batch=1, heads=1, head_dim=8, causal=False)
    assert time_point(large, "cuda").why == "not tried: its scores need about 3 GiB of 1"
    assert free == [2**30]  # what torch kept of earlier points was given back before it was asked


def failing(text: str, kind: type[RuntimeError] = RuntimeError, warning: str = "") -> "object":
    import warnings

    def attention(*_: object, **__: object) -> None:
        for line in filter(None, ["Flash attention kernel not used because:", warning]):
            warnings.warn(line, UserWarning, stacklevel=1)
        raise kind(text)

    return attention


CPU_POINT = Point(backend="flash", dtype="fp32", causal=False, **POINT)


@pytest.mark.parametrize(("problem", "why"), [
    (failing("CUDA out of memory. Tried to allocate 8 GiB\nmore", torch.cuda.OutOfMemoryError),
     "out of memory: CUDA out of memory. Tried to allocate 8 GiB"),
    (failing("No available kernel. Aborting execution.", warning="Expected bf16, got fp32 (Triggered internally at x)"),
     "no such kernel here: Expected bf16, got fp32"),
    (failing("No available kernel. Aborting execution.", warning="CuDNN attention has been runtime disabled."),
     "no such kernel here"),
])  # fmt: skip
def test_why_a_point_does_not_run(problem: object, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", problem)
    found = time_point(CPU_POINT, "cpu")
    assert (found.seconds, found.why) == (None, why)


def test_a_failure_of_the_device_is_none_of_the_point(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "CUDA error: an illegal memory access was encountered"
    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", failing(text))
    with pytest.raises(RuntimeError, match="illegal memory access"):
        time_point(CPU_POINT, "cpu")
    with pytest.raises(RuntimeError):
        _reason(RuntimeError(text), [])


def test_the_context_of_a_kernel_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archsim.gpu.attention.ENOUGH", 0.0)
    before = torch.backends.cuda.math_sdp_enabled(), torch.is_grad_enabled()
    time_point(CPU_POINT, "cpu")
    assert (torch.backends.cuda.math_sdp_enabled(), torch.is_grad_enabled()) == before == (True, True)


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
