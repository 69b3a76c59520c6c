"""Reductions that are no sums of products, and selections: the coordinates of the best points."""

from einsum_cascade.einsum import Reduction
from einsum_cascade.interpret.backend import Array, best_first, identity
from einsum_cascade.interpret.field import ABSENT, SCALAR, Field, Labelled, combine, expanded, filled, meet, settled
from einsum_cascade.interpret.functions import select
from einsum_cascade.interpret.products import any_over
from einsum_cascade.interpret.scope import Scope


def reduced(scope: Scope, field: Field, given: Reduction) -> Field:
    """Return `field` reduced over the variable of `given`, over the points that are present."""
    if field.absent:
        return ABSENT
    if given.operator.startswith("arg"):
        return _selected(scope, field, given)
    xp, name, variable = scope.xp, given.operator, given.variable
    values = filled(xp, field, identity(xp, name, field.values.array))
    if variable in values.axes:
        at = values.axes.index(variable)
        array = getattr(xp, name)(values.array, axis=at)
        values = Labelled(array, (*values.axes[:at], *values.axes[at + 1 :]))
    elif name in ("sum", "prod"):
        n = scope.sizes[variable]
        values = combine(lambda v: v * n if name == "sum" else v**n, values)
    mask = None if field.mask is None else settled(xp, any_over(xp, field.mask, frozenset((variable,))))
    return Field(values, mask)


def _selected(scope: Scope, field: Field, given: Reduction) -> Field:
    """Return the coordinates along a variable of the greatest (argtopk, argmax) or of all points (argsort)."""
    xp, variable = scope.xp, given.variable
    axes = (*(a for a in field.axes if a != variable), variable)
    values = expanded(xp, field.values, axes, scope.sizes, scope.dtype)
    present: Array | None = None
    if field.mask is not None:
        present = expanded(xp, field.mask, axes, scope.sizes, xp.bool)
    order = best_first(xp, values, present, descending=given.operator != "argsort")
    some = None if field.mask is None else settled(xp, any_over(xp, field.mask, frozenset((variable,))))
    if given.into is None:
        return Field(Labelled(order[..., 0], axes[:-1]), some, True)
    wanted, available = scope.sizes[given.into], scope.sizes[variable]
    taken = min(wanted, available)
    order = order[..., :taken]
    counted: Labelled = Labelled(available)
    if present is not None:
        counted = Labelled(xp.sum(xp.astype(present, xp.int64), axis=-1), axes[:-1])
    places = xp.arange(taken, dtype=xp.int64, device=scope.device)
    there = combine(lambda k, n: k < n, Labelled(places, (given.into,)), counted)
    kept = Labelled(order, (*axes[:-1], given.into))
    if given.by_index:
        kept = combine(lambda t, o: select(xp, t, o, available), there, kept)
        at = kept.axes.index(given.into)
        kept = Labelled(xp.sort(kept.array, axis=at), kept.axes)
    mask = None if present is None else settled(xp, there)
    return _padded(scope, Field(kept, mask, True), given.into, wanted) if taken < wanted else Field(kept, mask, True)


def _padded(scope: Scope, field: Field, variable: str, size: int) -> Field:
    """Add absent coordinates behind a selection of fewer than `size`."""
    xp = scope.xp
    places = xp.arange(size, dtype=xp.int64, device=scope.device)
    taken = _length(field.values, variable)

    def longer(given: Labelled) -> Labelled:
        if variable not in given.axes:
            return given
        back = xp.clip(places, 0, taken - 1)
        return Labelled(xp.take(given.array, back, axis=given.axes.index(variable)), given.axes)

    mask = meet(Labelled(places < taken, (variable,)), None if field.mask is None else longer(field.mask))
    return Field(longer(field.values), mask, True)


def _length(given: Labelled, axis: str) -> int:
    assert not isinstance(given.array, SCALAR)
    return int(given.array.shape[given.axes.index(axis)])
