"""Layout: the structure of a mapping on a design, as far as no number matters; made by `plan`."""

from collections.abc import Callable
from collections.abc import Mapping as Dict
from dataclasses import dataclass

from archsim.mapping import Group
from einsum_cascade.einsum import Access, Einsum, Expression

__all__ = ["Fail", "GroupPlan", "Linear", "Place", "Plan"]

Fail = Callable[[str, str, tuple[str | int, ...]], None]
"""Notes a mistake: what is wrong, a hint, and the path in the group's part of the mapping file."""


@dataclass(frozen=True)
class Linear:
    """An index such as m1*M0+m0 into an axis of `size` points: variables and factors, coarse to fine."""

    variables: tuple[str, ...]
    factors: tuple[Expression, ...]
    size: Expression


@dataclass(frozen=True)
class Place:
    """One Einsum on an array, by its own `name` (`pieces.pieces`): `loops` outermost first, of which `shared` belong to
    the group; cost of a point.

    `law` is the operation, if any, that the array does row by row with a cycle law.
    """

    name: str
    einsum: Einsum
    array: str
    loops: tuple[str, ...]
    shared: int
    space: Dict[str, str]
    cycles: int
    law: str
    actions: Dict[str, int]
    reads: tuple[Access, ...]
    variables: tuple[str, ...]


@dataclass(frozen=True)
class GroupPlan:
    """A fusion group: its Einsums in order, `used` variables, `batch` variables that every tensor varies with.

    `touches` tensor -> (position in `placed`, access); `state` tensor -> the variables along which it is a running
    value.
    """

    group: Group
    placed: tuple[Place, ...]
    used: tuple[str, ...]
    batch: tuple[str, ...]
    parts: Dict[str, tuple[str, ...]]
    linear: tuple[Linear, ...]
    touches: Dict[str, tuple[tuple[int, Access], ...]]
    state: Dict[str, tuple[str, ...]]
    leaves: frozenset[str]


@dataclass(frozen=True)
class Plan:
    """All groups; `shapes` of the tensors that the cascade declares, `composite` those indexed by several variables."""

    groups: tuple[GroupPlan, ...]
    shapes: Dict[str, tuple[Expression, ...]]
    composite: frozenset[str]
