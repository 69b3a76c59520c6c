"""The peak of what is allocated."""

import tracemalloc

import numpy as np

from archsim.memory import peak_memory


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
