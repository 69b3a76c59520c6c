"""Peak memory, and the bound on what may be taken."""

import resource
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from archsim import memory
from archsim.memory import free_memory, memory_bounded, peak_memory


def test_numpy() -> None:
    kept = np.ones(1000)
    with peak_memory("numpy") as peak:
        for _ in range(3):
            kept = np.ones(100_000)
    assert 800_000 <= (peak() or 0) < 2_000_000 and kept.size
    assert not tracemalloc.is_tracing()


def test_inside_of_tracing() -> None:
    tracemalloc.start()
    with peak_memory("numpy") as peak:
        np.ones(10_000).sum()
    assert tracemalloc.is_tracing() and (peak() or 0) >= 80_000
    tracemalloc.stop()


def test_not_known() -> None:
    with peak_memory("cpu") as peak:
        pass
    assert peak() is None


def test_free_memory_is_that_of_the_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "GROUP", tmp_path)
    whole = free_memory()
    if whole is None:
        pytest.skip("this system does not say")
    (tmp_path / "memory.current").write_text("1000\n")
    (tmp_path / "memory.max").write_text("5000\n")
    (tmp_path / "memory.stat").write_text("anon 700\ninactive_file 200\nactive_file 30\nactive_anon 9\n")
    assert free_memory() == 4230
    (tmp_path / "memory.max").write_text("max\n")
    found = free_memory()
    assert found is not None and found > 4000


def test_more_than_is_free_is_refused_and_the_bound_is_lifted(monkeypatch: pytest.MonkeyPatch) -> None:
    if free_memory() is None:
        pytest.skip("this system does not say")
    before = resource.getrlimit(resource.RLIMIT_DATA)
    monkeypatch.setattr(memory, "free_memory", lambda: 2**28)
    with pytest.raises(MemoryError), memory_bounded():
        assert np.empty(2**24).size  # 128 MiB
        np.empty(2**26)
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    with memory_bounded(on_cpu=False):
        assert np.empty(2**26).size


def test_what_torch_says() -> None:
    for text in ("DefaultCPUAllocator: can't allocate memory: you tried", "CUDA out of memory. Tried\nmore"):
        with pytest.raises(MemoryError, match="memory"), memory_bounded():
            raise RuntimeError(text)
    with pytest.raises(RuntimeError, match="another"), memory_bounded():
        raise RuntimeError("another")


def test_nothing_is_bounded_where_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: None)
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with memory_bounded():
        assert resource.getrlimit(resource.RLIMIT_DATA) == before
