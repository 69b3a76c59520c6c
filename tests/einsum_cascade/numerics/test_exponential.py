"""Exponential units: coefficients, every step against exact fractions, the error beside its bound."""

import math
from fractions import Fraction

import array_api_compat.numpy as xp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einsum_cascade import SpecError
from einsum_cascade.numerics.exponential import (
    COEFFICIENTS,
    EXACT,
    LOG2E,
    Exponential,
    bits,
    bound,
    coefficients,
    exponential,
    measured_error,
)
from einsum_cascade.numerics.fitting import approximation_error, fit

UNITS = ("poly3", "poly4", "poly5", "poly6", "poly7", "taylor5", "table64", "table256")


def rounded(value: Fraction) -> Fraction:
    """Round to 24 significant bits, ties to even, in exact arithmetic."""
    if not value:
        return value
    exponent = 0
    while abs(value) >= Fraction(2) ** (exponent + 1):
        exponent += 1
    while abs(value) < Fraction(2) ** exponent:
        exponent -= 1
    ulp = Fraction(2) ** (exponent - 23)
    return round(value / ulp) * ulp  # Python rounds halves to even


def stepped(unit: Exponential, x: float) -> float:
    """Return exp(x) by the stated steps, in fractions."""
    t = rounded(Fraction(x) * Fraction(LOG2E))
    n = round(t)
    f = t - n
    if unit.kind == "table":
        u = rounded(f + Fraction(1, 2)) * unit.size
        j = min(math.floor(u), unit.size - 1)
        low, high = (Fraction(float(np.float32(2.0 ** ((j + k) / unit.size - 0.5)))) for k in (0, 1))
        p = rounded(rounded(high - low) * (u - j) + low)
    else:
        c = [Fraction(c) for c in coefficients(unit.size)]
        if unit.kind == "taylor":
            c = [Fraction(float(np.float32(math.log(2) ** k / math.factorial(k)))) for k in range(unit.size + 1)]
        p = c[-1]
        for constant in reversed(c[:-1]):
            p = rounded(p * f + constant)
    result = p * Fraction(2) ** n
    return 0.0 if result < Fraction(1, 2**126) else math.inf if result >= Fraction(2) ** 128 else float(result)


@pytest.mark.parametrize("degree", COEFFICIENTS)
def test_coefficients_are_those_of_the_fit(degree: int) -> None:
    assert coefficients(degree) == tuple(float(np.float32(c)) for c in fit(degree))
    assert coefficients(degree)[0] == 1  # exp(0) is exactly 1
    assert bits(coefficients(degree))[0] == 0x3F800000
    free, anchored = approximation_error(fit(degree, anchored=False)), approximation_error(fit(degree))
    assert free <= anchored < 1.36 * free
    # Chebyshev's estimate of the least error of degree d
    least = math.log(2) ** (degree + 1) / (math.factorial(degree + 1) * 2 ** (2 * degree + 1))
    assert free == pytest.approx(least, rel=0.06)


def test_log2e() -> None:
    assert float(np.float32(math.log2(math.e))) == LOG2E and bits((LOG2E,)) == (0x3FB8AA3B,)


@pytest.mark.parametrize("name", UNITS)
def test_every_bit(name: str) -> None:
    unit, rng = exponential(name), np.random.default_rng(1)
    x = np.concatenate([-rng.exponential(5, 150), rng.normal(size=100) * 40, [0, -87.33, -87.34, 88.72, 88.73, 1e-30]])
    x = x.astype(np.float32)
    assert np.asarray(unit(xp, x)).tolist() == [stepped(unit, float(v)) for v in x]


@given(st.floats(-100, 100, width=32), st.sampled_from(UNITS))
def test_every_bit_anywhere(x: float, name: str) -> None:
    unit = exponential(name)
    assert float(unit(xp, np.asarray([x], dtype=np.float32))[0]) == stepped(unit, x)


@pytest.mark.parametrize("name", UNITS)
@pytest.mark.parametrize("largest", [1.0, 20.0, 80.0])
def test_error_is_within_its_bound(name: str, largest: float) -> None:
    unit = exponential(name)
    measured, limit = measured_error(unit, largest, 200_001), bound(unit, largest)
    assert limit / 4 < measured <= limit  # a bound that says something


def test_errors_of_the_units() -> None:
    errors = {name: measured_error(exponential(name)) for name in UNITS}
    assert errors == pytest.approx({
        "poly3": 1.02e-4, "poly4": 3.8e-6, "poly5": 1.07e-6, "poly6": 9.7e-7, "poly7": 9.7e-7, "taylor5": 3.7e-6,
        "table64": 1.57e-5, "table256": 1.9e-6}, rel=0.02)  # fmt: skip


def test_edges() -> None:
    for name in UNITS:
        x = np.asarray([0, -0.0, -math.inf, math.inf, math.nan, -1e30, 1e30], dtype=np.float32)
        found = np.asarray(exponential(name)(xp, x)).tolist()
        assert found[:4] == [1, 1, 0, math.inf] and math.isnan(found[4]) and found[5:] == [0, math.inf]


def test_shape_and_type() -> None:
    x = np.full((2, 3, 1), -1.0)
    found = exponential("poly7")(xp, x)
    assert found.shape == (2, 3, 1) and found.dtype == np.float64
    assert np.asarray(found) == pytest.approx(math.exp(-1), rel=1e-6)
    assert np.asarray(EXACT(xp, x)) == pytest.approx(math.exp(-1), rel=1e-15)


def test_multiply_accumulates() -> None:
    assert {name: exponential(name).macs for name in ("exact", "poly5", "taylor5", "table64")} == {
        "exact": 0, "poly5": 6, "taylor5": 6, "table64": 2}  # fmt: skip
    assert all(exponential(name).name == name for name in ("exact", *UNITS))


@pytest.mark.parametrize("name", ["poly", "poly2", "poly8", "exact5", "taylor1", "table48", "table2048", "ploy5", ""])
def test_unknown_unit(name: str) -> None:
    with pytest.raises(SpecError, match=f"there is no exponential unit {name}"):
        exponential(name)


def test_hint() -> None:
    with pytest.raises(SpecError, match="did you mean poly5"):
        exponential("ploy5")


def test_torch_gives_the_same_bits() -> None:
    torch = pytest.importorskip("torch")
    import array_api_compat.torch

    x = np.concatenate([-np.random.default_rng(2).exponential(5, 300_000), [0, 89, -89, np.nan]]).astype(np.float32)
    for name in ("poly5", "taylor5", "table64"):
        found = exponential(name)(array_api_compat.torch, torch.asarray(x))
        np.testing.assert_array_equal(np.asarray(found), np.asarray(exponential(name)(xp, x)))
