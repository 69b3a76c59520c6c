"""The online softmax under cocotb."""

import pytest

from tests.rtl.kernel import check_kernel


@pytest.mark.parametrize(("lanes", "degree"), [(4, 3), (2, 5)])
def test_online_softmax(lanes: int, degree: int) -> None:
    check_kernel("online_softmax", {"Lanes": lanes, "Degree": degree}, seeds=(1,), inside=["running_max"])
