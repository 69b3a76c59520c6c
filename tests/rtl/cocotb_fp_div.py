"""Bench body for fp_div: every class of operands, quotients that are ties, and the latency of ManY + 4."""

from typing import Any

import cocotb
import numpy as np

from rtl.bench.models_float import bits32, divide, divide_latency, float32
from rtl.bench.streams import parameters, seeded
from tests.rtl.compare import equal
from tests.rtl.operands import CLASSES, triples
from tests.rtl.pipeline import through


@cocotb.test()
async def quotients_are_the_model_s_bit_for_bit(dut: Any) -> None:
    rng, bits = seeded(), parameters().get("ManY", 8)
    drawn = [triples(rng, kind, 500, narrow=False) for kind in CLASSES]
    a, b = (np.concatenate([d[i] for d in drawn]) for i in (0, 1))
    # Numerators that are a divisor times half a step of the quotient: ties and their neighbours.
    divisor = (0x3F800000 | rng.integers(0, 1 << 12, 1000) << 11).astype(np.uint32)
    step = (0x3F800000 | (rng.integers(0, 1 << 8, 1000) << 15)).astype(np.uint32)
    product = (float32(divisor) * float32(step)).view(np.uint32) + rng.integers(0, 2, 1000).astype(np.uint32)
    a, b = np.concatenate([a, product]), np.concatenate([b, divisor])
    y = bits32(divide(float32(a), float32(b), bits)) >> np.uint32(24 - bits)
    found = await through(dut, {"a_i": a, "b_i": b}, {"y_o": divide_latency(bits)}, rng)
    equal("y_o", found["y_o"], y, {"a": a, "b": b})
