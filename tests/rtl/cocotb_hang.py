"""A bench that never comes to an end: test_toolchain.py must not wait with it."""

import time
from typing import Any

import cocotb

from rtl.bench.streams import Bench


@cocotb.test()
async def waits_for_an_answer(dut: Any) -> None:
    bench = Bench(dut)
    dut.clear_i.value = dut.in_valid_i.value = dut.out_ready_i.value = 0
    await bench.start()
    dut._log.info("nothing was sent")
    time.sleep(3600)  # as a clock that goes on for ever, but without work for the processor
