"""Bench body for vector_array alone: blocks of every kind in both orders of its operations, under all stalls."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cocotb
import numpy as np

from rtl.bench.coverage import Bins
from rtl.bench.models_exp import exp_on_mac
from rtl.bench.models_float import MAC_LATENCY, Words, bits16, bits32, divide, divide_latency, float32, mac, maximum
from rtl.bench.models_float import up_to_bf16 as up
from rtl.bench.streams import STALLS, Bench, Stall, never, pack, parameters, seeded, unpack
from tests.rtl.operands import SPECIAL, words

SUB, POLY, RUN_MAX, ADD_DEN, ADD_NUM, SCALE_DEN, SCALE_NUM = 5, 10, 11, 12, 13, 14, 15
KINDS = ("plain", "growing", "falling", "equal", "hidden", "late", "steep", "infinite", "special", "one tile")
COLUMN = 33  # bits of what leaves a column of the 2D array


@dataclass(frozen=True, kw_only=True)
class Step:
    """One operation for four tiles in turn; `bottom`: what the columns give, valid bit and word, shape (4, cols)."""

    op: int
    bottom: np.ndarray
    k: int = 0
    first: bool = False
    last: bool = False
    value: int = 0

    def instruction(self) -> int:
        return self.op << 6 | self.k << 3 | self.first << 2 | self.last << 1


@dataclass(frozen=True, kw_only=True)
class Tile:
    """What the columns give for a tile of keys: maxima and whether there is one, row sums, weighted sums."""

    first: bool
    last: bool
    valid: np.ndarray
    top: Words
    row_sum: Words
    weighted: Words


def block(rng: np.random.Generator, kind: str, shape: tuple[int, int], values: int) -> list[Tile]:
    """Give the tiles of a block of queries; shape (4, cols)."""
    count = 1 if kind == "one tile" else int(rng.integers(2, 5))
    found = []
    level = rng.normal(size=shape).astype(np.float32)
    for i in range(count):
        slope = {"growing": 5, "falling": -5}.get(kind, 0)
        noise = 0 if kind == "equal" else rng.normal(size=shape) * (60 if kind == "steep" else 1)
        top = bits32((level + slope * i + noise).astype(np.float32))
        row_sum = bits32(np.exp2(rng.normal(size=shape)).astype(np.float32))
        weighted = bits32(rng.normal(size=(values, *shape)).astype(np.float32))
        if kind == "infinite":
            top = np.where(rng.random(shape) < 0.3, np.uint32(0xFF800000 if i else 0x7F800000), top)
        elif kind == "special":
            top, row_sum = rng.choice(SPECIAL, shape), rng.choice(SPECIAL, shape)
            weighted = np.where(rng.random(weighted.shape) < 0.5, rng.choice(SPECIAL, weighted.shape), weighted)
        valid = rng.random(shape) < 0.8
        if kind in ("equal", "steep", "special"):
            valid[:] = True
        elif kind == "hidden" or (kind == "late" and 2 * i < count):
            valid[:] = False
        # What no key took part in adds up to zero.
        row_sum = np.where(valid, row_sum, np.uint32(0))
        weighted = np.where(valid[None], weighted, np.uint32(0))
        ends = i == 0, i == count - 1
        found.append(Tile(first=ends[0], last=ends[1], valid=valid, top=top, row_sum=row_sum, weighted=weighted))
    return found


class Writer:
    """Writes the operations of tiles one after another, noise where an operation takes nothing from the columns."""

    def __init__(self, rng: np.random.Generator, cols: int, degree: int) -> None:
        self.rng, self.shape, self.degree = rng, (MAC_LATENCY, cols), degree
        self.steps: list[Step] = []

    def step(self, op: int, data: Words | None = None, valid: np.ndarray | None = None, **given: Any) -> None:
        words_ = words(self.rng, self.shape[0] * self.shape[1]).reshape(self.shape) if data is None else data
        flags = self.rng.random(self.shape) < 0.5 if valid is None else valid
        self.steps.append(Step(op=op, bottom=words_.astype(np.int64) | flags.astype(np.int64) << 32, **given))

    def pause(self, steps: int = 1) -> None:
        for _ in range(steps):
            self.step(0)

    def maximum(self, tile: Tile) -> None:
        self.step(RUN_MAX, tile.top, tile.valid, first=tile.first)
        for i in range(4):
            self.step(SUB + i)
        self.step(POLY - 1)
        for k in range(self.degree - 2, -1, -1):
            self.step(POLY, k=k)

    def scale(self, tile: Tile) -> None:
        self.step(SCALE_DEN, first=tile.first)
        for f in range(len(tile.weighted)):
            self.step(SCALE_NUM, first=tile.first, value=f)

    def add(self, tile: Tile) -> None:
        self.step(ADD_DEN, tile.row_sum)
        for f, data in enumerate(tile.weighted):
            self.step(ADD_NUM, data, last=tile.last, value=f)

    def one_by_one(self, tiles: Sequence[Tile]) -> None:
        """Finish each tile before the next."""
        for tile in tiles:
            self.maximum(tile)
            self.pause(int(self.rng.integers(1, 4)))  # the factor is there two steps after its last operation
            self.scale(tile)
            self.add(tile)

    def overlapped(self, tiles: Sequence[Tile]) -> None:
        """Take a tile's maxima before the sums of the tile before, as the attention tile does."""
        before: Tile | None = None
        for tile in tiles:
            self.maximum(tile)
            if before is None:
                self.pause()
            else:
                self.add(before)
            self.scale(tile)
            before = tile
        if before is not None:
            self.add(before)


