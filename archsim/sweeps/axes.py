"""Axes of a sweep: a path into a document and the values that it takes; lists, linear and log ranges, powers of two."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import get_args, get_type_hints

import numpy as np

from archsim.units import DIMENSIONS, NUMBER, quantity
from archsim.value import Array
from archsim.workload import WorkloadForm
from einsum_cascade.constants import evaluate
from einsum_cascade.document import Document, Keys, Plain
from einsum_cascade.errors import Diagnostic, Place, SpecError, did_you_mean
from einsum_cascade.forms import Integer
from einsum_cascade.parse import parse_expression

__all__ = ["LONGEST", "SHORT", "Axis", "dimension_of", "read_axis", "unit_of", "whole"]

LONGEST = 10**6
"""Values that one axis may have: they are held in memory, other than the points."""

RANGES = {
    "linear": "[first, last, how many]",
    "log": "[first, last, how many]",
    "powers_of_two": "[first, last]",
}
QUANTITIES = {
    "capacity": "bytes",
    "charged_as": "bytes",
    "bandwidth": "bytes per second",
    "clock": "hertz",
}
"""Keys of a design whose values carry a unit."""

LARGEST = 2**40
"""The largest size of a workload, as on the command line: sums over its divisors are held in memory."""

SYMBOLS = {"bytes": "B", "bytes per second": "B/s", "hertz": "Hz", "joules": "J", "watts": "W", "seconds": "s"}
SHORT = {"K": 2**10, "M": 2**20, "G": 2**30}


@dataclass(frozen=True, kw_only=True)
class Axis:
    """`path` with its document first (`design.parameters.SIDE`; `workload` for the documents themselves).

    `values` as they stand in the file; `numbers` of shape (n,), in SI units, where all of them are numbers, else None:
    then each value is a structure of its own. `unit` of the numbers, empty where they have none.
    """

    path: str
    values: tuple[Plain, ...]
    numbers: Array | None
    unit: str = ""
    place: Place = field(compare=False, repr=False)

    def __len__(self) -> int:
        return len(self.values) if self.numbers is None else len(self.numbers)

    @property
    def integral(self) -> bool:
        """Whether every value is a whole number."""
        return self.numbers is not None and bool(np.all(self.numbers == np.floor(self.numbers)))

    def text(self, index: int) -> str:
        """Return a value that is no number as the text of its column."""
        value = self.values[index]
        return value if isinstance(value, str) else json.dumps(value)


def dimension_of(path: str) -> str:
    """Return the dimension of the quantity at a path, empty where it is a plain number.

    >>> dimension_of("design.memories.buffer.capacity"), dimension_of("design.parameters.capacity")
    ('bytes', '')
    """
    kind, _, rest = path.partition(".")
    return QUANTITIES.get(path.rpartition(".")[2], "") if kind == "design" and "parameters" not in rest else ""


def unit_of(path: str, texts: Sequence[Plain] = ()) -> str:
    """Return the unit of the numbers at a path: that of its quantity, or of all texts of values that are given.

    >>> unit_of("design.clock"), unit_of("design.parameters.CAPACITY", ["16 KiB", "4 MB"]), unit_of("workload.heads")
    ('Hz', 'B', '')
    """
    dimensions = {dimension_of(path)}
    if dimensions == {""} and path.startswith("design."):
        found = [NUMBER.fullmatch(str(text)) for text in texts]
        units = [match.group(2) if match else "" for match in found]
        dimensions = {next((name for name, known in DIMENSIONS.items() if unit in known), "") for unit in units}
    return SYMBOLS.get(dimensions.pop(), "") if len(dimensions) == 1 else ""


def whole(path: str) -> bool:
    """Return whether only whole numbers make sense at a path.

    >>> whole("workload.heads"), whole("workload.word_bits"), whole("design.clock")
    (True, False, False)
    """
    kind, _, rest = path.partition(".")
    hint = get_type_hints(WorkloadForm, include_extras=True).get(rest.split(".")[0]) if kind == "workload" else None
    members = (hint, *get_args(hint))
    return Integer in members and not any(float in get_args(m) for m in members)


def read_axis(document: Document, path: str, *at: str) -> Axis:
    """Return the axis of a path from the value at `at` of a document: a list, a range, or one value alone.

    Raises SpecError with every value that cannot be used, in its place.
    """
    here: Plain = document.data
    for key in at:
        assert isinstance(here, dict)
        here = here[key]
    place = document.places.get((*at[:-1], f"{at[-1]}#key"), document.place(*at))
    if isinstance(here, dict):
        numbers = _range(document, path, here, at)
        ends = [bound for kind in RANGES if kind in here for bound in _listed(here[kind])[:2]]
        return Axis(path=path, values=(), numbers=numbers, unit=unit_of(path, ends), place=place)
    items = _listed(here)
    keys: list[Keys] = [(*at, i) for i in range(len(here))] if isinstance(here, list) else [at]
    if not items:
        raise SpecError([Diagnostic(place=place, message=f"{path} has no values", expected="a list or a range")])
    found = [_number(path, v, document.place(*k)) for v, k in zip(items, keys, strict=True)]
    _refuse_repeats(document, path, items, keys)
    if any(f is None for f in found):
        return Axis(path=path, values=tuple(items), numbers=None, place=place)
    numbers = _checked(path, [f for f in found if f is not None], [document.place(*k) for k in keys])
    return Axis(path=path, values=tuple(items), numbers=numbers, unit=unit_of(path, items), place=place)


def _listed(value: Plain) -> list[Plain]:
    return value if isinstance(value, list) else [value]


def _refuse_repeats(document: Document, path: str, items: list[Plain], keys: Sequence[Keys]) -> None:
    seen: dict[str, int] = {}
    wrong = []
    for i, item in enumerate(items):
        text = json.dumps(item)
        if text in seen:
            message = f"{path} has the value {item} twice"
            wrong.append(Diagnostic(place=document.place(*keys[i]), message=message, hint="keep one of the two"))
        seen[text] = i
    if wrong:
        raise SpecError(wrong)


def _number(path: str, value: Plain, place: Place) -> int | float | None:
    """Return a value in SI units; None where it is no number but a name, say."""
    dimension = dimension_of(path)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if not isinstance(value, str) and not dimension:
        return value
    match = NUMBER.fullmatch(str(value))
    if match is None:
        return _constant(str(value), place) if re.match(r"\s*[\d(-]", str(value)) else None
    unit = match.group(2)
    if dimension:
        return quantity(value, dimension, place)
    if unit in SHORT:
        number = float(match.group(1)) * SHORT[unit]
        return int(number) if number.is_integer() else number
    for name, units in DIMENSIONS.items() if unit and path.startswith("design.") else ():
        if unit in units:
            return quantity(value, name, place)
    return _constant(str(value), place) if not unit or not unit[0].isalpha() else None


def _constant(text: str, place: Place) -> int | float:
    return evaluate(parse_expression(text, place), {})


def _checked(path: str, numbers: Sequence[int | float], places: Sequence[Place]) -> Array:
    wrong = []
    for number, place in zip(numbers, places, strict=True):
        if not (0 < number < math.inf):
            wrong.append(Diagnostic(place=place, message=f"{path} is {number:g}", expected="a positive number"))
        elif whole(path) and number != int(number):
            hint = "a range with `multiple_of: 1` is rounded"
            message = f"{path} is {number:g}"
            wrong.append(Diagnostic(place=place, message=message, expected="a whole number", hint=hint))
        elif whole(path) and number > LARGEST:
            message = f"{path} is {number:g}"
            wrong.append(Diagnostic(place=place, message=message, expected=f"at most {LARGEST:,}"))
    if wrong:
        raise SpecError(dict.fromkeys(wrong))
    return np.array(numbers, dtype=np.float64)


def _range(document: Document, path: str, form: dict[str, Plain], at: Keys) -> Array:
    def fail(message: str, *keys: str | int, expected: str = "", hint: str = "") -> SpecError:
        return SpecError([Diagnostic(place=document.place(*at, *keys), message=message, expected=expected, hint=hint)])

    kinds = [k for k in form if k in RANGES]
    for key in form:
        if key not in RANGES and key != "multiple_of":
            raise fail(f"unknown key {key}", f"{key}#key", hint=did_you_mean(key, [*RANGES, "multiple_of"]))
    if len(kinds) != 1:
        raise fail(f"{path} needs one kind of range", expected=", ".join(RANGES) + ", or a list of values")
    (kind,) = kinds
    bounds = form[kind]
    expected = f"{kind}: {RANGES[kind]}"
    length = 2 if kind == "powers_of_two" else 3
    if not isinstance(bounds, list) or len(bounds) != length:
        raise fail(f"{kind} needs {length} values", kind, expected=expected)
    ends = [_number(path, b, document.place(*at, kind, i)) for i, b in enumerate(bounds[:2])]
    for i, end in enumerate(ends):
        if end is None or not 0 < end < math.inf:
            raise fail(f"{bounds[i]} is not a positive number", kind, i, expected=expected)
    first, last = (float(e) for e in ends if e is not None)
    if last < first:
        raise fail(f"the range ends at {bounds[1]}, before it starts", kind, 1, expected=expected)
    numbers: Array
    if kind == "powers_of_two":
        if math.frexp(first)[0] != 0.5 and "multiple_of" not in form and not dimension_of(path):
            raise fail(f"{bounds[0]} is not a power of two", kind, 0, expected="such as 1K")
        numbers = first * np.exp2(np.arange(math.floor(math.log2(last / first)) + 1, dtype=np.float64))
    else:
        count = bounds[2]
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= LONGEST:
            raise fail(f"{count} is not a number of values", kind, 2, expected=f"1 to {LONGEST}")
        spread = np.linspace if kind == "linear" else np.geomspace
        numbers = np.asarray(spread(first, last, count), dtype=np.float64)
    if "multiple_of" in form:
        step = _number(path, form["multiple_of"], document.place(*at, "multiple_of"))
        if step is None or not 0 < step < math.inf:
            raise fail(f"{form['multiple_of']} is not a positive number", "multiple_of")
        numbers = np.unique(np.asarray(np.maximum(np.round(numbers / step), 1) * step, dtype=np.float64))
    near = np.round(numbers)
    numbers = np.where(np.abs(numbers - near) <= 1e-12 * near, near, numbers)  # 4096.0000000000005 of a log range
    odd = numbers[(numbers != np.floor(numbers)) | (numbers > LARGEST)] if whole(path) else []
    _checked(path, [float(n) for n in odd[:1]], [document.place(*at, kind)] * len(odd[:1]))
    return numbers
