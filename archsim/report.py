"""Report: what a cascade costs on a design. Traffic, occupancy, cycles, utilization, energy, area, and the limit."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce

import numpy as np

from archsim.actions import ActionCounts, count_actions
from archsim.binding import Binding
from archsim.design import Design
from archsim.energy import access_energy, sram_area
from archsim.occupancy import Occupancy, occupancy
from archsim.schedule import Timeline, schedule
from archsim.slices import points
from archsim.value import Value, evaluate, larger, total
from einsum_cascade.errors import SpecError

__all__ = ["Report", "Shortfall", "access_prices", "areas", "charge", "joined", "operation_prices"]


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

    `utilization` of each array (0 to 1); `energy_by` and `area_by` component, in joules and square millimetres. The
    stages behind it are there on demand: `fit`, `counts`, `timeline`, and what follows from them.
    """

    bound: Callable[[], Binding] = field(compare=False, repr=False)
    dram_traffic_bytes: Value
    latency_s: Value
    utilization: Mapping[str, Value]
    energy_by: Mapping[str, Value]
    area_by: Mapping[str, Value]
    points: int = 1

    @cached_property
    def binding(self) -> Binding:
        """The documents, cross-checked, with the value of every rank and parameter."""
        return self.bound()

    @cached_property
    def fit(self) -> Mapping[tuple[str, str], Occupancy]:
        """What stands in each (group, memory)."""
        return occupancy(self.binding)

    @cached_property
    def counts(self) -> ActionCounts:
        """Words moved and operations done."""
        return count_actions(self.binding, self.fit)

    @cached_property
    def timeline(self) -> Timeline:
        """How long every group takes, and why."""
        return schedule(self.binding, self.counts)

    @cached_property
    def traffic_bytes(self) -> Mapping[tuple[str, str, str], Value]:
        """(memory, tensor, action) -> bytes."""
        traffic: dict[tuple[str, str, str], Value] = {}
        for (_, memory, tensor, action), words in self.counts.words.items():
            key = (memory, tensor, action)
            traffic[key] = traffic.get(key, 0) + words * self.binding.width(memory, tensor)
        return traffic

    @cached_property
    def shortfalls(self) -> tuple[Shortfall, ...]:
        """What does not fit; of n points the worst, with how many there are."""
        return tuple(_shortfalls(self.fit))

    @cached_property
    def energy_j(self) -> Value:
        """Joules in all."""
        return total(self.energy_by.values())

    @cached_property
    def area_mm2(self) -> Value:
        """Square millimetres in all."""
        return total(self.area_by.values())

    @property
    def passes(self) -> int | None:
        """The passes of the cascade over its sequence rank; None where it cannot be analysed."""
        from einsum_cascade.passes import passes

        try:
            return passes(self.binding.cascade).passes
        except SpecError:
            return None


def joined(bound: Callable[[], Binding], parts: Sequence[Report]) -> Report:
    """Return the report of all points of a binding from reports of consecutive chunks of them."""

    def chain(values: Sequence[Value]) -> Value:
        if not any(isinstance(v, np.ndarray) for v in values):
            return values[0]
        return np.concatenate([np.broadcast_to(v, p.points) for v, p in zip(values, parts, strict=True)])

    first = parts[0]
    return Report(
        bound=bound, points=sum(p.points for p in parts),
        dram_traffic_bytes=chain([p.dram_traffic_bytes for p in parts]), latency_s=chain([p.latency_s for p in parts]),
        utilization={a: chain([p.utilization[a] for p in parts]) for a in first.utilization},
        energy_by={c: chain([p.energy_by[c] for p in parts]) for c in first.energy_by},
        area_by={c: chain([p.area_by[c] for p in parts]) for c in first.area_by},
    )  # fmt: skip


def charge(binding: Binding, counts: ActionCounts, fit: Mapping[tuple[str, str], Occupancy], time: Timeline,
           number: int | None = None) -> Report:  # fmt: skip
    """Return the report: counts times energy, sums of areas, times, and what does not fit.

    `number` of points, if it is known.
    """
    design = binding.design
    cycles = time.latency_s * design.clock
    work: dict[str, Value] = {}
    for a, array in design.arrays.items():
        own = [p.work for g in binding.groups for p in g.placed if p.array == a]
        work[a] = reduce(larger, own) if array.pipelined and own else total(own)
    far = next(iter(design.memories))
    report = Report(
        bound=lambda: binding, points=number or points(binding.workload, binding.mapping, design, dict(binding.names)),
        dram_traffic_bytes=counts.bytes(binding, far), latency_s=time.latency_s,
        utilization={a: work[a] / (array.lanes * cycles) for a, array in design.arrays.items()},
        energy_by=_energy(binding, counts, time.latency_s), area_by=areas(binding.design, binding.workload.word_bits),
    )  # fmt: skip
    report.__dict__.update(fit=fit, counts=counts, timeline=time)
    return report


