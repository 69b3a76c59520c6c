"""Sums over reduced variables: products are contracted factor by factor, never over the whole iteration space."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from einsum_cascade.einsum import Apply, Expression, variables
from einsum_cascade.interpret.contraction import contract
from einsum_cascade.interpret.evaluate import Evaluator
from einsum_cascade.interpret.field import ABSENT, SCALAR, Field, Labelled, combine, filled, meet, settled, union
from einsum_cascade.interpret.functions import FUNCTIONS, select


@dataclass
class Product:
    """scale * over * over ... / under / under ..., scale a Python number."""

    scale: float = 1
    over: list[Field] = field(default_factory=list)
    under: list[Field] = field(default_factory=list)

    @property
    def mask(self) -> Labelled | None:
        """Where all factors are present."""
        return meet(*(f.mask for f in (*self.over, *self.under)))


def summed(
    evaluator: Evaluator, node: Expression, masks: Sequence[Labelled], gone: frozenset[str], order: Sequence[str]
) -> Field:
    """Return `node`, cut by `masks`, summed over the variables in `gone`.

    `order` is how the reader would like the axes. A sum of products is summed term by term, where that avoids building
    their common iteration space.
    """
    if isinstance(node, Apply) and node.operator in ("add", "sub") and _worthwhile(evaluator, node):
        left, right = node.arguments
        first = summed(evaluator, left, masks, gone, order)
        if node.operator == "add":
            return evaluator.united("add", [first, summed(evaluator, right, masks, gone, order)])
        present = evaluator.presence(left)
        inside = [*masks, present] if present is not None else masks
        return evaluator.minus(first, summed(evaluator, right, inside, gone, order))
    product = Product()
    _split(evaluator, node, product)
    return _contracted(evaluator, product, list(masks), gone, order)


def _worthwhile(evaluator: Evaluator, node: Expression) -> bool:
    """Whether some term of a sum has factors none of which runs over all of the term's variables."""
    if isinstance(node, Apply) and node.operator in ("add", "sub"):
        return any(_worthwhile(evaluator, a) for a in node.arguments)
    factors = [set(variables(f)) - evaluator.scope.bound.keys() for f in _factors(node)]
    everything = set[str]().union(*factors)
    return all(f != everything for f in factors)


def _factors(node: Expression) -> list[Expression]:
    if isinstance(node, Apply) and node.operator in ("mul", "div", "neg"):
        return [f for a in node.arguments for f in _factors(a)]
    return [node]


def _split(evaluator: Evaluator, node: Expression, into: Product) -> None:
    """Collect the factors of `node`."""
    constant = evaluator.scope.constant(node)
    if constant is not None:
        into.scale *= constant
    elif isinstance(node, Apply) and node.operator == "mul":
        for argument in node.arguments:
            _split(evaluator, argument, into)
    elif isinstance(node, Apply) and node.operator == "neg":
        into.scale = -into.scale
        _split(evaluator, node.arguments[0], into)
    elif isinstance(node, Apply) and node.operator == "div":
        _split(evaluator, node.arguments[0], into)
        divisor = evaluator.scope.constant(node.arguments[1])
        if divisor:
            into.scale /= divisor
        else:
            into.under.append(evaluator.value(node.arguments[1]))
    else:
        into.over.append(evaluator.value(node))


def _contracted(
    evaluator: Evaluator, product: Product, masks: list[Labelled], gone: frozenset[str], order: Sequence[str]
) -> Field:
    scope, xp = evaluator.scope, evaluator.scope.xp
    if any(f.absent for f in (*product.over, *product.under)) or any(m.array is False for m in masks):
        return ABSENT
    outside = _divide_inside(evaluator, product, gone)
    everywhere = [*masks, *(f.mask for f in (*product.over, *outside) if f.mask is not None)]
    factors = [_zeroed(evaluator, f, gone) for f in product.over]
    cutting = meet(*(m for m in masks if set(m.axes) & gone))
    if cutting is not None:
        factors = _cut(evaluator, factors, cutting)
    axes = union(*(f.axes for f in factors))
    scale = product.scale
    for variable in gone - set(axes):
        scale *= scope.sizes[variable]
    arrays = []
    for f in factors:
        if isinstance(f.array, SCALAR):
            scale *= f.array
        else:
            arrays.append(f)
    mask = _any(evaluator, everywhere, gone)
    if arrays:
        kept = [a for a in union(order, axes) if a not in gone and a in axes]
        values, fresh = contract(xp, arrays, kept, scope.sizes, scope.dtype, evaluator.adder)
        within = meet(*(m for m in everywhere if set(m.axes) & gone))
        if within is not None and len(arrays) > 1 and not bool(xp.all(xp.isfinite(values.array))):
            values = _exact(evaluator, arrays, within, gone)
        fresh = fresh or (len(product.over) == 1 and product.over[0].fresh)
    else:
        values, fresh, scale = Labelled(scale), False, 1
    result = evaluator.scaled(Field(values, mask, fresh), scale)
    for under in outside:
        result = evaluator.divided(result, Field(under.values))
    return Field(result.values, mask, result.fresh)


