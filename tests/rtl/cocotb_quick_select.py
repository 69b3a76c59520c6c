"""Bench body for quick_select: theta, the number of equal keys, rounds and cycles, all as in the model."""

from typing import Any

import cocotb
from cocotb.triggers import FallingEdge

from rtl.bench import topk
from rtl.bench.coverage import Bins
from rtl.bench.stimuli import SCORES
from rtl.bench.streams import Bench, parameters, seeded
from tests.rtl.store import Store

GIVEN = parameters()
N_MAX, P, W, SEED = (GIVEN.get(n, d) for n, d in (("NMax", 1024), ("P", 16), ("W", 12), ("Seed", 0xACE1)))


async def start(dut: Any, bench: Bench, store: Store, keys: topk.Keys, k: int) -> int:
    """Start a job at the next cycle; give the cycle of start_i."""
    store.fill(keys)
    await FallingEdge(dut.clk_i)
    dut.start_i.value, dut.n_i.value, dut.k_i.value = 1, len(keys), k
    begun = bench.cycle
    await FallingEdge(dut.clk_i)
    dut.start_i.value = 0
    return begun


@cocotb.test()
async def selections_and_cycles_are_those_of_the_model(dut: Any) -> None:
    rng, bench = seeded(), Bench(dut)
    store = Store(dut, rng, P, W)
    dut.start_i.value = dut.clear_i.value = 0
    await bench.start(store)
    names = [
        *(f"class {n}" for n in SCORES),
        "one round",
        "many rounds",
        "up then down",
        "several equal kept",
        "k = n",
        "n = 1",
    ]
    bins = Bins(names)
    for kind in SCORES:
        for n in (1, P, min(P + 1, N_MAX), N_MAX, *rng.integers(1, N_MAX + 1, size=2).tolist()):
            keys, k = SCORES[kind](rng, n, W), int(rng.choice([1, n, (n + 1) // 2, int(rng.integers(1, n + 1))]))
            expected, before = topk.quick_select(keys, k, P, SEED), len(store.done)
            begun = await start(dut, bench, store, keys, k)
            await bench.until(lambda m=before: len(store.done) > m, 20 * N_MAX + 100)
            found = store.done[-1]
            assert (found["theta"], found["keep_equal"]) == (expected.theta, expected.keep_equal), (kind, n, k)
            assert found["rounds"] == len(expected.rounds)
            assert found["cycle"] - begun == expected.cycles, (kind, n, k)
            bins.hit(f"class {kind}")
            bins.hit("one round", len(expected.rounds) == 1)
            bins.hit("many rounds", len(expected.rounds) > 3)
            bins.hit("up then down", len(expected.rounds) > 2 and 1 < k < n)
            bins.hit("several equal kept", expected.keep_equal > 1)
            bins.hit("k = n", k == n)
            bins.hit("n = 1", n == 1)
    assert not bins.missing
    assert not int(dut.done_o.value)


@cocotb.test()
async def a_job_dropped_at_any_cycle_leaves_no_trace(dut: Any) -> None:
    rng, bench = seeded(), Bench(dut)
    store = Store(dut, rng, P, W)
    dut.start_i.value = dut.clear_i.value = 0
    await bench.start(store)
    keys = SCORES["uniform"](rng, N_MAX, W)
    expected = topk.quick_select(keys, N_MAX // 2, P, SEED)
    for after in rng.integers(0, expected.cycles - 1, size=12).tolist():
        before = len(store.done)
        begun = await start(dut, bench, store, keys, N_MAX // 2)
        await bench.until(lambda c=begun + after: bench.cycle >= c, 10_000)
        if after % 2:
            dut.clear_i.value = 1
            await FallingEdge(dut.clk_i)
            dut.clear_i.value = 0
        else:
            await bench.reset()
        assert len(store.done) == before
        begun = await start(dut, bench, store, keys, N_MAX // 2)
        await bench.until(lambda m=before: len(store.done) > m, 20 * N_MAX + 100)
        assert store.done[-1]["theta"] == expected.theta
        assert store.done[-1]["cycle"] - begun == expected.cycles
