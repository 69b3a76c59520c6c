"""Divisors against loops over all candidates, one at a time and many at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.divisors import TABLE, divisors, largest_divisor


def by_loop(whole: int, limit: float) -> int:
    return max([d for d in range(1, whole + 1) if whole % d == 0 and d <= limit], default=1)


@given(st.integers(1, 5000))
def test_divisors_are_all_that_divide(number: int) -> None:
    assert divisors(number).tolist() == [d for d in range(1, number + 1) if number % d == 0]


@given(st.integers(1, 3000), st.integers(1, 3000))
def test_a_product_has_the_divisors_of_its_factors(a: int, b: int) -> None:
    assert {*divisors(a).tolist(), *divisors(b).tolist()} <= set(divisors(a * b).tolist())


@given(st.integers(1, 4000), st.one_of(st.integers(-5, 5000), st.floats(-5, 5000)))
def test_the_largest_is_that_of_a_loop(whole: int, limit: float) -> None:
    found = largest_divisor(whole, limit)
    assert (found, type(found)) == (by_loop(whole, limit), int)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4000), st.floats(-5, 5000)), min_size=1, max_size=30))
def test_many_at_once_are_those_of_a_loop(points: list[tuple[int, float]]) -> None:
    wholes, limits = (np.array(c, float) for c in zip(*points, strict=True))
    assert largest_divisor(wholes, limits).tolist() == [by_loop(w, x) for w, x in points]
    assert largest_divisor(points[0][0], limits).tolist() == [by_loop(points[0][0], x) for _, x in points]
    assert largest_divisor(wholes, points[0][1]).tolist() == [by_loop(w, points[0][1]) for w, _ in points]


@pytest.mark.parametrize("whole", [TABLE - 1, TABLE, TABLE + 1, 65_537, 720_720, 2**20, 999_983, 1_000_000])
@pytest.mark.parametrize("limit", [1, 2, 3, 97, 250, 1000, 65_536, 999_982, 10**7])
def test_around_the_end_of_the_table(whole: int, limit: int) -> None:
    expected = max(d for d in divisors(whole).tolist() if d <= limit)
    assert largest_divisor(whole, limit) == expected
    assert largest_divisor(np.array([whole, 12.0]), np.array([limit, 5.0])).tolist() == [expected, 4]


def test_primes_leave_one_and_room_for_everything_leaves_everything() -> None:
    primes = np.array([2.0, 65_521.0, 999_983.0])
    assert largest_divisor(primes, primes - 1).tolist() == [1, 1, 1]
    assert largest_divisor(primes, primes).tolist() == primes.tolist()
    assert largest_divisor(primes, np.array([np.inf] * 3)).tolist() == primes.tolist()


def test_the_published_rule() -> None:
    """Of 1024 tiles 251 fit, 128 is the largest divisor."""
    room = (16 * 2**20 - 2 * 256 * 128) // (2 * 256 * 130)
    assert (room, largest_divisor(1024, room)) == (251, 128)
