"""EnergyTable: energy and area per action of components, every number with its source."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from archsim.units import quantity
from archsim.value import Value
from einsum_cascade.document import Document
from einsum_cascade.einsum import Expression, Number
from einsum_cascade.errors import Diagnostic, SpecError
from einsum_cascade.forms import FORBID, Integer, Real, Text, read_form
from einsum_cascade.parse import parse_expression

__all__ = ["Component", "EnergyTable", "access_energy", "read_energy", "sram_area"]

Points = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ComponentForm:
    """One component in an energy file."""

    __pydantic_config__ = FORBID
    source: Text
    energy: Text | None = None
    read: Text | None = None
    write: Text | None = None
    per: Text = ""
    points: list[list[Text]] = field(default_factory=list)
    area: Text | Real = 0
    area_points: list[list[Real]] = field(default_factory=list)
    operands: Integer = 2
    charged: Text = "every"
    transfers: Text = "charged"
    differs: Text = ""


@dataclass(frozen=True, kw_only=True)
class EnergyForm:
    """The form of an energy file."""

    __pydantic_config__ = FORBID
    energy: Text
    description: Text = ""
    source: Text
    beside: Text = ""
    components: dict[Text, ComponentForm]


@dataclass(frozen=True, kw_only=True)
class Component:
    """Energy in joules per action, area in square metres per instance.

    `energy` of an operation; `read` and `write` of a memory, per access of `per_bytes` (0: of one line); `operands`
    that an operation reads from its register file; `area` an expression over design parameters, in um2; `points`
    (bytes, read, write) of an SRAM by capacity and `area_points` (lines, bits a line, um2), exact where given and a
    power law between; `charged` "every" instance of a register file, or "one" as some published accountings do;
    `transfers` between a memory and the one before it are "charged", or "free"; `differs` says why the figures are not
    those of the table beside.
    """

    source: str
    energy: float = 0.0
    read: float = 0.0
    write: float = 0.0
    per_bytes: float = 0.0
    points: tuple[tuple[float, float, float], ...] = ()
    area_points: tuple[tuple[float, float, float], ...] = ()
    area: Expression = field(default_factory=lambda: Number(0))
    operands: int = 2
    charged: str = "every"
    transfers: str = "charged"
    differs: str = ""


@dataclass(frozen=True, kw_only=True)
class EnergyTable:
    """Components by name; `beside` the design whose table this one is to be compared with."""

    name: str
    source: str = ""
    beside: str = ""
    components: Mapping[str, Component] = field(default_factory=dict)


def read_energy(document: Document) -> EnergyTable:
    """Return the energy table of a YAML document.

    Raises SpecError with every mistake of the document.

    >>> from einsum_cascade.document import read
    >>> text = "energy: e\\nsource: assumed\\ncomponents: {mac: {energy: 2 pJ, source: assumed}}"
    >>> read_energy(read(text, "e.yaml")[0]).components["mac"].energy
    2e-12
    """
    form = read_form(document, EnergyForm)
    wrong: list[Diagnostic] = []
    components: dict[str, Component] = {}
    for name, c in form.components.items():
        at = ("components", name)
        values: dict[str, float] = {}
        area: Expression = Number(0)
        try:
            lengths = {"points": [len(row) for row in c.points], "area_points": [len(row) for row in c.area_points]}
            for key, found in lengths.items():
                short = [document.place(*at, key, i) for i, columns in enumerate(found) if columns != 3]
                expected = "bytes, read, write" if key == "points" else "lines, bits a line, um2"
                if short:
                    raise SpecError(
                        Diagnostic(place=p, message=f"a row of {key} has three columns", expected=expected)
                        for p in short
                    )
            for key, text in (("energy", c.energy), ("read", c.read), ("write", c.write)):
                values[key] = quantity(text, "joules", document.place(*at, key)) if text is not None else 0.0
            points = [
                (quantity(p[0], "bytes", document.place(*at, "points", i)), *(
                    quantity(t, "joules", document.place(*at, "points", i)) for t in p[1:3]))
                for i, p in enumerate(c.points)
            ]  # fmt: skip
            per = quantity(c.per, "bytes", document.place(*at, "per")) if c.per not in ("", "line") else 0.0
            area = parse_expression(str(c.area), document.place(*at, "area"))
        except SpecError as error:
            wrong += error.diagnostics
            continue
        wrong += [
            Diagnostic(place=document.place(*at, k), message=f"{k} is {v:g} J", expected="an energy of 0 or more")
            for k, v in values.items()
            if v < 0
        ]
        wrong += _no_curve(document, at, points, values, c.area_points)
        for key, value, known in (
            ("charged", c.charged, ("every", "one")),
            ("transfers", c.transfers, ("charged", "free")),
        ):
            if value not in known:
                place = document.place(*at, key)
                wrong.append(Diagnostic(place=place, message=f"{key} is {value}", expected=" or ".join(known)))
        components[name] = Component(
            source=c.source, per_bytes=per, area=area, operands=c.operands, charged=c.charged,
            transfers=c.transfers, differs=c.differs, points=tuple((a, b, d) for a, b, d in points),
            area_points=tuple((a, b, d) for a, b, d in c.area_points), **values
        )  # fmt: skip
    if wrong:
        raise SpecError(wrong)
    return EnergyTable(name=form.energy, source=form.source, beside=form.beside, components=components)


def _no_curve(document: Document, at: tuple[str, ...], points: list[tuple[float, ...]], base: Mapping[str, float],
              areas: list[list[float]]) -> list[Diagnostic]:  # fmt: skip
    """Return what is wrong with tables through which power laws go: no power law passes through 0."""
    wrong = []
    for i, (size, *_) in enumerate(points):
        if size <= 0 or (i and size <= points[i - 1][0]):
            message = f"a point at {size:g} B" + f" after one at {points[i - 1][0]:g} B" * (i > 0)
            wrong.append(
                Diagnostic(place=document.place(*at, "points", i), message=message, expected="capacities that grow")
            )
    for k, key in ((1, "read"), (2, "write")):
        joules = [p[k] + base[key] for p in points]
        for i, value in enumerate(joules):
            if value < 0 or (value == 0 and any(joules)):
                message = f"a {key} at {points[i][0]:g} B costs {value:g} J"
                place = document.place(*at, "points", i)
                wrong.append(Diagnostic(place=place, message=message, expected="more than 0, or 0 at every point",
                                        hint="between points the energy follows a power law"))  # fmt: skip
    wrong += [
        Diagnostic(place=document.place(*at, "area_points", i), message="a number that is not positive",
                   expected="lines, bits a line, um2, all more than 0")
        for i, row in enumerate(areas) if min(row) <= 0
    ]  # fmt: skip
    return wrong


def access_energy(component: Component, capacity: Value) -> tuple[Value, Value]:
    """Return the joules of a read and of a write of a memory of some capacity (bytes).

    Exact at the capacities of `points`; a power law through neighbouring points elsewhere (assumed); 0 if all are.

    >>> sram = Component(source="x", points=((16.0, 1.0, 2.0), (32.0, 2.0, 3.0)))
    >>> access_energy(sram, 16), access_energy(sram, 64)[0]
    ((1.0, 2.0), 4.0)
    """
    if not component.points:
        return component.read, component.write
    sizes = np.array([p[0] for p in component.points])
    result: list[Value] = []
    for column, base in ((1, component.read), (2, component.write)):
        joules = np.array([p[column] for p in component.points]) + base
        result.append(_power_law(capacity, sizes, joules))
    return result[0], result[1]


def _power_law(at: Value, x: Points, y: Points) -> Value:
    """Interpolate in logarithms, extrapolate the last slopes; exact at the points."""
    if len(x) == 1 or not y.any():
        return float(y[0]) + 0 * at
    high = np.clip(np.searchsorted(x, at, side="left"), 1, len(x) - 1)
    slope = np.log(y[high] / y[high - 1]) / np.log(x[high] / x[high - 1])
    result = y[high - 1] * (at / x[high - 1]) ** slope
    for size, joules in zip(x, y, strict=True):
        result = np.where(np.equal(at, size), joules, result)
    return result if isinstance(at, np.ndarray) else float(result)


def sram_area(component: Component, lines: Value, bits: Value) -> Value:
    """Return the um2 of an SRAM: exact where `area_points` has it, else a power law in its bits (least squares,
    assumed).

    >>> round(sram_area(Component(source="x", area_points=((2, 8, 10.0), (4, 8, 20.0))), 8, 8), 6)
    40.0
    """
    table = np.array(component.area_points)
    known, um2s = np.log(table[:, 0] * table[:, 1]), np.log(table[:, 2])
    slope, offset = np.polyfit(known, um2s, 1) if np.ptp(known) else (1.0, np.mean(um2s - known))
    result = np.exp(offset) * np.power(np.asarray(lines * bits, float), slope)
    for known_lines, known_bits, um2 in component.area_points:
        result = np.where(np.equal(lines, known_lines) & np.equal(bits, known_bits), um2, result)
    return result if result.ndim else float(result)
