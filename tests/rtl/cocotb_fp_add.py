"""Bench body for fp_add: every class of operands against the model."""

from typing import Any

import cocotb
import numpy as np

from rtl.bench.models_float import MAC_LATENCY, bits16, bits32, float32, mac
from rtl.bench.streams import seeded
from tests.rtl.compare import equal
from tests.rtl.operands import CLASSES, triples
from tests.rtl.pipeline import through


@cocotb.test()
async def sums_are_the_model_s_bit_for_bit(dut: Any) -> None:
    rng = seeded()
    drawn = [triples(rng, kind, 400, narrow=False) for kind in CLASSES]
    a, c = (np.concatenate([d[i] for d in drawn]) for i in (0, 2))
    near = (a ^ np.uint32(0x80000000)) + rng.integers(0, 3, a.size).astype(np.uint32)
    a, c = np.concatenate([a, a]), np.concatenate([c, near])
    y, y16 = mac(float32(a), np.float32(1), float32(c))
    found = await through(dut, {"a_i": a, "c_i": c}, {"y_o": MAC_LATENCY, "y16_o": MAC_LATENCY}, rng)
    equal("y_o", found["y_o"], bits32(y), {"a": a, "c": c})
    equal("y16_o", found["y16_o"], bits16(y16), {"a": a, "c": c})
