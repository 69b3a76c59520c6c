"""What the arithmetic units compute, bit for bit, in NumPy.

bfloat16 numbers are held as float32 whose low 16 bits are zero. The product of two significands of 24 bits is exact in
float64; the sum is rounded to odd there (53 bits), which makes the second rounding to 24 or 8 bits the only one
(Boldo and Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd", IEEE
Trans. Computers 2008).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "MAC_LATENCY",
    "bf16",
    "bits16",
    "bits32",
    "divide",
    "divide_latency",
    "float16",
    "float32",
    "flush",
    "int_mac",
    "mac",
    "maximum",
    "rounded",
    "up_to_bf16",
]  # fmt: skip

Floats = NDArray[np.float32]
Reals = NDArray[np.float64]
Words = NDArray[np.uint32]

MAC_LATENCY = 4
"""Cycles of `fp_mac`, `fp_add`: operands | align and add | normalise | round."""


def divide_latency(significand: int) -> int:
    """Return the cycles of `fp_div` with a quotient of so many bits."""
    return significand + 4


def float32(words: ArrayLike) -> Floats:
    """Return the float32 numbers of bit patterns."""
    return np.asarray(words, dtype=np.uint32).view(np.float32)


def float16(words: ArrayLike) -> Floats:
    """Return the numbers of bfloat16 bit patterns.

    >>> float16([0x3F80, 0xC000]).tolist()
    [1.0, -2.0]
    """
    return float32(np.asarray(words, dtype=np.uint32) << np.uint32(16))


def bits32(x: ArrayLike) -> Words:
    """Return the bit patterns of float32 numbers, every NaN as 0x7fc00000."""
    x = np.asarray(x, dtype=np.float32)
    return np.where(np.isnan(x), np.uint32(0x7FC00000), x.view(np.uint32))


def bits16(x: ArrayLike) -> Words:
    """Return the bfloat16 bit patterns of numbers that have one."""
    return bits32(x) >> np.uint32(16)


def flush(x: ArrayLike) -> Floats:
    """Return x with subnormal numbers replaced by zero of their sign."""
    x = np.asarray(x, dtype=np.float32)
    return np.where(np.abs(x) < np.finfo(np.float32).tiny, np.copysign(np.float32(0), x), x)


def rounded(x: Reals, significand: int) -> Floats:
    """Return x rounded once to so many bits of significand (24 at most) in the exponent range of float32.

    To nearest, ties to even, with unbounded exponent; then results below 2**-126 become zero and those of 2**128 or
    more infinity.

    >>> rounded(np.array([1 + 2**-8, 2.0**-127]), 8).tolist()
    [1.0, 0.0]
    """
    drop = 53 - significand
    words = np.asarray(x, dtype=np.float64).view(np.uint64)
    one = np.uint64(1)
    odd = (words >> np.uint64(drop)) & one
    up = words + np.uint64((1 << (drop - 1)) - 1) + odd
    near = np.where(np.isfinite(x), (up >> np.uint64(drop) << np.uint64(drop)).view(np.float64), x)
    near = np.where(np.abs(near) < 2.0**-126, np.copysign(0.0, near), near)
    near = np.where(np.abs(near) >= 2.0**128, np.copysign(np.inf, near), near)
    result: Floats = near.astype(np.float32)
    return result


def bf16(x: ArrayLike) -> Floats:
    """Return float32 numbers rounded to bfloat16."""
    return rounded(np.asarray(flush(x), dtype=np.float64), 8)


def up_to_bf16(x: ArrayLike) -> Floats:
    """Return the least bfloat16 number that is not below x, so that x less that is never positive.

    >>> up_to_bf16([1.0, 1.001, -1.001]).tolist()
    [1.0, 1.0078125, -1.0]
    """
    words = bits32(x)
    high = words >> np.uint32(16)
    up = (words >> np.uint32(31) == 0) & (words & np.uint32(0xFFFF) != 0) & ~np.isnan(np.asarray(x, np.float32))
    return float16(high + up.astype(np.uint32))


def _sum_to_odd(a: Reals, c: Reals) -> Reals:
    """Return a + c rounded to odd: the neighbour of the exact sum whose last bit is 1, unless the sum is exact."""
    total = a + c
    back = total - a
    lost = (a - (total - back)) + (c - back)
    even = total.view(np.int64) & 1 == 0
    beyond = np.nextafter(total, np.where(lost > 0, np.inf, -np.inf))
    inexact = np.isfinite(total) & (lost != 0) & even
    result: Reals = np.where(inexact, beyond, total)
    return result


def mac(a: ArrayLike, b: ArrayLike, c: ArrayLike) -> tuple[Floats, Floats]:
    """Return a*b + c as `fp_mac` does: once rounded to float32, and once rounded to bfloat16.

    a, b, c : float32 numbers of shapes that broadcast

    >>> y, y16 = mac([1 + 2**-7], [1 + 2**-7], [0.0])
    >>> y.tolist(), y16.tolist()
    ([1.01568603515625], [1.015625])
    """
    with np.errstate(invalid="ignore", over="ignore"):
        product = flush(a).astype(np.float64) * flush(b).astype(np.float64)
        other = flush(c).astype(np.float64)
        total = _sum_to_odd(product, other)
        return rounded(total, 24), rounded(total, 8)


def maximum(a: ArrayLike, a_valid: ArrayLike, b: ArrayLike, b_valid: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the larger of the valid numbers, and whether there is one, as `fp_max` does."""
    a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
    negative, other = np.signbit(a), np.signbit(b)
    larger = np.where(np.equal(a, b), ~negative | other, a > b)
    larger = np.where(np.isnan(a), True, np.where(np.isnan(b), False, larger))
    take = np.asarray(a_valid, bool) & (~np.asarray(b_valid, bool) | larger)
    return np.where(take, a, b), np.asarray(a_valid, bool) | np.asarray(b_valid, bool)


def divide(a: ArrayLike, b: ArrayLike, significand: int = 8) -> Floats:
    """Return a/b rounded once to so many bits, as `fp_div` does.

    The float64 quotient of two numbers of 24 bits is a tie of a shorter format only if the exact quotient is (the
    distance to the nearest other tie is above 2**-50 of it), so rounding twice is rounding once.

    >>> divide([1.0, 1.0], [3.0, 0.0]).tolist()
    [0.333984375, inf]
    """
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        return rounded(flush(a).astype(np.float64) / flush(b).astype(np.float64), significand)


def int_mac(
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    first: NDArray[np.bool_],
    *,
    width_y: int,
    shift: int,
    width_acc: int = 32,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the accumulators of a run of integer operations, and what `int_mac` makes of them.

    >>> one = np.array([True])
    >>> int_mac(np.array([100]), np.array([24]), one, width_y=8, shift=4)[1].tolist()
    [127]
    """
    products = a * b
    sums = np.empty_like(products)
    acc = 0
    half = 1 << (width_acc - 1)
    for i, (product, fresh) in enumerate(zip(products.tolist(), first.tolist(), strict=True)):
        acc = ((0 if fresh else acc) + product + half) % (2 * half) - half
        sums[i] = acc
    low = sums & ((1 << shift) - 1)
    tie = 1 << (shift - 1)
    up = (low > tie) | ((low == tie) & (sums >> shift & 1 == 1))
    limit = 1 << (width_y - 1)
    return sums, np.clip((sums >> shift) + up, -limit, limit - 1)
