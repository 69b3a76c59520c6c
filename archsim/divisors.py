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

TRIES = 12


@lru_cache(maxsize=2)
def _table(size: int) -> NDArray[np.float64]:
    """All (number, divisor) up to `size`, as sorted number * TABLE * 2 + divisor."""
    divisor = np.arange(1, size + 1)
    times = size // divisor
    each = np.repeat(divisor, times)
    nth = np.arange(len(each)) - np.repeat(np.cumsum(times) - times, times) + 1
    return np.sort((each * nth * (2.0 * TABLE)) + each)


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
    wholes, limits = np.broadcast_arrays(np.asarray(whole, float), np.asarray(limit, float))
    result: NDArray[np.float64] = np.clip(limits, 1, wholes)  # itself, where everything fits
    open_ = np.flatnonzero(limits < wholes)
    # A divisor not above the limit is whole / k with the smallest k >= whole / limit: often one of the first few.
    k = np.ceil(wholes[open_] / np.maximum(limits[open_], 1))
    for _ in range(TRIES):
        quotient = wholes[open_] / k
        hit = quotient == np.floor(quotient)
        result[open_[hit]] = quotient[hit]
        open_, k = open_[~hit], k[~hit] + 1
        if not open_.size:
            return result
    small = open_[wholes[open_] <= TABLE]
    if small.size:
        table = _table(1 << int(np.ceil(np.log2(wholes[small].max()))))
        keys = wholes[small] * (2.0 * TABLE) + np.maximum(np.floor(limits[small]), 1)
        result[small] = table[np.searchsorted(table, keys, side="right") - 1] % (2.0 * TABLE)
    for k in open_[wholes[open_] > TABLE]:
        found = divisors(int(wholes[k]))
        result[k] = found[max(0, np.searchsorted(found, limits[k], side="right") - 1)]
    return result
