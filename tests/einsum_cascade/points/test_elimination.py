"""Projection and emptiness over the integers, where the rationals say something else."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einsum_cascade.points.conjunction import Conj, build
from einsum_cascade.points.elimination import eliminations, is_empty, seen_empty
from einsum_cascade.points.quasi import Affine, NotCountable, number, var
from tests.einsum_cascade.test_points import FEW, forms

NAMES = ("a", "b", "c")
a, b, c, n, x, y, z = map(var, "abcnxyz")
SIZE = 5
BOX = [row for name in NAMES for row in (var(name), SIZE - 1 - var(name))]
GRID = [dict(zip(NAMES, point, strict=True)) for point in itertools.product(range(SIZE), repeat=3)]


def values(conj: Conj, drop: list[str], name: str, among: range) -> list[int]:
    pieces = list(eliminations(conj, drop))
    assert all(piece.variables() <= {name} for piece in pieces)
    return [value for value in among if any(piece.holds({name: value}) for piece in pieces)]


@pytest.mark.parametrize(("one", "two"), [(2, 3), (3, 5), (4, 9), (5, 7), (4, 6)])
def test_sums_of_two_coins(one: int, two: int) -> None:
    """The projection of n = one*x + two*y is a numerical semigroup; its gaps are those of Sylvester and Frobenius."""
    coins = Conj((n - one * x - two * y,), (x, y))
    paid = {one * i + two * j for i in range(60) for j in range(60)}
    among = range(-3, one * two + 12)
    assert values(coins, ["x", "y"], "n", among) == [value for value in among if value in paid]
    assert values(coins, ["y", "x"], "n", among) == [value for value in among if value in paid]


def test_a_shadow_with_holes() -> None:
    """Pugh (1991), section 2.3: 0 <= 3b - a <= 7 and 1 <= a - 2b <= 5 holds for a in 3, 5..27 and 29."""
    conj = Conj((), (3 * b - a, 7 - 3 * b + a, a - 2 * b - 1, 5 - a + 2 * b))
    assert values(conj, ["b"], "a", range(-5, 40)) == [3, *range(5, 28), 29]


@pytest.mark.parametrize(
    ("zero", "least"),
    [
        ([], [11 * x + 13 * y - 27, 45 - 11 * x - 13 * y, 7 * x - 9 * y + 10, 4 - 7 * x + 9 * y]),  # Pugh's example
        ([6 * x + 10 * y + 15 * z - 1], [x, y, z, 4 - x, 2 - y, 1 - z]),
        ([x // 3 - y, x % 3 - 1, x - 3 * y - 2], []),
        ([2 * x - 3 * y, x % 3 - 1], []),
        ([], [5 * x - 2, 4 - 5 * x]),
        ([x % 6 - 4, x % 4 - 3], []),
    ],
)
def test_integers_are_missed(zero: list[Affine], least: list[Affine]) -> None:
    assert is_empty(Conj(tuple(zero), tuple(least)))


@pytest.mark.parametrize(
    ("zero", "least"),
    [
        ([], [11 * x + 13 * y - 27, 46 - 11 * x - 13 * y, 7 * x - 9 * y + 10, 5 - 7 * x + 9 * y]),
        ([6 * x + 10 * y + 15 * z - 1], []),  # Bezout
        ([x % 6 - 4, x % 4 - 2], [x - 2**60]),
        ([2 * x - 3 * y - 1], [x - 2**70, 2**70 + 3 - x]),
    ],
)
def test_integers_are_found(zero: list[Affine], least: list[Affine]) -> None:
    conj = Conj(tuple(zero), tuple(least))
    small = all(abs(form.constant) < 100 for form in least)
    points = itertools.product(range(-20, 20), repeat=3) if small else []
    exists = any(conj.holds(dict(zip("xyz", point, strict=True))) for point in points)
    assert exists == small  # the large ones have points by the Chinese remainder theorem
    assert not is_empty(conj) and not seen_empty(conj)


@given(st.lists(forms(NAMES), max_size=1), st.lists(forms(NAMES), max_size=3))
@FEW
def test_emptiness_is_that_of_enumeration(zero: list[Affine], least: list[Affine]) -> None:
    conj = Conj(tuple(zero), (*BOX, *least))
    found = any(conj.holds(point) for point in GRID)
    assert is_empty(conj) == (not found)
    assert not (seen_empty(conj) and found)


@given(st.lists(forms(NAMES), max_size=1), st.lists(forms(NAMES), max_size=2))
@FEW
def test_the_order_of_elimination_does_not_matter(zero: list[Affine], least: list[Affine]) -> None:
    conj = build(zero, [*BOX, *least])
    if conj is None:
        return
    at_once = values(conj, ["a", "b"], "c", range(-2, SIZE + 2))
    turned = values(conj, ["b", "a"], "c", range(-2, SIZE + 2))
    steps = [piece for first in eliminations(conj, ["b"]) for piece in eliminations(first, ["a"])]
    stepwise = [v for v in range(-2, SIZE + 2) if any(piece.holds({"c": v}) for piece in steps)]
    exact = sorted({point["c"] for point in GRID if conj.holds(point)})
    assert at_once == turned == stepwise == exact


def test_dropping_nothing_or_everything() -> None:
    conj = build([], [a, 3 - a])
    assert conj is not None
    assert list(eliminations(conj, [])) == [conj]
    assert [repr(piece) for piece in eliminations(conj, ["a"])] == ["true"]
    assert [repr(piece) for piece in eliminations(conj, ["b"])] == [repr(conj)]
    assert list(eliminations(Conj((2 * a - 1,), ()), ["a"])) == []
    assert list(eliminations(Conj((), (number(-1),)), [])) == []


def test_an_unbounded_variable_constrains_nothing() -> None:
    assert [repr(piece) for piece in eliminations(Conj((), (a - b, c)), ["a"])] == ["c >= 0"]


def test_giving_up_is_said() -> None:
    with pytest.raises(NotCountable) as caught:
        list(eliminations(Conj((), (a, 3 - a, b - a)), ["a", "b"], states=1))
    assert str(caught.value) == "too many cases to drop variables"
