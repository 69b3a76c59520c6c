"""Named axes against numpy's unnamed ones, and the algebra of presence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einsum_cascade.interpret.field import (
    ABSENT,
    Field,
    Labelled,
    aligned,
    combine,
    expanded,
    filled,
    join,
    meet,
    settled,
    transpose,
    union,
)
from tests.einsum_cascade.interpret.helpers import XP, at, points
from tests.einsum_cascade.test_points import FEW

SIZES = {"m": 2, "p": 3, "f": 1, "h": 4}
axes = st.lists(st.sampled_from(sorted(SIZES)), unique=True, max_size=4).map(tuple)


def array(over: tuple[str, ...], seed: int = 0) -> Labelled:
    return Labelled(np.random.default_rng(seed).integers(-9, 9, [SIZES[a] for a in over]).astype(float), over)


@given(axes, st.permutations(sorted(SIZES)))
@FEW
def test_alignment_is_a_view_of_every_element(over: tuple[str, ...], order: list[str]) -> None:
    given_array = array(over)
    found = aligned(given_array, order)
    assert found.shape == tuple(SIZES[a] if a in over else 1 for a in order)
    assert not over or np.shares_memory(found, given_array.array)
    for point in points(SIZES, tuple(SIZES)):
        assert found[tuple(point[a] if a in over else 0 for a in order)] == at(given_array, point)


def test_alignment_leaves_scalars_and_what_is_aligned() -> None:
    assert aligned(Labelled(2.5), ("m", "p")) == 2.5
    own = array(("m", "p"))
    assert aligned(own, ("m", "p")) is own.array
    assert transpose(own.array, (1, 0)).shape == (3, 2) and np.shares_memory(transpose(own.array, (1, 0)), own.array)


@given(axes, axes, axes)
@FEW
def test_combination_is_point_by_point(one: tuple[str, ...], two: tuple[str, ...], three: tuple[str, ...]) -> None:
    operands = [array(one, 1), array(two, 2), array(three, 3)]
    found = combine(lambda a, b, c: a * 10 + b - 3 * c, *operands)
    assert set(found.axes) == {*one, *two, *three}
    longest = max((one, two, three), key=len)
    assert found.axes[: len(longest)] == longest  # so that the largest operand is not transposed
    for point in points(SIZES, found.axes):
        a, b, c = (at(o, point) for o in operands)
        assert at(found, point) == a * 10 + b - 3 * c


def test_union_keeps_the_order() -> None:
    assert union(("p", "m"), "fp", ()) == ("p", "m", "f") and union() == ()


SOME = Labelled(np.array([True, False]), ("m",))
OTHER = Labelled(np.array([True, True, False]), ("p",))
NONE, EVERY = Labelled(False), None


@pytest.mark.parametrize(
    ("masks", "both", "either"),
    [
        ((), None, False),
        ((EVERY,), None, None),
        ((NONE,), False, False),
        ((SOME,), SOME, SOME),
        ((SOME, EVERY), SOME, None),
        ((EVERY, SOME), SOME, None),
        ((SOME, NONE), False, SOME),
        ((NONE, SOME, EVERY), False, None),
        ((NONE, SOME), False, SOME),
        ((EVERY, EVERY), None, None),
    ],
)
def test_meeting_and_joining(
    masks: tuple[Labelled | None, ...], both: Labelled | bool | None, either: Labelled | bool | None
) -> None:
    for found, expected in ((meet(*masks), both), (join(*masks), either)):
        if expected is None or isinstance(expected, Labelled):
            assert found is expected
        else:
            assert found is not None and found.array is expected


def test_masks_over_different_axes_meet_over_both() -> None:
    both, either = meet(SOME, OTHER), join(SOME, OTHER)
    assert both is not None and either is not None
    for point in points({"m": 2, "p": 3}, ("m", "p")):
        assert at(both, point) == (at(SOME, point) and at(OTHER, point))
        assert at(either, point) == (at(SOME, point) or at(OTHER, point))


def test_a_field_depends_on_its_mask_too() -> None:
    field = Field(array(("p",)), SOME)
    assert field.axes == ("p", "m") and not field.absent
    assert Field(array(("p",))).axes == ("p",) and ABSENT.absent and ABSENT.axes == ()
    assert not Field(Labelled(1.0)).absent and not Field(Labelled(1.0), Labelled(True)).absent


def test_filling_absent_points() -> None:
    field = Field(Labelled(np.array([np.nan, 2.0, 3.0]), ("p",)), Labelled(np.array([False, True, False]), ("p",)))
    assert filled(XP, field, -np.inf).array.tolist() == [-np.inf, 2.0, -np.inf]
    assert filled(XP, ABSENT, 7) == Labelled(7)
    whole = Field(array(("m",)))
    assert filled(XP, whole, 0) is whole.values
    wider = filled(XP, Field(array(("p",)), SOME), 0)
    assert set(wider.axes) == {"m", "p"} and at(wider, {"m": 1, "p": 2}) == 0


def test_masks_that_hold_everywhere_are_settled() -> None:
    assert settled(XP, None) is None and settled(XP, Labelled(True)) is None
    assert settled(XP, Labelled(np.ones(3, bool), ("p",))) is None
    assert settled(XP, SOME) is SOME and settled(XP, NONE) is NONE


def test_expansion_copies_nothing() -> None:
    own = array(("p",))
    found = expanded(XP, own, ("m", "p", "h"), SIZES, None)
    assert found.shape == (2, 3, 4) and np.shares_memory(found, own.array)
    assert (found == own.array[None, :, None]).all()
    assert expanded(XP, Labelled(3), ("m",), SIZES, XP.float32).dtype == np.float32
    assert expanded(XP, Labelled(True), (), SIZES, XP.bool).shape == ()
