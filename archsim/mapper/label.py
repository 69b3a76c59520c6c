"""Label: one way to a set of Einsums that are done, for shortest paths with several costs."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from archsim.mapper.front import Found

__all__ = ["Costs", "Label", "Members", "added", "keep", "steps"]

Members = tuple[str, ...]
Costs = tuple[float, float, float]
"""Seconds, words of the far memory, joules."""


class Label(NamedTuple):
    """One way to a set of Einsums that are done: its costs, the label before, the last group and its mapping, if that
    is known."""

    costs: Costs
    before: "Label | None" = None
    members: Members = ()
    found: Found | None = None


def steps(label: Label) -> Iterator[Label]:
    """The groups of a way, first things first."""
    if label.before is not None:
        yield from steps(label.before)
        yield label


def added(some: Costs, more: Sequence[float]) -> Costs:
    """Return the sum of costs."""
    return some[0] + more[0], some[1] + more[1], some[2] + more[2]


def keep(labels: list[Label], new: Label, rows: list[int]) -> None:
    """Add a label, unless another one beats it; drop those that it beats."""
    if not any(all(x.costs[r] <= new.costs[r] for r in rows) for x in labels):
        labels[:] = [x for x in labels if not all(new.costs[r] <= x.costs[r] for r in rows)] + [new]
