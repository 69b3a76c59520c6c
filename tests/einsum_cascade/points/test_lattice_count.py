"""Counts against closed forms of combinatorics and number theory, up to sizes beyond enumeration."""

import itertools
from math import comb, isqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einsum_cascade.points.conjunction import Conj
from einsum_cascade.points.lattice_count import Unbounded, count
from einsum_cascade.points.quasi import Affine, number, var
from tests.einsum_cascade.test_points import FEW

HUGE = 2**60
i, j, k, n = map(var, "ijkn")


def floor_sum(size: int, divisor: int, a: int, b: int) -> int:
    """Return the sum of (a*i + b)//divisor over 0 <= i < size by Euclid's algorithm."""
    total = 0
    while True:
        total += size * (size - 1) // 2 * (a // divisor) + size * (b // divisor)
        a, b = a % divisor, b % divisor
        top = a * size + b
        if top < divisor:
            return total
        size, divisor, a, b = top // divisor, a, divisor, top % divisor


def test_the_reference_itself() -> None:
    for size, divisor, a, b in ((5, 3, 7, 4), (13, 8, 5, 0), (1, 9, 9, 9), (20, 7, 3, 30)):
        assert floor_sum(size, divisor, a, b) == sum((a * x + b) // divisor for x in range(size))


@given(st.integers(1, HUGE), st.integers(1, 7), st.integers(0, 7), st.integers(0, 40))
@FEW
def test_points_under_a_line(size: int, divisor: int, a: int, b: int) -> None:
    below = Conj((), (i, size - 1 - i, j - 1, a * i + b - divisor * j))
    assert count(below, ("i", "j")) == count(below, ("j", "i")) == floor_sum(size, divisor, a, b)


@pytest.mark.parametrize("size", [0, 1, 7, 2**40])
@pytest.mark.parametrize("dimension", [1, 2, 3, 4, 5])
def test_simplices(dimension: int, size: int) -> None:
    names = tuple(f"x{d}" for d in range(dimension))
    variables = [var(name) for name in names]
    simplex = Conj((), (*variables, size - sum(variables, start=number(0))))
    assert count(simplex, names) == comb(size + dimension, dimension)
    chain = [variables[0], *(y - x for x, y in itertools.pairwise(variables)), size - variables[-1]]
    assert count(Conj((), tuple(chain)), names) == comb(size + dimension, dimension)


@pytest.mark.parametrize("power", range(1, 6))
@pytest.mark.parametrize("size", [1, 2, 11])
def test_sums_of_powers(power: int, size: int) -> None:
    """A pyramid: for each n below the size, a cube with sides n."""
    sides = [var(f"x{d}") for d in range(power)]
    rows = [row for side in sides for row in (side, n - 1 - side)]
    pyramid = Conj((), (n, size - 1 - n, *rows))
    names = ("n", *(f"x{d}" for d in range(power)))
    assert count(pyramid, names) == sum(value**power for value in range(size))


def test_faulhaber_at_huge_sizes() -> None:
    rows = (n, HUGE - 1 - n, i, n - 1 - i, j, n - 1 - j, k, n - 1 - k)
    assert count(Conj((), rows), ("n", "i", "j", "k")) == (HUGE * (HUGE - 1) // 2) ** 2


@pytest.mark.parametrize(
    ("zero", "least", "names", "expected"),
    [
        ((), (), (), 1),
        ((), (number(-1),), (), 0),
        ((2 * i - 5,), (), ("i",), 0),
        ((i - 3,), (), ("i",), 1),
        ((), (i, 2**90 - i), ("i",), 2**90 + 1),
        ((i % 12 - 7,), (i, HUGE - 1 - i), ("i",), (HUGE - 8) // 12 + 1),
        ((i - 3 * j,), (i, 99 - i), ("i", "j"), 34),
        ((i + j - HUGE,), (i, j), ("i", "j"), HUGE + 1),
        ((i % 4 - 1, i % 6 - 2), (i, 10**9 - i), ("i",), 0),
        ((i // 3 - j // 5,), (i, 14 - i, j, 24 - j), ("i", "j"), 75),
        ((), (i, 9 - i, j, 9 - j, i - j - 20), ("i", "j"), 0),
        ((6 * i + 10 * j + 15 * k - 300,), (i, j, k), ("i", "j", "k"), 66),
    ],
)
def test_particular_counts(
    zero: tuple[Affine, ...], least: tuple[Affine, ...], names: tuple[str, ...], expected: int
) -> None:
    assert count(Conj(zero, least), names) == expected


def test_independent_groups_multiply() -> None:
    triangle = (i, j - i, HUGE - 1 - j)
    line = (k, 6 - k)
    both = count(Conj((), triangle + line), ("i", "j", "k"))
    assert both == count(Conj((), triangle), ("i", "j")) * 7 == 7 * (HUGE * (HUGE + 1) // 2)


@given(st.permutations(("i", "j", "k")), st.integers(0, 2**40))
@FEW
def test_the_order_of_the_names_does_not_matter(names: list[str], size: int) -> None:
    slab = Conj((), (i, j, k, size - i - 2 * j, j - k + 3))
    assert count(slab, tuple(names)) == count(slab, ("i", "j", "k"))


def test_coprime_pairs_by_inclusion_and_exclusion() -> None:
    """How many of 0 <= i < HUGE are divisible by none of 2, 3 and 5."""

    def multiples(*of: int) -> int:
        return count(Conj(tuple(i % each for each in of), (i, HUGE - 1 - i)), ("i",))

    left = HUGE - multiples(2) - multiples(3) - multiples(5)
    left += multiples(2, 3) + multiples(2, 5) + multiples(3, 5) - multiples(2, 3, 5)
    residues = [r for r in range(30) if r % 2 and r % 3 and r % 5]
    assert left == sum((HUGE - 1 - r) // 30 + 1 for r in residues)


def test_a_staircase() -> None:
    """The pairs i // s < j // s below s*t: a triangle of t*(t-1)/2 blocks of s*s points."""
    s, t = isqrt(HUGE), 2**25
    blocks = Conj((), (i, j, s * t - 1 - i, s * t - 1 - j, j // s - i // s - 1))
    assert count(blocks, ("i", "j")) == t * (t - 1) // 2 * s * s


@pytest.mark.parametrize(
    ("least", "names", "message"),
    [
        ((i,), ("i",), "i is not bounded"),
        ((i, 3 - i), ("i", "j"), "j is not bounded"),
        ((i - j, 5 - i), ("i", "j"), "j is not bounded"),
    ],
)
def test_infinite_sets_are_refused(least: tuple[Affine, ...], names: tuple[str, ...], message: str) -> None:
    with pytest.raises(Unbounded) as caught:
        count(Conj((), least), names)
    assert str(caught.value) == message


def test_an_empty_set_is_finite_whatever_is_not_bounded() -> None:
    assert count(Conj((), (i - j, j - i - 1)), ("i", "j", "k")) == 0
    assert count(Conj((2 * i - 2 * j - 1,), (k,)), ("i", "j", "k")) == 0
