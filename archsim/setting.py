"""Setting: one number of one document replaced, `design.memories.buffer.capacity=8 MiB`, as `--set` takes it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from archsim.library import changed, find
from archsim.value import Value
from einsum_cascade.document import Plain, read
from einsum_cascade.einsum import Expression
from einsum_cascade.errors import Diagnostic, Place, SpecError, did_you_mean
from einsum_cascade.parse import parse_expression

__all__ = ["KINDS", "Setting", "applicable", "blamed", "parameters", "parse"]

KINDS = ("cascade", "workload", "mapping", "design")


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A document `kind`, the dotted `path` in it and the new value (None removes it); `text` as the user wrote it."""

    kind: str
    path: str
    value: Plain
    text: str

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the path."""
        return tuple(self.path.split("."))

    @property
    def place(self) -> Place:
        """The place of the path."""
        start = self.text.index(".") + 2
        return Place(file="--set", column=start, length=len(self.path), text=self.text)

    @property
    def value_place(self) -> Place:
        """The place of the value."""
        start = self.text.index("=") + 2
        return Place(file="--set", column=start, length=max(1, len(self.text) - start + 1), text=self.text)

    def expression(self) -> Expression:
        """Return the value as an expression over ranks and parameters. Raises SpecError."""
        return parse_expression(str(self.value), self.value_place)


def parse(text: str) -> Setting:
    """Return what `document.path=value` says; the value is read as YAML.

    Raises SpecError: no such form, an unknown kind of document.

    >>> setting = parse("design.memories.buffer.capacity=8 MiB")
    >>> setting.kind, setting.path, setting.value
    ('design', 'memories.buffer.capacity', '8 MiB')
    """
    left, equals, right = text.partition("=")
    kind, _, path = left.strip().partition(".")
    place = Place(file="--set", length=max(1, len(text)), text=text)
    expected = "document.path=value, such as workload.head_dim=96"
    if kind not in KINDS:
        hint = did_you_mean(kind, KINDS) or "known: " + ", ".join(KINDS)
        message = f"unknown document {kind or 'nothing'}"
        raise SpecError([Diagnostic(place=place, message=message, expected=expected, hint=hint)])
    if not equals or not right.strip() or not path or "" in path.split("."):
        raise SpecError([Diagnostic(place=place, message="this sets nothing", expected=expected)])
    try:
        documents = read(f"value: {right}", "--set")
        data = documents[0].data if len(documents) == 1 else None
        if not isinstance(data, dict) or list(data) != ["value"]:
            raise SpecError([])
    except SpecError as error:
        reason = error.diagnostics[0].message if error.diagnostics else "more than one value"
        value_place = replace(place, column=text.index("=") + 2, length=len(right))
        raise SpecError([Diagnostic(place=value_place, message=f"{right} is not a value: {reason}")]) from None
    setting = Setting(kind=kind, path=path, value=data["value"], text=text)
    if not _finite(setting.value):
        raise SpecError([Diagnostic(place=setting.value_place, message=f"{setting.value} is not a finite number")])
    return setting


def _finite(value: Plain) -> bool:
    try:
        return not isinstance(value, str | float) or math.isfinite(float(value))
    except ValueError:  # a text that is no number
        return True


def applicable(kind: str, name: str, settings: Sequence[Setting]) -> dict[str, Plain]:
    """Return path -> value for the document of a kind with this name.

    Raises SpecError if the document has no such path, naming the near ones.
    """
    changes: dict[str, Plain] = {}
    wrong: list[Diagnostic] = []
    document = find(kind, name) if settings else None
    for setting in settings:
        assert document is not None
        try:
            changed(document, kind, setting.path, setting.value, setting.place)
        except SpecError as error:
            wrong += error.diagnostics
        changes[setting.path] = setting.value
    if wrong:
        raise SpecError(wrong)
    return changes


def parameters(settings: Sequence[Setting]) -> dict[str, Value]:
    """Return the parameters that are set to a number: in a mapping they win over whatever it would choose.

    Raises SpecError at a number that is not positive.

    >>> parameters([parse("mapping.parameters.P1=4")])
    {'P1': 4}
    """
    result: dict[str, Value] = {}
    for setting in settings:
        if setting.keys[0] == "parameters" and isinstance(setting.value, int | float):
            if not 0 < setting.value < float("inf"):
                message = f"{setting.keys[-1]} is {setting.value}"
                raise SpecError([Diagnostic(place=setting.value_place, message=message, expected="a positive number")])
            result[setting.keys[-1]] = setting.value
    return result


@contextmanager
def blamed(kind: str, name: str, settings: Sequence[Setting]) -> Iterator[None]:
    """Point at the setting, not at the file, where a mistake comes from a value that a setting put there."""
    try:
        yield
    except SpecError as error:
        document = find(kind, name)
        places = {document.place(*s.keys): s.value_place for s in settings}
        found = [replace(d, place=_moved(d.place, places)) for d in error.diagnostics]
        own = {d.message for d in found if d.place.file == "--set"}
        raise SpecError(d for d in found if d.place.file == "--set" or d.message not in own) from None


def _moved(place: Place, places: Mapping[Place, Place]) -> Place:
    """Return the place of the setting whose value replaced the one at, or around, a place."""
    for old, new in places.items():
        if (place.file, place.line) == (old.file, old.line) and 0 <= place.column - old.column < old.length:
            return new
    return place
