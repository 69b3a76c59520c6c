"""Bench body for sync_fifo: order, no loss, the latency of one cycle, clear and reset."""

from typing import Any

import cocotb
from cocotb.triggers import FallingEdge

from rtl.bench.coverage import Bins
from rtl.bench.streams import STALLS, Bench, Sink, Source, Watch, parameters, seeded


@cocotb.test()
async def beats_keep_their_order_under_all_stalls(dut: Any) -> None:
    given, rng, bench = parameters(), seeded(), Bench(dut)
    width, depth = given.get("Width", 8), given.get("Depth", 4)
    source, sink = Source(dut, "in", ["data"], rng), Sink(dut, "out", ["data"])
    bins = Bins(["empty", "full", "push and pop", "full and pop", "wrap"])

    def look(cycle: int) -> None:
        count = int(dut.count_o.value)
        push = bool(int(dut.in_valid_i.value) and int(dut.in_ready_o.value))
        pop = bool(int(dut.out_valid_o.value) and int(dut.out_ready_i.value))
        assert count == len(source.taken) - push - (len(sink.beats) - pop)
        bins.hit("empty", count == 0)
        bins.hit("full", count == depth)
        bins.hit("full and pop", count == depth and pop)
        bins.hit("push and pop", (push and pop) or depth == 1)
        bins.hit("wrap", len(source.taken) > depth)

    dut.clear_i.value = 0
    await bench.start(source, sink, Watch(look))
    sent: list[int] = []
    for into in STALLS.values():
        for out in STALLS.values():
            source.stall, sink.stall = into(rng), out(rng)
            for value in rng.integers(0, 1 << width, size=20):
                sent.append(int(value))
                source.send({"data": int(value)})
            await bench.until(lambda: source.idle and len(sink.beats) == len(sent), 2000)
    assert [taken.beat["data"] for taken in sink.beats] == sent
    # Taken in cycle t, offered in t + 1 unless earlier beats are still there.
    free = [-1, *(taken.cycle for taken in sink.beats)]
    for entered, before, taken in zip(source.taken, free, sink.beats, strict=False):
        assert taken.offered == max(entered, before) + 1
    assert not bins.missing


@cocotb.test()
async def clear_and_reset_empty_the_queue(dut: Any) -> None:
    rng, bench = seeded(), Bench(dut)
    source = Source(dut, "in", ["data"], rng)
    dut.out_ready_i.value = dut.clear_i.value = 0
    await bench.start(source)
    for way in ("clear", "reset"):
        source.send({"data": 1})
        await bench.until(lambda: source.idle, 20)
        await FallingEdge(dut.clk_i)
        assert int(dut.count_o.value) == 1 and int(dut.out_valid_o.value) == 1
        if way == "clear":
            dut.clear_i.value = 1
            await FallingEdge(dut.clk_i)
            dut.clear_i.value = 0
        else:
            await bench.reset()
        assert int(dut.count_o.value) == 0 and int(dut.out_valid_o.value) == 0, way
