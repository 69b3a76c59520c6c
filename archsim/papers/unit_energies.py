"""Unit energies and areas of one table beside those of a design's table, and why they differ."""

from dataclasses import dataclass

from archsim.design import Design
from archsim.energy import EnergyTable
from archsim.library import energy_tables, load
from archsim.value import evaluate

__all__ = ["Pair", "comparisons"]


@dataclass(frozen=True)
class Pair:
    """A component of two tables.

    `energy_pj` of an operation, or of a read of a register file; `area_um2` of one instance; `other_pj`, `other_um2`
    the same in the table beside; `why` they differ.
    """

    component: str
    energy_pj: float
    other_pj: float
    area_um2: float
    other_um2: float
    why: str


def comparisons() -> dict[str, list[Pair]]:
    """Return, for every table that comes with archsim and names a design to stand beside, the components that differ.

    Areas are those with the parameters of the design. Raises SpecError if there is no such design.

    >>> [title for title in comparisons() if "nangate45_rtl" in title]
    ['nangate45_rtl beside fusemax_physical (fusemax)']
    """
    found: dict[str, list[Pair]] = {}
    for table in energy_tables().values():
        if table.beside:
            design = load(Design, table.beside)
            found[f"{table.name} beside {design.energy.name} ({design.name})"] = list(_pairs(table, design))
    return found


def _pairs(table: EnergyTable, design: Design) -> list[Pair]:
    pairs = []
    for name, component in table.components.items():
        other = design.energy.components.get(name)
        if not component.differs or other is None:
            continue
        joules = [c.energy or c.read for c in (component, other)]
        areas = [float(evaluate(c.area, design.parameters)) for c in (component, other)]
        pairs.append(Pair(name, joules[0] * 1e12, joules[1] * 1e12, areas[0], areas[1], component.differs))
    return pairs
