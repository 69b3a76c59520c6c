"""sync_fifo under cocotb."""

import pytest

from tests.rtl.kernel import check_kernel


@pytest.mark.parametrize(("width", "depth"), [(8, 1), (5, 3), (16, 8)])
def test_sync_fifo(width: int, depth: int) -> None:
    # A queue of depth 1 has no pointer to move.
    check_kernel("sync_fifo", {"Width": width, "Depth": depth}, closed=depth > 1)
