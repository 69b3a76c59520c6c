"""Bench body for row_merge: every pair of counts."""

from itertools import product
from typing import Any

import cocotb
from cocotb.triggers import Timer

from rtl.bench.streams import pack, parameters, seeded, unpack

LANES, WIDTH = parameters().get("Lanes", 16), parameters().get("Width", 12)


@cocotb.test()
async def rest_goes_to_the_tail(dut: Any) -> None:
    rng = seeded()
    for tail, row in product(range(LANES + 1), repeat=2):
        values = rng.integers(1, 1 << WIDTH, size=tail + row).tolist()
        dut.tail_i.value, dut.tail_count_i.value = pack(values[:tail], WIDTH), tail
        dut.row_i.value, dut.row_count_i.value = pack(values[tail:], WIDTH), row
        await Timer(1, unit="ns")
        full = tail + row > LANES
        rest = values[LANES:] if full else values
        assert int(dut.full_o.value) == full
        assert int(dut.tail_count_o.value) == len(rest)
        assert unpack(int(dut.tail_o.value), WIDTH, LANES) == rest + [0] * (LANES - len(rest))
        if full:
            assert unpack(int(dut.row_o.value), WIDTH, LANES) == values[:LANES]
