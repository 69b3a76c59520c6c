"""Plain data -> a frozen dataclass of the right form, every mistake in its place. The only importer of pydantic."""

import types
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from functools import cache
from typing import Annotated, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, Strict, TypeAdapter, ValidationError

from einsum_cascade.document import Document
from einsum_cascade.errors import Diagnostic, SpecError, did_you_mean

FORBID = ConfigDict(extra="forbid")
Text = Annotated[str, Strict()]
Integer = Annotated[int, Strict()]
Real = Integer | Annotated[float, Strict()]
Scalar = Real | Text
Flag = Annotated[bool, Strict()]
Form = TypeVar("Form")


def read_form(document: Document, form: type[Form]) -> Form:
    """Return the data of a document as an instance of the dataclass `form`.

    Raises SpecError with every unknown or missing key and every value of the wrong kind.

    >>> from dataclasses import dataclass
    >>> from einsum_cascade.document import read
    >>> @dataclass(frozen=True, kw_only=True)
    ... class Clock:
    ...     __pydantic_config__ = FORBID
    ...     mhz: Integer
    >>> read_form(read("mhz: 940", "a.yaml")[0], Clock)
    Clock(mhz=940)
    """
    try:
        return _adapter(form).validate_python(document.data)  # type: ignore[arg-type, no-any-return]
    except ValidationError as error:
        raise SpecError(_merged(_diagnostic(document, form, dict(e)) for e in error.errors())) from None


@cache
def _adapter(form: type) -> TypeAdapter:  # type: ignore[type-arg]
    return TypeAdapter(form)


def _diagnostic(document: Document, form: type[Form], error: Mapping[str, object]) -> Diagnostic:
    location = error["loc"]
    path = tuple(p for p in location if isinstance(p, str | int)) if isinstance(location, tuple) else ()
    name = str(path[-1]) if path else ""
    known = keys_at(form, path[:-1])
    if error["type"] == "unexpected_keyword_argument":
        place = document.places.get((*path[:-1], f"{name}#key"), document.place(*path))
        return Diagnostic(place=place, message=f"unknown key {name}", hint=did_you_mean(name, known))
    if error["type"] == "missing":
        needed = ", ".join(keys_at(form, path[:-1], required=True))
        return Diagnostic(
            place=document.place(*path[:-1]), message=f"the key {name} is missing", hint=f"needed here: {needed}"
        )
    while path and path not in document.places:
        path = path[:-1]  # pydantic adds the member of a union to the path
    message = str(error["msg"]).removeprefix("Input should be ")
    if not path:
        needed = ", ".join(keys_at(form, (), required=True))
        return Diagnostic(place=document.place(), message="the document has the wrong kind of value",
                          expected=f"keys with values, such as {needed or ', '.join(known)}")  # fmt: skip
    where = ".".join(map(str, path))
    return Diagnostic(place=document.place(*path), message=f"{where} has the wrong kind of value", expected=message)


def keys_at(form: object, path: tuple[str | int, ...], required: bool = False) -> list[str]:
    """Return the keys that a form has at a path, or only those that it needs; none where any key may stand.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Clock:
    ...     mhz: Integer
    ...     name: Text = ""
    >>> keys_at(Clock, ()), keys_at(Clock, (), required=True)
    (['mhz', 'name'], ['mhz'])
    """
    if get_origin(form) is Annotated:
        return keys_at(get_args(form)[0], path, required)
    if get_origin(form) in (Union, types.UnionType):
        return [k for member in get_args(form) for k in keys_at(member, path, required)]
    if isinstance(form, type) and is_dataclass(form):
        if path:
            return keys_at(get_type_hints(form, include_extras=True).get(str(path[0])), path[1:], required)
        return [f.name for f in fields(form) if not required or f.default is f.default_factory is MISSING]
    if path and get_origin(form) in (dict, list):
        return keys_at(get_args(form)[-1], path[1:], required)
    return []


def free_keys(form: object, path: tuple[str | int, ...]) -> bool:
    """Return whether any key may stand at a path: the form has a mapping or anything there.

    >>> free_keys(dict[str, int], ()), free_keys(int, ())
    (True, False)
    """
    if get_origin(form) is Annotated:
        return free_keys(get_args(form)[0], path)
    if get_origin(form) in (Union, types.UnionType):
        return any(free_keys(member, path) for member in get_args(form))
    if form is object or (not path and get_origin(form) is dict):
        return True
    if path and isinstance(form, type) and is_dataclass(form):
        return free_keys(get_type_hints(form, include_extras=True).get(str(path[0])), path[1:])
    if path and get_origin(form) in (dict, list):
        return free_keys(get_args(form)[-1], path[1:])
    return False


def _merged(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """One mistake per place: the members of a union complain one by one."""
    result: dict[tuple[int, int, str], Diagnostic] = {}
    for d in found:
        at = (d.place.line, d.place.column, "" if d.expected else d.message)
        expected = f"{result[at].expected} or {d.expected}" if at in result and d.expected else d.expected
        result[at] = replace(result.get(at, d), expected=expected)
    return list(result.values())
