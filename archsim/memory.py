"""How much memory a computation takes at its peak, and that it takes no more than there is."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["free_memory", "memory_bounded", "peak_memory"]

GROUP = Path("/sys/fs/cgroup")


def free_memory() -> int | None:
    """Return the bytes that can be taken without swapping, within the control group if it has a limit (Linux).

    None where it is not known.
    """
    free = _stated("/proc/meminfo", "MemAvailable")
    try:
        limit, used = ((GROUP / f"memory.{n}").read_text().strip() for n in ("max", "current"))
        if free is None or limit == "max":
            return free
        # pages of files count as used, but are given up when memory runs short
        pages = re.findall(r"^(?:in)?active_file (\d+)", (GROUP / "memory.stat").read_text(), re.MULTILINE)
        return min(free, max(0, int(limit) - int(used) + sum(map(int, pages))))
    except (OSError, ValueError):
        return free


def _stated(file: str, name: str) -> int | None:
    """Return the bytes of a line such as `VmData:  1234 kB`."""
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", Path(file).read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found.group(1)) * 1024 if found else None


@contextmanager
def memory_bounded(on_cpu: bool = True) -> Iterator[None]:
    """Let what does not fit into the free memory fail with MemoryError, at once, instead of swapping or being killed.

    Linux only; elsewhere, and where the work is not `on_cpu`, nothing is bounded. What torch says becomes MemoryError.
    """
    free, taken = free_memory(), _stated("/proc/self/status", "VmData")
    try:
        if not on_cpu or free is None or taken is None:
            yield
            return
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        bounds = [n for n in (soft, hard, taken + free) if n != resource.RLIM_INFINITY]
        resource.setrlimit(resource.RLIMIT_DATA, (min(bounds), hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
    except RuntimeError as error:
        if "can't allocate memory" in str(error) or "out of memory" in str(error):
            raise MemoryError(str(error).strip().splitlines()[0]) from None
        raise


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
