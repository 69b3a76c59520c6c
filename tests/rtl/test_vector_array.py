"""The 1D array alone under cocotb, with every line and branch of its insides."""

import pytest

from tests.rtl.kernel import check_kernel

INSIDE = ["vector_lane", "exp_sequence", "slot_ring", "skew_line", "control_line"]


@pytest.mark.parametrize(("cols", "values", "degree"), [(3, 2, 3), (4, 5, 5)])
def test_vector_array(cols: int, values: int, degree: int) -> None:
    check_kernel("vector_array", {"Cols": cols, "Values": values, "Degree": degree}, seeds=(1,), inside=INSIDE)
