"""Drive a unit without handshake: operands at enabled clocks, results a fixed number of enabled clocks later."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

Columns = Mapping[str, Sequence[int]]


async def through(
    dut: Any, inputs: Columns, outputs: Mapping[str, int], rng: np.random.Generator, stalled: float = 0.1
) -> dict[str, list[int]]:
    """Return, for every output, one value an operation.

    Parameters
    ----------
    inputs
        Port -> values, one an operation; on a clock that is not enabled the ports hold noise.
    outputs
        Port -> enabled clocks from operands to result: the unit's latency, checked by being right.
    stalled
        Share of clocks that are not enabled.
    """
    count = len(next(iter(inputs.values())))
    found: dict[str, list[int]] = {name: [] for name in outputs}
    ports = {name: getattr(dut, name) for name in (*inputs, *outputs)}
    clock = Clock(dut.clk_i, 10, unit="ns").start()
    enabled = 0
    columns = {name: [int(v) for v in values] for name, values in inputs.items()}
    noise = {name: int(rng.integers(0, 2)) * ((1 << len(ports[name])) - 1) for name in inputs}
    longest = max(outputs.values())
    while enabled < count + longest:
        await FallingEdge(dut.clk_i)
        go = rng.random() >= stalled
        dut.en_i.value = int(go)
        for name, values in columns.items():
            ports[name].value = values[enabled] if go and enabled < count else noise[name]
        await RisingEdge(dut.clk_i)
        # Registers still show what they held before this edge: the result of `enabled` earlier enabled edges.
        if go:
            for name, latency in outputs.items():
                if latency <= enabled < count + latency:
                    found[name].append(int(ports[name].value))
            enabled += 1
    clock.cancel()
    return found
