"""Bench body for fp_max: all signs, zeros, infinities and NaN, with and without valid bits."""

from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import Timer

from rtl.bench.models_float import float32, maximum
from rtl.bench.streams import parameters, seeded
from tests.rtl.compare import equal
from tests.rtl.operands import SPECIAL, moderate, words


@cocotb.test()
async def the_larger_valid_one_wins(dut: Any) -> None:
    rng, width = seeded(), parameters().get("Width", 32)
    pairs = np.array([(a, b) for a in SPECIAL for b in SPECIAL], dtype=np.uint32)
    some = np.stack([np.concatenate([words(rng, 300), moderate(rng, 300)]) for _ in range(2)], axis=1)
    a, b = np.concatenate([pairs, some]).T & np.uint32(0xFFFFFFFF << (32 - width) & 0xFFFFFFFF)
    flags = rng.integers(0, 4, a.size)
    y, valid = maximum(float32(a), flags & 1, float32(b), flags >> 1)
    got, got_valid = [], []
    for x, z, f in zip(a.tolist(), b.tolist(), flags.tolist(), strict=True):
        dut.a_i.value, dut.b_i.value = x >> (32 - width), z >> (32 - width)
        dut.a_valid_i.value, dut.b_valid_i.value = f & 1, f >> 1
        await Timer(1, unit="ns")
        got.append(int(dut.y_o.value))
        got_valid.append(int(dut.y_valid_o.value))
    equal("y_valid_o", got_valid, valid, {"a": a, "b": b})
    seen = np.flatnonzero(valid)
    equal("y_o", np.array(got)[seen].tolist(), y.view(np.uint32)[seen] >> (32 - width), {"a": a[seen], "b": b[seen]})
