"""Bench body for stream_fork: every output gets every beat once, in order, in the cycle in which it arrives."""

from types import SimpleNamespace
from typing import Any

import cocotb

from rtl.bench.coverage import Bins
from rtl.bench.streams import STALLS, Bench, Source, Watch, parameters, seeded

OUTPUTS, WIDTH = parameters().get("Outputs", 2), parameters().get("Width", 8)


@cocotb.test()
async def every_output_takes_every_beat_once(dut: Any) -> None:
    rng, bench = seeded(), Bench(dut)
    source = Source(dut, "in", ["data"], rng)
    taken: list[list[int]] = [[] for _ in range(OUTPUTS)]
    cycles: list[list[int]] = [[] for _ in range(OUTPUTS)]
    state = SimpleNamespace(stalls=[], ready=0, valid=0, data=0)
    bins = Bins(["all at once", "one waits", *([] if OUTPUTS < 3 else ["two wait"])])

    class Outputs:
        def drive(self, cycle: int) -> None:
            state.ready = sum((not next(stall)) << i for i, stall in enumerate(state.stalls))
            dut.out_ready_i.value = state.ready

        def sample(self, cycle: int) -> None:
            valid, data = int(dut.out_valid_o.value), int(dut.out_data_o.value)
            pending = state.valid & ~state.last_ready if cycle and hasattr(state, "last_ready") else 0
            assert pending & ~valid == 0, "an output lost its beat"
            if pending:
                assert data == state.data, "the payload changed while it waited"
            for i in range(OUTPUTS):
                if valid >> i & state.ready >> i & 1:
                    taken[i].append(data)
                    cycles[i].append(cycle)
            state.valid, state.data, state.last_ready = valid, data, state.ready
            waiting = bin(valid).count("1")
            bins.hit("all at once", valid and waiting == OUTPUTS and state.ready == (1 << OUTPUTS) - 1)
            bins.hit("one waits", waiting == 1)
            if OUTPUTS >= 3:
                bins.hit("two wait", waiting == 2)

    def taken_by_all(cycle: int) -> None:
        if len({len(values) for values in taken}) == 1:
            assert len(source.taken) == len(taken[0])

    state.stalls = [STALLS["none"](rng) for _ in range(OUTPUTS)]
    await bench.start(source, Outputs(), Watch(taken_by_all))
    sent: list[int] = []
    for into in STALLS.values():
        for names in (list(STALLS), list(STALLS)[::-1], ["half"] * 5, ["none"] * 5, ["often", "none", "bursts"] * 2):
            source.stall = into(rng)
            state.stalls = [STALLS[names[i % len(names)]](rng) for i in range(OUTPUTS)]
            for value in rng.integers(0, 1 << WIDTH, size=12):
                sent.append(int(value))
                source.send({"data": int(value)})
            await bench.until(lambda: source.idle, 2000)
    assert taken == [sent] * OUTPUTS
    # The input goes with the last output, and the next beat is offered in the cycle after.
    assert source.taken == [max(each) for each in zip(*cycles, strict=True)]
    assert not bins.missing


@cocotb.test()
async def reset_forgets_who_was_served(dut: Any) -> None:
    rng, bench = seeded(), Bench(dut)
    source = Source(dut, "in", ["data"], rng)
    dut.out_ready_i.value = 1
    await bench.start(source)
    source.send({"data": 3})
    await bench.until(lambda: bench.cycle > 3, 20)
    assert int(dut.out_valid_o.value) == (1 << OUTPUTS) - 2
    dut.out_ready_i.value = 0
    await bench.reset()
    source.send({"data": 5})
    await bench.until(lambda: source.offered, 20)
    assert int(dut.out_valid_o.value) == (1 << OUTPUTS) - 1
