"""Bench body for online_softmax: rows of every kind in turn, all stalls, latency and throughput."""

from typing import Any

import cocotb
import numpy as np

from rtl.bench.coverage import Bins
from rtl.bench.models_float import MAC_LATENCY, bits32
from rtl.bench.models_softmax import Beat, online_softmax, online_softmax_latency
from rtl.bench.streams import STALLS, Bench, Sink, Source, pack, parameters, seeded

KINDS = ("plain", "growing", "falling", "equal", "hidden", "late", "steep", "far apart", "one score", "infinite")


def row(rng: np.random.Generator, kind: str, lanes: int, beats: int) -> list[Beat]:
    """Give the beats of one row."""
    score = (rng.normal(size=(beats, lanes)) * {"steep": 60, "far apart": 1e30}.get(kind, 3)).astype(np.float32)
    visible = rng.random((beats, lanes)) < 0.8
    if kind in ("growing", "falling"):
        score += (np.arange(beats) * (5 if kind == "growing" else -5))[:, None].astype(np.float32)
    elif kind == "equal":
        score[:] = score[0, 0]
    elif kind == "hidden":
        visible[:] = False
    elif kind == "late":
        visible[: (beats + 1) // 2] = False
    elif kind == "one score":
        visible[:] = False
        visible[beats // 2, lanes // 2] = True
    elif kind == "infinite":
        score[beats // 2, 0] = -np.inf
        visible[beats // 2, 0] = True
    ends = (0, beats - 1)
    return [Beat(first=i == ends[0], last=i == ends[1], visible=visible[i], score=score[i]) for i in range(beats)]


def turns(rng: np.random.Generator, lanes: int, bins: Bins) -> list[Beat]:
    """Give rows of all kinds, four at a time, of their own lengths; a shorter row is followed by the next one."""
    waiting = [(kind, int(beats)) for kind in KINDS for beats in (1, 2, int(rng.integers(3, 9)))]
    order = rng.permutation(len(waiting))
    rows = [row(rng, waiting[i][0], lanes, waiting[i][1]) for i in order]
    for kind, _ in waiting:
        bins.hit(kind)
    lines: list[list[Beat]] = [[] for _ in range(MAC_LATENCY)]
    for beats in rows:
        min(lines, key=len).extend(beats)
    longest = max(map(len, lines))
    for line in lines:
        while len(line) < longest:
            line += row(rng, "hidden", lanes, 1)
    return [line[i] for i in range(longest) for line in lines]


def send(source: Source, beat: Beat) -> None:
    source.send({
        "first": int(beat.first), "last": int(beat.last), "visible": pack(beat.visible, 1),
        "score": pack(bits32(beat.score), 32),
    })  # fmt: skip


@cocotb.test()
async def every_beat_is_the_model_s_under_all_stalls(dut: Any) -> None:
    given, rng, bench = parameters(), seeded(), Bench(dut)
    lanes, degree = given["Lanes"], given["Degree"]
    source = Source(dut, "in", ["first", "last", "visible", "score"], rng)
    sink = Sink(dut, "out", ["last", "weight", "factor", "denominator"])
    bins = Bins([*KINDS, "factor 0", "factor 1", "factor between", "denominator 0", "no pause"])
    await bench.start(source, sink)
    for kind, stall in STALLS.items():
        source.stall, sink.stall = stall(rng), STALLS["none" if kind == "rare" else kind](rng)
        beats = turns(rng, lanes, bins)
        weights, factors, denominators = online_softmax(beats, degree)
        before = len(sink.beats)
        for beat in beats:
            send(source, beat)
        await bench.until(lambda: len(sink.beats) == before + len(beats), 30_000)  # noqa: B023
        for i, (taken, beat) in enumerate(zip(sink.beats[before:], beats, strict=True)):
            expected = {
                "last": int(beat.last), "weight": pack(bits32(weights[i]), 32),
                "factor": int(bits32(factors[i])), "denominator": int(bits32(denominators[i])),
            }  # fmt: skip
            assert taken.beat == expected, f"{kind}: beat {i}: {taken.beat}, not {expected}"
        bins.hit("factor 0", bool((factors == 0).any()))
        bins.hit("factor 1", bool((factors == 1).any()))
        bins.hit("factor between", bool(((factors > 0) & (factors < 1)).any()))
        bins.hit("denominator 0", bool((denominators == 0).any()))
        if kind == "none":
            entered, left = source.taken[before:], [t.offered for t in sink.beats[before:]]
            assert np.unique(np.subtract(left, entered)).tolist() == [online_softmax_latency(lanes, degree)]
            bins.hit("no pause", entered[-1] - entered[0] == len(entered) - 1)
    assert not bins.missing, bins.missing


@cocotb.test()
async def a_reset_forgets_the_rows(dut: Any) -> None:
    given, rng, bench = parameters(), seeded(), Bench(dut)
    source = Source(dut, "in", ["first", "last", "visible", "score"], rng)
    sink = Sink(dut, "out", ["last", "weight", "factor", "denominator"])
    await bench.start(source, sink)
    bins = Bins(KINDS)
    for beat in turns(rng, given["Lanes"], bins)[:9]:  # an odd number of turns
        send(source, beat)
    await bench.until(lambda: len(sink.beats) == 3, 2000)
    await bench.reset(2)
    before = len(sink.beats)
    beats = turns(rng, given["Lanes"], bins)
    for beat in beats:
        send(source, beat)
    await bench.until(lambda: len(sink.beats) == before + len(beats), 2000)
    denominators = online_softmax(beats, given["Degree"])[2]
    assert [t.beat["denominator"] for t in sink.beats[before:]] == bits32(denominators).tolist()
