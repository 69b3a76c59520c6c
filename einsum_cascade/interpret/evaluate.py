"""Expressions on whole tensors: every operator over all points at once, presence merged by the operator's rule."""

import operator as python
from collections.abc import Callable

from einsum_cascade.constants import is_static
from einsum_cascade.einsum import Access, Apply, Attend, Condition, Constant, Expression, Number, Variable, accesses
from einsum_cascade.interpret.arithmetic import Adder, Arithmetic
from einsum_cascade.interpret.backend import Array, identity, is_boolean, is_floating
from einsum_cascade.interpret.field import (
    ABSENT,
    SCALAR,
    Field,
    Labelled,
    aligned,
    combine,
    filled,
    join,
    meet,
    settled,
    union,
)
from einsum_cascade.interpret.functions import FUNCTIONS, IN_PLACE, exp_in_place
from einsum_cascade.interpret.scope import Scope
from einsum_cascade.interpret.storage import Store
from einsum_cascade.operators import FUNCTIONS as NAMED
from einsum_cascade.operators import OPERATORS

Observer = Callable[[str, str, Array, Array | None], None]

WHOLE = {"add", "sub", "mul", "neg", "floordiv", "mod", "max", "min", "abs", "where", "relu"}
COMPARISONS = {"le", "lt", "ge", "gt", "eq", "ne", "and"}


