"""The tensors that a user gives meet the cascade: names, numbers of axes, sizes, batch axes."""

from collections.abc import Mapping, Sequence
from math import prod
from types import ModuleType

from einsum_cascade.cascade import Cascade, shape
from einsum_cascade.constants import Value, evaluate
from einsum_cascade.einsum import Constant, show
from einsum_cascade.errors import Diagnostic, SpecError, did_you_mean
from einsum_cascade.interpret.backend import Array, Shaped


def sizes_from(
    cascade: Cascade, tensors: Mapping[str, Shaped], sizes: Mapping[str, Value]
) -> tuple[dict[str, Value], tuple[int, ...]]:
    """Return the value of every rank and parameter, and the shape of the batch axes in front.

    Raises SpecError, with every mistake: a missing or unknown tensor, too few axes, sizes that contradict each other.

    >>> import numpy as np
    >>> from einsum_cascade import Cascade, load
    >>> given = {"Q": np.ones((3, 64, 8)), "K": np.ones((3, 64, 256)), "V": np.ones((64, 256))}
    >>> names, batch = sizes_from(load(Cascade, "attention_1pass"), given, {})
    >>> names["M"], names["M1"], batch
    (256, 2, (3,))
    """
    wrong = _names(cascade, tensors)
    if wrong:
        raise SpecError([_at(cascade, *w) for w in wrong])
    seen: dict[str, tuple[Value, str]] = {name: (value, "sizes") for name, value in sizes.items()}
    for tensor, dimensions in cascade.inputs.items():
        for d, found in zip(dimensions, _own(tensors[tensor], len(dimensions)), strict=True):
            if isinstance(d, Constant):
                value, source = seen.setdefault(d.name, (found, tensor))
                if value != found:
                    message = f"rank {d.name} is given as {value} but has size {found} in {tensor}"
                    if source != "sizes":
                        message = f"rank {d.name} has size {value} in {source} and size {found} in {tensor}"
                    wrong.append((message, ""))
    if wrong:
        raise SpecError([_at(cascade, *w) for w in wrong])
    names = shape(cascade, {name: value for name, (value, _) in seen.items()})
    for tensor, dimensions in cascade.inputs.items():
        for k, (d, found) in enumerate(zip(dimensions, _own(tensors[tensor], len(dimensions)), strict=True)):
            wanted = evaluate(d, names)
            if wanted != found:
                wrong.append((f"axis {k} of {tensor} has size {found}, not {show(d)} = {wanted}", ""))
    batch = _batch(cascade, tensors, wrong)
    if wrong:
        raise SpecError([_at(cascade, *w) for w in wrong])
    return names, batch


def _names(cascade: Cascade, tensors: Mapping[str, Shaped]) -> list[tuple[str, str]]:
    wrong = [(f"{cascade.name} has no input {name}", did_you_mean(name, cascade.inputs))
             for name in tensors if name not in cascade.inputs]  # fmt: skip
    for name, dimensions in cascade.inputs.items():
        text = ", ".join(show(d) for d in dimensions)
        if name not in tensors:
            wrong.append((f"the input {name} is missing", f"give an array of shape ({text})"))
        elif len(tensors[name].shape) < len(dimensions):
            count = len(tensors[name].shape)
            message = f"{name} has {count} ax{'is' if count == 1 else 'es'}, but [{text}] needs {len(dimensions)}"
            wrong.append((message, "batch axes, if any, stand in front"))
    return wrong


def _own(tensor: Shaped, count: int) -> Sequence[int]:
    return tuple(tensor.shape)[len(tensor.shape) - count :]


def _batch(cascade: Cascade, tensors: Mapping[str, Shaped], wrong: list[tuple[str, str]]) -> tuple[int, ...]:
    """Return the broadcast shape of all axes in front of the declared ones."""
    result: dict[int, tuple[int, str]] = {}
    depth = 0
    for name, dimensions in cascade.inputs.items():
        front = tuple(tensors[name].shape)[: len(tensors[name].shape) - len(dimensions)]
        depth = max(depth, len(front))
        for k, n in enumerate(reversed(front)):
            size, source = result.get(k, (1, name))
            if n != 1 and size not in (1, n):
                wrong.append((f"batch axis -{k + 1} has size {size} in {source} and size {n} in {name}", ""))
            elif n != 1 or k not in result:
                result[k] = (n, name)
    return tuple(result[k][0] for k in reversed(range(depth)))


def _at(cascade: Cascade, message: str, hint: str) -> Diagnostic:
    return Diagnostic(place=cascade.place, message=message, hint=hint)


def prepared(xp: ModuleType, tensors: Mapping[str, Shaped]) -> tuple[dict[str, Array], object]:
    """Return the tensors as arrays of one real type (integers as int64), and that type: float64 where none is real."""
    # torch: temporaries are overwritten, so nothing here is differentiable
    arrays: dict[str, Array] = {n: xp.asarray(getattr(t, "detach", lambda t=t: t)()) for n, t in tensors.items()}
    reals = [a.dtype for a in arrays.values() if xp.isdtype(a.dtype, "real floating")]
    dtype: object = xp.result_type(*reals) if reals else xp.float64
    for name, a in arrays.items():
        wanted = dtype if xp.isdtype(a.dtype, ("real floating", "bool")) else xp.int64
        arrays[name] = a if a.dtype == wanted else xp.astype(a, wanted)
    return arrays, dtype


def blocks(batch: Sequence[int], most: int) -> list[tuple[slice, ...]]:
    """Cut the batch axes into blocks of at most `most` points.

    >>> blocks((1, 5), 3)
    [(slice(0, 1, None), slice(0, 3, None)), (slice(0, 1, None), slice(3, 5, None))]
    """
    result: list[tuple[slice, ...]] = [()]
    for k, n in enumerate(batch):
        inner = prod(batch[k + 1 :])
        step = min(n, max(1, most // max(1, inner)))
        result = [(*b, slice(i, min(n, i + step))) for b in result for i in range(0, n, step)]
    return result
