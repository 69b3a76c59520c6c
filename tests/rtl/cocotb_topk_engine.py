"""Bench body for topk_engine: every kind of job, exactly, with both selections and under all stalls."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge

from rtl.bench import topk
from rtl.bench.coverage import Bins
from rtl.bench.stimuli import SCORES
from rtl.bench.streams import STALLS, Bench, Sink, Source, Stall, Taken, freeze, pack, parameters, seeded

GIVEN = parameters()
N_MAX, P, W = GIVEN.get("NMax", 1024), GIVEN.get("P", 16), GIVEN.get("W", 12)
INDEX, SIGNED, RADIX = GIVEN.get("IndexWidth", 10), GIVEN.get("Signed", 0), GIVEN.get("Mode", 1)
IN = ["last", "len", "score", "idx", "k"]
OUT = ["last", "len", "score", "idx", "theta", "rounds", "cycles", "error"]
DIGITS = -(-W // 4)


@dataclass(frozen=True, kw_only=True)
class Job:
    """Scores (as codes) with their indices, how many to keep, and the lengths of the beats if they are wrong."""

    scores: topk.Keys
    index: topk.Keys
    k: int
    lengths: tuple[int, ...] | None = None

    def beats(self, rng: np.random.Generator) -> list[dict[str, int]]:
        """Cut the job into beats, with noise (or scores of the job) in unused lanes, and noise in later k."""
        lengths = self.lengths or tuple(len(row) for row in topk.packed_rows(self.scores, P))
        made, start = [], 0
        for i, length in enumerate(lengths):
            used = min(length, P)
            score, idx = rng.integers(0, 1 << W, size=P), rng.integers(0, 1 << INDEX, size=P)
            if len(self.scores) and rng.random() < 0.5:
                score = rng.choice(self.scores, size=P)
            score[:used] = self.scores[start : start + used]
            idx[:used] = self.index[start : start + used]
            start += used
            made.append(
                {
                    "last": int(i == len(lengths) - 1),
                    "len": length,
                    "score": pack(score, W),
                    "idx": pack(idx, INDEX),
                    "k": int(self.k if i == 0 else rng.integers(N_MAX + 1)),
                }
            )
        return made

    @property
    def keys(self) -> topk.Keys:
        """Give the codes in the order in which the engine compares them."""
        return self.scores ^ (1 << (W - 1)) if SIGNED else self.scores

    @property
    def refused(self) -> bool:
        """Whether the lengths are wrong."""
        return self.lengths is not None

    def selection(self) -> topk.Selection | None:
        """Give what the model selects; None where nothing is selected."""
        if self.refused or self.k == 0:
            return None
        if self.k >= len(self.scores):
            return topk.select_all(len(self.scores))
        return topk.radix_select(self.keys, self.k, P, W) if RADIX else topk.quick_select(self.keys, self.k, P)

    def mask(self) -> np.ndarray:
        """Say which scores are kept."""
        found = self.selection()
        return topk.kept(self.keys, found.theta, found.keep_equal) if found else np.zeros(len(self.scores), dtype=bool)

    def answer(self) -> list[dict[str, int]]:
        """Give the beats of the answer."""
        found, mask = self.selection(), self.mask()
        theta = found.theta ^ (1 << (W - 1) if SIGNED else 0) if found and found.rounds else 0
        scores, index = topk.packed_rows(self.scores[mask], P), topk.packed_rows(self.index[mask], P)
        return [
            {
                "last": int(i == len(scores) - 1),
                "len": len(scores[i]),
                "score": pack(scores[i], W),
                "idx": pack(index[i], INDEX),
                "theta": theta,
                "rounds": len(found.rounds) if found else 0,
                "cycles": found.cycles if found else 0,
                "error": int(self.refused),
            }
            for i in range(len(scores))
        ]

    def cycles(self) -> int:
        """Give the cycles from the first beat taken to the last beat offered."""
        found = self.selection()
        if found is None:
            return len(self.lengths or topk.packed_rows(self.scores, P)) + 4
        return topk.engine_cycles(len(self.scores), P, found, self.mask())


def make(rng: np.random.Generator, kind: str, n: int, k: int) -> Job:
    """Draw a job of a class; indices increase, as they do in a row of attention."""
    index = np.sort(rng.choice(1 << INDEX, size=n, replace=n > 1 << INDEX))
    return Job(scores=SCORES[kind](rng, n, W), index=index, k=k)


class Engine:
    """The engine with its streams."""

    def __init__(self, dut: Any, into: Stall | None = None, out: Stall | None = None) -> None:
        self.dut, self.rng, self.bench = dut, seeded(), Bench(dut)
        self.source = Source(dut, "in", IN, self.rng, into)
        self.sink = Sink(dut, "out", OUT, out)
        dut.clear_i.value = 0

    async def start(self) -> None:
        """Reset and run the streams."""
        await self.bench.start(self.source, self.sink)

    async def answers(self, jobs: Iterable[Job], limit: int = 200_000) -> list[list[Taken]]:
        """Send jobs back to back, take their answers and compare every beat with the model's."""
        jobs, first = list(jobs), len(self.sink.beats)
        for job in jobs:
            for beat in job.beats(self.rng):
                self.source.send(beat)
        expected = [job.answer() for job in jobs]
        total = first + sum(map(len, expected))
        await self.bench.until(lambda: len(self.sink.beats) >= total and self.source.idle, limit)
        found = []
        for job, beats in zip(jobs, expected, strict=True):
            taken = self.sink.beats[first : first + len(beats)]
            first += len(beats)
            assert [t.beat for t in taken] == beats, f"n={len(job.scores)} k={job.k}"
            found.append(taken)
        assert len(self.sink.beats) == total
        return found


