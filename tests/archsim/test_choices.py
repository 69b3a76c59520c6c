"""The options of a mapping: which hold, what comes of them, and mistakes in their place."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.choices import concrete
from archsim.library import load
from archsim.mapping import Mapping
from einsum_cascade.errors import SpecError
from tests.tiny import MAPPING, changed, mapping

OPTIONS = (
    MAPPING
    + """\
options:
  order: {outer: {}, inner: {groups.all.loops: [m2, m1], groups.all.partitioning.m: [m2, m1, m0], parameters.M1: 2}}
  b: {kept: {}, streamed: {groups.all.keep: {}}}
  a: {streamed: {}, kept: {groups.all.keep.near.A: m1}}
choices: {order: outer, b: kept, a: streamed}
cases:
  - {when: M > 8, choose: {order: inner}}
  - {when: "M > 16 and K == 2", choose: {b: streamed, order: outer}}
"""
)


def chosen(m: int, k: int = 6, **pinned: str) -> tuple[int, bool, bool]:
    found = mapping(OPTIONS)
    found = replace(found, choices={**found.choices, **pinned}, pinned=frozenset(pinned))
    (group,) = concrete(found, {"M": m, "K": k}).groups
    keep = group.keep.get("near", {})
    return len(group.loops), "B" in keep, "A" in keep


@pytest.mark.parametrize(
    ("m", "k", "expected"),
    [(8, 6, (1, True, False)), (9, 6, (2, True, False)), (17, 2, (1, False, False)), (17, 3, (2, True, False))],
)
def test_the_last_case_that_holds_wins(m: int, k: int, expected: tuple[int, bool, bool]) -> None:
    assert chosen(m, k) == expected


def test_what_is_pinned_is_not_changed_by_a_case() -> None:
    assert chosen(9, order="outer") == (1, True, False)
    assert chosen(17, 2, b="kept") == (1, True, False)
    assert chosen(8, a="kept") == (1, True, True)


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 4)), min_size=1, max_size=5))
def test_many_points_take_the_case_of_each_or_are_refused(points: list[tuple[int, int]]) -> None:
    found = mapping(OPTIONS)
    conditions = {(m > 8, m > 16 and k == 2) for m, k in points}
    names = {"M": np.array([p[0] for p in points]), "K": np.array([p[1] for p in points])}
    if len(conditions) == 1:
        m, k = points[0]
        assert concrete(found, names).groups == concrete(found, {"M": m, "K": k}).groups
    else:
        with pytest.raises(SpecError, match="the points fall into different cases of this mapping"):
            concrete(found, names)


def test_a_variant_is_read_once_and_the_mapping_stays_as_it_was() -> None:
    found = mapping(OPTIONS)
    before = str(found.document.data)
    names = {"M": 17, "K": 2}
    assert concrete(found, names) is concrete(found, names)
    assert concrete(found, names) is not concrete(found, {"M": 1, "K": 2})
    assert str(found.document.data) == before


def test_without_options_the_mapping_is_itself() -> None:
    found = mapping()
    assert concrete(found, {}) is found


def test_the_published_choices_of_flat() -> None:
    """FLAT's own search on the cloud design: scores leave the chip beyond 64K keys."""
    found = load(Mapping, "flat")
    for length, offchip in ((1024, False), (65_536, False), (262_144, True)):
        names = {"M": length, "P": length, "E": 64, "SIDE": 256, "CAPACITY": 2**25}
        (group,) = concrete(found, names).groups
        assert ("QK" in group.keep.get("dram", {})) is offchip
        assert group.space["QK"] == ({"rows": "m0", "columns": "e"} if offchip else {"rows": "p0", "columns": "m0"})


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("choices: {order: outer", "choices: {ordre: outer", "m.yaml:17:11: no option ordre\n"),
        ("choices: {order: outer", "choices: {order: outre", "m.yaml:17:18: option order has no choice outre\n"),
        ("choose: {order: inner}", "choose: {order: iner}", "m.yaml:19:35: option order has no choice iner\n"),
        ("choose: {order: inner}", "choose: {odd: inner}", "m.yaml:19:28: no option odd\n"),
        ("when: M > 8", "when: M >", "m.yaml:19:"),
        ("when: M > 8", "when: M + 8", "m.yaml:19:"),
    ],
)
def test_mistakes_of_options(old: str, new: str, expected: str) -> None:
    with pytest.raises(SpecError) as caught:
        mapping(changed(OPTIONS, (old, new)))
    assert expected in str(caught.value)


def test_a_condition_with_an_unknown_name() -> None:
    with pytest.raises(SpecError, match="K has no value"):
        concrete(mapping(OPTIONS), {"M": 17})
