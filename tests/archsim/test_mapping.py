"""Mappings: what a file says, its options and cases, and mistakes in their place."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.library import load
from archsim.mapping import Mapping, Step, compare, concrete, put
from archsim.value import evaluate
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


def mistake(*changes: tuple[str, str], text: str = MAPPING) -> str:
    with pytest.raises(SpecError) as caught:
        mapping(changed(text, *changes))
    return str(caught.value)


def test_what_a_file_says() -> None:
    found = mapping()
    (group,) = found.groups
    assert (found.name, found.cascade, found.design, group.name) == ("tiny", "tiny", "small", "all")
    assert group.binding == {"pes": ("Y",), "vec": ("X", "Z")}
    assert (group.loops, group.partitioning) == (("m1",), {"m": ("m1", "m0")})
    assert (group.schedule, group.spill, group.steps, group.keep) == ("overlapped", "error", (), {"near": {"B": "m1"}})
    assert evaluate(found.parameters["M0"], {"ROWS": 16}) == 16


def test_a_groups_own_partitioning_goes_before_that_of_the_mapping() -> None:
    text = MAPPING + "partitioning: {m: [x, y], k: [k1, k0]}\n"
    assert mapping(text).groups[0].partitioning == {"m": ("m1", "m0"), "k": ("k1", "k0")}


def test_phases_and_stalls() -> None:
    schedule = "schedule: {phases: [{pes: [Y, {stall: 2*M0}], vec: [X]}, {vec: [{stall: 3}]}, {vec: [Z]}]}\n"
    (group,) = mapping(changed(MAPPING, ("keep:", schedule + "    keep:"))).groups
    assert group.schedule == "phases"
    first, second, third = group.steps
    assert first.tracks == {"pes": ("Y",), "vec": ("X",)}
    assert evaluate(first.stalls["pes"], {"M0": 4}) == 8
    assert (second.tracks, evaluate(second.stalls["vec"], {})) == ({"vec": ()}, 3)
    assert third == Step(tracks={"vec": ("Z",)}, stalls={})


# --- options ----------------------------------------------------------------------------------------------------------


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


def test_put() -> None:
    data = {"a": {"b": 1, "c": 2}, "d": 3}
    put(data, ["a", "b"], 7)
    put(data, ["x", "y", "z"], [1])
    put(data, ["d"], None)
    put(data, ["nothing"], None)
    assert data == {"a": {"b": 7, "c": 2}, "x": {"y": {"z": [1]}}}


@given(st.integers(-3, 3), st.integers(-3, 3))
def test_comparisons(a: int, b: int) -> None:
    found = [bool(compare(o, a, b)) for o in ("le", "lt", "ge", "gt", "eq", "ne")]
    assert found == [a <= b, a < b, a >= b, a > b, a == b, a != b]


# --- mistakes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("keep:", "schedule: fast\n    keep:", "m.yaml:11:15: unknown schedule fast\n        schedule: fast\n              "  # noqa: E501
         "    ^^^^\n  expected: overlapped, sequential, auto or a list of phases"),
        ("keep:", "spill: maybe\n    keep:", "spill is maybe\n        spill: maybe\n               ^^^^^\n"
         "  expected: error or proportional"),
        ("M0: ROWS", "M0: ROWS +", "m.yaml:12:24: unexpected end of line"),
        ("loops: [m1]", "loops: m1", "groups.all.loops has the wrong kind of value"),
        ("loops: [m1]", "loop: [m1]", "unknown key loop\n"),
        ("cascade: tiny\n", "", "the key cascade is missing"),
        ("keep:", "choose: {M0: 3 *}\n    keep:", "m.yaml:11:21: unexpected end of line"),
        ("keep:", "schedule: {phases: [{vec: [{stall: 3 +}]}]}\n    keep:", "m.yaml:11:"),
    ],
)  # fmt: skip
def test_mistakes_stand_in_their_place(old: str, new: str, expected: str) -> None:
    assert expected in mistake((old, new))


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
    assert expected in mistake((old, new), text=OPTIONS)


def test_all_mistakes_come_at_once() -> None:
    found = mistake(("M0: ROWS", "M0: '*'"), ("keep:", "spill: maybe\n    schedule: fast\n    keep:"))
    assert [line.split(":")[1] for line in found.splitlines() if line.startswith("m.yaml")] == ["11", "12", "14"]


def test_a_condition_with_an_unknown_name() -> None:
    with pytest.raises(SpecError, match="K has no value"):
        concrete(mapping(OPTIONS), {"M": 17})