def sizes() -> list[int]:
    """Sizes at the edges of rows and of the store."""
    return sorted({n for n in (1, P - 1, P, P + 1, 2 * P, 3 * P + 1, N_MAX - 1, N_MAX) if 1 <= n <= N_MAX})


def counts(n: int) -> list[int]:
    """Numbers to keep at the edges."""
    return sorted({k for k in (0, 1, P, n // 2, n - 1, n, n + 1, N_MAX) if 0 <= k <= N_MAX})


@cocotb.test()
async def every_class_and_size_under_stalls(dut: Any) -> None:
    engine = Engine(dut)
    rng = engine.rng
    await engine.start()
    bins = Bins(
        [
            *(f"class {name}" for name in SCORES),
            *(f"n = {n}" for n in sizes()),
            *("k = 0", "k = 1", "k = n", "k > n", "n < P", "ties cut", "all kept", "stalled both sides"),
            *(["ties across a row boundary", "last row leaves a rest"] if N_MAX > P else []),
        ]
    )
    patterns = list(STALLS)
    for round_, kind in enumerate(SCORES):
        jobs = []
        for n in sizes():
            k = int(rng.choice(counts(n)))
            jobs.append(make(rng, kind, n, k))
            bins.hit(f"n = {n}")
        for k in rng.choice(counts(P), size=2):
            jobs.append(make(rng, kind, int(rng.integers(1, min(3 * P, N_MAX) + 1)), int(k)))
        into, out = patterns[round_ % len(patterns)], patterns[(round_ * 2 + 1) % len(patterns)]
        engine.source.stall, engine.sink.stall = STALLS[into](rng), STALLS[out](rng)
        bins.hit("stalled both sides", into != "none" and out != "none")
        bins.hit(f"class {kind}")
        await engine.answers(jobs)
        for job in jobs:
            n, mask = len(job.scores), job.mask()
            bins.hit("k = 0", job.k == 0)
            bins.hit("k = 1", job.k == 1)
            bins.hit("k = n", job.k == n)
            bins.hit("k > n", job.k > n)
            bins.hit("n < P", n < P or P == 1)
            bins.hit("all kept", bool(mask.all()))
            found = job.selection()
            if found:
                equal = np.flatnonzero(job.keys == found.theta)
                bins.hit("ties cut", len(equal) > found.keep_equal)
                if N_MAX > P:
                    bins.hit("ties across a row boundary", len({int(i) // P for i in equal}) > 1)
                    per_row = [int(mask[i : i + P].sum()) for i in range(0, n, P)]
                    bins.hit("last row leaves a rest", topk.packing_overflows(per_row, P))
    assert not bins.missing, bins.missing


@cocotb.test()
async def cycles_are_those_of_the_formula(dut: Any) -> None:
    engine = Engine(dut)
    rng = engine.rng
    await engine.start()
    jobs = [make(rng, kind, n, max(1, n // 2)) for kind in ("uniform", "softmax", "all equal") for n in sizes()]
    jobs += [make(rng, "near", n, int(rng.integers(0, n + 1))) for n in rng.integers(1, N_MAX + 1, size=6)]
    for job in jobs:
        entered = len(engine.source.taken)
        (answer,) = await engine.answers([job])
        cycles = answer[-1].offered - engine.source.taken[entered]
        assert cycles == job.cycles(), f"n={len(job.scores)} k={job.k}: {cycles} cycles, formula {job.cycles()}"
        if RADIX and W <= 12:
            assert cycles <= topk.radix_bound(len(job.scores), P)
        dut._log.info("n=%d k=%d cycles=%d", len(job.scores), job.k, cycles)
    # Back to back: a job is loaded while the answer before drains; its filter waits until that has gone.
    entered = len(engine.source.taken)
    answers = await engine.answers(jobs)
    before = -1
    for job, answer in zip(jobs, answers, strict=True):
        found, begun = job.selection(), engine.source.taken[entered]
        filtered = begun + topk.rows(len(job.scores), P) + (found.cycles if found else 0) + 1
        assert answer[-1].offered == begun + job.cycles() + max(0, before + 1 - filtered)
        before, entered = answer[-1].cycle, entered + len(job.beats(rng))


@cocotb.test()
async def duplicates_of_theta_straddle_rows(dut: Any) -> None:
    engine = Engine(dut, into=STALLS["half"](seeded()))
    await engine.start()
    n = min(4 * P, N_MAX)
    jobs = []
    for keep in range(1, n + 1, max(1, n // 9)):
        scores = np.full(n, 5)
        scores[:: max(2, P // 2)] = 1
        scores[P // 2 :: P] = 6
        jobs.append(Job(scores=scores, index=np.arange(n) % (1 << INDEX), k=keep))
    await engine.answers(jobs)


@cocotb.test()
async def a_frozen_sink_loses_nothing(dut: Any) -> None:
    engine = Engine(dut, out=freeze(after=40, cycles=1000))
    rng = engine.rng
    await engine.start()
    await engine.answers([make(rng, "uniform", n, n) for n in (min(3 * P + 1, N_MAX), P, min(2 * P, N_MAX), 1)] * 3)


@cocotb.test()
async def wrong_lengths_are_refused_and_the_next_job_is_clean(dut: Any) -> None:
    engine = Engine(dut, out=STALLS["half"](seeded()))
    rng = engine.rng
    await engine.start()
    wrong: dict[str, tuple[int, ...]] = {
        "empty": (0,),
        "too many": (P,) * (N_MAX // P) + (1,),
        "twice": (P,) * (N_MAX // P * 2 + 1),
    }
    if (1 << P.bit_length()) - 1 > P:
        wrong["longer than a row"] = (P + 1,)
    if N_MAX > P:
        wrong |= {"last is empty": (P, 0), "short before the last": (P - 1, 1), "empty before the last": (0, P)}
    bins = Bins(wrong)
    for name, lengths in wrong.items():
        n = sum(min(length, P) for length in lengths)
        values = rng.integers(0, 1 << W, size=n)
        job = Job(scores=values, index=values % (1 << INDEX), k=1, lengths=lengths)
        clean = make(rng, "uniform", int(rng.integers(1, N_MAX + 1)), int(rng.integers(1, N_MAX + 1)))
        await engine.answers([job, clean, job, job, clean])
        bins.hit(name)
    assert not bins.missing


@cocotb.test()
async def reset_and_clear_at_any_moment_leave_a_clean_engine(dut: Any) -> None:
    engine = Engine(dut)
    rng = engine.rng
    await engine.start()
    bins = Bins([f"{way} in {state}" for way in ("reset", "clear") for state in ("load", "select", "output")])
    n = N_MAX
    for way in ("reset", "clear"):
        for kind in ("uniform", "sparse"):
            for state in ("load", "select", "output", "output late"):
                job = make(rng, kind, n, max(1, n // 2))
                found = job.selection()
                assert found is not None
                load = topk.rows(n, P)
                after = {
                    "load": max(1, load // 2),
                    "select": load + 1 + found.cycles // 2,
                    "output": job.cycles() - len(job.answer()) + 1,
                    "output late": job.cycles(),
                }[state]
                seen, at = len(engine.sink.beats), len(engine.source.taken)
                for beat in job.beats(rng):
                    engine.source.send(beat)
                await engine.bench.until(lambda at=at: len(engine.source.taken) > at, 1000)
                # The other job waits at the door while this one is dropped.
                begun = engine.source.taken[at]
                await engine.bench.until(lambda begun=begun, after=after: engine.bench.cycle > begun + after, 100_000)
                if way == "reset":
                    await engine.bench.reset()
                else:
                    await FallingEdge(dut.clk_i)
                    dut.clear_i.value = 1
                    engine.source.clear()
                    await FallingEdge(dut.clk_i)
                    engine.sink.clear()
                    dut.clear_i.value = 0
                engine.sink.clear()
                bins.hit(f"{way} in {state.split()[0]}")
                await FallingEdge(dut.clk_i)
                del engine.sink.beats[seen:]
                await engine.answers([make(rng, "near", int(rng.integers(1, N_MAX + 1)), int(rng.integers(0, N_MAX)))])
    assert not bins.missing


@cocotb.test(skip=N_MAX < 1024)
async def large_jobs_take_the_cycles_of_the_formula(dut: Any) -> None:
    engine = Engine(dut)
    await engine.start()
    for kind in ("uniform", "softmax", "all equal", "descending"):
        for n, k in ((1024, 512), (1024, 102), (N_MAX, N_MAX // 2), (N_MAX - 1, 409)):
            job, entered = make(engine.rng, kind, n, k), len(engine.source.taken)
            (answer,) = await engine.answers([job])
            cycles = answer[-1].offered - engine.source.taken[entered]
            assert cycles == job.cycles()
            assert not RADIX or cycles <= topk.radix_bound(n, P)
            dut._log.info("measured: %s n=%d k=%d: %d cycles", kind, n, k, cycles)
