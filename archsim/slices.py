"""Slices: how many points the documents of an evaluation hold, and some of the points of any of them."""

from collections.abc import Mapping as Dict
from dataclasses import fields, is_dataclass, replace
from typing import TypeVar

import numpy as np

from archsim.design import Design
from archsim.mapping import Mapping
from archsim.value import Value
from archsim.workload import Workload
from einsum_cascade.einsum import Expression, Number
from einsum_cascade.errors import Diagnostic, Place, SpecError

__all__ = ["points", "sliced"]

Noun = TypeVar("Noun", Workload, Mapping, Design, dict[str, Value])


def points(*documents: object) -> int:
    """Return the number of points: the length of the arrays in the documents, 1 where there are none.

    Raises SpecError where arrays differ in length.

    >>> points(Workload(name="w", heads=np.array([8, 16])), {"P1": 4})
    2
    """
    found: set[int] = set()
    for document in documents:
        _lengths(document, found)
    if len(found) > 1:
        message = f"arrays of different lengths: {', '.join(map(str, sorted(found)))}"
        raise SpecError([Diagnostic(place=Place(), message=message, expected="one length, a value for each point")])
    return max(found, default=1)


def _lengths(value: object, found: set[int]) -> None:
    if isinstance(value, np.ndarray):
        found.add(len(value))
    elif isinstance(value, Dict):
        for v in value.values():
            _lengths(v, found)
    elif isinstance(value, Mapping):
        _lengths(value.parameters, found)
    elif is_dataclass(value) and not isinstance(value, type) and _numeric(value):
        for f in fields(value):
            _lengths(getattr(value, f.name), found)


def _numeric(value: object) -> bool:
    return type(value).__module__.startswith("archsim.") or isinstance(value, Number)


def sliced(document: Noun, at: slice) -> Noun:
    """Return a document with the points `at` of every array; what has no arrays is shared."""
    result = _sliced(document, at)
    return result  # type: ignore[return-value]


def _sliced_number(expression: Expression, at: slice) -> Expression:
    if isinstance(expression, Number):  # of a parameter that a caller replaced: perhaps an array
        changed = _sliced(expression.value, at)
        return expression if changed is expression.value else Number(changed)  # type: ignore[arg-type]
    return expression


def _sliced(value: object, at: slice) -> object:
    if isinstance(value, np.ndarray):
        return value[at]
    if isinstance(value, Mapping):
        return replace(value, parameters={n: _sliced_number(e, at) for n, e in value.parameters.items()})
    if isinstance(value, Dict):
        new = {k: _sliced(v, at) for k, v in value.items()}
        return new if any(new[k] is not v for k, v in value.items()) else value
    if is_dataclass(value) and not isinstance(value, type) and _numeric(value):
        changed = {f.name: _sliced(getattr(value, f.name), at) for f in fields(value)}
        changed = {n: v for n, v in changed.items() if v is not getattr(value, n)}
        return replace(value, **changed) if changed else value
    return value
