"""One multiply-accumulate of float32 with one rounding, bit for bit, on NumPy and torch."""

from types import ModuleType

from einsum_cascade.interpret.backend import Array

__all__ = ["BLOCK", "fused", "scaled_by_power"]

BLOCK = 1 << 18
"""Elements taken at a time, so that the float64 intermediates of a unit stay in the caches."""

TAIL = (1 << 29) - 1  # the bits of a float64 that a float32 lacks
HALF = 1 << 28  # the tail of a value halfway between two float32


def fused(xp: ModuleType, a: Array, b: Array, c: float | Array) -> Array:
    """Return a*b + c in float32 with a single rounding, to nearest, ties to even: fma(a, b, c).

    The product of two float32 is exact in float64; the sum is rounded there to 53 bits and then to 24. The second
    rounding goes wrong only where the first one has landed exactly on a tie, and there what it lost decides.

    Parameters
    ----------
    a, b : float32, of shapes that broadcast; products and sums in the normal range of float32
    c : float32, or a Python number that float32 holds exactly

    >>> import numpy as np
    >>> one = np.float32(1)
    >>> x, y = np.asarray([one + np.float32(2**-23)]), np.asarray([one + np.float32(2**-22)])
    >>> (fused(np, x, y, -1.0) * np.float32(2**23)).tolist(), ((x * y - one) * np.float32(2**23)).tolist()
    ([3.000000238418579], [3.0])
    """
    product = xp.astype(a, xp.float64) * xp.astype(b, xp.float64)
    other = c if isinstance(c, float | int) else xp.astype(c, xp.float64)
    total = product + other
    ties = (total.view(xp.int64) & TAIL) == HALF
    if bool(xp.any(ties)):
        back = total - product
        lost = (product - (total - back)) + (other - back)
        up = xp.nextafter(total, xp.full_like(total, float("inf")))
        down = xp.nextafter(total, xp.full_like(total, -float("inf")))
        total = xp.where(ties & (lost > 0), up, xp.where(ties & (lost < 0), down, total))
    result: Array = xp.astype(total, xp.float32)
    return result


def scaled_by_power(xp: ModuleType, significand: Array, exponent: Array) -> Array:
    """Return significand * 2**exponent in float32: an addition to the exponent field.

    Results below 2**-126, the least normal number, become 0; those of 2**128 and more infinity.

    Parameters
    ----------
    significand : float32, normal
    exponent : float32 holding whole numbers of magnitude below 1000

    >>> import numpy as np
    >>> scaled_by_power(np, np.float32([1.5, 1.5, 1.5]), np.float32([2, -127, 128])).tolist()
    [6.0, 0.0, inf]
    """
    power = ((xp.astype(exponent, xp.int64) + 1023) << 52).view(xp.float64)
    exact = xp.astype(significand, xp.float64) * power
    inside = xp.where(xp.abs(exact) < 2.0**-126, xp.zeros_like(exact), exact)
    inside = xp.where(xp.abs(exact) >= 2.0**128, exact * float("inf"), inside)
    result: Array = xp.astype(inside, xp.float32)
    return result
