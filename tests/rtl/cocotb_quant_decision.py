"""Bench body for quant_decision: the largest probability against the threshold, once a row."""

from itertools import product
from typing import Any

import cocotb
import numpy as np

from rtl.bench.coverage import Bins
from rtl.bench.models_quant import LATENCY, decide, offers
from rtl.bench.stimuli import SCORES
from rtl.bench.streams import STALLS, Bench, Sink, Source, freeze, pack, parameters, seeded

P, W, TAG = (parameters().get(name, default) for name, default in (("P", 8), ("W", 12), ("TagWidth", 8)))


@cocotb.test()
async def flat_rows_are_sent_back_once(dut: Any) -> None:
    rng, bench = seeded(), Bench(dut)
    source = Source(dut, "in", ["last", "again", "threshold", "tag", "len", "prob"], rng)
    sink = Sink(dut, "out", ["refetch", "tag", "max"])
    bins = Bins(
        [
            *("refetch", "kept", "at the threshold", "one below it", "again and below", "empty row", "several beats"),
            *("maximum in the first beat", "maximum in the last beat", "larger noise in unused lanes"),
            *("no pause", "an answer waits behind another"),
        ]
    )
    await bench.start(source, sink)
    patterns = list(STALLS)
    for round_, kind in enumerate(SCORES):
        for repeat in range(4):
            into, out = patterns[(round_ + repeat) % len(patterns)], patterns[(2 * round_ + repeat) % len(patterns)]
            source.stall, sink.stall = STALLS[into](rng), STALLS[out](rng)
            expected, first, ends = [], len(sink.beats), []
            entered = len(source.taken)
            for _ in range(4):
                n = int(rng.integers(0, 4 * P + 1))
                values = SCORES[kind](rng, n, W)
                largest = int(values.max(initial=0))
                threshold = int(np.clip(rng.choice([largest, largest + 1, rng.integers(1 << W)]), 0, (1 << W) - 1))
                again, tag = int(rng.random() < 0.3), int(rng.integers(1 << TAG))
                refetch = decide(values, threshold, bool(again))[0]
                expected.append({"refetch": int(refetch), "tag": tag, "max": largest})
                lengths = [min(P, n - i) for i in range(0, n, P)] or [0]
                for i, length in enumerate(lengths):
                    lanes = rng.integers(0, 1 << W, size=P)
                    lanes[:length] = values[i * P : i * P + length]
                    bins.hit("larger noise in unused lanes", length < P and lanes[length:].max() > largest)
                    source.send(
                        {
                            "last": int(i == len(lengths) - 1),
                            "again": again,
                            "threshold": threshold,
                            "tag": tag,
                            "len": length,
                            "prob": pack(lanes, W),
                        }
                    )
                    ends.append(i == len(lengths) - 1)
                bins.hit("refetch" if refetch else "kept")
                bins.hit("at the threshold", largest == threshold and n > 0)
                bins.hit("one below it", largest + 1 == threshold)
                bins.hit("again and below", bool(again) and largest < threshold)
                bins.hit("empty row", n == 0)
                bins.hit("several beats", n > P)
                if n > P:
                    bins.hit("maximum in the first beat", int(values.argmax()) < P)
                    bins.hit("maximum in the last beat", int(values.argmax()) >= (len(lengths) - 1) * P)
            total = first + len(expected)
            await bench.until(lambda n=total: len(sink.beats) >= n and source.idle, 5000)
            assert [t.beat for t in sink.beats[first:]] == expected
            begun, answers = source.taken[entered:], sink.beats[first:]
            due = offers(begun, ends, [t.cycle for t in answers])
            assert [t.offered for t in answers] == due
            bins.hit("an answer waits behind another", due != offers(begun, ends, [0] * len(answers)))
            if into == out == "none":
                bins.hit("no pause", begun[-1] - begun[0] == len(begun) - 1)
    assert not bins.missing


@cocotb.test()
async def reset_forgets_the_row_wherever_it_stands(dut: Any) -> None:
    rng, bench = seeded(), Bench(dut)
    source = Source(dut, "in", ["last", "again", "threshold", "tag", "len", "prob"], rng)
    sink = Sink(dut, "out", ["refetch", "tag", "max"])
    await bench.start(source, sink)
    beat = {"last": 0, "again": 0, "threshold": 3, "tag": 1, "len": 1, "prob": 9}
    # A beat on its way, one after another; and answers that wait, until all stages are full.
    for number, (lasts, after) in enumerate(product(([0], [1], [1, 1, 1]), range(LATENCY + 1))):
        sink.stall = freeze(after=0, cycles=100)
        for last in lasts:
            source.send(beat | {"last": last})
        await bench.until(lambda: source.idle, 20)
        await bench.until(lambda c=source.taken[-1] + after: bench.cycle > c, 20)
        await bench.reset()
        sink.stall = STALLS["none"](rng)
        source.send(beat | {"last": 1, "prob": 2})
        await bench.until(lambda n=number: len(sink.beats) > n, 20)
        assert [t.beat for t in sink.beats[number:]] == [{"refetch": 1, "tag": 1, "max": 2}], (lasts, after)


@cocotb.test()
async def an_answer_that_waits_stops_only_the_last_beat(dut: Any) -> None:
    rng, bench = seeded(), Bench(dut)
    source = Source(dut, "in", ["last", "again", "threshold", "tag", "len", "prob"], rng)
    dut.out_ready_i.value = 0
    await bench.start(source)

    async def taken(*lasts: int) -> list[int]:
        before = len(source.taken)
        for last in lasts:
            source.send({"last": last, "again": 0, "threshold": 3, "tag": 1, "len": 1, "prob": 9})
        begun = bench.cycle
        await bench.until(lambda: bench.cycle > begun + 12, 20)
        return source.taken[before:]

    assert np.diff(await taken(1, 0, 0, 1)).tolist() == [1, 1, 1]
    # The last beat stands in the second stage now, and the first has room for one more.
    assert len(await taken(0, 0)) == 1
    dut.out_ready_i.value = 1
    await bench.until(lambda: source.idle, 20)
