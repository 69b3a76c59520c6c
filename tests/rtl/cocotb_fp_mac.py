"""Bench body for fp_mac: every class of operands against the model, and the latency of four enabled clocks."""

from typing import Any

import cocotb
import numpy as np

from rtl.bench.coverage import Bins
from rtl.bench.models_float import MAC_LATENCY, bits16, bits32, float32, mac
from rtl.bench.streams import parameters, seeded
from tests.rtl.compare import equal
from tests.rtl.operands import CLASSES, triples
from tests.rtl.pipeline import through

PER_CLASS = 700


@cocotb.test()
async def results_are_the_model_s_bit_for_bit(dut: Any) -> None:
    rng, given = seeded(), parameters()
    a_bits, b_bits = given.get("ManA", 8), given.get("ManB", 8)
    drawn = [triples(rng, kind, PER_CLASS, narrow=a_bits == 8) for kind in CLASSES]
    a, b, c = (np.concatenate([d[i] for d in drawn]) for i in range(3))
    b = b & np.uint32(0xFFFFFFFF << (24 - b_bits) & 0xFFFFFFFF)
    y, y16 = mac(float32(a), float32(b), float32(c))
    found = await through(
        dut,
        {
            "a_i": (a >> np.uint32(24 - a_bits)).tolist(),
            "b_i": (b >> np.uint32(24 - b_bits)).tolist(),
            "c_i": c.tolist(),
        },
        {"y_o": MAC_LATENCY, "y16_o": MAC_LATENCY},
        rng,
    )
    for name, expected in (("y_o", bits32(y)), ("y16_o", bits16(y16))):
        equal(name, found[name], expected, {"a": a, "b": b, "c": c})
    bins = Bins(["nan", "inf", "zero", "minus zero", "finite", "flushed", "carry to a power of two", "formats differ"])
    product = np.abs(float32(a).astype(np.float64) * float32(b) + float32(c)) if not np.isnan(y).all() else y
    bins.hit("nan", bool(np.isnan(y).any()))
    bins.hit("inf", bool(np.isinf(y).any()))
    bins.hit("zero", bool((bits32(y) == 0).any()))
    bins.hit("minus zero", bool((bits32(y) == 0x80000000).any()))
    bins.hit("finite", bool(np.isfinite(y).any()))
    bins.hit("flushed", bool(((product < 2.0**-126) & (product > 0) & (y == 0)).any()))
    power = (bits32(y) & np.uint32(0x7FFFFF) == 0) & (y != 0)
    bins.hit("carry to a power of two", bool((power & (product != np.abs(y))).any()))
    bins.hit("formats differ", bool((y != y16).any()))
    assert not bins.missing, bins.missing
