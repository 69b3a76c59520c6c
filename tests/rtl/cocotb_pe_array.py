"""Bench body for pe_array alone: its operations, what leaves the columns and when, for four tiles in turn."""

from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from rtl.bench.models_exp import exp_on_mac, steps
from rtl.bench.models_float import MAC_LATENCY, bf16, bits16, bits32, mac, maximum, up_to_bf16
from rtl.bench.streams import pack, parameters, seeded, unpack

OPERATION = {"dot": 1, "local max": 2, "row sum": 3, "weighted": 4, "exp": 5}
COLUMN = 33  # bits of what travels down a column


class Program:
    """Instructions with their operands, one a clock, at row 0 and column 0; operands for the edges beside them."""

    def __init__(self, rows: int, cols: int) -> None:
        self.rows, self.cols = rows, cols
        self.instructions: list[int] = []
        self.left: list[list[int]] = []
        self.top: list[list[int]] = []

    def step(self, op: int, left: Any, top: Any, *, k: int = 0, first: bool = False, advance: bool = False) -> int:
        """Append a step of four clocks; left of shape (4, rows), top of shape (4, cols); return its first clock."""
        begin = len(self.instructions)
        for slot in range(MAC_LATENCY):
            self.instructions.append(op << 6 | k << 3 | first << 2 | int(advance))
            self.left.append([int(x) for x in left[slot]])
            self.top.append([int(x) for x in top[slot]])
        return begin


async def run(dut: Any, program: Program) -> list[list[int]]:
    """Play the program without pauses; return what leaves each column in each clock."""
    rows, cols = program.rows, program.cols
    total = len(program.instructions) + MAC_LATENCY * rows + cols + MAC_LATENCY
    clock = Clock(dut.clk_i, 10, unit="ns").start()
    dut.rst_ni.value, dut.en_i.value, dut.instr_i.value = 0, 1, 0
    await RisingEdge(dut.clk_i)
    await FallingEdge(dut.clk_i)
    dut.rst_ni.value = 1
    found = []
    for t in range(total):
        inside = t < len(program.instructions)
        dut.instr_i.value = program.instructions[t] if inside else 0
        dut.left_i.value = pack(program.left[t], 16) if inside else 0
        word = 0
        for c in reversed(range(cols)):  # column c is c clocks behind
            at = t - c
            word = word << COLUMN | (program.top[at][c] if 0 <= at < len(program.top) else 0)
        dut.top_i.value = word
        await RisingEdge(dut.clk_i)
        found.append(unpack(int(dut.bottom_o.value), COLUMN, cols))
        await FallingEdge(dut.clk_i)
    clock.cancel()
    return found


@cocotb.test()
async def operations_reach_the_bottom_when_the_formula_says(dut: Any) -> None:
    given, rng = parameters(), seeded()
    rows, cols, degree, dims, values = given["Rows"], given["Cols"], given["Degree"], 5, 3
    program = Program(rows, cols)
    q = bf16(rng.normal(size=(dims, MAC_LATENCY, cols)).astype(np.float32))
    k = bf16(rng.normal(size=(dims, MAC_LATENCY, rows)).astype(np.float32))
    v = bf16(rng.normal(size=(values, MAC_LATENCY, rows)).astype(np.float32))
    limit = rng.integers(-1, cols + 1, size=(MAC_LATENCY, rows))
    nothing, none = np.zeros((MAC_LATENCY, rows), int), np.zeros((MAC_LATENCY, cols), int)

    for e in range(dims):
        program.step(OPERATION["dot"], bits16(k[e]), bits16(q[e]), first=e == 0)
    at_max = program.step(OPERATION["local max"], limit & 0xFFFF, none)
    program.step(0, nothing, none, advance=True)

    # The model, shape (rows, 4, cols)
    score = np.zeros((rows, MAC_LATENCY, cols), np.float32)
    for e in range(dims):
        score, _ = mac(k[e].T[:, :, None], q[e][None], score)
    visible = limit.T[:, :, None] <= np.arange(cols)
    top, seen = np.zeros(score.shape[1:], np.float32), np.zeros(score.shape[1:], bool)
    for r in range(rows):
        top, seen = maximum(top, seen, score[r], visible[r])
    m = up_to_bf16(top)
    with np.errstate(invalid="ignore"):
        p = np.where(visible, exp_on_mac(score, m[None], degree), np.float32(0))

    words_m = bits16(m)
    for i in range(steps(degree)):
        last = steps(degree) - 1 - i
        program.step(OPERATION["exp"] + min(i, 5), nothing, words_m if i == 0 else none, k=last if i >= 5 else 0)
    at_sum = program.step(OPERATION["row sum"], nothing, none)
    at_values = [program.step(OPERATION["weighted"], bits16(v[f]), none) for f in range(values)]
    row_sum = np.zeros(score.shape[1:], np.float32)
    weighted = np.zeros((values, *score.shape[1:]), np.float32)
    for r in range(rows):
        row_sum, _ = mac(p[r], 1.0, row_sum)
        weighted, _ = mac(v[:, :, r][:, :, None], p[r][None], weighted)

    found = await run(dut, program)

    def bottom(begin: int) -> np.ndarray:
        """What leaves for the step that began at this clock, shape (4, cols): Lat*Rows + c clocks later."""
        late = begin + MAC_LATENCY * rows
        return np.array([[found[late + slot + c][c] for c in range(cols)] for slot in range(MAC_LATENCY)])

    maxima = bottom(at_max)
    assert np.array_equal(maxima >> 32, seen)
    assert np.array_equal((maxima & 0xFFFFFFFF)[seen], bits32(top)[seen])
    assert np.array_equal(bottom(at_sum) & 0xFFFFFFFF, bits32(row_sum))
    for f, begin in enumerate(at_values):
        assert np.array_equal(bottom(begin) & 0xFFFFFFFF, bits32(weighted[f])), f
