"""Bench body for attention_tile: blocks of every kind under all stalls, the cycle formula, both arrays' work."""

import json
import os
from pathlib import Path
from typing import Any

import cocotb
import numpy as np

from rtl.bench.coverage import Bins
from rtl.bench.models_float import MAC_LATENCY, bits16
from rtl.bench.models_tile import Shape, TileCommand, attention_tile
from rtl.bench.streams import STALLS, Bench, Sink, Source, Watch, pack, parameters, seeded
from tests.rtl.tiles import block, normal


def shape_of(dut: Any) -> Shape:
    given = {"Rows": 4, "Cols": 4, "Keys": 8, "Values": 8, "Degree": 3, **parameters()}
    return Shape(
        rows=given["Rows"], cols=given["Cols"], keys=given["Keys"], values=given["Values"], degree=given["Degree"]
    )


class Tile:
    """The four input streams and the output of the tile."""

    def __init__(self, dut: Any, rng: np.random.Generator) -> None:
        self.cmd = Source(dut, "cmd", ["first", "last", "causal", "rows", "base"], rng)
        self.q, self.k, self.v = (Source(dut, name, ["data"], rng) for name in "qkv")
        self.av = Sink(dut, "av", ["data", "last"])
        self.agents = (self.cmd, self.q, self.k, self.v, self.av)

    def stall(self, rng: np.random.Generator, kind: str) -> None:
        for agent in self.agents:
            agent.stall = STALLS[kind](rng)

    def send(self, command: TileCommand) -> None:
        base = command.base & 0xFFFF
        flags = {"first": int(command.first), "last": int(command.last), "causal": int(command.causal)}
        self.cmd.send({**flags, "rows": command.rows, "base": base})
        for name, beats in (("q", command.q.reshape(-1, command.q.shape[2])), ("k", command.k), ("v", command.v)):
            for beat in bits16(beats):
                getattr(self, name).send({"data": pack(beat, 16)})


def expected_beats(shape: Shape, commands: list[TileCommand]) -> list[dict[str, int]]:
    beats = []
    for result in attention_tile(shape, commands):
        words = bits16(result).reshape(-1, shape.cols)
        beats += [{"data": pack(word, 16), "last": int(i == len(words) - 1)} for i, word in enumerate(words)]
    return beats