Expected = list[tuple[int, list[int]]]


def model(steps: Sequence[Step], cols: int, values: int, degree: int, bins: Bins) -> tuple[Expected, list[np.ndarray]]:
    """Return (clock, words) of every result, the clock that of OpAddNum in lane 0; and m after each step."""
    shape = (MAC_LATENCY, cols)
    m, seen, factor = np.zeros(shape, np.float32), np.zeros(shape, bool), np.zeros(shape, np.float32)
    den, num = np.zeros(shape, np.float32), np.zeros((values, *shape), np.float32)
    results: Expected = []
    maxima = []
    for number, step in enumerate(steps):
        data, valid = float32(step.bottom & 0xFFFFFFFF), step.bottom >> 32 != 0
        if step.op == RUN_MAX:
            begun = seen & (not step.first)
            after, seen = maximum(m, begun, up(data), valid)
            with np.errstate(invalid="ignore"):
                factor = np.where(begun, exp_on_mac(m, after, degree), np.float32(0))
            m = after
            bins.hit("factor 0", bool((factor == 0).any()))
            bins.hit("factor 1", bool((factor == 1).any()))
            bins.hit("factor between", bool(((factor > 0) & (factor < 1)).any()))
        elif step.op == SCALE_DEN:
            den = mac(np.float32(0) if step.first else den, factor, 0.0)[0]
        elif step.op == SCALE_NUM:
            num[step.value] = mac(np.float32(0) if step.first else num[step.value], factor, 0.0)[0]
        elif step.op == ADD_DEN:
            den = mac(den, 1.0, data)[0]
        elif step.op == ADD_NUM:
            num[step.value] = mac(num[step.value], 1.0, data)[0]
            if step.last:
                nothing = den == 0
                bins.hit("denominator 0", bool(nothing.any()))
                zero, one = np.float32(0), np.float32(1)
                quotient = divide(np.where(nothing, zero, num[step.value]), np.where(nothing, one, den))
                for slot in range(MAC_LATENCY):
                    results.append((number * MAC_LATENCY + slot, bits16(quotient[slot]).tolist()))
        maxima.append(bits16(m))
    return results, maxima


