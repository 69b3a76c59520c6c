"""Slices: how many points the documents of an evaluation hold, and some of the points of any of them."""

from collections.abc import Callable
from collections.abc import Mapping as Dict
from dataclasses import fields, is_dataclass, replace
from typing import TypeVar

import numpy as np

from archsim.design import Design
from archsim.mapping import Mapping
from archsim.value import Value
from archsim.workload import Workload
from einsum_cascade.einsum import Number
from einsum_cascade.errors import Diagnostic, Place, SpecError

__all__ = ["cutter", "points"]

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


def cutter(document: Noun) -> Callable[[slice], Noun]:
    """Return a function that gives a document with some of the points of every array; the rest is shared.

    >>> cut = cutter(Workload(name="w", heads=np.array([8, 16, 32])))
    >>> cut(slice(0, 2)).heads
    array([ 8, 16])
    """
    found = _cutter(document)
    return (lambda at: document) if found is None else found  # type: ignore[return-value]


def _cutter(value: object) -> Callable[[slice], object] | None:
    """Return what cuts a value; None where it holds no array."""
    if isinstance(value, np.ndarray):
        return lambda at: value[at]
    if isinstance(value, Dict):
        own = _cutters(value)
        return (lambda at: {**value, **{k: cut(at) for k, cut in own.items()}}) if own else None
    if isinstance(value, Mapping):
        members = {"parameters": value.parameters}
    elif is_dataclass(value) and not isinstance(value, type) and _numeric(value):
        members = {f.name: getattr(value, f.name) for f in fields(value)}
    else:
        return None
    parts = _cutters(members)
    return (lambda at: replace(value, **{n: cut(at) for n, cut in parts.items()})) if parts else None


def _cutters(members: Dict[str, object]) -> dict[str, Callable[[slice], object]]:
    found = {name: _cutter(member) for name, member in members.items()}
    return {name: cut for name, cut in found.items() if cut is not None}
