"""Build a kernel, run its bench with several seeds, and hold it to its code coverage."""

import functools
from collections.abc import Mapping, Sequence

import pytest

from rtl.bench.coverage import Coverage
from rtl.bench.toolchain import build, missing_tools, simulate


def need_simulator() -> None:
    """Skip where the simulator is not installed."""
    if reason := missing_tools():
        pytest.skip(reason)


def check_kernel(
    top: str,
    parameters: Mapping[str, int],
    *,
    seeds: Sequence[int] = (1, 2),
    closed: bool = True,
    inside: Sequence[str] = (),
) -> None:
    """Run tests.rtl.cocotb_<top> and require every line and branch of the kernel's own file.

    Parameters
    ----------
    closed
        Whether these parameters reach every line and branch; what none can reach is marked in the source.
    inside
        Modules within the kernel whose lines and branches are required too.
    """
    need_simulator()
    made = build(top, parameters)
    runs = [simulate(made, f"tests.rtl.cocotb_{top}", seed=seed) for seed in seeds]
    reached = functools.reduce(Coverage.__or__, (run.coverage for run in runs))
    assert reached.counts, "the simulator wrote no coverage"
    if closed:
        missing = reached.missing(*(f"{name}.sv" for name in (top, *inside)))
        assert not missing, f"lines or branches that no stimulus reached with {dict(parameters)}:\n" + "\n".join(
            missing
        )
