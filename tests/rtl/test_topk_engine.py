"""topk_engine with both selections under cocotb."""

import pytest

from tests.rtl.kernel import check_kernel

QUICK, RADIX = 0, 1
POINTS = [
    {"NMax": 64, "P": 4, "W": 6, "IndexWidth": 6},
    {"NMax": 8, "P": 8, "W": 5, "IndexWidth": 4, "Signed": 1},
    {"NMax": 48, "P": 2, "W": 12, "IndexWidth": 8, "Signed": 1},
    {"NMax": 256, "P": 16, "W": 12, "IndexWidth": 10},
]


@pytest.mark.parametrize("point", POINTS, ids=lambda point: "-".join(f"{k}{v}" for k, v in point.items()))
@pytest.mark.parametrize("mode", [QUICK, RADIX], ids=["quick", "radix"])
def test_topk_engine(mode: int, point: dict[str, int]) -> None:
    # An answer of a single row meets an empty pipeline: the stalls inside it need several rows.
    check_kernel("topk_engine", {**point, "Mode": mode}, closed=point["NMax"] > point["P"])
