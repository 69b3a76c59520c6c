"""Bench body for row_packer: the same elements in full rows, their cycles, clear."""

from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge

from rtl.bench import topk
from rtl.bench.coverage import Bins
from rtl.bench.streams import STALLS, Bench, Sink, Source, pack, parameters, seeded

LANES, WIDTH = parameters().get("Lanes", 16), parameters().get("Width", 12)

COUNTS = {
    "full": lambda rng, n: np.full(n, LANES),
    "empty": lambda rng, n: np.zeros(n, dtype=int),
    "random": lambda rng, n: rng.integers(0, LANES + 1, size=n),
    "mostly full": lambda rng, n: LANES - (rng.random(n) < 0.2),
    "mostly empty": lambda rng, n: (rng.random(n) < 0.2).astype(int),
    "full then empty": lambda rng, n: np.where(np.arange(n) < n // 2, LANES, 0),
}


def beats(values: list[int], counts: np.ndarray) -> list[dict[str, int]]:
    """Cut values into beats."""
    edges = np.concatenate([[0], np.cumsum(counts)])
    return [
        {"last": int(i == len(counts) - 1), "count": int(c), "data": pack(values[edges[i] : edges[i + 1]], WIDTH)}
        for i, c in enumerate(counts)
    ]


def offers(counts: np.ndarray, taken: list[int]) -> list[int]:
    """Give the cycles in which rows are offered when nothing stalls."""
    tail, found = 0, []
    for i, (count, cycle) in enumerate(zip(counts, taken, strict=True)):
        full, last = tail + count > LANES, i == len(counts) - 1
        found += [cycle + 1] * bool(full) + [cycle + 1 + int(full)] * last
        tail = tail + count - LANES * full
    return found


@cocotb.test()
async def elements_leave_in_full_rows(dut: Any) -> None:
    rng, bench = seeded(), Bench(dut)
    source = Source(dut, "in", ["last", "count", "data"], rng)
    sink = Sink(dut, "out", ["last", "count", "data"])
    dut.clear_i.value = 0
    bins = Bins(["empty packet", "exact rows", "rest", "flush", "no stall"])
    await bench.start(source, sink)
    for into in STALLS:
        for out in STALLS:
            source.stall, sink.stall = STALLS[into](rng), STALLS[out](rng)
            packets, expected, first, entered = [], [], len(sink.beats), len(source.taken)
            for name in rng.permutation(list(COUNTS))[:4]:
                counts = COUNTS[name](rng, int(rng.integers(1, 7)))
                values = rng.integers(1, 1 << WIDTH, size=int(counts.sum())).tolist()
                packets.append(counts)
                for beat in beats(values, counts):
                    source.send(beat)
                cut = topk.packed_rows(values, LANES)
                expected += [
                    {"last": int(i == len(cut) - 1), "count": len(row), "data": pack(row, WIDTH)}
                    for i, row in enumerate(cut)
                ]
                bins.hit("empty packet", not values)
                bins.hit("exact rows", bool(values) and len(values) % LANES == 0)
                bins.hit("rest", len(values) % LANES > 0)
                bins.hit("flush", topk.packing_overflows(counts.tolist(), LANES))
            total = first + len(expected)
            await bench.until(lambda n=total: len(sink.beats) >= n and source.idle, 5000)
            assert [t.beat for t in sink.beats[first:]] == expected
            if out == "none":
                bins.hit("no stall")
                due = []
                for counts in packets:
                    due += offers(counts, source.taken[entered : entered + len(counts)])
                    entered += len(counts)
                assert [t.offered for t in sink.beats[first:]] == due
    assert not bins.missing


@cocotb.test()
async def clear_drops_the_tail_and_the_row_on_offer(dut: Any) -> None:
    rng, bench = seeded(), Bench(dut)
    source = Source(dut, "in", ["last", "count", "data"], rng)
    dut.clear_i.value = dut.out_ready_i.value = 0
    await bench.start(source)
    for way in ("clear", "reset", "clear"):
        for beat in beats(list(range(1, LANES + 1)) * 2, np.array([LANES, LANES])):
            source.send(beat)
        await bench.until(lambda: source.idle, 20)
        await FallingEdge(dut.clk_i)
        assert int(dut.out_valid_o.value) == 1 and int(dut.out_count_o.value) == LANES
        if way == "reset":
            await bench.reset()
        else:
            dut.clear_i.value = 1
            await FallingEdge(dut.clk_i)
            dut.clear_i.value = 0
        assert int(dut.out_valid_o.value) == 0 and int(dut.in_ready_o.value) == 1
        source.send({"last": 1, "count": 1, "data": 1})
        await bench.until(lambda: source.idle, 20)
        await FallingEdge(dut.clk_i)
        assert [int(h.value) for h in (dut.out_valid_o, dut.out_last_o, dut.out_count_o, dut.out_data_o)] == [
            1,
            1,
            1,
            1,
        ]
        await bench.reset()
