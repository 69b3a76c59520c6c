"""Bench body for skid_buffer: order, no loss, latency 1, one beat a cycle, no combinational path."""

from typing import Any

import cocotb
from cocotb.triggers import FallingEdge, Timer

from rtl.bench.coverage import Bins
from rtl.bench.streams import STALLS, Bench, Sink, Source, Watch, parameters, seeded

WIDTH = parameters().get("Width", 8)


@cocotb.test()
async def beats_keep_their_order_under_all_stalls(dut: Any) -> None:
    rng, bench = seeded(), Bench(dut)
    source, sink = Source(dut, "in", ["data"], rng), Sink(dut, "out", ["data"])
    bins = Bins(["empty", "one", "two", "through at full speed"])

    def look(cycle: int) -> None:
        held = len(source.taken) - len(sink.beats)
        bins.hit("empty", held == 0)
        bins.hit("one", held == 1)
        bins.hit("two", held == 2)
        assert held <= 2

    await bench.start(source, sink, Watch(look))
    sent: list[int] = []
    for into in STALLS.values():
        for out in STALLS.values():
            source.stall, sink.stall = into(rng), out(rng)
            begun = bench.cycle
            for value in rng.integers(0, 1 << WIDTH, size=16):
                sent.append(int(value))
                source.send({"data": int(value)})
            await bench.until(lambda: source.idle and len(sink.beats) == len(sent), 2000)
            bins.hit("through at full speed", bench.cycle - begun <= 18)
    assert [taken.beat["data"] for taken in sink.beats] == sent
    free = [-1, *(taken.cycle for taken in sink.beats)]
    for entered, before, taken in zip(source.taken, free, sink.beats, strict=False):
        assert taken.offered == max(entered, before) + 1
    assert not bins.missing


@cocotb.test()
async def ready_and_valid_depend_on_the_state_alone(dut: Any) -> None:
    bench = Bench(dut)
    dut.in_valid_i.value = dut.out_ready_i.value = 0
    await bench.start()
    for fill in (1, 1, 0):
        await FallingEdge(dut.clk_i)
        seen = set()
        for valid, ready in ((0, 0), (0, 1), (1, 1), (1, 0)):
            dut.in_valid_i.value, dut.out_ready_i.value = valid, ready
            await Timer(1, unit="ns")
            seen.add((int(dut.in_ready_o.value), int(dut.out_valid_o.value)))
        assert len(seen) == 1
        dut.in_valid_i.value, dut.out_ready_i.value = fill, 0
    assert int(dut.in_ready_o.value) == 0 and int(dut.out_valid_o.value) == 1


@cocotb.test()
async def reset_empties_it(dut: Any) -> None:
    rng, bench = seeded(), Bench(dut)
    source = Source(dut, "in", ["data"], rng)
    dut.out_ready_i.value = 0
    await bench.start(source)
    source.send({"data": 0})
    source.send({"data": 1})
    await bench.until(lambda: source.idle, 20)
    await bench.reset()
    assert int(dut.out_valid_o.value) == 0 and int(dut.in_ready_o.value) == 1
