"""Reading a tensor at index expressions: slices and reshapes where they do, gathers where they do not."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

from einsum_cascade.einsum import Expression, variables
from einsum_cascade.interpret.backend import Operand, device_of
from einsum_cascade.interpret.field import ABSENT, SCALAR, Field, Labelled, combine, expanded, filled, meet, union
from einsum_cascade.interpret.scope import Scope

Integer = Callable[[Expression], Field]


@dataclass(frozen=True)
class Select:
    """One coordinate."""

    at: int


@dataclass(frozen=True)
class Span:
    """The coordinates start, start + step, ...: one variable, or several that count like the digits of a number."""

    start: int
    step: int
    variables: tuple[str, ...]
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        """How many coordinates."""
        return math.prod(self.counts)

    @property
    def last(self) -> int:
        """The last coordinate."""
        return self.start + self.step * (self.total - 1)


@dataclass(frozen=True)
class Gather:
    """Coordinates that are computed; `checked` tells that all of them are in range."""

    index: Field
    checked: bool = False


Form = Select | Span | Gather


def forms(indices: Sequence[Expression], extents: Sequence[int], scope: Scope, integer: Integer) -> list[Form]:
    """Return how each axis, of the size in `extents`, is indexed; `integer` evaluates a computed index."""
    uses = Counter(v for i in indices for v in variables(i) if v not in scope.bound)
    found: list[Form] = []
    for index, extent in zip(indices, extents, strict=True):
        form = _affine_form(index, scope, uses)
        if form is None:
            limits = scope.bounds(index)
            form = Gather(integer(index), limits is not None and limits[0] >= 0 and limits[1] < extent)
        found.append(form)
    return found


def _affine_form(index: Expression, scope: Scope, uses: Mapping[str, int]) -> Form | None:
    affine = scope.affine(index)
    if affine is None:
        return None
    factors, start = affine
    if not factors:
        return Select(start)
    if any(uses[v] > 1 for v, _ in factors):
        return None
    digits = sorted(factors, key=lambda f: -f[1])
    counts = tuple(scope.sizes[v] for v, _ in digits)
    step = digits[-1][1]
    for (_, high), (_, low), count in zip(digits[:-1], digits[1:], counts[1:], strict=True):
        if high != low * count:
            return None
    return Span(start, step, tuple(v for v, _ in digits), counts) if step > 0 else None


def read(entry: Field, labels: Sequence[str], extents: Sequence[int], access: Sequence[Form], scope: Scope) -> Field:
    """Return `entry`, whose axes are `labels` of sizes `extents` (and batch axes), read as `access` says."""
    xp, plan = scope.xp, dict(zip(labels, access, strict=True))
    masks: list[Labelled | None] = []
    for form, extent in zip(access, extents, strict=True):
        inside = _in_range(form, extent, scope)
        if inside is not None and inside.array is False:
            return ABSENT
        masks.append(inside)
    gathered = union(*(f.index.axes for f in access if isinstance(f, Gather)))
    for axis in (a for a in gathered if a.startswith("~")):
        plan[axis] = Gather(Field(scope.coordinates(axis)), True)
    values = take(xp, entry.values, plan)
    mask = None if entry.mask is None else take(xp, entry.mask, plan)
    return Field(values, meet(mask, *masks))


def _in_range(form: Form, extent: int, scope: Scope) -> Labelled | None:
    """Return which coordinates exist; None if all do."""
    if isinstance(form, Select):
        return None if 0 <= form.at < extent else Labelled(False)
    if isinstance(form, Gather):
        if form.checked:
            return form.index.mask
        inside = combine(lambda i: within(i, extent), form.index.values)
        if isinstance(inside.array, SCALAR):
            inside = Labelled(False) if not inside.array else Labelled(True)
        return form.index.mask if inside.array is True else meet(inside, form.index.mask)
    if form.start >= 0 and form.last < extent:
        return None
    if form.start >= extent or form.last < 0:
        return Labelled(False)
    coordinates = form.start + form.step * scope.xp.arange(form.total, dtype=scope.xp.int64, device=scope.device)
    inside_array = (coordinates >= 0) & (coordinates < extent)
    return Labelled(scope.xp.reshape(inside_array, form.counts), form.variables)


def within(index: Operand, extent: int) -> Operand:
    """Return which coordinates exist along an axis of size `extent`."""
    return 0 <= index < extent if isinstance(index, int | float) else (index >= 0) & (index < extent)


def is_whole(form: Form, extent: int) -> bool:
    """Return whether one variable runs over all of an axis of size `extent`.

    >>> is_whole(Span(0, 1, ("m",), (8,)), 8), is_whole(Span(1, 1, ("m",), (8,)), 9)
    (True, False)
    """
    if not isinstance(form, Span) or len(form.variables) > 1:
        return False
    return (form.start, form.step, form.total) == (0, 1, extent)


def take(xp: ModuleType, given: Labelled, plan: Mapping[str, Form]) -> Labelled:
    """Return an array read as `plan` says for each of its axes; coordinates out of range give any value."""
    if isinstance(given.array, SCALAR) or not given.axes:
        return given
    array = given.array
    key: list[int | slice] = []
    clipped: list[tuple[int, Span]] = []
    labels: list[str | Span] = []
    for axis, extent in zip(given.axes, array.shape, strict=True):
        form = plan.get(axis)
        if isinstance(form, Select):
            key.append(form.at)
            continue
        labels.append(form if isinstance(form, Span) else axis)
        if not isinstance(form, Span) or (form.start == 0 and form.step == 1 and form.total == extent):
            key.append(slice(None))
        elif form.start < 0 or form.last >= extent:
            key.append(slice(None))
            clipped.append((len(labels) - 1, form))
        else:
            key.append(slice(form.start, form.last + 1, form.step))
    if any(k != slice(None) for k in key):
        array = array[tuple(key)]
    for at, span in clipped:
        index = span.start + span.step * xp.arange(span.total, dtype=xp.int64, device=device_of(array))
        array = xp.take(array, xp.clip(index, 0, array.shape[at] - 1), axis=at)
    if any(isinstance(x, Span) and len(x.variables) > 1 for x in labels):
        shape = [n for x, size in zip(labels, array.shape, strict=True)
                 for n in (x.counts if isinstance(x, Span) else (size,))]  # fmt: skip
        array = xp.reshape(array, tuple(shape))
    axes = tuple(v for x in labels for v in (x.variables if isinstance(x, Span) else (x,)))
    result = Labelled(array, axes)
    gathers = {a: plan[a] for a in given.axes if isinstance(plan.get(a), Gather)}
    return _gather(xp, result, gathers) if gathers else result


def _gather(xp: ModuleType, given: Labelled, plan: Mapping[str, Form]) -> Labelled:
    """Read several axes at computed coordinates at once: one take along their joined axis."""
    assert not isinstance(given.array, SCALAR)
    extents = dict(zip(given.axes, given.array.shape, strict=True))
    axes = [a for a in given.axes if a in plan]
    rest = [a for a in given.axes if a not in plan]
    flat = Labelled(0)
    for axis in axes:
        form, extent = plan[axis], extents[axis]
        assert isinstance(form, Gather)
        index = filled(xp, form.index, 0)
        if not form.checked:
            index = combine(lambda i, top=extent - 1: xp.clip(xp.asarray(i), 0, top), index)
        flat = combine(lambda f, i, n=extent: f * n + i, flat, index)
    if isinstance(flat.array, SCALAR):
        flat = Labelled(xp.asarray(flat.array, device=device_of(given.array)))
    assert not isinstance(flat.array, SCALAR)
    at = given.axes.index(axes[0]) if len(axes) == 1 else 0
    array = given.array
    if len(axes) > 1:
        joined = combine(lambda x: x, Labelled(array, given.axes))
        array = expanded(xp, joined, (*axes, *rest), extents, None)
        array = xp.reshape(array, (-1, *(extents[a] for a in rest)))
    found = xp.take(array, xp.reshape(flat.array, (-1,)), axis=at)
    shape = (*found.shape[:at], *flat.array.shape, *found.shape[at + 1 :])
    labels = (*rest[:at], *flat.axes, *rest[at:])
    return Labelled(xp.reshape(found, shape), labels)
