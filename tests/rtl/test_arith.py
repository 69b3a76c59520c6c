"""The arithmetic kernels under cocotb, one build a parameter set."""

import pytest

from tests.rtl.kernel import check_kernel


@pytest.mark.parametrize(("man_a", "man_b"), [(8, 8), (24, 8)])
def test_fp_mac(man_a: int, man_b: int) -> None:
    check_kernel("fp_mac", {"ManA": man_a, "ManB": man_b}, inside=["fp_sum"])


def test_fp_add() -> None:
    check_kernel("fp_add", {})


@pytest.mark.parametrize("width", [16, 32])
def test_fp_max(width: int) -> None:
    check_kernel("fp_max", {"Width": width}, seeds=(1,))


@pytest.mark.parametrize(("width", "out", "shift"), [(8, 8, 8), (12, 12, 11)])
def test_int_mac(width: int, out: int, shift: int) -> None:
    given = {"WidthA": width, "WidthB": width, "WidthAcc": 32, "WidthY": out, "Shift": shift}
    check_kernel("int_mac", given, seeds=(1,))


@pytest.mark.parametrize("bits", [8, 24])
def test_fp_div(bits: int) -> None:
    check_kernel("fp_div", {"ManY": bits}, seeds=(1,))


@pytest.mark.parametrize("degree", [4, 5])
def test_exp_unit(degree: int) -> None:
    check_kernel("exp_unit", {"Degree": degree}, seeds=(1,))
