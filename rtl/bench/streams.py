"""Valid/ready streams in a cocotb bench: sources, sinks that watch, and patterns of stalls.

A stream called `x` has the ports x_valid, x_ready and any payload, each with _i or _o. A `Bench` steps all agents
together: they drive just after the rising edge and sample at the falling edge, when everything has settled. What is
sampled in cycle t is what the next rising edge sees.
"""

import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge

Beat = Mapping[str, int]
Stall = Iterator[bool]
"""One value a cycle; true where the agent holds back."""


def seeded() -> np.random.Generator:
    """Make NumPy's generator from the simulation's seed, which cocotb prints."""
    return np.random.default_rng(cocotb.RANDOM_SEED)


def parameters() -> dict[str, int]:
    """Give the parameters that the kernel was built with."""
    found: dict[str, int] = json.loads(os.environ["ARCHSIM_PARAMETERS"])
    return found


def never() -> Stall:
    """Hold nothing back."""
    while True:
        yield False


def bernoulli(rng: np.random.Generator, probability: float) -> Stall:
    """Hold back each cycle with a probability, independently."""
    while True:
        yield from (rng.random(256) < probability).tolist()


def bursts(rng: np.random.Generator, longest: int = 12) -> Stall:
    """Alternate runs and stalls of 1 to `longest` cycles."""
    while True:
        for held in (True, False):
            yield from [held] * int(rng.integers(1, longest + 1))


def freeze(after: int, cycles: int) -> Stall:
    """Hold back once, for many cycles."""
    yield from [False] * after
    yield from [True] * cycles
    yield from never()


STALLS: dict[str, Callable[[np.random.Generator], Stall]] = {
    "none": lambda rng: never(),
    "rare": lambda rng: bernoulli(rng, 0.1),
    "half": lambda rng: bernoulli(rng, 0.5),
    "often": lambda rng: bernoulli(rng, 0.9),
    "bursts": lambda rng: bursts(rng),
}
"""Patterns by name, for tests that go through all of them."""


def pack(values: Sequence[int] | np.ndarray, width: int) -> int:
    """Put elements into one vector, the first in the lowest bits; negative ones in two's complement."""
    mask = (1 << width) - 1
    word = 0
    for value in reversed([int(v) for v in values]):
        word = word << width | (value & mask)
    return word


def unpack(word: int, width: int, count: int) -> list[int]:
    """Take `count` unsigned elements out of a vector, the first from the lowest bits."""
    mask = (1 << width) - 1
    return [word >> (width * i) & mask for i in range(count)]


class Agent(Protocol):
    """What a `Bench` steps."""

    def drive(self, cycle: int) -> None:
        """Set inputs, just after the rising edge that begins a cycle."""

    def sample(self, cycle: int) -> None:
        """Look at settled signals, in the middle of the cycle."""


def port(dut: Any, name: str) -> Any:
    """Find a port by its name without _i or _o."""
    for suffix in ("_i", "_o"):
        if hasattr(dut, name + suffix):
            return getattr(dut, name + suffix)
    raise AttributeError(f"{dut._name} has neither {name}_i nor {name}_o")


