"""Bench body for radix_select: theta, the number of equal keys and cycles, all as in the model."""

from typing import Any

import cocotb
from cocotb.triggers import FallingEdge

from rtl.bench import topk
from rtl.bench.coverage import Bins
from rtl.bench.stimuli import SCORES
from rtl.bench.streams import Bench, pack, parameters, seeded
from tests.rtl.store import Store

GIVEN = parameters()
N_MAX, P, W, BITS = (GIVEN.get(n, d) for n, d in (("NMax", 1024), ("P", 16), ("W", 12), ("DigitBits", 4)))


async def load(dut: Any, store: Store, keys: topk.Keys, gaps: float) -> None:
    """Load rows with noise in unused lanes and with gaps."""
    store.fill(keys)
    for number, row in enumerate(store.rows):
        while store.rng.random() < gaps:
            dut.load_valid_i.value = 0
            dut.load_keys_i.value = pack(store.rng.integers(0, 1 << W, size=P), W)
            await FallingEdge(dut.clk_i)
        dut.load_valid_i.value, dut.load_len_i.value, dut.load_keys_i.value = 1, len(row), store.row(number)
        await FallingEdge(dut.clk_i)
    dut.load_valid_i.value = 0


async def start(dut: Any, bench: Bench, n: int, k: int) -> int:
    """Start in this cycle; give its number."""
    dut.start_i.value, dut.n_i.value, dut.k_i.value = 1, n, k
    begun = bench.cycle
    await FallingEdge(dut.clk_i)
    dut.start_i.value = 0
    return begun


@cocotb.test()
async def selections_and_cycles_are_those_of_the_model(dut: Any) -> None:
    rng, bench = seeded(), Bench(dut)
    store = Store(dut, rng, P, W)
    dut.start_i.value = dut.clear_i.value = dut.load_valid_i.value = 0
    await bench.start(store)
    bins = Bins(
        [*(f"class {n}" for n in SCORES), "several equal kept", "k = n", "n = 1", "first digit 0", "first digit not 0"]
    )
    await FallingEdge(dut.clk_i)
    for kind in SCORES:
        for n in (1, P, min(P + 1, N_MAX), N_MAX, *rng.integers(1, N_MAX + 1, size=3).tolist()):
            keys, k = SCORES[kind](rng, n, W), int(rng.choice([1, n, (n + 1) // 2, int(rng.integers(1, n + 1))]))
            expected, before = topk.radix_select(keys, k, P, W, BITS), len(store.done)
            await load(dut, store, keys, 0.3 * (n % 2))
            begun = await start(dut, bench, n, k)
            await bench.until(lambda m=before: len(store.done) > m, 20 * N_MAX + 100)
            found = store.done[-1]
            assert (found["theta"], found["keep_equal"]) == (expected.theta, expected.keep_equal), (kind, n, k)
            assert found["rounds"] == len(expected.rounds)
            assert found["cycle"] - begun == expected.cycles, (kind, n, k)
            bins.hit(f"class {kind}")
            bins.hit("several equal kept", expected.keep_equal > 1)
            bins.hit("k = n", k == n)
            bins.hit("n = 1", n == 1)
            top = expected.theta >> (topk.rows(W, BITS) - 1) * BITS
            bins.hit("first digit 0" if top == 0 else "first digit not 0")
    assert not bins.missing


@cocotb.test()
async def a_job_dropped_at_any_cycle_leaves_no_trace(dut: Any) -> None:
    rng, bench = seeded(), Bench(dut)
    store = Store(dut, rng, P, W)
    dut.start_i.value = dut.clear_i.value = dut.load_valid_i.value = 0
    await bench.start(store)
    keys = SCORES["uniform"](rng, N_MAX, W)
    expected = topk.radix_select(keys, N_MAX // 2, P, W, BITS)
    await FallingEdge(dut.clk_i)
    for after in [-1, -1, *rng.integers(0, max(1, expected.cycles - 1), size=8).tolist()]:
        before = len(store.done)
        await load(dut, store, keys, 0)
        if after >= 0:
            begun = await start(dut, bench, N_MAX, N_MAX // 2)
            await bench.until(lambda c=begun + after: bench.cycle >= c, 10_000)
        if after % 2:
            dut.clear_i.value = 1
            await FallingEdge(dut.clk_i)
            dut.clear_i.value = 0
        else:
            await bench.reset()
        assert len(store.done) == before
        await load(dut, store, keys, 0)
        begun = await start(dut, bench, N_MAX, N_MAX // 2)
        await bench.until(lambda m=before: len(store.done) > m, 20 * N_MAX + 100)
        assert store.done[-1]["theta"] == expected.theta
        assert store.done[-1]["cycle"] - begun == expected.cycles