def _divide_inside(evaluator: Evaluator, product: Product, gone: frozenset[str]) -> list[Field]:
    """Divide by what depends on summed variables, in the smallest factor that can; return the other divisors."""
    outside = []
    for under in product.under:
        if not set(under.axes) & gone:
            outside.append(under)
            continue
        fits = [n for n, f in enumerate(product.over) if set(under.axes) <= set(f.values.axes)]
        if fits:
            n = min(fits, key=lambda n: len(product.over[n].axes))
            product.over[n] = evaluator.divided(product.over[n], under)
        else:
            product.over.append(evaluator.divided(Field(Labelled(1.0)), under))
    return outside


def _zeroed(evaluator: Evaluator, factor: Field, gone: frozenset[str]) -> Labelled:
    """Return a factor with zeros where its absence would enter a sum."""
    if factor.mask is None or not set(factor.mask.axes) & gone:
        return factor.values
    return filled(evaluator.scope.xp, factor, 0)


def _cut(evaluator: Evaluator, factors: list[Labelled], mask: Labelled) -> list[Labelled]:
    """Cut a product by a mask: inside a factor that has all its axes, else as one more factor."""
    xp = evaluator.scope.xp
    fits = [n for n, f in enumerate(factors) if set(mask.axes) <= set(f.axes)]
    if not fits:
        return [*factors, Labelled(xp.astype(mask.array, evaluator.scope.dtype), mask.axes)]
    n = min(fits, key=lambda n: len(factors[n].axes))
    factors[n] = combine(lambda m, v: select(xp, m, v, 0), mask, factors[n])
    return factors


def _exact(evaluator: Evaluator, factors: Sequence[Labelled], mask: Labelled, gone: frozenset[str]) -> Labelled:
    """Sum a product over the points in `mask` only, point by point: elsewhere a factor may be infinite."""
    xp = evaluator.scope.xp
    whole = factors[0]
    for factor in factors[1:]:
        whole = combine(lambda a, b: FUNCTIONS["mul"](xp, a, b), whole, factor)
    whole = combine(lambda m, v: select(xp, m, v, 0), mask, whole)
    kept = [a for a in whole.axes if a not in gone]
    values, _ = contract(xp, [whole], kept, evaluator.scope.sizes, None, evaluator.adder)
    return values


def _any(evaluator: Evaluator, masks: Sequence[Labelled], gone: frozenset[str]) -> Labelled | None:
    """Return where any summed point is in all of `masks`."""
    scope, xp = evaluator.scope, evaluator.scope.xp
    still = meet(*(m for m in masks if not set(m.axes) & gone))
    groups: list[Labelled] = []
    for m in sorted((m for m in masks if set(m.axes) & gone), key=lambda m: -len(m.axes)):
        home = next((n for n, g in enumerate(groups) if set(m.axes) <= set(g.axes)), None)
        if home is None:
            groups.append(m)
        else:
            groups[home] = meet(groups[home], m) or groups[home]
    if not groups:
        return still
    if len(groups) == 1:
        found = any_over(xp, groups[0], gone)
    else:
        axes = union(*(g.axes for g in groups))
        count, _ = contract(xp, groups, [a for a in axes if a not in gone], scope.sizes, scope.dtype)
        found = combine(lambda n: n > 0.5, count)
    return meet(still, settled(xp, found))


def any_over(xp: object, mask: Labelled, gone: frozenset[str]) -> Labelled:
    """Return where `mask` holds for any value of the variables in `gone`."""
    axes = tuple(n for n, a in enumerate(mask.axes) if a in gone)
    if not axes:
        return mask
    found = getattr(xp, "any")(mask.array, axis=axes)  # noqa: B009 (a module by its attribute)
    return Labelled(found, tuple(a for a in mask.axes if a not in gone))