def access_prices(design: Design, word_bytes: Value) -> dict[tuple[str, str], Value]:
    """Return (memory, action) -> joules a word, for the actions of `ActionCounts`."""
    prices: dict[tuple[str, str], Value] = {}
    for name, memory in design.memories.items():
        if memory.component:
            unit = design.energy.components[memory.component]
            per = unit.per_bytes / word_bytes if unit.per_bytes else memory.line
            read, write = (joules / per for joules in access_energy(unit, memory.charged_as))
            prices |= {(name, "read"): read, (name, "write"): write}
            if unit.transfers == "charged":
                prices |= {(name, "drain"): read, (name, "fill"): write}
    return prices


def operation_prices(design: Design, array: str, action: str) -> dict[str, Value]:
    """Return the joules of one operation of an array: its unit's and its registers'; nothing without an energy
    table."""
    components, spec = design.energy.components, design.arrays[array]
    if action not in components:
        return {}
    unit = components[action]
    prices: dict[str, Value] = {f"{array} {action}": unit.energy}
    registers = components.get(spec.registers)
    if registers is not None:
        share = spec.lanes if registers.charged == "one" else 1
        prices[f"{array} registers"] = (unit.operands * registers.read + registers.write) / share
    return prices


def _energy(binding: Binding, counts: ActionCounts, latency_s: Value) -> dict[str, Value]:
    design = binding.design
    energy: dict[str, Value] = {m: 0 for m, spec in design.memories.items() if spec.component}
    for (memory, action), price in access_prices(design, binding.word_bytes).items():
        if design.energy.components[design.memories[memory].component].per_bytes:
            words = counts.bytes(binding, memory, None, (action,)) / binding.word_bytes
        else:
            words = counts.moved(memory, action=action)
        energy[memory] = energy[memory] + words * price
    if np.any(design.power):
        energy["power"] = design.power * latency_s
    for (array, _, action), times in counts.operations.items():
        for key, price in operation_prices(binding.design, array, action).items():
            energy[key] = energy.get(key, 0) + times * price
    return energy


def areas(design: Design, word_bits: Value) -> dict[str, Value]:
    """Return component -> square millimetres; `word_bits` of a stored word, by which lines of memories are as wide.

    Raises SpecError: a formula of the energy table has no value for the parameters of the design.
    """
    components, names = design.energy.components, design.parameters
    area: dict[str, Value] = {}
    for name, memory in design.memories.items():
        if memory.component:
            unit = components[memory.component]
            area[name] = evaluate(unit.area, names) / 1e6
            if unit.area_points:
                bits = memory.line * word_bits
                area[name] = area[name] + sram_area(unit, memory.charged_as * 8 / bits, bits) / 1e6
    for name, array in design.arrays.items():
        lane = total(evaluate(components[u].area, names) for u in (array.registers, *array.units) if u in components)
        area[name] = (array.lanes * lane + array.area) / 1e6
    return area


def _shortfalls(fit: Mapping[tuple[str, str], Occupancy]) -> Iterator[Shortfall]:
    for (group, memory), entry in fit.items():
        if entry.capacity is None or not np.any(np.greater(entry.bytes, entry.capacity)):
            continue
        spilled = (
            "what does not fit is served from the memory before" if np.any(entry.spilled) else "the mapping cannot run"
        )
        needed, there = np.broadcast_arrays(np.asarray(entry.bytes), np.asarray(entry.capacity))
        worst = np.unravel_index(np.argmax(needed - there), needed.shape)
        where = "" if needed.ndim == 0 else f" at {int(np.sum(needed > there))} of {needed.size} points"
        yield Shortfall(f"{memory} in group {group}", needed[worst].item(), there[worst].item(), "bytes",
                        f"{spilled}{where}; a larger {memory} or smaller tiles would help")  # fmt: skip
