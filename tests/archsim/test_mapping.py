"""Mappings: what a file says, and mistakes in their place."""

import pytest

from archsim.mapping import Step
from archsim.value import evaluate
from einsum_cascade.errors import SpecError
from tests.tiny import MAPPING, changed, mapping


def mistake(*changes: tuple[str, str]) -> str:
    with pytest.raises(SpecError) as caught:
        mapping(changed(MAPPING, *changes))
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


def test_all_mistakes_come_at_once() -> None:
    found = mistake(("M0: ROWS", "M0: '*'"), ("keep:", "spill: maybe\n    schedule: fast\n    keep:"))
    assert [line.split(":")[1] for line in found.splitlines() if line.startswith("m.yaml")] == ["11", "12", "14"]
