"""Where tensors stand while a cascade runs: whole, or one slice at a time along the axes of a loop (a window)."""

from collections.abc import Callable, Container, Mapping, Sequence

from einsum_cascade.einsum import Access, Expression, accesses
from einsum_cascade.interpret.backend import Array
from einsum_cascade.interpret.field import (
    ABSENT,
    SCALAR,
    Field,
    Labelled,
    aligned,
    combine,
    expanded,
    join,
)
from einsum_cascade.interpret.functions import select
from einsum_cascade.interpret.indexing import Form, Gather, Integer, Select, Span, forms, is_whole, read
from einsum_cascade.interpret.scatter import scattered
from einsum_cascade.interpret.scope import Scope

Key = tuple[int, ...]


class Store:
    """The tensors that exist. `windows` names the axes along which only single slices are kept."""

    def __init__(self, scope: Scope, windows: Mapping[str, tuple[int, ...]]) -> None:
        self.scope, self.windows = scope, windows
        self.entries: dict[str, dict[Key, Field]] = {}
        self.owned: set[tuple[str, Key]] = set()

    def whole(self, tensor: str) -> Field:
        """Return a tensor that is stored whole; its axes are "0", "1", ... behind the batch axes."""
        return self.entries.get(tensor, {}).get((), ABSENT)

    def read(self, access: Access, integer: Integer) -> Field:
        """Return the tensor of `access` at its indices."""
        tensor, windows = access.tensor, self.windows.get(access.tensor, ())
        at = [int(self.scope.constant(access.indices[k]) or 0) for k in windows]
        entry = self.entries.get(tensor, {}).get(tuple(at))
        if entry is None or entry.absent:
            return ABSENT
        labels, indices, extents = self._remaining(access)
        return read(entry, labels, extents, forms(indices, extents, self.scope, integer), self.scope)

    def write(self, target: Access, field: Field, integer: Integer, operation: str) -> None:
        """Put `field`, over the variables of `target`, into the tensor; `operation` combines what a scatter unites."""
        if field.absent:
            return
        windows = self.windows.get(target.tensor, ())
        key = tuple(int(self.scope.constant(target.indices[k]) or 0) for k in windows)
        if any(not 0 <= c < self.scope.shapes[target.tensor][k] for c, k in zip(key, windows, strict=True)):
            return
        labels, indices, extents = self._remaining(target)
        places = forms(indices, extents, self.scope, integer)
        if any(accesses(i) for i in indices) or any(isinstance(p, Gather) for p in places):
            found = scattered(field, labels, extents, indices, places, self.scope, integer, operation)
            self._merge(target.tensor, key, found)
        elif all(is_whole(p, n) for p, n in zip(places, extents, strict=True)):
            names = {p.variables[0]: x for p, x in zip(places, labels, strict=True) if isinstance(p, Span)}
            self._merge(target.tensor, key, _renamed(field, names))
        else:
            self._place(target.tensor, key, field, dict(zip(labels, places, strict=True)))

    def drop(self, tensor: str, axis: int | None = None, at: int | None = None) -> None:
        """Forget a tensor, or its slice `at` a coordinate of a window axis."""
        self._forget(tensor, axis, lambda coordinate: coordinate == at)

    def keep(self, tensor: str, axis: int, coordinates: Container[int]) -> None:
        """Forget all slices of a tensor but those at `coordinates` of a window axis."""
        self._forget(tensor, axis, lambda coordinate: coordinate not in coordinates)

    def _forget(self, tensor: str, axis: int | None, chosen: Callable[[int], bool]) -> None:
        slices = self.entries.get(tensor, {})
        column = None if axis is None else self.windows[tensor].index(axis)
        for key in [k for k in slices if column is None or chosen(k[column])]:
            del slices[key]
            self.owned.discard((tensor, key))

    def _remaining(self, access: Access) -> tuple[list[str], list[Expression], list[int]]:
        windows = self.windows.get(access.tensor, ())
        kept = [k for k in range(len(access.indices)) if k not in windows]
        shape = self.scope.shapes[access.tensor]
        return [str(k) for k in kept], [access.indices[k] for k in kept], [shape[k] for k in kept]

    def _merge(self, tensor: str, key: Key, field: Field) -> None:
        """Lay `field`, over whole axes, over what is there."""
        slices = self.entries.setdefault(tensor, {})
        if key in slices and field.mask is not None:
            old, mask = slices[key], field.mask
            dtype = _dtype(self.scope, field.values, old.values)
            one, two = (self.scope.cast(v, dtype) for v in (field.values, old.values))
            values = self.scope.cast(combine(lambda m, a, b: select(self.scope.xp, m, a, b), mask, one, two), dtype)
            field = Field(values, join(mask, old.mask))
        slices[key] = field
        self.owned.discard((tensor, key))

    def _place(self, tensor: str, key: Key, field: Field, places: dict[str, Form]) -> None:
        """Overwrite a region of a tensor, where `field` is present."""
        values = self._positioned(field.values, places)
        mask = None if field.mask is None else self._positioned(field.mask, places)
        if values is None or (field.mask is not None and mask is None):
            return
        partial = {a for a, p in places.items() if not is_whole(p, self.scope.shapes[tensor][int(a)])}
        buffer = self._buffer(tensor, key, values, partial | set(mask.axes if mask else ()), list(places))
        assert buffer.mask is not None
        _assign(self.scope, buffer.values, places, values, mask)
        _assign(self.scope, buffer.mask, places, Labelled(True), mask)

    def _buffer(self, tensor: str, key: Key, values: Labelled, masked: set[str], labels: list[str]) -> Field:
        """Return the tensor as arrays of our own: values over every axis, presence over those on which it depends."""
        scope, xp = self.scope, self.scope.xp
        old = self.entries.get(tensor, {}).get(key)
        if (tensor, key) not in self.owned and old is None:
            old = Field(Labelled(0.0), Labelled(False))
        assert old is not None
        shape = scope.shapes[tensor]
        sizes = {**scope.sizes, **{a: shape[int(a)] for a in labels}}
        batch = sorted({a for a in (*values.axes, *old.values.axes, *masked) if a.startswith("~")}, reverse=True)
        axes = (*batch, *labels)
        owned = (tensor, key) in self.owned
        array = old.values
        dtype = _dtype(scope, values, old.values)
        if not owned or old.values.axes != axes or getattr(array.array, "dtype", None) != dtype:
            array = Labelled(_copied(scope, array, axes, sizes, dtype), axes)
        mask = old.mask or Labelled(True)
        wanted = tuple(a for a in axes if a in masked or a in mask.axes)
        if not owned or mask.axes != wanted:
            mask = Labelled(_copied(scope, mask, wanted, sizes, xp.bool), wanted)
        buffer = Field(array, mask)
        self.entries.setdefault(tensor, {})[key] = buffer
        self.owned.add((tensor, key))
        return buffer

    def _positioned(self, given: Labelled, places: Mapping[str, Form]) -> Labelled | None:
        """Rename variables to positions, join the digits of a span, cut what is out of range; None if all of it is."""
        for label, place in places.items():
            if not isinstance(place, Span):
                continue
            if len(place.variables) > 1 and set(place.variables) & set(given.axes):
                rest = [a for a in given.axes if a not in place.variables]
                array = expanded(self.scope.xp, given, (*rest, *place.variables), self._sizes(given), None)
                given = Labelled(self.scope.xp.reshape(array, (*array.shape[: len(rest)], -1)), (*rest, label))
            elif place.variables[0] in given.axes:
                given = Labelled(given.array, tuple(label if a == place.variables[0] else a for a in given.axes))
        return given

    def _sizes(self, given: Labelled) -> dict[str, int]:
        own = {} if isinstance(given.array, SCALAR) else dict(zip(given.axes, given.array.shape, strict=True))
        return {**self.scope.sizes, **own}


