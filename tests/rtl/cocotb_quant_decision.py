"""Bench body for quant_decision: the largest probability against the threshold, once a row."""

from typing import Any

import cocotb
import numpy as np

from rtl.bench.coverage import Bins
from rtl.bench.stimuli import SCORES
from rtl.bench.streams import STALLS, Bench, Sink, Source, pack, parameters, seeded

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
        ]
    )
    await bench.start(source, sink)
    patterns = list(STALLS)
    for round_, kind in enumerate(SCORES):
        for repeat in range(4):
            into, out = patterns[(round_ + repeat) % len(patterns)], patterns[(2 * round_ + repeat) % len(patterns)]
            source.stall, sink.stall = STALLS[into](rng), STALLS[out](rng)
            expected, first, last_beats = [], len(sink.beats), []
            entered = len(source.taken)
            for _ in range(4):
                n = int(rng.integers(0, 4 * P + 1))
                values = SCORES[kind](rng, n, W)
                largest = int(values.max(initial=0))
                threshold = int(np.clip(rng.choice([largest, largest + 1, rng.integers(1 << W)]), 0, (1 << W) - 1))
                again, tag = int(rng.random() < 0.3), int(rng.integers(1 << TAG))
                refetch = int(largest < threshold and not again)
                expected.append({"refetch": refetch, "tag": tag, "max": largest})
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
                last_beats.append((last_beats[-1] if last_beats else entered - 1) + len(lengths))
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
            for place, taken in zip(last_beats, sink.beats[first:], strict=True):
                assert taken.offered == source.taken[place] + 1
    assert not bins.missing


@cocotb.test()
async def reset_forgets_the_largest_so_far(dut: Any) -> None:
    rng, bench = seeded(), Bench(dut)
    source = Source(dut, "in", ["last", "again", "threshold", "tag", "len", "prob"], rng)
    sink = Sink(dut, "out", ["refetch", "tag", "max"])
    await bench.start(source, sink)
    beat = {"last": 0, "again": 0, "threshold": 3, "tag": 1, "len": 1, "prob": 9}
    source.send(beat)
    await bench.until(lambda: source.idle, 20)
    await bench.reset()
    source.send(beat | {"last": 1, "prob": 2})
    await bench.until(lambda: len(sink.beats) == 1, 20)
    assert sink.beats[0].beat == {"refetch": 1, "tag": 1, "max": 2}


@cocotb.test()
async def an_answer_that_waits_stops_only_the_last_beat(dut: Any) -> None:
    rng, bench = seeded(), Bench(dut)
    source = Source(dut, "in", ["last", "again", "threshold", "tag", "len", "prob"], rng)
    dut.out_ready_i.value = 0
    await bench.start(source)
    for last in (1, 0, 0, 1):
        source.send({"last": last, "again": 0, "threshold": 3, "tag": 1, "len": 1, "prob": 9})
    await bench.until(lambda: bench.cycle > 12, 20)
    assert len(source.taken) == 3 and np.ptp(source.taken) == 2
    dut.out_ready_i.value = 1
    await bench.until(lambda: source.idle, 20)
