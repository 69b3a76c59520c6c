"""Loop nests: how often loops run, how much of a tensor a tile covers, how often a tile must be fetched again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from archsim.value import Value, ceil_div, either, smaller
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
    what is left, rounded up). `state` the variables along which a tensor exists one coordinate at a time.
    """

    size: Mapping[str, Value]
    parts: Mapping[str, tuple[str, ...]]
    part: Mapping[str, Value]

    def base(self, loop: str) -> str:
        """Return the variable of which a loop is a part."""
        return next((v for v, parts in self.parts.items() if loop in parts), loop)

    def _inner(self, variable: str, at: int) -> Value:
        result: Value = 1
        for name in self.parts[variable][at:]:
            result = result * self.part[name]
        return result

    def trips(self, loops: Iterable[str]) -> Value:
        """Return how often the innermost of `loops` runs in all; ragged tiles are rounded up once a variable.

        >>> Extents({"p": 10}, {"p": ("p2", "p1", "p0")}, {"p1": 2, "p0": 2}).trips(["p2", "p1"])
        5
        """
        result: Value = 1
        by_base: dict[str, set[str]] = {}
        for loop in loops:
            by_base.setdefault(self.base(loop), set()).add(loop)
        for variable, chosen in by_base.items():
            parts = self.parts.get(variable)
            if parts is None:
                result = result * self.size[variable]
                continue
            prefix = 0
            while prefix < len(parts) and parts[prefix] in chosen:
                prefix += 1
            if prefix:
                result = result * ceil_div(self.size[variable], self._inner(variable, prefix))
            for name in parts[prefix:]:
                if name in chosen:
                    result = result * self.extent(name)
        return result

    def extent(self, loop: str) -> Value:
        """Return the extent of one loop."""
        if loop in self.part:
            return smaller(self.part[loop], self.size[self.base(loop)])
        variable = self.base(loop)
        if variable == loop:
            return self.size[loop]
        return ceil_div(self.size[variable], self._inner(variable, 1))

    def covered(self, variable: str, fixed: Iterable[str]) -> Value:
        """Return how many values of a variable a tile covers when the loops `fixed` stand still."""
        chosen = set(fixed)
        parts = self.parts.get(variable)
        if parts is None:
            return 1 if variable in chosen else self.size[variable]
        result: Value = 1
        for name in parts:
            if name not in chosen:
                result = result * self.extent(name)
        return smaller(result, self.size[variable])


@dataclass(frozen=True)
class LoopNest:
    """One Einsum on one array: temporal `loops` outermost first, `space` array dimension -> loop that is spread over it.

    `shared` of the loops belong to the fusion group, `batch` are loops that every tensor varies with.
    """

    loops: tuple[str, ...]
    shared: int
    space: Mapping[str, str]
    batch: tuple[str, ...]
    extents: Extents

    def relevant(self, loop: str, variables: Iterable[str]) -> bool:
        """Return whether a tensor with these variables changes when `loop` advances."""
        return loop in self.batch or self.extents.base(loop) in set(variables)

    def upto(self, scope: str) -> tuple[str, ...]:
        """Return the loops outside of and including `scope`; none if `scope` is not a loop of this nest."""
        return self.loops[: self.loops.index(scope) + 1] if scope in self.loops else ()

    def refetch(self, variables: Iterable[str], loops: tuple[str, ...] | None = None) -> Value:
        """Return how often each word is fetched into a tile that lives inside the last of `loops` (default: all).

        Irrelevant loops multiply only if a relevant loop runs inside them: what is innermost is stationary.

        >>> extents = Extents({"m": 4, "p": 3, "e": 8}, {}, {})
        >>> LoopNest(("m", "p", "e"), 0, {}, (), extents).refetch(["e", "p"])
        4
        >>> LoopNest(("e", "p", "m"), 0, {}, (), extents).refetch(["e", "p"])
        1
        """
        given = self.loops if loops is None else loops
        held = tuple(variables)
        factor: Value = 1
        irrelevant: list[str] = []
        for loop in given:
            if self.relevant(loop, held):
                factor = either(self.extents.extent(loop) > 1, self.extents.trips(irrelevant), factor)
            else:
                irrelevant.append(loop)
        return factor

    def words(self, access: Access) -> Value:
        """Return how many words an access touches in all, batch included."""
        result: Value = 1
        for names in index_variables(access):
            for name in names:
                result = result * self.extents.size[name]
        for loop in self.batch:
            result = result * self.extents.size[loop]
        return result

    def tile(self, access: Access, scope: str, state: Iterable[str] = ()) -> Value:
        """Return the words of the tile that lives inside the loop `scope`; one coordinate along `state` variables."""
        fixed = self.upto(scope)
        result: Value = 1
        for names in index_variables(access):
            for name in names:
                result = result * (1 if name in state else self.extents.covered(name, fixed))
        return result

    def steps(self, dimensions: Mapping[str, Value]) -> Value:
        """Return the temporal steps in all: the loops, times what of the spread loops does not fit on the array."""
        result = self.extents.trips(self.loops)
        for dimension, loop in self.space.items():
            result = result * ceil_div(self.extents.extent(loop), dimensions[dimension])
        return result

    def points(self, variables: Iterable[str]) -> Value:
        """Return the points of an iteration space, batch included."""
        result: Value = 1
        for name in (*dict.fromkeys(variables), *self.batch):
            result = result * self.extents.size[name]
        return result
