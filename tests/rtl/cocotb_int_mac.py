"""Bench body for int_mac: runs of every length at the ends of the range; ties, saturation and wrapping are met."""

from typing import Any

import cocotb
import numpy as np

from rtl.bench.coverage import Bins
from rtl.bench.models_float import int_mac
from rtl.bench.streams import parameters, seeded
from tests.rtl.compare import equal
from tests.rtl.pipeline import through


@cocotb.test()
async def sums_and_results_are_the_model_s(dut: Any) -> None:
    rng, given = seeded(), parameters()
    width, out, shift, width_acc = given["WidthA"], given["WidthY"], given["Shift"], given["WidthAcc"]
    half = 1 << (width - 1)
    n = 4000
    a, b = (rng.integers(-half, half, n) for _ in range(2))
    ends = rng.random(n) < 0.1
    a = np.where(ends, rng.choice([-half, half - 1, 0, 1, -1], n), a)
    small = rng.random(n) < 0.4
    a, b = np.where(small, a % 4 - 2, a), np.where(small, (b % 8) * half // 8, b)
    first = rng.random(n) < 0.2
    a[:200], b[:200], first[:200] = -half, half - 1, False  # a long run of one sign
    first[0] = True
    sums, y = int_mac(a, b, first, width_y=out, shift=shift, width_acc=width_acc)
    mask = (1 << width) - 1
    found = await through(
        dut, {"a_i": a & mask, "b_i": b & mask, "first_i": first.astype(int)}, {"acc_o": 2, "y_o": 3}, rng
    )
    shown = {"a": a & mask, "b": b & mask}
    equal("acc_o", found["acc_o"], sums & ((1 << width_acc) - 1), shown)
    equal("y_o", found["y_o"], y & ((1 << out) - 1), shown)
    low, tie = sums & ((1 << shift) - 1), 1 << (shift - 1)
    bins = Bins(["tie to even up", "tie to even down", "above", "below"])
    bins.hit("tie to even up", bool(((low == tie) & (sums >> shift & 1 == 1)).any()))
    bins.hit("tie to even down", bool(((low == tie) & (sums >> shift & 1 == 0)).any()))
    bins.hit("above", bool((y == (1 << (out - 1)) - 1).any()))
    bins.hit("below", bool((y == -(1 << (out - 1))).any()))
    assert not bins.missing, bins.missing
