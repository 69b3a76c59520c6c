"""Design: the machine. Memories from far to near, arrays of lanes with a cycle cost per operation, clock, energy
table."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from archsim.energy import EnergyTable
from archsim.operation import UNKNOWN, Operation, read_operation
from archsim.units import quantity
from archsim.value import Value, evaluate, shown, whole
from einsum_cascade.document import Document
from einsum_cascade.errors import Diagnostic, Place, SpecError, did_you_mean
from einsum_cascade.forms import FORBID, Flag, Scalar, Text, read_form
from einsum_cascade.numerics.rules import Numerics, NumericsForm, read_numerics
from einsum_cascade.operators import COST_CLASS
from einsum_cascade.parse import parse_expression

__all__ = ["Array", "Design", "Memory", "Operation", "read_design"]


@dataclass(frozen=True, kw_only=True)
class MemoryForm:
    """One memory in a design file."""

    __pydantic_config__ = FORBID
    capacity: Scalar | None = None
    bandwidth: Scalar | None = None
    lines_per_cycle: Scalar | None = None
    line: Scalar = 1
    component: Text = ""
    charged_as: Scalar | None = None
    channels: Scalar = 1
    efficiency: Scalar = 1
    request: Scalar = 0
    burst: Scalar | None = None
    word_bits: Scalar | None = None


@dataclass(frozen=True, kw_only=True)
class ArrayForm:
    """One array in a design file."""

    __pydantic_config__ = FORBID
    shape: dict[Text, Scalar]
    operations: dict[Text, Text | dict[Text, Scalar]]
    registers: Text = ""
    units: list[Text] = field(default_factory=list)
    area: Scalar = 0
    efficiency: Scalar = 1
    pipelined: Flag = False


@dataclass(frozen=True, kw_only=True)
class DesignForm:
    """The form of a design file."""

    __pydantic_config__ = FORBID
    design: Text
    description: Text = ""
    source: Text
    parameters: dict[Text, Scalar] = field(default_factory=dict)
    clock: Scalar
    memories: dict[Text, MemoryForm]
    arrays: dict[Text, ArrayForm]
    power: Scalar | None = None
    energy: Text
    numerics: NumericsForm | None = None


@dataclass(frozen=True, kw_only=True)
class Memory:
    """`capacity` in bytes and `bandwidth` in bytes per second (None: unlimited), `line` in words per access.

    `charged_as` is the capacity by which energy and area are charged, where it is not its own. `channels` of
    `bandwidth` each work side by side, of whose peak `efficiency` is reached (0 to 1); `request` cycles pass for each
    iteration of a group's shared loops, whatever it moves; tiles come in whole bursts of `burst` bytes from every
    channel. `word_bits` is the width in which everything is stored here (None: that of the tensor).
    """

    capacity: Value | None = None
    bandwidth: Value | None = None
    lines_per_cycle: Value | None = None
    line: Value = 1
    component: str = ""
    charged_as: Value = 0
    channels: Value = 1
    efficiency: Value = 1
    request: Value = 0
    burst: Value | None = None
    word_bits: Value | None = None

    @property
    def rate(self) -> Value | None:
        """Bytes per second of all channels together, as far as they are reached."""
        return None if self.bandwidth is None else self.bandwidth * self.channels * self.efficiency


@dataclass(frozen=True, kw_only=True)
class Array:
    """An array of lanes: `shape` dimension -> size; `operations` an operation, or several fused with `+`, -> its
    cost; `efficiency` the fraction of its peak that it reaches (0 to 1).

    In a `pipelined` array every operation of every Einsum has a stage of its own, all of which work side by side: the
    longest counts, not the sum.
    """

    shape: Mapping[str, Value]
    operations: Mapping[str, Operation]
    registers: str = ""
    units: tuple[str, ...] = ()
    area: Value = 0
    efficiency: Value = 1
    pipelined: bool = False

    @cached_property
    def lanes(self) -> Value:
        """How many lanes there are."""
        result: Value = 1
        for size in self.shape.values():
            result = result * size
        return result


@dataclass(frozen=True, kw_only=True)
class Design:
    """The machine. Any number may be an array of shape (n,): one evaluation for n machines.

    `clock` in hertz; `memories` from far to near, the first holds everything; `arrays` by name; `energy` the table of
    energy and area per action; `parameters` upper-case constants that mappings and energy tables may use; `power` in
    watts is charged for as long as the machine runs, on top of what its actions take; `numerics` the number formats,
    None where the design does not say.
    """

    name: str
    clock: Value
    memories: Mapping[str, Memory]
    arrays: Mapping[str, Array]
    energy: EnergyTable
    parameters: Mapping[str, Value] = field(default_factory=dict)
    power: Value = 0
    numerics: Numerics | None = None
    source: str = ""


def read_design(document: Document, energy: Mapping[str, EnergyTable] | None = None,
                values: Mapping[str, Value] | None = None) -> Design:  # fmt: skip
    """Return the design of a YAML document; `energy` the tables that it may name, `values` parameters to replace.

    Raises SpecError with every mistake of the document.
    """
    form = read_form(document, DesignForm)
    read = _Reader(document, dict(values or {}))
    for name in values or {}:
        if name not in form.parameters and not re.search(rf"\b{name}\b", str(document.data)):
            hint = did_you_mean(name, form.parameters)
            read.fail(document.place("parameters"), f"{form.design} has no parameter {name}", "", hint)
    for name, value in form.parameters.items():
        read.names.setdefault(name, read.number(value, "parameters", name))
    memories = {name: read.memory(name, m, energy, form.energy) for name, m in form.memories.items()}
    arrays = {name: read.array(name, a, energy, form.energy) for name, a in form.arrays.items()}
    for name, array in arrays.items():
        for operation, cost in array.operations.items():
            for action in cost.actions if cost is not UNKNOWN else ():
                read.known(action, energy, form.energy, "arrays", name, "operations", operation)
    clock = read.quantity(form.clock, "hertz", "clock")
    power = read.quantity(form.power, "watts", "power")
    if energy is not None and form.energy not in energy:
        hint = did_you_mean(form.energy, energy)
        read.fail(document.place("energy"), f"no energy table named {form.energy}", "", hint)
    if not memories:
        read.fail(document.place("memories"), "a design needs at least one memory", "the one that holds everything")
    numerics = None
    try:
        numerics = read_numerics(form.numerics, document, "numerics") if form.numerics else None
    except SpecError as error:
        read.wrong += error.diagnostics
    if read.wrong:
        raise SpecError(read.wrong)
    table = energy[form.energy] if energy is not None else EnergyTable(name=form.energy)
    return Design(name=form.design, source=form.source, clock=1.0 if clock is None else clock, memories=memories,
                  arrays=arrays, energy=table, parameters=read.names, power=0 if power is None else power,
                  numerics=numerics)  # fmt: skip


class _Reader:
    """Turns the texts of a design into numbers and keeps every mistake."""

    def __init__(self, document: Document, names: dict[str, Value]) -> None:
        self.document, self.names, self.wrong = document, names, list[Diagnostic]()

    def memory(self, name: str, m: MemoryForm, energy: Mapping[str, EnergyTable] | None, table: str) -> Memory:
        at = "memories", name
        return Memory(
            capacity=self.quantity(m.capacity, "bytes", *at, "capacity"),
            bandwidth=self.quantity(m.bandwidth, "bytes per second", *at, "bandwidth"),
            lines_per_cycle=self.optional(m.lines_per_cycle, *at, "lines_per_cycle"),
            line=self.positive(m.line, *at, "line"),
            charged_as=self.charged(m, name),
            channels=self.positive(m.channels, *at, "channels"),
            efficiency=self.fraction(m.efficiency, *at, "efficiency"),
            request=self.natural(m.request, *at, "request"),
            burst=self.quantity(m.burst, "bytes", *at, "burst"),
            word_bits=self.optional(m.word_bits, *at, "word_bits"),
            component=self.known(m.component, energy, table, *at, "component"),
        )

    def array(self, name: str, a: ArrayForm, energy: Mapping[str, EnergyTable] | None, table: str) -> Array:
        at = "arrays", name
        return Array(
            shape={d: self.lanes(v, *at, "shape", d) for d, v in a.shape.items()},
            operations={o: self.operation(o, t, *at, "operations", o) for o, t in a.operations.items()},
            registers=self.known(a.registers, energy, table, *at, "registers"),
            units=tuple(self.known(u, energy, table, *at, "units") for u in a.units),
            area=self.number(a.area, *at, "area"),
            efficiency=self.fraction(a.efficiency, *at, "efficiency"),
            pipelined=a.pipelined,
        )

    def fail(self, place: Place, message: str, expected: str = "", hint: str = "") -> None:
        self.wrong.append(Diagnostic(place=place, message=message, expected=expected, hint=hint))

    def number(self, value: Scalar, *path: str) -> Value:
        place = self.document.place(*path)
        try:
            return evaluate(parse_expression(str(value), place), self.names)
        except SpecError as error:
            self.wrong += error.diagnostics
            return 1

    def positive(self, value: Scalar, *path: str) -> Value:
        number = self.number(value, *path)
        if np.any(np.less_equal(number, 0)):
            self.fail(self.document.place(*path), f"{path[-1]} is {number}", "a positive number")
        return number

    def lanes(self, value: Scalar, *path: str) -> Value:
        number = self.positive(value, *path)
        if np.all(np.greater(number, 0)) and not whole(number):
            self.fail(self.document.place(*path), f"{path[-1]} is {shown(number)}", "a whole number from 1 on")
        return number

    def natural(self, value: Scalar, *path: str) -> Value:
        number = self.number(value, *path)
        if np.any(np.less(number, 0)):
            self.fail(self.document.place(*path), f"{path[-1]} is {number}", "0 or more")
        return number

    def fraction(self, value: Scalar, *path: str) -> Value:
        number = self.positive(value, *path)
        if np.any(np.greater(number, 1)):
            self.fail(self.document.place(*path), f"{path[-1]} is {number}", "a fraction, at most 1")
        return number

    def optional(self, value: Scalar | None, *path: str) -> Value | None:
        return None if value is None else self.positive(value, *path)

    def charged(self, form: MemoryForm, name: str) -> Value:
        key = "capacity" if form.charged_as is None else "charged_as"
        found = self.quantity(
            form.capacity if form.charged_as is None else form.charged_as, "bytes", "memories", name, key
        )
        return 0 if found is None else found

    def quantity(self, text: Scalar | None, dimension: str, *path: str) -> Value | None:
        if text is None:
            return None
        number: Value
        try:
            if re.match(r"\s*[A-Z(]", str(text)):  # an expression over the parameters, in SI units
                number = evaluate(parse_expression(str(text), self.document.place(*path)), self.names)
            else:
                number = quantity(text, dimension, self.document.place(*path))
        except SpecError as error:
            self.wrong += error.diagnostics
            return None
        if np.any(np.less_equal(number, 0)):
            self.fail(self.document.place(*path), f"{path[-1]} is {text}", "a positive quantity")
        return number

    def operation(self, name: str, cost: str | Mapping[str, Scalar], *path: str) -> Operation:
        place = self.document.places.get((*path[:-1], f"{name}#key"), self.document.place(*path))
        for part in name.split("+"):
            if part not in COST_CLASS:
                self.fail(place, f"unknown operation {part}", "an operation of the cascade language",
                          did_you_mean(part, COST_CLASS))  # fmt: skip
        try:
            return read_operation(cost, self.document, path, self.names)
        except SpecError as error:
            self.wrong += error.diagnostics
            return UNKNOWN

    def known(self, name: str, energy: Mapping[str, EnergyTable] | None, table: str, *path: str) -> str:
        if energy is not None and name and table in energy and name not in energy[table].components:
            self.fail(self.document.place(*path), f"the energy table {table} has no component {name}", "",
                      did_you_mean(name, energy[table].components))  # fmt: skip
        return name
