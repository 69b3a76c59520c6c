"""The attention tile under cocotb."""

import pytest

from tests.rtl.kernel import check_kernel


@pytest.mark.parametrize(("rows", "cols", "keys", "values"), [(4, 4, 8, 8), (3, 2, 12, 4), (8, 8, 8, 8)])
def test_attention_tile(rows: int, cols: int, keys: int, values: int) -> None:
    check_kernel("attention_tile", {"Rows": rows, "Cols": cols, "Keys": keys, "Values": values}, seeds=(1,))
