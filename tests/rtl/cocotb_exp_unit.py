"""Bench body for exp_unit: the model over the whole range, at the borders of the reduction and of the result."""

from typing import Any

import cocotb
import numpy as np

from rtl.bench.coverage import Bins
from rtl.bench.models_exp import exp_unit, exp_unit_latency
from rtl.bench.models_float import bits32, float32
from rtl.bench.streams import parameters, seeded
from tests.rtl.compare import equal
from tests.rtl.operands import SPECIAL, words
from tests.rtl.pipeline import through


@cocotb.test()
async def exponentials_are_the_model_s_bit_for_bit(dut: Any) -> None:
    rng, degree = seeded(), parameters().get("Degree", 5)
    halves = (rng.integers(-255, 256, 600) / 2 * np.log(2)).astype(np.float32).view(np.uint32)
    x = np.concatenate([
        words(rng, 500), SPECIAL, halves + rng.integers(-2, 3, 600).astype(np.uint32),
        (-rng.uniform(0, 20, 1500)).astype(np.float32).view(np.uint32),
        rng.uniform(-130, 130, 800).astype(np.float32).view(np.uint32),
        np.float32([128, -128, 127.9, -127.9, 88.72283, 88.7229, -87.33654, -87.33655]).view(np.uint32),
    ])  # fmt: skip
    y = exp_unit(float32(x), degree)
    found = await through(dut, {"x_i": x}, {"y_o": exp_unit_latency(degree)}, rng)
    equal("y_o", found["y_o"], bits32(y), {"x": x})
    bins = Bins(["nan", "inf", "zero", "one"])
    for name, met in (("nan", np.isnan(y)), ("inf", np.isinf(y)), ("zero", y == 0), ("one", y == 1)):
        bins.hit(name, bool(met.any()))
    assert not bins.missing, bins.missing
