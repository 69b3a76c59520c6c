"""How much memory a computation takes at its peak."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["peak_memory"]


@contextmanager
def peak_memory(where: str) -> Iterator[Callable[[], int | None]]:
    """Measure the peak of what is allocated inside, beyond what was there before.

    Parameters
    ----------
    where : "numpy", whose arrays Python traces; "cuda", torch's own count; elsewhere nothing is known

    Yields
    ------
    a function that returns the bytes, None where they are not known

    >>> import numpy as np
    >>> with peak_memory("numpy") as peak:
    ...     size = np.ones(1_000_000).size
    >>> 8_000_000 <= peak() < 8_100_000
    True
    """
    if where == "cuda":
        import torch

        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        yield lambda: int(torch.cuda.max_memory_allocated()) - before
        return
    if where != "numpy":
        yield lambda: None
        return
    import tracemalloc

    nested = tracemalloc.is_tracing()
    if not nested:
        tracemalloc.start()
    start = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    found: list[int] = []
    try:
        yield lambda: found[0] if found else tracemalloc.get_traced_memory()[1] - start
        found.append(tracemalloc.get_traced_memory()[1] - start)
    finally:
        if not nested:
            tracemalloc.stop()
