"""fused: one rounding, against exact fractions."""

from fractions import Fraction

import array_api_compat.numpy as xp
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from einsum_cascade.numerics.fused import fused, scaled_by_power
from tests.einsum_cascade.numerics.test_exponential import rounded

NUMBERS = st.floats(2.0**-20, 2.0**20, width=32) | st.floats(-(2.0**20), -(2.0**-20), width=32)


@given(NUMBERS, NUMBERS, NUMBERS)
# the sum falls just below a tie of float32, by less than float64 can see: two roundings would go up
@example(1 + 2.0**-23, 1 + 2.0**-23, 2.0**24 + 2)
@example(2.0**-12 + 2.0**-35, 2.0**-12 - 2.0**-35, 1.0)
@example(2.0**-12 + 2.0**-35, 2.0**-12 + 2.0**-35, 1.0)
@example(-(2.0**-12) - 2.0**-35, 2.0**-12 - 2.0**-35, 1.0)
def test_one_rounding(a: float, b: float, c: float) -> None:
    found = fused(xp, np.asarray([a], dtype=np.float32), np.asarray([b], dtype=np.float32), c)
    assert Fraction(float(found[0])) == rounded(Fraction(a) * Fraction(b) + Fraction(c))


def test_two_roundings_would_differ() -> None:
    a, b, c = np.float32(2.0**-12 + 2.0**-35), np.float32(2.0**-12 - 2.0**-35), 1.0
    plain = np.float32(np.float64(a) * np.float64(b) + c)
    exact = rounded(Fraction(float(a)) * Fraction(float(b)) + 1)
    assert Fraction(float(fused(xp, np.asarray([a]), np.asarray([b]), c)[0])) == exact
    assert plain == 1  # 1 + 2**-24 - 2**-70: a tie in float64, to even; the exact sum lies below it as well
    up = np.float32(1 + 2.0**-23)
    found = fused(xp, np.asarray([a]), np.asarray([b]), float(up))
    assert found[0] == up  # just below the tie above `up`, which is odd: two roundings give the even one further up
    assert np.float32(np.float64(a) * np.float64(b) + np.float64(up)) == np.float32(1 + 2.0**-22)


def test_arrays_broadcast() -> None:
    a = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert fused(xp, a, np.float32([2, 3, 4]), a).tolist() == (a * np.float32([2, 3, 4]) + a).tolist()


@pytest.mark.parametrize(("significand", "exponent", "wanted"), [
    (1.0, -126, 2.0**-126), (1.0, -127, 0.0), (1.75, -127, 0.0), (-1.0, -127, 0.0), (0.75, -126, 0.0),
    (1.0, 127, 2.0**127), (0.75, 128, 0.75 * 2.0**128), (1.0, 128, np.inf), (1.0, -999, 0.0), (-1.5, 3, -12.0),
])  # fmt: skip
def test_scaled_by_power(significand: float, exponent: float, wanted: float) -> None:
    with np.errstate(over="ignore"):
        assert scaled_by_power(xp, np.float32([significand]), np.float32([exponent])).tolist() == [wanted]
