"""Normal conjunctions have the points of the constraints they were made from."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einsum_cascade.points.conjunction import TRUE, Conj, bounds, build, extreme, floors, ranges, strip, subtract
from einsum_cascade.points.quasi import Affine, Floor, number, var
from tests.einsum_cascade.test_points import FEW, forms

m, p, t = map(var, "mpt")
NAMES = ("a", "b", "c")
LOW, HIGH = -3, 5
BOX = [row for name in NAMES for row in (var(name) - LOW, HIGH - var(name))]
GRID = [dict(zip(NAMES, point, strict=True)) for point in itertools.product(range(LOW, HIGH + 1), repeat=3)]
rows = st.lists(forms(NAMES), max_size=3)


def holding(conj: Conj | None) -> list[dict[str, int]]:
    return [] if conj is None else [point for point in GRID if conj.holds(point)]


@given(st.lists(forms(NAMES), max_size=2), rows)
@FEW
def test_building_keeps_the_points(zero: list[Affine], least: list[Affine]) -> None:
    made = build(zero, [*BOX, *least])
    assert holding(made) == holding(Conj(tuple(zero), (*BOX, *least)))
    if made is not None:
        again = build(made.zero, made.least)
        assert again is not None and len(again.least) <= len(made.least) and holding(again) == holding(made)
        assert made.variables() <= set(NAMES)


@pytest.mark.parametrize(
    ("zero", "least", "text"),
    [
        ([], [], "true"),
        ([], [number(4)], "true"),
        ([], [number(-1)], "None"),
        ([number(0)], [], "true"),
        ([number(2)], [], "None"),
        ([], [2 * m - 3], "m - 2 >= 0"),  # rounded to integers
        ([], [7 - 3 * m], "-m + 2 >= 0"),
        ([4 * m - 6 * p - 2], [], "2*m - 3*p - 1 == 0"),
        ([4 * m - 6 * p - 3], [], "None"),  # no integers
        ([-m + 3 * p], [], "m - 3*p == 0"),  # the first factor is positive
        ([], [m - 2, m - 5, m], "m - 5 >= 0"),  # the strongest of parallel ones
        ([], [m - 5, 5 - m], "m - 5 == 0"),
        ([], [p - m, m - p], "m - p == 0"),
        ([], [m // 4 - 2], "m - 8 >= 0"),  # a floor alone is its argument
        ([], [2 - m // 4], "-m + 11 >= 0"),
        ([m // 4 - 2], [], "m - 8 >= 0 and -m + 11 >= 0"),
        ([], [p - m // 4], "-m + 4*p + 3 >= 0"),
        ([m - 3], [p - m], "m - 3 == 0 and p - 3 >= 0"),  # fixed variables are put in
        ([m - 3, p - m // 2], [], "m - 3 == 0 and p - 1 == 0"),
        ([m - 3, m - 4], [], "None"),
        ([m - p, m - p - 1], [], "None"),
        ([], [m, p, m + p + 1], "m >= 0 and p >= 0"),  # implied by the box
        ([], [m, p, -m - p - 1], "None"),
        ([], [m, 5 - m, p - m, p - m + 7], "m >= 0 and -m + 5 >= 0 and -m + p >= 0"),
        ([m + p - 20], [m, 5 - m, p, 5 - p], "None"),
    ],
)
def test_normal_forms(zero: list[Affine], least: list[Affine], text: str) -> None:
    assert repr(build(zero, least)) == text


def test_a_conjunction_is_a_value() -> None:
    made = build([m - 3], [p, t // 3])
    assert made == build([3 - m], [p, t // 3, p])
    assert made is not None and made.variables() == {"m", "p", "t"}
    assert made.holds({"m": 3, "p": 0, "t": 2}) and not made.holds({"m": 3, "p": -1, "t": 2})
    assert made.substitute({"m": number(4)}) is None
    assert TRUE.holds({}) and TRUE.variables() == frozenset()


@given(forms(NAMES, 2), st.tuples(*[st.integers(-3, 2) for _ in NAMES]), st.tuples(*[st.integers(0, 3) for _ in NAMES]))
@FEW
def test_extremes_bound_a_form_over_a_box(form: Affine, least: tuple[int, ...], widths: tuple[int, ...]) -> None:
    low = dict(zip(NAMES, least, strict=True))
    high = {name: low[name] + width for name, width in zip(NAMES, widths, strict=True)}
    points = itertools.product(*(range(low[name], high[name] + 1) for name in NAMES))
    values = [form.evaluate(dict(zip(NAMES, point, strict=True))) for point in points]
    bottom, top = extreme(form, low, high), extreme(form, low, high, -1)
    assert bottom is not None and top is not None and bottom <= min(values) <= max(values) <= top
    if not any(isinstance(atom, Floor) for atom, _ in form.terms):
        assert (bottom, top) == (min(values), max(values))


def test_extremes_need_the_side_they_use_only() -> None:
    assert extreme(m - p, {"m": 1}, {"p": 4}) == -3
    assert extreme(m - p, {"m": 1}, {"p": 4}, -1) is None
    assert extreme(-(m // 4), {}, {"m": 9}) == -2 and extreme(m // 4, {}, {"m": 9}) is None
    assert extreme(number(7), {}, {}) == 7


@given(forms(NAMES), st.integers(2, 7), st.integers(-6, 6), st.sampled_from(GRID))
@FEW
def test_a_strip_fixes_the_value_of_a_floor(form: Affine, d: int, value: int, point: dict[str, int]) -> None:
    sides = strip(Floor(form, d), number(value))
    assert all(side.evaluate(point) >= 0 for side in sides) == (form.evaluate(point) // d == value)


@given(rows, st.lists(forms(NAMES), max_size=1), rows)
@FEW
def test_subtraction_cuts_into_disjoint_pieces(left: list[Affine], zero: list[Affine], right: list[Affine]) -> None:
    one, two = build([], [*BOX, *left]), build(zero, right)
    if one is None or two is None:
        return
    pieces = [holding(piece) for piece in subtract(one, two)]
    outside = [point for point in holding(one) if not two.holds(point)]
    together = sorted(tuple(point.values()) for piece in pieces for point in piece)
    assert together == sorted(tuple(point.values()) for point in outside)  # each once: no two share one


def test_subtracting_itself_or_everything_leaves_nothing() -> None:
    one = build([m - p], [m, 9 - m])
    assert one is not None
    assert list(subtract(one, one)) == [] and list(subtract(one, TRUE)) == []
    assert [repr(piece) for piece in subtract(TRUE, Conj((m,), ()))] == ["m - 1 >= 0", "-m - 1 >= 0"]


@given(st.lists(forms(NAMES), max_size=1), rows, st.integers(1, 4))
@FEW
def test_propagated_bounds_hold(zero: list[Affine], least: list[Affine], rounds: int) -> None:
    made = build(zero, [*BOX, *least])
    if made is None:
        return
    low, high = bounds(made, rounds)
    for point in holding(made):
        assert all(low.get(name, LOW) <= point[name] <= high.get(name, HIGH) for name in NAMES)


def test_bounds_follow_from_one_another_round_by_round() -> None:
    conj = Conj((), (var("a"), var("b") - 2 * var("a") - 1, var("c") - 3 * var("b")))
    assert bounds(Conj((), conj.least[::-1]), 1)[0] == {"a": 0}
    assert bounds(conj, 1)[0] == {"a": 0, "b": 1, "c": 3} and bounds(conj)[1] == {}


def test_floors_are_listed_once_innermost_first() -> None:
    inner, outer = m // 3, (m // 3 + p) // 5
    assert list(map(repr, floors([outer + 2 * inner, inner, p]))) == ["floor(m/3)", "floor((p + floor(m/3))/5)"]
    assert floors([m, number(1)]) == {}


def test_ranges_are_of_single_variables() -> None:
    assert ranges([m - 3, 9 - m, p + 2, m + p]) == ({"m": 3, "p": -2}, {"m": 9})
