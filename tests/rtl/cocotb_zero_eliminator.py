"""Bench body for zero_eliminator (and prefix_count in it): every mask where there are few lanes, drawn ones else."""

from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import Timer

from rtl.bench.coverage import Bins
from rtl.bench.streams import pack, parameters, seeded, unpack

LANES, WIDTH = parameters().get("Lanes", 16), parameters().get("Width", 12)


@cocotb.test()
async def kept_lanes_move_down_in_order(dut: Any) -> None:
    rng = seeded()
    masks = [0, (1 << LANES) - 1, *(1 << i for i in range(LANES)), *((1 << LANES) - 1 ^ 1 << i for i in range(LANES))]
    masks += list(range(1 << LANES)) if LANES <= 8 else rng.integers(0, 1 << LANES, size=500).tolist()
    bins = Bins(["none kept", "all kept", "only the last", *(f"moved by {d}" for d in range(1, LANES))])
    for mask in masks:
        values = rng.integers(1, 1 << WIDTH, size=LANES)
        dut.keep_i.value, dut.data_i.value = mask, pack(values, WIDTH)
        await Timer(1, unit="ns")
        keep = np.array(unpack(mask, 1, LANES), dtype=bool)
        expected = [*values[keep].tolist(), *[0] * int((~keep).sum())]
        assert int(dut.count_o.value) == keep.sum(), bin(mask)
        assert unpack(int(dut.data_o.value), WIDTH, LANES) == expected, bin(mask)
        bins.hit("none kept", not keep.any())
        bins.hit("all kept", bool(keep.all()))
        bins.hit("only the last", mask == 1 << (LANES - 1))
        for place, lane in enumerate(np.flatnonzero(keep)):
            if lane > place:
                bins.hit(f"moved by {lane - place}")
    assert not bins.missing
