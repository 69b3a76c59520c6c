"""Scopes and fields for tests of single modules."""

import itertools
from collections.abc import Iterator, Mapping
from functools import cache

import numpy as np

from einsum_cascade.cascade import Cascade
from einsum_cascade.constants import evaluate
from einsum_cascade.einsum import Expression, variables
from einsum_cascade.interpret.backend import namespace
from einsum_cascade.interpret.field import Field, Labelled
from einsum_cascade.interpret.scope import Scope
from einsum_cascade.parse import parse_expression

XP = namespace("numpy", [])


def scope(sizes: Mapping[str, int], bound: Mapping[str, int] | None = None, **more: tuple[int, ...] | int) -> Scope:
    """Return a scope; of `more`, tuples are shapes of tensors and numbers are constants."""
    ranks = {v.upper(): n for v, n in sizes.items()}
    return Scope(
        xp=XP, cascade=Cascade(name="test"), names={**ranks, **{k: v for k, v in more.items() if isinstance(v, int)}},
        sizes=dict(sizes), shapes={k: v for k, v in more.items() if isinstance(v, tuple)}, dtype=XP.float64,
        device="cpu", bound=dict(bound or {}),
    )  # fmt: skip


@cache
def index(text: str) -> Expression:
    """Parse an index; kept alive, since a scope knows nodes by their identity."""
    return parse_expression(text)


def points(sizes: Mapping[str, int], names: tuple[str, ...]) -> Iterator[dict[str, int]]:
    """Yield every point of an iteration space."""
    for point in itertools.product(*(range(sizes[name]) for name in names)):
        yield dict(zip(names, point, strict=True))


def computed(of: Scope) -> "Integer":
    """Return what evaluates a computed index, one point after the other."""
    return Integer(of)


class Integer:
    """Evaluates an index expression without tensors over all its free variables."""

    def __init__(self, of: Scope) -> None:
        self.scope = of

    def __call__(self, expression: Expression) -> Field:
        """Return the coordinates."""
        free = tuple(v for v in variables(expression) if v not in self.scope.bound)
        found = [int(evaluate(expression, {**self.scope.names, **self.scope.bound, **point}))
                 for point in points(self.scope.sizes, free)]  # fmt: skip
        return Field(Labelled(np.array(found).reshape([self.scope.sizes[v] for v in free]), free))


def at(given: Labelled, point: Mapping[str, int]) -> float:
    """Return the element at a point."""
    if isinstance(given.array, bool | int | float):
        return given.array
    return np.asarray(given.array)[tuple(point[a] for a in given.axes)].item()


def present(given: Field, point: Mapping[str, int]) -> bool:
    """Return whether a point is present."""
    return given.mask is None or bool(at(given.mask, point))
