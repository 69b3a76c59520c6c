"""Visits: the iterations of a group's shared loops in which a masked Einsum has points; the others are skipped.

Exact and in closed form: the present points of the Einsum (`einsum_cascade.presence`), seen through the tiles of the
loops, are a set of iterations again, which is counted whatever its size.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from archsim.value import Value
from einsum_cascade.cascade import Cascade, shape, size
from einsum_cascade.constants import Value as Size
from einsum_cascade.einsum import Einsum, iteration_variables
from einsum_cascade.errors import Diagnostic, Place, SpecError
from einsum_cascade.points import Affine, NotCountable, Set, box, var
from einsum_cascade.presence import presence

__all__ = ["Tile", "Visits"]

Row = tuple[Size, ...]


@dataclass(frozen=True)
class Tile:
    """What an index of a loop stands for: `points` of its `variable`, counted within the `within` of the next outer
    part (None: within all)."""

    variable: str
    points: Value = 1
    within: Value | None = None


@dataclass(frozen=True)
class Visits:
    """The iterations of `tiles` (loop -> what its index stands for) in which `einsum` has a point.

    `names` the value of every rank and parameter of the cascade; numbers, or arrays of shape (n,): each point is then
    counted by itself, equal ones once. `place` is where a mapping asks for it.
    """

    cascade: Cascade
    einsum: Einsum
    names: Mapping[str, Value]
    tiles: Mapping[str, Tile]
    place: Place
    _sets: dict[Row, tuple[Mapping[str, int], Mapping[str, Affine], Set]] = field(
        default_factory=dict, compare=False, repr=False
    )
    _memo: dict[tuple[frozenset[str], frozenset[str]], Value | Fraction] = field(
        default_factory=dict, compare=False, repr=False
    )

    def visited(self, count: Value, loops: Iterable[str], own: Iterable[str] = ()) -> Value:
        """Return what is left of a `count` of all iterations of `loops`, or of points of the variables `own` in them.

        Points of `own` are counted within the tiles of the loops that are parts of them, once for each iteration of
        the other loops. Loops that are not among the tiles change nothing.

        Raises SpecError where the iterations cannot be counted.

        >>> from einsum_cascade import load
        >>> causal = load(Cascade, "attention_3pass_causal")
        >>> names = {"M": 1024, "P": 1024, "E": 64, "F": 64}
        >>> tiles = {"m1": Tile("m", 256), "p1": Tile("p", 256)}
        >>> visits = Visits(causal, causal.einsums[0], names, tiles, Place())
        >>> visits.visited(16, ["m1", "p1"])  # of 4 x 4 tiles of scores
        10
        """
        chosen = frozenset(self.tiles) & frozenset(loops)
        if not chosen:
            return count
        counted = frozenset(own) & {self.tiles[loop].variable for loop in chosen}
        if (chosen, counted) not in self._memo:
            self._memo[chosen, counted] = self._share(chosen, counted)
        share = self._memo[chosen, counted]
        if isinstance(count, np.ndarray) or not isinstance(share, Fraction):
            return count * (float(share) if isinstance(share, Fraction) else share)
        exact = Fraction(count) * share
        return int(exact) if exact.denominator == 1 else float(exact)

    def misses(self, einsum: Einsum) -> bool:
        """Return whether another Einsum has points in iterations that are skipped: there it must change nothing.

        Raises SpecError where a size is missing.
        """
        if not {t.variable for t in self.tiles.values()} <= set(iteration_variables(einsum)):
            return False
        for row in self._rows()[0]:
            _, forms, visited = self._visited(row)
            domain = presence(self.cascade, self._names(row)).domain(einsum)
            if not domain.image({_index(loop): form for loop, form in forms.items()}).is_subset(visited):
                return True
        return False

    def _rows(self) -> tuple[list[Row], NDArray[np.intp] | None]:
        """The different points, as values of `names` and of the tiles, and which of them each is (None: one point)."""
        columns: list[Value] = [*self.names.values()]
        for tile in self.tiles.values():
            columns += [tile.points, 0 if tile.within is None else tile.within]
        arrays = [c for c in columns if isinstance(c, np.ndarray)]
        if not arrays:
            return [tuple(map(_exact, columns))], None
        table = np.stack([np.broadcast_to(np.asarray(c, float), arrays[0].shape) for c in columns], axis=1)
        rows, back = np.unique(table, axis=0, return_inverse=True)
        return [tuple(map(_exact, row)) for row in rows.tolist()], back.ravel()

    def _names(self, row: Row) -> dict[str, Size]:
        return shape(self.cascade, dict(zip(self.names, row, strict=False)))

    def _share(self, loops: frozenset[str], own: frozenset[str]) -> Value | Fraction:
        rows, back = self._rows()
        shares = [self._share_of(row, loops, own) for row in rows]
        return shares[0] if back is None else np.asarray(shares, float)[back]

    def _share_of(self, row: Row, loops: frozenset[str], own: frozenset[str]) -> Fraction:
        try:
            sizes, forms, visited = self._visited(row)
            seen = visited.project(_index(loop) for loop in self.tiles if loop not in loops)
            inside = {_index(loop): forms[loop] for loop in loops if self.tiles[loop].variable in own}
            seen = seen.substitute(inside) & box({v: sizes[v] for v in own})
            counted = [*own, *(_index(loop) for loop in loops if _index(loop) not in inside)]
            every = 1
            for variable in {self.tiles[loop].variable for loop in loops}:
                indices = {_index(loop): forms[loop] for loop in loops if self.tiles[loop].variable == variable}
                space = box({variable: sizes[variable]})
                every *= sizes[variable] if variable in own else space.image(indices).count()
            return Fraction(seen.count(counted), every)
        except NotCountable:
            message = f"the iterations in which {self.einsum.name} has points have no closed form"
            raise SpecError([Diagnostic(place=self.place, message=message, hint="leave out `skip`")]) from None

    def _visited(self, row: Row) -> tuple[Mapping[str, int], Mapping[str, Affine], Set]:
        """The sizes of the variables, the index of every loop as a form, and the iterations that are visited."""
        if row not in self._sets:
            names, widths = self._names(row), iter(row[len(self.names) :])
            forms: dict[str, Affine] = {}
            for loop, tile in self.tiles.items():
                points, within = int(next(widths)), int(next(widths))
                position = var(tile.variable)
                forms[loop] = (position % within if within else position) // points
            sizes = {t.variable: size(self.cascade, t.variable, names) for t in self.tiles.values()}
            domain = presence(self.cascade, names).domain(self.einsum)
            self._sets[row] = sizes, forms, domain.image({_index(loop): form for loop, form in forms.items()})
        return self._sets[row]


def _index(loop: str) -> str:
    """The name of a loop's index, apart from the variable of the same name."""
    return f"[{loop}]"


def _exact(value: Value) -> Size:
    """Return a number of one point as counting needs it: a whole one as an integer."""
    number = float(value)
    return int(value) if number.is_integer() else number
