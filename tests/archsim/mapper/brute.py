"""A second way to the best mapping: every structure of the declared space is written out and evaluated by the model.

Nothing is pruned, bounded or factored here. A structure is a mapping with open tile sizes; one call of `evaluate` costs
all its tile sizes.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import NamedTuple

import numpy as np

from archsim.design import Design, read_design
from archsim.library import energy_tables
from archsim.mapper.choices import TensorChoice
from archsim.mapper.front import Found
from archsim.mapper.rules import FREE, Rules
from archsim.mapper.space import GroupSpace, group_space, problem
from archsim.mapper.tables import Tables
from archsim.mapper.tiles import tile_sizes
from archsim.mapper.write import as_mapping, as_yaml
from archsim.model import evaluate
from archsim.workload import Workload
from einsum_cascade.cascade import Cascade
from einsum_cascade.document import read

DESIGN = """\
design: tiny
source: made up
clock: 1 GHz
memories:
  dram: {bandwidth: 3 GB/s, component: hbm2}
  buffer: {capacity: CAPACITY, line: 4, component: sram}
parameters: {CAPACITY: 64, LINES: 4096, DEPTH_2D: 4, DEPTH_1D: 8}
arrays:
  grid: {shape: {rows: 2, columns: 2}, operations: {mul+add: mac, mul: mac, add: add}, registers: registers_2d}
  line: {shape: {lanes: 2}, operations: {mul+add: mac, mul: mac, add: add, max: max, sub: add, exp: 6 mac, div: divide}, registers: registers_1d}
energy: fusemax_physical
"""  # noqa: E501


SECOND = "  local: {capacity: LOCAL, bandwidth: 6 GB/s, line: 4, component: sram, charged_as: CAPACITY}\n"
"""A second near memory, closer to the arrays, which may be kept in one, in the other or in both."""


def tiny(capacity: int, *arrays: str, local: int = 0) -> Design:
    """A machine of a few lanes and bytes, with some of its arrays; with a second near memory of so many bytes."""
    text = DESIGN.replace("parameters: {", SECOND * bool(local) + f"parameters: {{LOCAL: {local}, ")
    found = read_design(read(text, "tiny.yaml")[0], energy_tables(), {"CAPACITY": capacity})
    return replace(found, arrays={a: found.arrays[a] for a in arrays or found.arrays})


class Cost(NamedTuple):
    """Seconds and joules of a group, one for each point that fits."""

    seconds: np.ndarray[tuple[int], np.dtype[np.float64]]
    joules: np.ndarray[tuple[int], np.dtype[np.float64]]


def structures(space: GroupSpace) -> Iterator[tuple[Tables, Found, np.ndarray[tuple[int], np.dtype[np.bool_]]]]:
    """Every structure of a group, with the points at which it is a mapping of the space."""
    p = space.problem
    for order in space.orders():
        tables = Tables(space, order, tile_sizes(space, order))
        names = list(tables.touches)
        for einsums in product(*(tables.einsums[e] for e in space.members)):
            for some in product(*(list(chains(tables, t)) for t in names)):
                where = dict(zip(names, some, strict=True))
                chosen = dict(zip(space.members, einsums, strict=True))
                free = {t: c.near == "" for t, c in where.items()}
                hold = [(t, e) for (t, e), how in space.handed.items() if how == "hold"]
                # What is kept and fits the registers of its reader may be taken from there, or not.
                for taken in product(*((True,) if free[t] else (True, False) for t, _ in hold)):
                    valid = np.ones(tables.number, bool)
                    held = dict.fromkeys(space.made, np.inf)
                    for (t, e), direct in zip(hold, taken, strict=True):
                        if direct:
                            valid &= tables.held(t) <= float(p.design.arrays[chosen[e].array].lanes)
                            held[t] = 0.0
                    if valid.any():
                        yield tables, Found(0, 0, 0, space, order, {}, chosen, where, free, held), valid


def chains(tables: Tables, tensor: str) -> Iterator[TensorChoice]:
    """Every place of a tensor that is legal, without a look at its cost."""
    space = tables.space
    made, leaf = tensor in space.made, tensor in space.layout.leaves
    readers = [e for e, _ in tables.touches[tensor] if e != tensor]
    none = np.zeros(tables.number, bool)
    p = space.problem
    for chain in (c for c in tables._kept(tensor) if p.rules.may_keep(tensor, tuple(m for m, _ in c), p.near)):
        yield TensorChoice(tensor, chain, chain[-1][0], none, {}, np.zeros(tables.number), {})
    if not made or (leaf and (not readers or tables._innermost(tensor))):
        yield TensorChoice(tensor, (), tables.far, none, {}, np.zeros(tables.number), {})
    handed = [space.handed[tensor, e] for e in readers] if made else []
    if handed and all(handed) and not leaf and not space.layout.state[tensor] and tables._may_pass(tensor):
        yield TensorChoice(tensor, (), "", ~none, {}, np.zeros(tables.number), {})


def brute_force(cascade: Cascade, workload: Workload, design: Design, rules: Rules = FREE) -> tuple[Cost, int]:
    """All costs of a cascade as one group, and how many mappings there are."""
    p = replace(problem(cascade, workload, design, rules), prune=False)
    space = group_space(p, tuple(p.einsums))
    assert space is not None
    seconds, joules = [np.zeros(0)], [np.zeros(0)]
    for tables, found, valid in structures(space):
        text = as_yaml([found], "one", cascade.name, design.name, "tests")
        mapping = as_mapping(text)
        # Tile sizes stay open; what some points may hand on and others not is left to the structures that keep it.
        points = {n: v for n, v in tables.points.items() if n}
        report = evaluate(cascade, workload, mapping, design, points)
        fits = valid.copy()
        for entry in report.fit.values():
            if entry.capacity is not None:
                fits &= np.broadcast_to(entry.bytes <= entry.capacity, tables.number)
        seconds.append(np.broadcast_to(report.latency_s, tables.number)[fits])
        joules.append(np.broadcast_to(report.energy_j, tables.number)[fits])
    cost = Cost(np.concatenate(seconds), np.concatenate(joules))
    return cost, len(cost.seconds)
