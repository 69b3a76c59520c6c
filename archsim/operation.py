"""Operation: what an operation of the cascade language costs on an array, lane by lane or by a cycle law."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from archsim.laws import LAWS, RANGES
from archsim.value import Value, ceil_div, evaluate
from einsum_cascade.document import Document
from einsum_cascade.errors import Diagnostic, SpecError, did_you_mean
from einsum_cascade.forms import Scalar
from einsum_cascade.parse import parse_expression

__all__ = ["UNKNOWN", "Operation", "read_operation"]

OWN = ("law", "load", "action")
"""Keys of an operation by a law that are not parameters of the law."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What one operation takes on a lane: actions with how often, side by side; as many cycles as the most frequent.

    With a `law` (a name of `laws.LAWS`, with its `parameters`) the whole array takes a row of items at once, and the
    law says how long; before that the items come in, `load` a cycle (None: while the row before is worked on).
    """

    actions: Mapping[str, int]
    law: str = ""
    parameters: Mapping[str, Value] = field(default_factory=dict)
    load: Value | None = None

    @property
    def cycles(self) -> int:
        """Cycles of a lane."""
        return max(self.actions.values())

    def row(self, items: Value, kept: Value) -> Value:
        """Return the cycles of one row of `items` of which `kept` are selected.

        >>> Operation(actions={}, law="stream", parameters={"lanes": 16}, load=8).row(64, 0)
        12.0
        """
        cycles = LAWS[self.law].cycles(items, kept, self.parameters)
        return cycles if self.load is None else cycles + ceil_div(items, self.load)


UNKNOWN = Operation(actions={"none": 1})


def read_operation(
    cost: str | Mapping[str, Scalar], document: Document, path: tuple[str, ...], names: Mapping[str, Value]
) -> Operation:
    """Return the cost at a path of a design: a text such as `6 mac`, or a law with its parameters.

    Raises SpecError with every mistake.

    >>> from einsum_cascade.document import read
    >>> read_operation("add + 6 mac", read("a: 1", "d.yaml")[0], ("a",), {}).cycles
    6
    """
    if isinstance(cost, str):
        return _lanes(cost, document, path)
    place = document.place(*path)
    name = str(cost.get("law", ""))
    if name not in LAWS:
        message = f"no cycle law named {name}" if name else "the key law is missing"
        hint = did_you_mean(name, LAWS) or "known: " + ", ".join(LAWS)
        raise SpecError([Diagnostic(place=document.place(*path, "law") if name else place, message=message, hint=hint)])
    wrong: list[Diagnostic] = []
    numbers: dict[str, Value] = {}
    for key, value in cost.items():
        if key in ("law", "action"):
            continue
        at = document.place(*path, key)
        if key not in (*LAWS[name].parameters, *OWN):
            hint = did_you_mean(key, [*LAWS[name].parameters, *OWN])
            at = document.places.get((*path, f"{key}#key"), at)
            wrong.append(Diagnostic(place=at, message=f"the law {name} has no parameter {key}", hint=hint))
            continue
        try:
            numbers[key] = evaluate(parse_expression(str(value), at), names)
        except SpecError as error:
            wrong += error.diagnostics
            continue
        least, largest = RANGES.get(key, (0, np.inf))
        if np.any(np.less(numbers[key], least)) or (key == "load" and np.any(np.equal(numbers[key], 0))):
            wrong.append(Diagnostic(place=at, message=f"{key} is {numbers[key]}", expected="a positive number"))
        elif np.any(np.greater(numbers[key], largest)):
            wrong.append(Diagnostic(place=at, message=f"{key} is {numbers[key]}", expected=f"{largest:g} at most"))
    if wrong:
        raise SpecError(wrong)
    load = numbers.pop("load", None)
    actions = {str(cost["action"]): 1} if "action" in cost else {}
    return Operation(actions=actions, law=name, parameters=numbers, load=load)


def _lanes(text: str, document: Document, path: tuple[str, ...]) -> Operation:
    actions: dict[str, int] = {}
    for part in text.split("+"):
        match = re.fullmatch(r"\s*(?:(\d+)\s+)?([a-z]\w*)\s*", part)
        if match is None or match.group(1) == "0":
            expected = "an action such as mac, several such as 6 mac, or side by side: add + exp"
            raise SpecError(
                [Diagnostic(place=document.place(*path), message=f"{text} is not a cost", expected=expected)]
            )
        actions[match.group(2)] = actions.get(match.group(2), 0) + int(match.group(1) or 1)
    return Operation(actions=actions)