def some_blocks(shape: Shape, rng: np.random.Generator, bins: Bins) -> list[TileCommand]:
    """Blocks of every kind: lengths around a tile, masks, large and equal scores, an overflow."""
    queries, rows, commands = MAC_LATENCY * shape.cols, shape.rows, []
    kinds = [
        ("one key", 1, None, 1.0), ("ragged below", rows - 1, None, 1.0), ("one tile", rows, None, 1.0),
        ("ragged above", rows + 1, None, 1.0), ("many tiles", 4 * rows, None, 3.0), ("causal", queries, 0, 1.0),
        ("causal, some see nothing", queries, -queries // 2, 1.0), ("causal, all see", 2 * rows, 2 * rows, 1.0),
        ("late start", 3 * rows, -queries, 1.0), ("equal", 2 * rows, None, 0.0), ("steep", 2 * rows, None, 30.0),
        ("extreme", 2 * rows, None, 1e18), ("overflow", 2 * rows, None, 1e38),
    ]  # fmt: skip
    for index in rng.permutation(len(kinds)):
        name, length, offset, scale = kinds[index]
        q, k = normal(rng, shape.keys, queries), normal(rng, shape.keys, length, scale=scale)
        v = normal(rng, shape.values, length)
        if name == "many tiles":  # maxima that grow from tile to tile, so that every factor counts
            k *= np.float32(2) ** (np.arange(length) // rows)[None]
        skip = name != "late start"  # keep tiles that are hidden altogether, the first ones too
        commands += block(shape, q, k, v, offset=offset, skip=skip)
        bins.hit(name)
    return commands


@cocotb.test()
async def results_are_the_model_s_under_all_stalls(dut: Any) -> None:
    rng, shape, bench = seeded(), shape_of(dut), Bench(dut)
    tile = Tile(dut, rng)
    bins = Bins([
        "one key", "ragged below", "one tile", "ragged above", "many tiles", "causal", "causal, some see nothing",
        "causal, all see", "late start", "equal", "steep", "extreme", "overflow", "hidden first tile", "all hidden",
        "no pause",
    ])  # fmt: skip
    await bench.start(*tile.agents)
    expected: list[dict[str, int]] = []
    stalls = list(STALLS)
    for kind in stalls if shape.rows < 8 else ["rare"]:
        tile.stall(rng, kind)
        commands = some_blocks(shape, rng, bins)
        before = len(tile.cmd.taken)
        for command in commands:
            tile.send(command)
            hidden = not command.visible().any()
            bins.hit("hidden first tile", hidden and command.first)
            bins.hit("all hidden", hidden)
        expected += expected_beats(shape, commands)
        total = len(expected)
        await bench.until(lambda: len(tile.av.beats) >= total, 400_000)  # noqa: B023
        if kind == "none":
            apart = np.diff(tile.cmd.taken[before:])
            assert (apart >= MAC_LATENCY * shape.steps).all()
            bins.hit("no pause", bool((apart == MAC_LATENCY * shape.steps).all()))
    bins.hit("no pause", shape.rows >= 8)
    got = [taken.beat for taken in tile.av.beats]
    wrong = [i for i, (g, e) in enumerate(zip(got, expected, strict=True)) if g != e]
    assert not wrong, (
        f"{len(wrong)} of {len(got)} beats wrong, first {wrong[:5]}: {[(got[i], expected[i]) for i in wrong[:2]]}"
    )
    assert not bins.missing, bins.missing


@cocotb.test()
async def cycles_and_utilization(dut: Any) -> None:
    """A run without stalls takes the cycles of the formula; both arrays' work is counted on the way."""
    rng, shape, bench = seeded(), shape_of(dut), Bench(dut)
    tile = Tile(dut, rng)
    groups = int(os.environ.get("ARCHSIM_GROUPS", "12"))
    pe_busy, lane_busy = [], []
    elements, lanes = dut.pe_busy_o, dut.lane_busy_o
    trace: list[list[int]] = []
    traced = os.environ.get("ARCHSIM_TRACE")

    def look(cycle: int) -> None:
        pe_busy.append(int(elements.value).bit_count())
        lane_busy.append(int(lanes.value).bit_count())
        if traced:
            trace.append([int(h.value) for h in watched])

    watched = [dut.u_pe_array.instr, dut.u_vector_array.instr, dut.av_valid_o] if traced else []
    await bench.start(*tile.agents, Watch(look))
    queries = MAC_LATENCY * shape.cols
    q, k = normal(rng, shape.keys, queries), normal(rng, shape.keys, groups * shape.rows)
    commands = list(block(shape, q, k, normal(rng, shape.values, groups * shape.rows)))
    for command in commands:
        tile.send(command)
    expected = expected_beats(shape, commands)
    await bench.until(lambda: len(tile.av.beats) == len(expected), 100_000)
    assert [taken.beat for taken in tile.av.beats] == expected
    start, end = tile.cmd.taken[0], tile.av.beats[-1].offered
    assert end - start == shape.cycles(groups), (end - start, shape.cycles(groups))
    work = [sum(pe_busy) / shape.rows / shape.cols, sum(lane_busy) / shape.cols]
    assert work == [groups * MAC_LATENCY * shape.work_2d, groups * MAC_LATENCY * shape.work_1d]
    if out := os.environ.get("ARCHSIM_REPORT"):
        found = {"cycles": end - start, "groups": groups, "busy_2d": work[0], "busy_1d": work[1]}
        Path(out).write_text(json.dumps({**found, "start": start, "trace": trace}))


@cocotb.test()
async def a_reset_forgets_the_work(dut: Any) -> None:
    rng, shape, bench = seeded(), shape_of(dut), Bench(dut)
    tile = Tile(dut, rng)
    await bench.start(*tile.agents)
    q, k = normal(rng, shape.keys, MAC_LATENCY * shape.cols), normal(rng, shape.keys, 2 * shape.rows)
    commands = list(block(shape, q, k, normal(rng, shape.values, 2 * shape.rows)))
    for command in commands:
        tile.send(command)
    await bench.until(lambda: len(tile.cmd.taken) == 2, 5000)
    await bench.reset(2)
    assert not tile.av.beats
    for command in commands:
        tile.send(command)
    expected = expected_beats(shape, commands)
    await bench.until(lambda: len(tile.av.beats) == len(expected), 5000)
    assert [taken.beat for taken in tile.av.beats] == expected
