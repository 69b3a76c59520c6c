"""skid_buffer and stream_fork under cocotb (sync_fifo has a file of its own)."""

import pytest

from tests.rtl.kernel import check_kernel


@pytest.mark.parametrize("width", [1, 40])
def test_skid_buffer(width: int) -> None:
    check_kernel("skid_buffer", {"Width": width})


@pytest.mark.parametrize("outputs", [2, 3])
def test_stream_fork(outputs: int) -> None:
    check_kernel("stream_fork", {"Width": 8, "Outputs": outputs})
