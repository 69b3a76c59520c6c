"""topk_engine with both selections under cocotb."""

import pytest

from rtl.bench.toolchain import build, simulate
from tests.rtl.kernel import check_kernel, need_simulator

QUICK, RADIX = 0, 1
POINTS = [
    {"NMax": 64, "P": 4, "W": 6, "IndexWidth": 6},
    {"NMax": 8, "P": 8, "W": 5, "IndexWidth": 4, "Signed": 1},
    {"NMax": 48, "P": 2, "W": 12, "IndexWidth": 8, "Signed": 1},
]


@pytest.mark.parametrize("point", POINTS, ids=lambda point: "-".join(f"{k}{v}" for k, v in point.items()))
@pytest.mark.parametrize("mode", [QUICK, RADIX], ids=["quick", "radix"])
def test_topk_engine(mode: int, point: dict[str, int]) -> None:
    # An answer of a single row meets an empty pipeline: the stalls inside it need several rows.
    check_kernel("topk_engine", {**point, "Mode": mode}, closed=point["NMax"] > point["P"])


@pytest.mark.parametrize("mode", [QUICK, RADIX], ids=["quick", "radix"])
def test_large_store(mode: int) -> None:
    """8192 scores in rows of 16: exact answers, cycles equal to the formula, radix within 4 ceil(n/P) + 24."""
    need_simulator()
    made = build("topk_engine", {"NMax": 8192, "P": 16, "W": 12, "IndexWidth": 13, "Mode": mode})
    simulate(made, "tests.rtl.cocotb_topk_engine", seed=1, testcase="large_jobs_take_the_cycles_of_the_formula")