class Source:
    """Sends beats, one after another, holding each until it is taken.

    Parameters
    ----------
    dut
        The kernel.
    name
        Name of the stream.
    fields
        Names of the payload's ports without the stream's name.
    stall
        When to offer nothing although beats wait. A beat once offered stays.
    idle
        What the payload shows while nothing is offered; by default it is random.
    """

    def __init__(
        self, dut: Any, name: str, fields: Sequence[str], rng: np.random.Generator, stall: Stall | None = None
    ) -> None:
        self.valid, self.ready = port(dut, f"{name}_valid"), port(dut, f"{name}_ready")
        self.ports = {name_: port(dut, f"{name}_{name_}") for name_ in fields}
        self.rng, self.stall = rng, stall or never()
        self.waiting: deque[Beat] = deque()
        self.offered = False
        self.taken: list[int] = []
        self.valid.value = 0

    def send(self, beat: Beat) -> None:
        """Append a beat to those waiting."""
        assert beat.keys() == self.ports.keys(), f"a beat of {sorted(self.ports)} was expected, not {sorted(beat)}"
        self.waiting.append(beat)

    def clear(self) -> None:
        """Forget what waits, the beat on offer included."""
        self.waiting.clear()
        self.offered = False
        self.valid.value = 0

    @property
    def idle(self) -> bool:
        """Whether every beat has been taken."""
        return not self.waiting

    def drive(self, cycle: int) -> None:
        """Offer the next beat, or noise without valid."""
        if self.offered:
            return
        held = next(self.stall)
        if self.waiting and not held:
            self.offered = True
            for name, handle in self.ports.items():
                handle.value = self.waiting[0][name]
        else:
            for handle in self.ports.values():
                handle.value = int.from_bytes(self.rng.bytes(-(-len(handle) // 8))) >> (-len(handle) % 8)
        self.valid.value = int(self.offered)

    def sample(self, cycle: int) -> None:
        """Note whether the beat was taken."""
        if self.offered and int(self.ready.value):
            self.waiting.popleft()
            self.taken.append(cycle)
            self.offered = False


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A beat that a sink took: its payload, the cycle in which it was first offered and that in which it was taken."""

    beat: dict[str, int] = field(default_factory=dict)
    offered: int
    cycle: int


class Sink:
    """Takes beats, and asserts that a beat once offered stays offered and unchanged until it is taken."""

    def __init__(self, dut: Any, name: str, fields: Sequence[str], stall: Stall | None = None) -> None:
        self.name = name
        self.valid, self.ready = port(dut, f"{name}_valid"), port(dut, f"{name}_ready")
        self.ports = {name_: port(dut, f"{name}_{name_}") for name_ in fields}
        self.stall = stall or never()
        self.beats: list[Taken] = []
        self.pending: dict[str, int] | None = None
        self.since = 0
        self.willing = False
        self.ready.value = 0

    def clear(self) -> None:
        """Forget the beat on offer: a reset may withdraw it."""
        self.pending = None

    def drive(self, cycle: int) -> None:
        """Say whether a beat would be taken in this cycle."""
        self.willing = not next(self.stall)
        self.ready.value = int(self.willing)

    def sample(self, cycle: int) -> None:
        """Check the beat on offer, and take it."""
        if not int(self.valid.value):
            assert self.pending is None, f"{self.name}: cycle {cycle}: valid fell before the beat was taken"
            return
        beat = {name: int(handle.value) for name, handle in self.ports.items()}
        if self.pending is None:
            self.since = cycle
        else:
            changed = {name: (old, beat[name]) for name, old in self.pending.items() if beat[name] != old}
            assert not changed, f"{self.name}: cycle {cycle}: payload changed while it waited: {changed}"
        self.pending = beat
        if self.willing:
            self.beats.append(Taken(beat=beat, offered=self.since, cycle=cycle))
            self.pending = None


class Watch:
    """Calls a function with the cycle's number at every sample: for functional bins and invariants."""

    def __init__(self, look: Callable[[int], None]) -> None:
        self.look = look

    def drive(self, cycle: int) -> None:
        """Drive nothing."""

    def sample(self, cycle: int) -> None:
        """Look."""
        self.look(cycle)


class Bench:
    """Clock, reset and the common step of all agents."""

    def __init__(self, dut: Any) -> None:
        self.dut, self.cycle = dut, 0
        self.agents: list[Agent] = []
        self.running: Any = None

    async def start(self, *agents: Agent) -> None:
        """Reset the kernel, before the first clock edge as well as after it, then step the agents for ever."""
        self.dut.rst_ni.value = 0
        self.dut.clk_i.value = 0
        Clock(self.dut.clk_i, 10, unit="ns").start()
        await ClockCycles(self.dut.clk_i, 2)
        await FallingEdge(self.dut.clk_i)
        self.dut.rst_ni.value = 1
        self.agents = list(agents)
        self.running = cocotb.start_soon(self.run())

    async def run(self) -> None:
        """Step the agents."""
        clock = self.dut.clk_i
        while True:
            await RisingEdge(clock)
            for agent in self.agents:
                agent.drive(self.cycle)
            await FallingEdge(clock)
            for agent in self.agents:
                agent.sample(self.cycle)
            self.cycle += 1

    async def until(self, met: Callable[[], bool], limit: int) -> None:
        """Wait for a condition; fail after `limit` cycles."""
        for _ in range(limit):
            if met():
                return
            if self.running.done():
                self.running.result()
            await FallingEdge(self.dut.clk_i)
        raise AssertionError(f"nothing came of it in {limit} cycles")

    async def reset(self, cycles: int = 1) -> None:
        """Reset in the middle of the work: asynchronously, at a falling edge."""
        await FallingEdge(self.dut.clk_i)
        self.dut.rst_ni.value = 0
        # At the next edge every agent has sampled the last cycle before the reset.
        await RisingEdge(self.dut.clk_i)
        for agent in self.agents:
            if isinstance(agent, Source | Sink):
                agent.clear()
        if cycles > 1:
            await ClockCycles(self.dut.clk_i, cycles - 1)
        await FallingEdge(self.dut.clk_i)
        self.dut.rst_ni.value = 1
