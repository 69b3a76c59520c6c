"""Loop nests: how often loops run, how much of a tensor a tile covers, how often a tile must be fetched again.

All in closed form and exact for ragged tiles (`chain`); `tests/nest_oracle.py` walks the loops one by one and counts
the same.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product

import numpy as np

from archsim.chain import Chain, Region
from archsim.value import Condition, Value, either, smaller
from einsum_cascade.einsum import Access, Expression, Variable, walk

__all__ = ["Extents", "LoopNest", "index_variables"]


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
            for chain in self._touched(chosen):
                result = result * chain.count(chosen & chain.names)
            self._memo[chosen] = result
        return self._memo[chosen]

    def _touched(self, loops: Iterable[str]) -> list[Chain]:
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


@dataclass(frozen=True)
class LoopNest:
    """One Einsum on one array: temporal `loops` outermost first, `space` array dimension -> loop that is spread over
    it.

    `shared` of the loops belong to the fusion group, `batch` are loops that every tensor varies with. A spread loop
    that is longer than its dimension (`extents.folds`) runs its remaining trips right inside the shared loops: the
    array finishes what it holds before it takes the next part.
    """

    loops: tuple[str, ...]
    shared: int
    space: Mapping[str, str]
    batch: tuple[str, ...]
    extents: Extents
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
            self._memo[key] = self._fetched(axes, given, access)
        return self._memo[key]

    def _fetched(self, axes: tuple[tuple[str, ...], ...], given: tuple[str, ...], access: Access) -> Value:
        extents, own = self._own(axes)
        loops = frozenset(given)
        moving = [(c, own & c.names) for c in extents._touched(own)]
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
            if len(names) > 1 and len(extents._touched(names)) > 1:
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

    def steps(self) -> Value:
        """Return the temporal steps in all, folds over the array included."""
        return self.extents.trips(self.temporal)

    def points(self, variables: Iterable[str]) -> Value:
        """Return the points of an iteration space, batch included."""
        return self.extents.trips(p for v in (*variables, *self.batch) for p in self.extents.split(v))


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
            for chain in extents._touched(outside):
                chosen = frozenset(outside) & chain.names
                region = within.get(id(chain))
                times = times * (chain.count(chosen, region.at, region.size) if region else chain.count(chosen))
            factor = either(moves[loop], times, factor)
    return factor