class Evaluator:
    """Evaluates expressions against the tensors of a store; `observe` sees the argument of every function.

    `einsum` names the statement that is evaluated; `arithmetic` None: that of the array library.
    """

    def __init__(
        self, scope: Scope, store: Store, observe: Observer | None = None, arithmetic: Arithmetic | None = None
    ) -> None:
        self.scope, self.store, self.observe, self.arithmetic = scope, store, observe, arithmetic
        self.einsum = ""

    @property
    def adder(self) -> Adder | None:
        """How the statement adds up."""
        return None if self.arithmetic is None else self.arithmetic.adder(self.einsum)

    def _read(self, node: Access) -> Field:
        field = self.store.read(node, self.integer)
        array = field.values.array
        if (
            self.arithmetic is None
            or field.absent
            or isinstance(array, SCALAR)
            or not is_floating(self.scope.xp, array)
        ):
            return field
        mask, axes = None, field.values.axes
        if field.mask is not None:
            axes = field.axes
            array, mask = aligned(field.values, axes), aligned(field.mask, axes)
        assert not isinstance(array, SCALAR) and not isinstance(mask, SCALAR)
        loaded = self.arithmetic.loaded(self.scope.xp, self.einsum, node.tensor, array, mask)
        return field if loaded is array else Field(Labelled(loaded, axes), field.mask, True)

    def value(self, node: Expression) -> Field:
        """Return the value of `node` at every point of the variables in it."""
        constant = self.scope.constant(node)
        if constant is not None:
            return Field(Labelled(constant))
        match node:
            case Variable():
                return Field(self.scope.coordinates(node.name))
            case Access():
                return self._read(node)
            case Apply():
                return self._apply(node)
            case Number() | Constant() | Attend():
                raise AssertionError(f"{node} is not expanded")

    def integer(self, node: Expression) -> Field:
        """Return the value of an index expression as integers; absent where any tensor in it is."""
        field = self.value(node)
        if isinstance(node, Apply):
            field = Field(field.values, meet(field.mask, *(self.value(a).mask for a in accesses(node))))
        values, xp = field.values, self.scope.xp
        if isinstance(values.array, float):
            return Field(Labelled(round(values.array)), field.mask)
        if isinstance(values.array, SCALAR) or not is_floating(xp, values.array):
            return field
        whole = filled(xp, field, 0)
        return Field(Labelled(xp.astype(xp.round(whole.array), xp.int64), whole.axes), field.mask)

    def presence(self, node: Expression) -> Labelled | None:
        """Return where `node` is present, without computing it where that is possible."""
        if not isinstance(node, Apply) or self.scope.constant(node) is not None:
            return self.value(node).mask
        rule = OPERATORS[node.operator].merge
        if rule == "left":
            return self.presence(node.arguments[0])
        masks = [self.presence(a) for a in node.arguments]
        return join(*masks) if rule == "union" else meet(*masks)

    def condition(self, given: Condition) -> Labelled | None:
        """Return the points at which a condition holds: None for all, false where a tensor in it is absent."""
        static = is_static(given.left) and is_static(given.right)
        left, right = (self.scope.bounds(side) if static else None for side in (given.left, given.right))
        if left is not None and right is not None:
            known = _decided(given.operator, left[0] - right[1], left[1] - right[0])
            if known is not None:
                return None if known else Labelled(False)
        one, two = self.value(given.left), self.value(given.right)
        if one.absent or two.absent:
            return Labelled(False)
        found = combine(getattr(python, given.operator), one.values, two.values)
        if isinstance(found.array, SCALAR):
            found = Labelled(bool(found.array))
        return meet(settled(self.scope.xp, found), one.mask, two.mask)

    def divided(self, over: Field, under: Field) -> Field:
        """Return the quotient of two fields, where both are present."""
        return self._computed("div", [over, under], meet(over.mask, under.mask))

    def scaled(self, field: Field, factor: float) -> Field:
        """Return a field times a number."""
        if factor == 1 or field.absent:
            return field
        return self._computed("mul", [field, Field(Labelled(factor))], field.mask)

    def united(self, name: str, fields: list[Field]) -> Field:
        """Return add, max or min of fields, in which an absent operand is the identity."""
        here = [f for f in fields if not f.absent]
        if len(here) < 2:
            return here[0] if here else ABSENT
        neutral = "sum" if name == "add" else name
        safe = []
        for f in here:
            fill = identity(self.scope.xp, neutral, f.values.array)
            safe.append(f if f.mask is None else Field(filled(self.scope.xp, f, fill), fresh=True))
        return self._computed(name, safe, join(*(f.mask for f in here)))

    def minus(self, left: Field, right: Field) -> Field:
        """Return a difference, in which an absent right operand is zero."""
        if left.absent or right.absent:
            return left
        fresh = right.fresh or right.mask is not None
        return self._computed("sub", [left, Field(filled(self.scope.xp, right, 0), fresh=fresh)], left.mask)

    def _apply(self, node: Apply) -> Field:
        fields = [self.value(a) for a in node.arguments]
        rule, name = OPERATORS[node.operator].merge, node.operator
        if self.observe is not None and name in NAMED and len(fields) == 1 and not fields[0].absent:
            self._show(name, fields[0])
        if rule == "union":
            return self.united(name, fields)
        if rule == "left":
            return self.minus(*fields)
        if any(f.absent for f in fields):
            return ABSENT
        return self._computed(name, fields, meet(*(f.mask for f in fields)))

    def _computed(self, name: str, fields: list[Field], mask: Labelled | None) -> Field:
        """Apply an operator to values, in place where the first or a commuting second operand allows it."""
        xp = self.scope.xp
        fields = self._typed(name, fields)
        if all(isinstance(f.values.array, SCALAR) for f in fields):
            result = FUNCTIONS[name](xp, *(f.values.array for f in fields))
            plain = result if isinstance(result, SCALAR) else float(result)  # type: ignore[arg-type]
            return Field(Labelled(plain), mask)
        if name == "where" and isinstance(fields[0].values.array, SCALAR):
            return Field(fields[1 if fields[0].values.array else 2].values, mask)
        machine = None if self.arithmetic is None else self.arithmetic.function(name)
        if machine is not None:
            return Field(combine(lambda *arrays: machine(xp, *arrays), *(f.values for f in fields)), mask, True)
        if name in ("add", "mul") and len(fields[0].values.axes) < len(fields[1].values.axes):
            fields = [fields[1], fields[0]]
        first = fields[0]
        if first.fresh and not isinstance(first.values.array, SCALAR) and is_floating(xp, first.values.array):
            axes = first.values.axes
            if name == "exp":
                return Field(Labelled(exp_in_place(xp, first.values.array), axes), mask, True)
            if name in IN_PLACE and axes and set(fields[1].values.axes) <= set(axes):
                changed = IN_PLACE[name](first.values.array, aligned(fields[1].values, axes))
                return Field(Labelled(changed, axes), mask, True)
        values = combine(lambda *arrays: FUNCTIONS[name](xp, *arrays), *(f.values for f in fields))
        return Field(values, mask, True)

    def _typed(self, name: str, fields: list[Field]) -> list[Field]:
        """Make real numbers of integers and truth values where the operator or another operand asks for it."""
        if name in COMPARISONS:
            return fields
        if name == "where":
            return [fields[0], *self._typed("max", fields[1:])]
        xp = self.scope.xp
        real = name not in WHOLE or any(is_floating(xp, f.values.array) for f in fields)
        return [f if is_floating(xp, f.values.array) or not (real or is_boolean(xp, f.values.array)) else self._real(f)
                for f in fields]  # fmt: skip

    def _real(self, field: Field) -> Field:
        array = field.values.array
        if isinstance(array, SCALAR):
            return Field(Labelled(array + 0), field.mask)
        return Field(Labelled(self.scope.xp.astype(array, self.scope.dtype), field.values.axes), field.mask, True)

    def _show(self, name: str, field: Field) -> None:
        axes = union(field.values.axes, field.mask.axes if field.mask else ())
        values = aligned(field.values, axes)
        if isinstance(values, SCALAR):
            values = self.scope.xp.asarray(values, dtype=self.scope.dtype, device=self.scope.device)
        mask = None if field.mask is None else aligned(field.mask, axes)
        assert self.observe is not None and not isinstance(mask, SCALAR)
        self.observe(self.einsum, name, values, mask)


def _decided(operator: str, least: float, most: float) -> bool | None:
    """Return whether a comparison always or never holds, given the bounds of left - right; None if it depends."""
    holds = {"le": most <= 0, "lt": most < 0, "ge": least >= 0, "gt": least > 0, "eq": least == most == 0,
             "ne": least > 0 or most < 0}  # fmt: skip
    never = {"le": least > 0, "lt": least >= 0, "ge": most < 0, "gt": most <= 0, "eq": least > 0 or most < 0,
             "ne": least == most == 0}  # fmt: skip
    return True if holds[operator] else False if never[operator] else None
