"""What is fixed while statements run: the array library, the sizes, and the variables that a loop has bound."""

from collections import ChainMap
from dataclasses import dataclass, field, replace
from types import ModuleType

from einsum_cascade.cascade import Cascade
from einsum_cascade.constants import ARITHMETIC, Value, evaluate
from einsum_cascade.einsum import Access, Apply, Attend, Constant, Expression, Number, Variable
from einsum_cascade.interpret.field import SCALAR, Labelled
from einsum_cascade.shapes import Bounds, bounds

Affine = tuple[tuple[tuple[str, int], ...], int]


@dataclass(kw_only=True)
class Scope:
    """`names` values of ranks and parameters; `sizes` of variables and batch axes; `bound` the loops' current values.

    `shapes` of tensors; `dtype` of real numbers; results are remembered by the identity of a node, which the cascade
    keeps alive.
    """

    xp: ModuleType
    cascade: Cascade
    names: dict[str, Value]
    sizes: dict[str, int]
    shapes: dict[str, tuple[int, ...]]
    dtype: object
    device: object
    bound: dict[str, int] = field(default_factory=dict)
    _affine: dict[int, Affine | None] = field(default_factory=dict)
    _foldable: dict[int, tuple[bool, frozenset[str]]] = field(default_factory=dict)
    _ranges: dict[str, Labelled] = field(default_factory=dict)

    @property
    def batch(self) -> tuple[str, ...]:
        """The batch axes, outermost first: "~1", "~0"."""
        return tuple(sorted((a for a in self.sizes if a.startswith("~")), reverse=True))

    def over(self, sizes: dict[str, int]) -> "Scope":
        """Return this scope with the sizes of other batch axes, and nothing bound."""
        return replace(self, sizes=sizes, bound={}, _ranges={})

    def constant(self, node: Expression) -> Value | None:
        """Return the value of a node in which every variable is bound and no tensor stands, else None."""
        known = self._foldable.get(id(node))
        if known is None:
            known = self._foldable[id(node)] = _foldable(node)
        if not known[0] or not known[1] <= self.bound.keys():
            return None
        return evaluate(node, ChainMap(self.bound, self.names))  # type: ignore[arg-type]

    def coordinates(self, variable: str) -> Labelled:
        """Return the coordinates 0, 1, ... of a variable or batch axis; its value where a loop has bound it."""
        if variable in self.bound:
            return Labelled(self.bound[variable])
        if variable not in self._ranges:
            array = self.xp.arange(self.sizes[variable], dtype=self.xp.int64, device=self.device)
            self._ranges[variable] = Labelled(array, (variable,))
        return self._ranges[variable]

    def affine(self, node: Expression) -> Affine | None:
        """Return ((variable, factor), ...) and the constant of an affine index over free variables, else None."""
        if id(node) not in self._affine:
            self._affine[id(node)] = self._decompose(node)
        found = self._affine[id(node)]
        if found is None:
            value = self.constant(node)
            return ((), value) if isinstance(value, int) else None
        if not any(v in self.bound for v, _ in found[0]):
            return found
        start = found[1] + sum(self.bound[v] * k for v, k in found[0] if v in self.bound)
        return tuple((v, k) for v, k in found[0] if v not in self.bound), start

    def cast(self, given: Labelled, dtype: object) -> Labelled:
        """Return an array in the type `dtype`; scalars have none."""
        array = given.array
        if isinstance(array, SCALAR) or array.dtype == dtype:
            return given
        return Labelled(self.xp.astype(array, dtype), given.axes)

    def bounds(self, node: Expression) -> Bounds | None:
        """Return the least and greatest value of an index expression, if they can be told without the data."""
        return bounds(node, self.cascade, self.names, self.bound)

    def _decompose(self, node: Expression) -> Affine | None:
        foldable, inside = _foldable(node)
        if foldable and not inside:
            value = evaluate(node, self.names)
            return ((), value) if isinstance(value, int) else None
        if isinstance(node, Variable):
            return ((node.name, 1),), 0
        if not isinstance(node, Apply) or node.operator not in ("add", "sub", "mul", "neg"):
            return None
        parts = [self._decompose(a) for a in node.arguments]
        if node.operator == "neg":
            return _scaled(parts[0], -1)
        left, right = parts
        if left is None or right is None:
            return None
        if node.operator == "mul":
            if not left[0]:
                return _scaled(right, left[1])
            return _scaled(left, right[1]) if not right[0] else None
        sign = 1 if node.operator == "add" else -1
        total = dict(left[0])
        for v, k in right[0]:
            total[v] = total.get(v, 0) + sign * k
        return tuple((v, k) for v, k in total.items() if k), left[1] + sign * right[1]


def _scaled(given: Affine | None, factor: int) -> Affine | None:
    return None if given is None else (tuple((v, k * factor) for v, k in given[0] if factor), given[1] * factor)


def _foldable(node: Expression) -> tuple[bool, frozenset[str]]:
    """Return whether constant arithmetic can evaluate `node` once its variables are bound, and which those are."""
    match node:
        case Number() | Constant():
            return True, frozenset()
        case Variable():
            return True, frozenset((node.name,))
        case Access() | Attend():
            return False, frozenset()
    parts = [_foldable(a) for a in node.arguments]
    possible = node.operator in ARITHMETIC and all(p[0] for p in parts)
    return possible, frozenset[str]().union(*(p[1] for p in parts))
