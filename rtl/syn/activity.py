"""How often the nets of a mapped netlist change: a zero-delay simulation with random operands.

All streams run at once, one in each bit of Python's integers. Glitches within a clock are not seen, so the energy made
from it is a lower estimate.
"""

import random
from collections.abc import Mapping, Sequence
from functools import reduce
from graphlib import TopologicalSorter
from operator import and_, or_, xor
from typing import Any

__all__ = ["activity"]

STREAMS = 256
MASK = (1 << STREAMS) - 1

Bit = int | str


def _value(kind: str, pins: Mapping[str, int]) -> int:
    """Return the (first) output of a combinational cell; AOI221 reads: AND within a letter, OR of the letters, NOT."""
    base = kind.partition("_")[0]
    if base == "MUX2":
        return pins["B"] & pins["S"] | pins["A"] & ~pins["S"] & MASK
    letters: dict[str, list[int]] = {}
    for name, value in pins.items():
        letters.setdefault(name[0], []).append(value)
    if base.startswith(("AOI", "OAI")):
        inner, outer = (and_, or_) if base[0] == "A" else (or_, and_)
        return MASK ^ reduce(outer, [reduce(inner, group) for group in letters.values()])
    every = [value for group in letters.values() for value in group]
    for name, fold, inverted in (
        ("NAND", and_, True), ("NOR", or_, True), ("XNOR", xor, True), ("INV", or_, True), ("AND", and_, False),
        ("OR", or_, False), ("XOR", xor, False), ("BUF", or_, False), ("CLKBUF", or_, False),
    ):  # fmt: skip
        if base.rstrip("0123456789") == name:
            return reduce(fold, every) ^ (MASK if inverted else 0)
    if kind.startswith("LOGIC"):
        return MASK if kind.startswith("LOGIC1") else 0
    raise KeyError(f"no function for the cell {kind}")


def activity(module: Mapping[str, Any], constants: Mapping[str, int], clocks: int = 24, warm: int = 40) -> float:
    """Return the transitions of a net in a clock, on average over the nets that cells drive.

    Parameters
    ----------
    module : of the JSON that yosys writes
    constants : port or port[bit] -> 0 or 1: inputs that stand still; the others are random in every clock
    clocks, warm : clocks that count, and before them
    """
    cells = module["cells"].values()
    flops = [cell for cell in cells if cell["type"].startswith("DFF")]
    gates = {cell["connections"][_output(cell)][0]: cell for cell in cells if not cell["type"].startswith("DFF")}
    order = [bit for bit in TopologicalSorter({
        out: [b for pin, bits in cell["connections"].items() if pin != _output(cell) for b in bits]
        for out, cell in gates.items()
    }).static_order() if bit in gates]  # fmt: skip
    rng = random.Random(1)
    values: dict[Bit, int] = {"0": 0, "1": MASK, "x": 0}
    for cell in flops:
        for pin in ("Q", "QN"):
            for bit in cell["connections"].get(pin, ()):
                values[bit] = 0
    still, moving = _inputs(module, constants)
    values |= {bit: MASK * level for bit, level in still.items()}
    watched = [*gates, *(bit for cell in flops for bit in cell["connections"].get("Q", ()))]
    changes, last = 0, dict.fromkeys(watched, 0)
    for clock in range(warm + clocks):
        values |= {bit: rng.getrandbits(STREAMS) for bit in moving}
        for out in order:
            cell = gates[out]
            pins = {p: values[b[0]] for p, b in cell["connections"].items() if p != _output(cell)}
            values[out] = _value(cell["type"], pins)
        if clock >= warm:
            changes += sum((values[bit] ^ last[bit]).bit_count() for bit in watched)
        last = {bit: values[bit] for bit in watched}
        after = [values[cell["connections"]["D"][0]] for cell in flops]
        for cell, value in zip(flops, after, strict=True):
            for pin, flip in (("Q", 0), ("QN", MASK)):
                for bit in cell["connections"].get(pin, ()):
                    values[bit] = value ^ flip
    return changes / (clocks * STREAMS * len(watched))


def _output(cell: Mapping[str, Any]) -> str:
    return "ZN" if "ZN" in cell["connections"] else "Z"


def _inputs(module: Mapping[str, Any], constants: Mapping[str, int]) -> tuple[dict[Bit, int], Sequence[Bit]]:
    still: dict[Bit, int] = {}
    moving: list[Bit] = []
    for name, port in module["ports"].items():
        if port["direction"] != "input" or name == "clk_i":
            continue
        for i, bit in enumerate(port["bits"]):
            level = constants.get(f"{name}[{i}]", constants.get(name))
            if level is None:
                moving.append(bit)
            else:
                still[bit] = level
    return still, moving
