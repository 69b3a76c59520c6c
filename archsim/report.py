"""Report: what a cascade costs on a design. Traffic, occupancy, cycles, utilization, energy, area, and the limit."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from archsim.actions import ActionCounts
from archsim.binding import Binding
from archsim.energy import access_energy, sram_area
from archsim.occupancy import Occupancy
from archsim.schedule import Timeline
from archsim.value import Value, evaluate

__all__ = ["Report", "Shortfall", "charge"]


@dataclass(frozen=True)
class Shortfall:
    """What a binding needs and the design does not have."""

    component: str
    demand: Value
    bound: Value
    unit: str
    helps: str


@dataclass(frozen=True)
class Report:
    """The cost of one point, or of n points where numbers are arrays.

    `traffic_bytes` (memory, tensor, "read" | "write") -> bytes; `utilization` of each array (0 to 1); `energy_by` and
    `area_by` component; `bottleneck` what limits the slowest group (of the first point, where there are many).
    """

    binding: Binding
    counts: ActionCounts
    fit: Mapping[tuple[str, str], Occupancy]
    timeline: Timeline
    dram_traffic_bytes: Value
    traffic_bytes: Mapping[tuple[str, str, str], Value]
    latency_s: Value
    utilization: Mapping[str, Value]
    energy_by: Mapping[str, Value]
    area_by: Mapping[str, Value]
    shortfalls: tuple[Shortfall, ...]

    @property
    def energy_j(self) -> Value:
        """Joules in all."""
        return _sum(self.energy_by.values())

    @property
    def area_mm2(self) -> Value:
        """Square millimetres in all."""
        return _sum(self.area_by.values())


def _sum(values: Iterable[Value]) -> Value:
    total: Value = 0
    for value in values:
        total = total + value
    return total


def charge(binding: Binding, counts: ActionCounts, fit: Mapping[tuple[str, str], Occupancy], time: Timeline) -> Report:
    """Return the report: counts times energy, sums of areas, times, and what does not fit."""
    design = binding.design
    far = next(iter(design.memories))
    traffic: dict[tuple[str, str, str], Value] = {}
    for (_, memory, tensor, action), words in counts.words.items():
        key = (memory, tensor, action)
        traffic[key] = traffic.get(key, 0) + words * binding.word_bytes
    latency = time.latency_s
    cycles = latency * design.clock
    work = {
        a: _sum(p.points * p.cycles for g in binding.groups for p in g.placed if p.array == a) for a in design.arrays
    }
    return Report(
        binding=binding, counts=counts, fit=fit, timeline=time,
        dram_traffic_bytes=_sum(v for (m, _, _), v in traffic.items() if m == far),
        traffic_bytes=traffic, latency_s=latency,
        utilization={a: work[a] / (array.lanes * cycles) for a, array in design.arrays.items()},
        energy_by=_energy(binding, counts), area_by=_area(binding), shortfalls=tuple(_shortfalls(fit)),
    )  # fmt: skip


def _energy(binding: Binding, counts: ActionCounts) -> dict[str, Value]:
    design = binding.design
    components = design.energy.components
    energy: dict[str, Value] = {}
    for name, memory in design.memories.items():
        if memory.component:
            unit = components[memory.component]
            per = unit.per_bytes / binding.word_bytes if unit.per_bytes else memory.line
            read, write = access_energy(unit, memory.charged_as)
            reads, writes = counts.moved(name, action="read"), counts.moved(name, action="write")
            if unit.transfers == "charged":
                reads = reads + counts.moved(name, action="drain")
                writes = writes + counts.moved(name, action="fill")
            energy[name] = (reads * read + writes * write) / per
    for (array, _, action), times in counts.operations.items():
        unit = components.get(action)
        if unit is None:
            continue
        key = f"{array} {action}"
        energy[key] = energy.get(key, 0) + times * unit.energy
        registers = components.get(design.arrays[array].registers)
        if registers is not None:
            share = design.arrays[array].lanes if registers.charged == "one" else 1
            key = f"{array} registers"
            spent = times * (unit.operands * registers.read + registers.write) / share
            energy[key] = energy.get(key, 0) + spent
    return energy


def _area(binding: Binding) -> dict[str, Value]:
    design = binding.design
    components, names = design.energy.components, design.parameters
    area: dict[str, Value] = {}
    for name, memory in design.memories.items():
        if memory.component:
            unit = components[memory.component]
            area[name] = evaluate(unit.area, names) / 1e6
            if unit.area_points:
                bits = memory.line * binding.workload.word_bits
                area[name] = area[name] + sram_area(unit, memory.charged_as * 8 / bits, bits) / 1e6
    for name, array in design.arrays.items():
        lane = _sum(evaluate(components[u].area, names) for u in (array.registers, *array.units) if u in components)
        area[name] = (array.lanes * lane + array.area) / 1e6
    return area


def _shortfalls(fit: Mapping[tuple[str, str], Occupancy]) -> Iterator[Shortfall]:
    for (group, memory), entry in fit.items():
        if entry.capacity is not None and not isinstance(entry.bytes, np.ndarray) and entry.bytes > entry.capacity:
            spilled = (
                "what does not fit is served from the memory before" if entry.spilled else "the mapping cannot run"
            )
            yield Shortfall(f"{memory} in group {group}", entry.bytes, entry.capacity, "bytes",
                            f"{spilled}; a larger {memory} or smaller tiles would help")  # fmt: skip
