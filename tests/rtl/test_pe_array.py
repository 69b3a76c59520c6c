"""The 2D array alone under cocotb; lines and branches of its insides are counted with the attention tile."""

import pytest

from tests.rtl.kernel import check_kernel


@pytest.mark.parametrize(("rows", "cols", "degree"), [(3, 2, 3), (2, 2, 5)])
def test_pe_array(rows: int, cols: int, degree: int) -> None:
    check_kernel("pe_array", {"Rows": rows, "Cols": cols, "Degree": degree}, seeds=(1, 2, 3))
