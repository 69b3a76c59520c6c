"""The blocks of rtl/sparse, one by one, under cocotb."""

import pytest

from tests.rtl.kernel import check_kernel


def test_prefix_count() -> None:
    check_kernel("prefix_count", {"Lanes": 16}, seeds=(1,))


@pytest.mark.parametrize(("lanes", "width"), [(8, 5), (16, 22)])
def test_zero_eliminator(lanes: int, width: int) -> None:
    check_kernel("zero_eliminator", {"Lanes": lanes, "Width": width}, seeds=(1,))


@pytest.mark.parametrize(("lanes", "width"), [(2, 9), (16, 12)])
def test_row_merge(lanes: int, width: int) -> None:
    check_kernel("row_merge", {"Lanes": lanes, "Width": width}, seeds=(1,))


@pytest.mark.parametrize(("lanes", "width"), [(2, 7), (8, 12)])
def test_row_packer(lanes: int, width: int) -> None:
    check_kernel("row_packer", {"Lanes": lanes, "Width": width})


@pytest.mark.parametrize(("n_max", "lanes", "width"), [(64, 4, 6), (200, 8, 12), (16, 16, 12)])
def test_quick_select(n_max: int, lanes: int, width: int) -> None:
    # A single row never goes to a side's memory.
    check_kernel("quick_select", {"NMax": n_max, "P": lanes, "W": width}, closed=n_max > lanes)


@pytest.mark.parametrize(("n_max", "lanes", "width", "bits"), [(64, 4, 6, 4), (200, 8, 12, 4), (40, 8, 12, 6)])
def test_radix_select(n_max: int, lanes: int, width: int, bits: int) -> None:
    check_kernel("radix_select", {"NMax": n_max, "P": lanes, "W": width, "DigitBits": bits})


@pytest.mark.parametrize(("lanes", "width"), [(8, 12), (2, 5)])
def test_quant_decision(lanes: int, width: int) -> None:
    check_kernel("quant_decision", {"P": lanes, "W": width})