class Player:
    """Plays steps at enabled clocks, column c one clock behind column c - 1; notes results and maxima."""

    def __init__(self, dut: Any, rng: np.random.Generator, cols: int) -> None:
        self.dut, self.rng, self.cols = dut, rng, cols
        dut.en_i.value = 0
        self.stall: Stall = never()
        self.play([])

    def play(self, steps: Sequence[Step]) -> None:
        self.steps, self.clock, self.go = list(steps), 0, False
        self.results: Expected = []
        self.maxima: list[list[int]] = []

    def at(self, clock: int) -> Step | None:
        return self.steps[clock // MAC_LATENCY] if 0 <= clock < len(self.steps) * MAC_LATENCY else None

    def noise(self, port: Any) -> int:
        return int(self.rng.integers(0, 1 << min(len(port), 62))) | (-(1 << 62) & ((1 << len(port)) - 1))

    def drive(self, cycle: int) -> None:
        self.go = not next(self.stall)
        self.dut.en_i.value = int(self.go)
        step, slot = self.at(self.clock), self.clock % MAC_LATENCY
        bottom = self.noise(self.dut.bottom_i)
        if not self.go:
            self.dut.instr_i.value, self.dut.index_i.value = self.noise(self.dut.instr_i), self.noise(self.dut.index_i)
        else:
            self.dut.instr_i.value = step.instruction() if step else 0
            self.dut.index_i.value = step.value * MAC_LATENCY + slot if step else 0
            bottom = 0
            for c in range(self.cols):
                behind = self.at(self.clock - c)
                word = int(behind.bottom[(self.clock - c) % MAC_LATENCY, c]) if behind else 0
                bottom |= word << (COLUMN * c)
        self.dut.bottom_i.value = bottom

    def sample(self, cycle: int) -> None:
        busy = [self.go and (s := self.at(self.clock - c)) is not None and s.op != 0 for c in range(self.cols)]
        assert int(self.dut.busy_o.value) == pack(busy, 1), f"clock {self.clock}: busy_o is not {busy}"
        if self.go:
            if int(self.dut.result_valid_o.value):
                self.results.append((self.clock, unpack(int(self.dut.result_o.value), 16, self.cols)))
            self.maxima.append(unpack(int(self.dut.m_o.value), 16, self.cols))
            self.clock += 1


def latency(cols: int) -> int:
    """Give the formula of vector_array's header: a multiply-accumulate, a division, the way across."""
    return MAC_LATENCY + divide_latency(8) + cols - 1


async def check(bench: Bench, player: Player, steps: Sequence[Step], given: dict[str, int], bins: Bins) -> None:
    """Play steps; compare every result and its clock, and every maximum."""
    cols = given["Cols"]
    results, maxima = model(steps, cols, given["Values"], given["Degree"], bins)
    total = len(steps) * MAC_LATENCY
    player.play(steps)
    await bench.until(lambda: player.clock >= total + latency(cols) + MAC_LATENCY, 100 * total + 1000)
    assert player.results == [(clock + latency(cols), row) for clock, row in results]
    begun = next(i for i, step in enumerate(steps) if step.op == RUN_MAX)
    for clock in range((begun + 1) * MAC_LATENCY + cols, total):
        # A maximum is shown when the turn of its tile comes again.
        for c, found in enumerate(player.maxima[clock]):
            step, slot = divmod(clock - c, MAC_LATENCY)
            assert found == maxima[step - 1][slot, c], f"clock {clock}: m_o of column {c}"


@cocotb.test()
async def results_are_the_model_s_at_the_clock_of_the_formula(dut: Any) -> None:
    given, rng, bench = parameters(), seeded(), Bench(dut)
    cols, values, degree = given["Cols"], given["Values"], given["Degree"]
    player = Player(dut, rng, cols)
    orders = ("one by one", "overlapped")
    bins = Bins([*KINDS, *orders, "factor 0", "factor 1", "factor between", "denominator 0"])
    await bench.start(player)
    for number, stall in enumerate(STALLS):
        player.stall = STALLS[stall](rng)
        for order in orders if stall in ("none", "half") else [orders[number % 2]]:
            writer = Writer(rng, cols, degree)
            tiles: list[Tile] = []
            for index in rng.permutation(len(KINDS))[: None if stall in ("none", "half") else 3]:
                tiles += block(rng, KINDS[index], writer.shape, values)
                bins.hit(KINDS[index])
            (writer.one_by_one if order == "one by one" else writer.overlapped)(tiles)
            bins.hit(order)
            await check(bench, player, writer.steps, given, bins)
    assert not bins.missing, bins.missing


@cocotb.test()
async def a_reset_forgets_the_results(dut: Any) -> None:
    given, rng, bench = parameters(), seeded(), Bench(dut)
    player, bins = Player(dut, rng, given["Cols"]), Bins(["factor 0", "factor 1", "factor between", "denominator 0"])
    await bench.start(player)
    writer = Writer(rng, given["Cols"], given["Degree"])
    writer.one_by_one(block(rng, "one tile", writer.shape, given["Values"]))
    player.play(writer.steps)
    # Quotients are under way, and no lane works any more.
    cols, work = given["Cols"], len(writer.steps) * MAC_LATENCY
    await bench.until(lambda: player.clock == work + cols, 1000)
    left = len(player.results)
    await bench.reset(2)
    await bench.until(lambda: player.clock > work + 2 * latency(cols), 200)
    assert len(player.results) <= left + 2 < given["Values"] * MAC_LATENCY
    writer = Writer(rng, given["Cols"], given["Degree"])
    writer.overlapped(block(rng, "growing", writer.shape, given["Values"]))
    await check(bench, player, writer.steps, given, bins)
