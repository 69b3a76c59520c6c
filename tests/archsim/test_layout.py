"""Layouts are plain values: what `plan` made can be compared, and holds no number of a workload."""

from dataclasses import FrozenInstanceError, fields

import pytest

from archsim.layout import GroupPlan, Linear, Place, Plan
from archsim.plan import plan
from einsum_cascade.parse import parse_expression
from tests.tiny import cascade, design, mapping


def test_layouts_are_values() -> None:
    made, again = (plan(cascade(), mapping(), design()) for _ in range(2))
    assert made is not again and made.groups[0].state == again.groups[0].state
    assert [p.loops for p in made.groups[0].placed] == [p.loops for p in again.groups[0].placed]
    assert Linear(("i",), (), parse_expression("4")) == Linear(("i",), (), parse_expression("4"))


@pytest.mark.parametrize("kind", [GroupPlan, Linear, Place, Plan])
def test_nothing_can_be_changed(kind: type) -> None:
    made = kind(**dict.fromkeys(f.name for f in fields(kind)))
    with pytest.raises(FrozenInstanceError):
        setattr(made, fields(kind)[0].name, 1)


def test_positions_point_at_the_placed_einsums() -> None:
    (group,) = plan(cascade(), mapping(), design()).groups
    for tensor, found in group.touches.items():
        for k, access in found:
            einsum = group.placed[k].einsum
            assert access.tensor == tensor and (access is einsum.target or access in group.placed[k].reads)
