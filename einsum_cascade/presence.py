"""Which coordinates of every tensor are present, as sets of integer points: symbolic, exact, whatever the sizes.

Presence starts with the inputs (complete), is cut by static conditions and by coordinates out of range, and propagates
through expressions by the merge rules of `operators`. A recurrence is solved by proposing a set and proving that one
step maps it to itself; since a recurrence is well-founded, such a set is the only solution.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import product
from math import prod

from einsum_cascade.cascade import Cascade, size
from einsum_cascade.constants import Value, evaluate, is_constant, is_static
from einsum_cascade.einsum import (
    Access,
    Apply,
    Condition,
    Einsum,
    Expression,
    Number,
    Variable,
    accesses,
    iteration_variables,
    selection,
    substitute,
    variables,
)
from einsum_cascade.operators import OPERATORS
from einsum_cascade.plan import Loop, Node, schedule, statements
from einsum_cascade.points import Affine, NotCountable, Set, box, empty, everything, number, var, where
from einsum_cascade.shapes import bounds, tensor_shapes

SIGNS = {"le": "<=", "lt": "<", "ge": ">=", "gt": ">", "eq": "==", "ne": "!="}
CASES = 256  # how many entries a constant table inside an index may have to be looked up one by one
STEPS = 4  # how often a recurrence is iterated before the search for its presence is given up


def axis(k: int) -> str:
    """Return the name of coordinate `k` of a tensor in its set of present points.

    >>> axis(1)
    '#1'
    """
    return f"#{k}"


@dataclass
class Presence:
    """`sets` tensor -> present points over `axis(0)`, ...; `bounds` what is an upper bound, and why."""

    cascade: Cascade
    names: Mapping[str, Value]
    sets: dict[str, Set] = field(default_factory=dict)
    bounds: dict[str, str] = field(default_factory=dict)

    def domain(self, s: Einsum) -> Set:
        """Return the present points of the iteration space of `s`, data-dependent conditions aside."""
        inside = iteration_variables(s)
        space = box({v: size(self.cascade, v, self.names) for v in inside})
        for c in s.conditions:
            space &= self._condition(c, s.name)
        return space & self._present(s.expression, s.name)

    def affine(self, node: Expression) -> Affine | None:
        """Return an index expression as a quasi-affine form, or None if it is not one."""
        if is_constant(node):
            value = evaluate(node, self.names)
            return number(value) if isinstance(value, int) else None
        if isinstance(node, Variable):
            return var(node.name)
        if not isinstance(node, Apply):
            return None
        parts = [self.affine(a) for a in node.arguments]
        if any(p is None for p in parts):
            return None
        first, second = parts[0], parts[-1]
        assert first is not None and second is not None
        constant = second.constant if not second.variables() else None
        match node.operator:
            case "add":
                return first + second
            case "sub":
                return first - second
            case "neg":
                return -first
            case "mul" if constant is not None:
                return first * constant
            case "mul" if not first.variables():
                return second * first.constant
            case "floordiv" if constant and constant > 0:
                return first // constant
            case "mod" if constant and constant > 0:
                return first % constant
        return None

    def _condition(self, c: Condition, reader: str) -> Set:
        left, right = self.affine(c.left), self.affine(c.right)
        if left is not None and right is not None:
            return where(left, SIGNS[c.operator], right)
        return self._present(c.left, reader) & self._present(c.right, reader)

    def _present(self, node: Expression, reader: str) -> Set:
        if isinstance(node, Access):
            return self._read(node, reader)
        if not isinstance(node, Apply):
            return everything()
        parts = [self._present(a, reader) for a in node.arguments]
        merge = OPERATORS[node.operator].merge
        if merge == "left":
            return parts[0]
        return reduce(lambda a, b: a | b if merge == "union" else a & b, parts)

    def _read(self, a: Access, reader: str) -> Set:
        """The points at which an access finds something; an index that depends on data finds all that can be there."""
        tables = self._table_variables(a)
        if tables:
            return self._cases(a, reader, tables)
        result = self.sets[a.tensor]
        forms = [self.affine(i) for i in a.indices]
        inner = [self._read(n, reader) for i in a.indices for n in outermost(i)]
        unknown = [k for k, f in enumerate(forms) if f is None]
        if unknown:
            whole = result.project([axis(k) for k in unknown])
            coordinates = all(isinstance(a.indices[k], Access) or self._inside(a, k) for k in unknown)
            if not coordinates or not self._complete(a.tensor, unknown):
                self.bounds.setdefault(reader, f"{a.tensor} is read where the data say, and is not present everywhere")
            result = whole
        known = {axis(k): f for k, f in enumerate(forms) if f is not None}
        return reduce(lambda x, y: x & y, inner, result.substitute(known))

    def _inside(self, a: Access, k: int) -> bool:
        """Whether index k of an access stays within the tensor, whatever the data."""
        limits = bounds(a.indices[k], self.cascade, self.names)
        return limits is not None and limits[0] >= 0 and limits[1] < self.shape(a.tensor)[k]

    def _table_variables(self, a: Access) -> tuple[str, ...]:
        """The variables of constant tables inside the indices of an access (STR[l] = 2**l in XM[l, m-STR[l]])."""
        tables = {v.name for v in self.cascade.views if is_static(v.expression) and not v.conditions}
        inside = [n for i in a.indices for n in accesses(i)]
        if not inside or any(n.tensor not in tables for n in inside):
            return ()
        names = variables(*(i for n in inside for i in n.indices))
        many = prod(size(self.cascade, v, self.names) for v in names)
        return names if 0 < many <= CASES else ()

    def _cases(self, a: Access, reader: str, tables: tuple[str, ...]) -> Set:
        """Split an access by the values of the variables of its tables: each case has an affine index."""
        result = empty(tables)
        for values in product(*(range(size(self.cascade, v, self.names)) for v in tables)):
            given: dict[str, Expression] = {v: Number(n) for v, n in zip(tables, values, strict=True)}
            case = substitute(a, given)
            assert isinstance(case, Access)
            found = self._read(replace(case, indices=tuple(self._looked_up(i) for i in case.indices)), reader)
            for v, n in zip(tables, values, strict=True):
                found &= where(var(v), "==", n)
            result |= found
        return result

    def _looked_up(self, node: Expression) -> Expression:
        """Replace accesses to constant tables by their values."""
        if isinstance(node, Access):
            table = next(v for v in self.cascade.views if v.name == node.tensor)
            places = zip(table.target.indices, node.indices, strict=True)
            at = {i.name: evaluate(n, self.names) for i, n in places if isinstance(i, Variable)}
            return Number(evaluate(table.expression, {**self.names, **at}))
        if isinstance(node, Apply):
            return replace(node, arguments=tuple(map(self._looked_up, node.arguments)))
        return node

    def _complete(self, tensor: str, axes: Iterable[int]) -> bool:
        """Whether presence does not vary along these axes."""
        names = [axis(k) for k in axes]
        sizes = {axis(k): n for k, n in enumerate(self.shape(tensor))}
        full = self.sets[tensor].project(names) & box({n: sizes[n] for n in names})
        return full.is_subset(self.sets[tensor])

    def shape(self, tensor: str) -> tuple[int, ...]:
        """Return the shape of a tensor."""
        return self._shapes[tensor]

    def solve(self) -> "Presence":
        """Fill `sets`."""
        self._shapes = tensor_shapes(self.cascade, self.names)
        for tensor in self.cascade.inputs:
            self.sets[tensor] = self._box(tensor)
        for node in schedule(self.cascade.statements, fused=False):
            self._node(node)
        return self

    def _box(self, tensor: str) -> Set:
        return box({axis(k): n for k, n in enumerate(self.shape(tensor))})

    def _node(self, node: Node) -> None:
        if not isinstance(node, Loop):
            made = self._write(node)
            self.sets[node.name] = self.sets[node.name] | made if node.name in self.sets else made
            return
        group = list(statements(node))
        tensors = tuple(dict.fromkeys(s.name for s in group))
        start = {t: self.sets.get(t, empty([axis(k) for k in range(len(self.shape(t)))])) for t in tensors}
        if not (
            self._fixed(group, start, self._from_above(tensors))
            or self._fixed(group, start, start, self._steps_on(group, node.variable))
        ):
            for t in tensors:
                self.sets[t] = self._box(t)
                self.bounds[t] = "the recurrence's presence has no closed form"

    def _from_above(self, tensors: Iterable[str]) -> dict[str, Set]:
        return {t: self._box(t) for t in tensors}

    def _steps_on(self, group: list[Einsum], variable: str) -> dict[str, int]:
        """The axis of each tensor that the loop variable writes."""
        found = {}
        for s in group:
            for k, i in enumerate(s.target.indices):
                if variable in variables(i):
                    found[s.name] = k
        return found

    def _fixed(
        self,
        group: list[Einsum],
        start: dict[str, Set],
        guess: dict[str, Set],
        persist: Mapping[str, int] | None = None,
    ) -> bool:
        """Iterate one step of the recurrence from `guess`, persisting forward along axes; True at a fixed point."""
        self.sets |= guess
        for _ in range(STEPS):
            before = {t: self.sets[t] for t in start}
            after = dict(start)
            for s in group:
                made = self._write(s)
                after[s.name] = after[s.name] | made
                if persist is None:
                    self.sets[s.name] = after[s.name]
            if all(after[t].equals(before[t]) for t in start):
                self.sets |= after
                return True
            if persist is not None:
                after = {t: _forward(after[t], persist.get(t), self.shape(t)) for t in after}
            self.sets |= after
        return False

    def _write(self, s: Einsum) -> Set:
        """The coordinates that a statement writes."""
        space, chosen = self.domain(s), selection(s)
        forms = [self.affine(i) for i in s.target.indices]
        if chosen and chosen.into:
            space = self._selected(s, space, chosen.variable, chosen.into)
        sizes = self.shape(s.name)
        if all(f is not None for f in forms):
            made = space.image({axis(k): f for k, f in enumerate(forms) if f is not None})
        else:
            self.bounds.setdefault(s.name, "it is scattered to where the data say")
            made = space.image({axis(k): f for k, f in enumerate(forms) if f is not None})
            made &= box({axis(k): sizes[k] for k, f in enumerate(forms) if f is None})
        if s.name in self.cascade.declared:
            made &= self._box(s.name)
        return made

    def _selected(self, s: Einsum, space: Set, variable: str, into: str) -> Set:
        """Replace the selected variable: rank `into` is present as far as there are points to select."""
        others = {v for v in iteration_variables(s) if v not in variables(*s.target.indices)} - {variable}
        space = space.project(others)
        room = box({into: size(self.cascade, into, self.names)})
        try:
            pieces = space.fiber_count(variable)
        except NotCountable:
            self.bounds.setdefault(s.name, "how many points it selects from has no closed form")
            return space.project([variable]) & room
        rest = [v for v in space.variables if v != variable]
        result = empty([*rest, into])
        for piece, found in pieces:
            result |= piece & room & where(var(into), "<", found)
        return result


def outermost(node: Expression) -> list[Access]:
    """Return the accesses in an index that stand in no other access: all of them must be present.

    >>> from einsum_cascade.parse import parse_expression
    >>> [a.tensor for a in outermost(parse_expression("IX[IV[t]] + B[t]"))]
    ['IX', 'B']
    """
    if isinstance(node, Access):
        return [node]
    return [a for n in node.arguments for a in outermost(n)] if isinstance(node, Apply) else []


def _forward(present: Set, k: int | None, shape: tuple[int, ...]) -> Set:
    """Everything at or after a present point along axis k."""
    if k is None:
        return present
    earlier = present.rename({axis(k): "earlier"}) & where(var("earlier"), "<=", var(axis(k)))
    grown = (earlier & box({axis(k): shape[k]})).project(["earlier"])
    names = tuple(axis(n) for n in range(len(shape)))
    return Set(names, grown.pieces)


def presence(cascade: Cascade, names: Mapping[str, Value]) -> Presence:
    """Return the present points of every tensor; `names` is `cascade.shape(...)`.

    >>> from einsum_cascade.cascade import shape
    >>> from einsum_cascade.load import read_cascades
    >>> text = "cascade: a\\ninputs: {Q: [P], K: [M]}\\noutputs: [S]\\neinsums: S[m,p] = Q[p] * K[m] | m <= p"
    >>> cascade = read_cascades(text)[0]
    >>> presence(cascade, shape(cascade, {"M": 10**9, "P": 10**9})).sets["S"].count()
    500000000500000000
    """
    return Presence(cascade, names).solve()


__all__ = ["Presence", "axis", "presence"]
