"""Choices: which of a mapping's options hold for some sizes, and the mapping with them applied."""

import copy
from collections.abc import Mapping as Dict
from dataclasses import replace

import numpy as np

from archsim.mapping import Mapping, read_mapping
from archsim.value import Condition, Value, compare, evaluate
from einsum_cascade.document import put
from einsum_cascade.errors import Diagnostic, SpecError

__all__ = ["concrete", "held"]


def concrete(mapping: Mapping, names: Dict[str, Value]) -> Mapping:
    """Return the mapping with its options applied: the stated choices, changed by the cases that hold for `names`.

    Raises SpecError where the points of an array fall into different cases: they differ in structure.
    """
    choices = dict(mapping.choices)
    for case, holds in zip(mapping.cases, held(mapping, names), strict=True):
        if case.choices.keys() <= mapping.pinned:
            continue  # someone chose already
        if np.any(holds) != np.all(holds):
            message = "the points fall into different cases of this mapping; evaluate them one group after the other"
            raise SpecError([Diagnostic(place=case.when[0].place, message=message)])
        if np.all(holds):
            choices |= {k: v for k, v in case.choices.items() if k not in mapping.pinned}
    if not choices:
        return mapping
    key = tuple(sorted(choices.items()))
    if key not in mapping.variants:
        mapping.variants[key] = _variant(mapping, choices)
    variant = mapping.variants[key]
    return replace(variant, parameters={**variant.parameters, **{n: mapping.parameters[n] for n in mapping.given}},
                   given=mapping.given) if mapping.given else variant  # fmt: skip


def held(mapping: Mapping, names: Dict[str, Value]) -> list[Condition]:
    """Return for each case of a mapping where its conditions hold: one value, or one for each of n points."""
    result: list[Condition] = []
    for case in mapping.cases:
        holds: Condition = np.bool_(True)
        for c in case.when:
            holds = np.logical_and(holds, compare(c.operator, evaluate(c.left, names), evaluate(c.right, names)))
        result.append(holds)
    return result


def _variant(mapping: Mapping, choices: Dict[str, str]) -> Mapping:
    data = copy.deepcopy(mapping.document.data)
    assert isinstance(data, dict)
    options = data.pop("options", {})
    data.pop("cases", None)
    data.pop("choices", None)
    assert isinstance(options, dict)
    for option, choice in choices.items():
        chosen = options[option]
        assert isinstance(chosen, dict)
        changes = chosen[choice]
        assert isinstance(changes, dict)
        for path, value in changes.items():
            put(data, path.split("."), value)
    return read_mapping(replace(mapping.document, data=data))
