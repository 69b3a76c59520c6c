"""Divisors: of one number, and the largest ones below a limit, for many numbers at once."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from archsim.value import Value

__all__ = ["divisors", "largest_divisor"]


@lru_cache(maxsize=4096)
def _divisors(number: int) -> NDArray[np.int64]:
    small = np.arange(1, int(number**0.5) + 1)
    small = small[number % small == 0]
    return np.unique(np.concatenate([small, number // small]))


def divisors(number: int) -> NDArray[np.int64]:
    """Return the divisors of a positive integer, ascending.

    >>> divisors(12).tolist()
    [1, 2, 3, 4, 6, 12]
    """
    return _divisors(number)


TABLE = 2**16
"""Divisors of numbers up to this one are looked up in one table; those of larger ones are found number by number."""


@lru_cache(maxsize=2)
def _table(size: int) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """The divisors of 1 to `size`, ascending, one number after the other, and where those of each number begin."""
    divisor = np.arange(1, size + 1)
    times = size // divisor
    each = np.repeat(divisor, times)
    nth = np.arange(len(each)) - np.repeat(np.cumsum(times) - times, times) + 1
    number = each * nth
    begins = np.concatenate([[0, 0], np.cumsum(np.bincount(number, minlength=size + 1)[1:])])
    return each[np.argsort(number, kind="stable")].astype(np.float64), begins.astype(np.int32)


def _looked_up(wholes: NDArray[np.float64], limits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Search among the divisors of every number at once, by bisection."""
    table, begins = _table(1 << int(np.ceil(np.log2(wholes.max()))))
    number = wholes.astype(np.int64)
    low = begins.take(number)
    left = begins.take(number + 1) - low  # divisors that may still be the one
    for _ in range(int(left.max()).bit_length()):
        half = left >> 1
        middle = low + half
        fits = table.take(middle) <= limits
        low = np.where(fits, middle, low)
        left = np.where(fits, left - half, np.maximum(half, 1))
    return table.take(low)


def largest_divisor(whole: Value, limit: Value) -> Value:
    """Return the largest divisor of `whole` that is not above `limit`, at least 1; element by element.

    >>> largest_divisor(256, 251)
    128
    >>> largest_divisor(np.array([256.0, 90.0]), np.array([251.0, 44.0]))
    array([128.,  30.])
    """
    if not isinstance(whole, np.ndarray) and not isinstance(limit, np.ndarray):
        found = divisors(int(whole))
        return int(found[max(0, int(np.searchsorted(found, limit, side="right")) - 1)])
    if not isinstance(whole, np.ndarray):
        found = divisors(int(whole))
        at = np.maximum(np.searchsorted(found, limit, side="right") - 1, 0)
        return np.asarray(found[at], dtype=np.float64)
    wholes, limits = np.broadcast_arrays(np.asarray(whole, float), np.asarray(limit, float))
    result: NDArray[np.float64] = np.clip(limits, 1, wholes)  # itself, where everything fits
    open_ = np.flatnonzero(limits < wholes)
    small = open_[wholes[open_] <= TABLE]
    if small.size:
        result[small] = _looked_up(wholes[small], limits[small])
    for k in open_[wholes[open_] > TABLE]:
        found = divisors(int(wholes[k]))
        result[k] = found[max(0, np.searchsorted(found, limits[k], side="right") - 1)]
    return result
