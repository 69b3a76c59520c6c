"""Extents: how long the loops of a group are: variables in parts, folds over an array, axes of two variables."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from archsim.chain import Chain
from archsim.value import Value

__all__ = ["Extents"]


@dataclass(frozen=True)
class Extents:
    """Sizes of variables, and of the parts into which a mapping splits them (outermost first).

    `size` variable -> its whole extent; `parts` variable -> its parts; `part` part -> extent (the outermost part is
    what is left, rounded up). `joined` the variables that make up one axis, coarse to fine, with the points of the axis
    (m1*M0+m0 over M points); `axes` tensor -> the sizes of its axes, where they are known.
    """

    size: Mapping[str, Value]
    parts: Mapping[str, tuple[str, ...]]
    part: Mapping[str, Value]
    joined: tuple[tuple[tuple[str, ...], Value], ...] = ()
    axes: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    folds: Mapping[str, Value] = field(default_factory=dict)
    _memo: dict[frozenset[str], Value] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def bases(self) -> Mapping[str, str]:
        """The variable of every part."""
        found = {name: v for v, names in self.parts.items() for name in names}
        return found | {f"{name} lanes": found.get(name, name) for name in self.folds}

    def base(self, loop: str) -> str:
        """Return the variable of which a loop is a part."""
        return self.bases.get(loop, loop)

    def split(self, variable: str) -> tuple[str, ...]:
        """Return the parts of a variable, folds over an array included."""
        names: list[str] = []
        for name in self.parts.get(variable, (variable,)):
            names += [name, f"{name} lanes"] if name in self.folds else [name]
        return tuple(names)

    @cached_property
    def chains(self) -> Mapping[str, Chain]:
        """The chain of every variable."""
        result: dict[str, Chain] = {}
        for variables, points in self.joined:
            chain = self._chain(variables, points)
            result |= dict.fromkeys(variables, chain)
        for variable, points in self.size.items():
            if variable not in result:
                result[variable] = self._chain((variable,), points)
        return result

    @cached_property
    def apart(self) -> "Extents":
        """The same extents with joined variables taken one by one (an upper bound where they are ragged)."""
        return replace(self, joined=(), _memo={})

    def _chain(self, variables: tuple[str, ...], points: Value) -> Chain:
        parts: list[str] = []
        tiles: list[Value] = []
        unit: Value = 1
        perfect = True
        for variable in reversed(variables):
            tile = unit
            for name in reversed(self.parts.get(variable, (variable,))):
                if name in self.folds:
                    parts.append(f"{name} lanes")
                    tiles.append(tile)
                    parts.append(name)
                    tiles.append(tile * self.folds[name])
                    perfect = False
                else:
                    parts.append(name)
                    tiles.append(tile)
                tile = tile * self.part.get(name, 1)
            unit = unit * self.size[variable]
            perfect = perfect and (variable == variables[0] or variable not in self.parts)
        return Chain(tuple(reversed(parts)), tuple(reversed(tiles)), points, perfect)

    def trips(self, loops: Iterable[str]) -> Value:
        """Return how many iterations `loops` make in all; ragged tiles are rounded up once a variable.

        >>> Extents({"p": 10}, {"p": ("p2", "p1", "p0")}, {"p1": 2, "p0": 2}).trips(["p2", "p1"])
        5
        """
        chosen = frozenset(loops)
        if chosen not in self._memo:
            result: Value = 1
            for chain in self.touched(chosen):
                result = result * chain.count(chosen & chain.names)
            self._memo[chosen] = result
        return self._memo[chosen]

    def touched(self, loops: Iterable[str]) -> list[Chain]:
        """Return the chains of which some loops are parts."""
        chains, bases = self.chains, self.bases
        found = {id(c): c for c in (chains[bases.get(loop, loop)] for loop in loops)}
        return list(found.values())

    def extent(self, loop: str) -> Value:
        """Return the extent of one loop, at its longest.

        >>> Extents({"p": 10}, {"p": ("p2", "p1", "p0")}, {"p1": 2, "p0": 2}).extent("p2")
        3
        """
        return self.trips([loop])

    def folded(self, space: Mapping[str, str], shape: Mapping[str, Value]) -> "Extents":
        """Return the extents where spread loops longer than their array dimension are folded over it."""
        folds = {loop: shape[d] for d, loop in space.items() if np.any(np.greater(self.extent(loop), shape[d]))}
        return replace(self, folds=folds, _memo={}) if folds else self
