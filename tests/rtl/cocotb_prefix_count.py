"""Bench body for prefix_count."""

from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import Timer

from rtl.bench.streams import parameters, seeded, unpack

LANES = parameters().get("Lanes", 16)


@cocotb.test()
async def counts_are_exclusive_prefix_sums(dut: Any) -> None:
    rng = seeded()
    for flags in [
        0,
        (1 << LANES) - 1,
        *rng.integers(0, 1 << LANES, size=300).tolist(),
        *(1 << i for i in range(LANES)),
    ]:
        dut.flag_i.value = flags
        await Timer(1, unit="ns")
        bits = np.array(unpack(flags, 1, LANES))
        assert unpack(int(dut.below_o.value), LANES.bit_length(), LANES) == (np.cumsum(bits) - bits).tolist()
        assert int(dut.total_o.value) == bits.sum()
