"""The arithmetic kernels under cocotb, one build a parameter set."""

import pytest

from tests.rtl.kernel import check_kernel


@pytest.mark.parametrize(("man_a", "man_b"), [(8, 8), (24, 8)])
def test_fp_mac(man_a: int, man_b: int) -> None:
    check_kernel("fp_mac", {"ManA": man_a, "ManB": man_b})
