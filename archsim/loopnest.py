"""Loop nests: how often loops run, how much of a tensor a tile covers, how often a tile must be fetched again.

All in closed form and exact for ragged tiles (`chain`); `tests/nest_oracle.py` walks the loops one by one and counts
the same.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from archsim.chain import Region
from archsim.extents import Extents
from archsim.value import Condition, Value, either, smaller
from archsim.visits import Visits
from einsum_cascade.einsum import Access, Expression, Variable, walk

__all__ = ["LoopNest", "index_variables"]


def index_variables(access: Access) -> tuple[tuple[str, ...], ...]:
    """Return the variables in each index of an access; those of a gather count at the axis that is gathered.

    >>> from einsum_cascade.parse import parse_expression
    >>> index_variables(parse_expression("K[e, m1*M0+m0]"))
    (('e',), ('m1', 'm0'))
    """

    def inside(node: Expression) -> tuple[str, ...]:
        return tuple(dict.fromkeys(n.name for n in walk(node) if isinstance(n, Variable)))

    return tuple(inside(i) for i in access.indices)


@dataclass(frozen=True)
class LoopNest:
    """One Einsum on one array: temporal `loops` outermost first, `space` array dimension -> loop that is spread over
    it.

    `shared` of the loops belong to the fusion group, `batch` are loops that every tensor varies with. A spread loop
    that is longer than its dimension (`extents.folds`) runs its remaining trips right inside the shared loops: the
    array finishes what it holds before it takes the next part. Iterations of the shared loops that `visits` does not
    have are skipped, with all that is inside.
    """

    loops: tuple[str, ...]
    shared: int
    space: Mapping[str, str]
    batch: tuple[str, ...]
    extents: Extents
    visits: Visits | None = None
    _memo: dict[tuple[object, ...], Value] = field(default_factory=dict, compare=False, repr=False)
    _parts: dict[tuple[tuple[str, ...], ...], tuple[Extents, frozenset[str]]] = field(
        default_factory=dict, compare=False, repr=False
    )

    @property
    def temporal(self) -> tuple[str, ...]:
        """All loops in time: the shared ones, those over the folds of the array, then the Einsum's own."""
        folds = tuple(v for v in self.space.values() if v in self.extents.folds)
        return (*self.loops[: self.shared], *folds, *self.loops[self.shared :])

    def upto(self, scope: str) -> tuple[str, ...]:
        """Return the loops outside of and including `scope`; none if `scope` is not a loop of this nest."""
        return self.loops[: self.loops.index(scope) + 1] if scope in self.loops else ()

    def fetched(self, access: Access, loops: tuple[str, ...] | None = None) -> Value:
        """Return the words fetched in all into a tile that lives inside the last of `loops` (default: all, in time).

        A tile is fetched when it changes. Loops that do not move a tensor fetch it again only if a loop that moves it
        runs inside them: what is innermost is stationary.

        >>> from einsum_cascade.parse import parse_expression
        >>> extents = Extents({"m": 4, "p": 3, "e": 8}, {}, {})
        >>> q = parse_expression("Q[e, p]")
        >>> LoopNest(("m", "p", "e"), 0, {}, (), extents).fetched(q)  # 8*3 words, once for each m
        96
        >>> LoopNest(("e", "p", "m"), 0, {}, (), extents).fetched(q)
        24
        """
        given = self.temporal if loops is None else loops
        axes = index_variables(access)
        known = self.extents.axes.get(access.tensor, ()) if any(len(a) > 1 for a in axes) else ()
        key = ("fetched", axes, given, access.tensor if known else "")
        if key not in self._memo:
            words = self._fetched(axes, given, access)
            self._memo[key] = words if self.visits is None else self._needed(self.visits, words, axes, given)
        return self._memo[key]

    def _needed(self, visits: Visits, words: Value, axes: tuple[tuple[str, ...], ...], given: tuple[str, ...]) -> Value:
        """What is left of the words fetched inside `given` where iterations are skipped: a tile comes for each visited
        iteration of the loops down to the innermost one that moves it; with no loops at all, what is ever visited."""
        variables = {v for axis in axes for v in axis}
        if not given:
            return visits.visited(words, (p for v in variables for p in self.extents.split(v)), variables)
        result = words
        for k, loop in enumerate(given):
            if self.extents.base(loop) in variables:
                here = visits.visited(words, given[: k + 1], variables)
                result = either(np.greater(self.extents.extent(loop), 1), here, result)
        return result

    def _fetched(self, axes: tuple[tuple[str, ...], ...], given: tuple[str, ...], access: Access) -> Value:
        extents, own = self._own(axes)
        loops = frozenset(given)
        moving = [(c, own & c.names) for c in extents.touched(own)]
        found = [c.regions(parts, loops) for c, parts in moving]
        total: Value = 0
        for some in product(*found):
            words: Value = 1
            moves: dict[str, Condition] = {}
            for region in some:
                words = words * region.words
                moves |= region.moves
            within = {id(c): region for (c, _), region in zip(moving, some, strict=True)}
            total = total + words * _again(extents, given, own, moves, within)
        return self._capped(total, axes, extents, access)

    def _own(self, axes: tuple[tuple[str, ...], ...]) -> tuple[Extents, frozenset[str]]:
        """The parts with which a tensor varies; joined variables are taken apart where it has only the fine ones."""
        if axes not in self._parts:
            self._parts[axes] = self._own_parts(axes)
        return self._parts[axes]

    def _own_parts(self, axes: tuple[tuple[str, ...], ...]) -> tuple[Extents, frozenset[str]]:
        variables = dict.fromkeys(v for axis in axes for v in axis)
        extents = self.extents
        for names, _ in extents.joined:
            has = [v in variables for v in names]
            if has != sorted(has, reverse=True):
                extents = extents.apart
        return extents, frozenset(p for v in (*variables, *self.batch) for p in extents.split(v))

    def _capped(self, words: Value, axes: tuple[tuple[str, ...], ...], extents: Extents, access: Access,
                fixed: frozenset[str] = frozenset()) -> Value:  # fmt: skip
        """Scale words where an index over several variables (p-w, a gather) reaches fewer than they have
        combinations."""
        sizes = self.extents.axes.get(access.tensor, ())
        alone = {names[0] for names in axes if len(names) == 1}  # h of V[h,f,IV[h,p]]: each has an axis of its own
        for names, size in zip(axes, sizes, strict=False):
            if len(names) > 1 and len(extents.touched(names)) > 1:
                free = [p for v in names if v not in alone for p in extents.split(v) if p not in fixed]
                combinations = extents.trips(free)
                words = words / combinations * smaller(combinations, size)  # in this order: whole words stay whole
        return words

    def words(self, access: Access) -> Value:
        """Return how many words an access touches in all, batch included."""
        return self.fetched(access, ())

    def tile(self, access: Access, scope: str, state: Iterable[str] = ()) -> Value:
        """Return the words of the tile that lives inside the loop `scope`, at its largest; one along `state` variables.

        >>> from einsum_cascade.parse import parse_expression
        >>> extents = Extents({"p": 10, "e": 8}, {"p": ("p1", "p0")}, {"p0": 4})
        >>> LoopNest(("p1", "e", "p0"), 0, {}, (), extents).tile(parse_expression("Q[e, p]"), "p1")
        32
        """
        axes = index_variables(access)
        extents, own = self._own(axes)
        still = frozenset(self.upto(scope)) | frozenset(p for v in state for p in extents.split(v))
        return self._capped(extents.trips(own - still), axes, extents, access, still)

    def trips(self, loops: Iterable[str]) -> Value:
        """Return how many iterations of some of its loops are executed."""
        chosen = tuple(loops)
        trips = self.extents.trips(chosen)
        return trips if self.visits is None else self.visits.visited(trips, chosen)

    def steps(self) -> Value:
        """Return the temporal steps in all, folds over the array included."""
        return self.trips(self.temporal)

    def points(self, variables: Iterable[str]) -> Value:
        """Return the points of an iteration space that are executed, batch included."""
        own = tuple(variables)
        points = self.extents.trips(p for v in (*own, *self.batch) for p in self.extents.split(v))
        return points if self.visits is None else self.visits.visited(points, self.loops[: self.shared], own)


def _again(extents: Extents, given: tuple[str, ...], own: frozenset[str], moves: Mapping[str, Condition],
           within: Mapping[int, Region]) -> Value:  # fmt: skip
    """How often each word of a region is fetched: the loops that do not move it, outside of the last one that does."""
    factor: Value = 1
    outside: list[str] = []
    for loop in given:
        if loop not in own:
            outside.append(loop)
        elif outside and np.any(moves[loop]):
            times: Value = 1
            for chain in extents.touched(outside):
                chosen = frozenset(outside) & chain.names
                region = within.get(id(chain))
                times = times * (chain.count(chosen, region.at, region.size) if region else chain.count(chosen))
            factor = either(moves[loop], times, factor)
    return factor