def _renamed(field: Field, names: Mapping[str, str]) -> Field:
    def rename(given: Labelled) -> Labelled:
        return Labelled(given.array, tuple(names.get(a, a) for a in given.axes))

    return Field(rename(field.values), None if field.mask is None else rename(field.mask))


def _dtype(scope: Scope, *arrays: Labelled) -> object:
    found = [a.array.dtype for a in arrays if not isinstance(a.array, SCALAR)]
    reals = [d for d in found if scope.xp.isdtype(d, "real floating")]
    return (reals or ([scope.dtype] if len(found) < len(arrays) else found))[0]


def _copied(scope: Scope, given: Labelled, axes: Sequence[str], sizes: Mapping[str, int], dtype: object) -> Array:
    array = expanded(scope.xp, given, axes, sizes, dtype)
    result: Array = scope.xp.zeros(array.shape, dtype=dtype, device=scope.device)
    if given.array is not False:
        result[...] = array
    return result


def _assign(scope: Scope, into: Labelled, places: Mapping[str, Form], given: Labelled, mask: Labelled | None) -> None:
    """Write `given` into a region of an array, where `mask` is true."""
    assert not isinstance(into.array, SCALAR)
    key: list[int | slice] = []
    cuts: dict[str, slice] = {}
    for axis, extent in zip(into.axes, into.array.shape, strict=True):
        place = places.get(axis)
        if isinstance(place, Select):
            if not 0 <= place.at < extent:
                return
            key.append(place.at)
        elif isinstance(place, Span):
            first = max(0, -(place.start // place.step))
            end = min(place.total, (extent - 1 - place.start) // place.step + 1)
            if first >= end:
                return
            cuts[axis] = slice(first, end)
            low = place.start + place.step * first
            key.append(slice(low, place.start + place.step * (end - 1) + 1, place.step))
        else:
            key.append(slice(None))
    region = tuple(a for a in into.axes if not isinstance(places.get(a), Select))
    value = _cut(given, cuts)
    if mask is not None:
        old = Labelled(into.array[tuple(key)], region)
        value = combine(lambda m, v, o: select(scope.xp, m, v, o), _cut(mask, cuts), value, old)
    into.array[tuple(key)] = aligned(value, region)


def _cut(given: Labelled, cuts: Mapping[str, slice]) -> Labelled:
    if isinstance(given.array, SCALAR) or not any(a in cuts for a in given.axes):
        return given
    return Labelled(given.array[tuple(cuts.get(a, slice(None)) for a in given.axes)], given.axes)
