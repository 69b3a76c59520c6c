"""Top-k engines run on keys, round by round: what they keep, and how many cycles it takes (Monte Carlo of `laws`)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Selection", "quick_select", "quick_select_sizes", "radix_select"]


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What an engine did to each of several rows of keys.

    `cycles`, `rounds` : ndarray, shape (rows,), of the selection after the keys are loaded.
    `kept` : ndarray of bool, shape (rows, n): exactly min(k, n) a row, ties in the order of the input.
    """

    cycles: NDArray[np.int64]
    rounds: NDArray[np.int64]
    kept: NDArray[np.bool_]


def quick_select(
    keys: ArrayLike, k: int, *, lanes: int = 16, overhead: int = 3, pivots: int = 1, seed: int = 0
) -> Selection:
    """Select the k largest keys of every row with random pivots (SpAtten, HPCA'21, Algorithm 3 and Figure 9).

    A round compares the live keys with a pivot, `lanes` a cycle, and costs ceil(live / lanes) + overhead cycles. As
    printed the algorithm finds the (k+1)-th largest key and is undefined for k = n; here it is the k-th.

    Parameters
    ----------
    keys : array_like, shape (rows, n) or (n,)
    k : kept keys a row; more than n keeps all, and 0 or all of them takes no selection
    pivots : 1, or 3 for the median of three keys drawn with replacement

    >>> found = quick_select([5, 1, 4, 1, 3], 2, lanes=2)
    >>> found.kept.astype(int)
    array([[1, 0, 1, 0, 0]])
    """
    values = np.atleast_2d(np.asarray(keys))
    rows, n = values.shape
    cycles, rounds = np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=np.int64)
    if k <= 0 or k >= n:
        return Selection(cycles=cycles, rounds=rounds, kept=np.full((rows, n), k > 0))
    random = np.random.default_rng(seed)
    live = np.ones((rows, n), dtype=bool)
    wanted = np.full(rows, k - 1)  # keys of the live ones that stand above the k-th largest
    theta = values[:, 0].copy()
    going = np.arange(rows)
    while len(going):
        alive, part = live[going], values[going]
        size = alive.sum(axis=1)
        cycles[going] += -(-size // lanes) + overhead
        rounds[going] += 1
        pivot = np.median([_draw(part, alive, size, random) for _ in range(pivots)], axis=0).astype(part.dtype)
        above, equal = alive & (part > pivot[:, None]), alive & (part == pivot[:, None])
        more, same, t = above.sum(axis=1), equal.sum(axis=1), wanted[going]
        right, left = more > t, more + same <= t
        live[going] = np.where(right[:, None], above, alive & ~above & ~equal)
        wanted[going] = np.where(left, t - more - same, t)
        theta[going] = pivot
        going = going[right | left]
    above = values > theta[:, None]
    equal = values == theta[:, None]
    spare = k - above.sum(axis=1)
    return Selection(cycles=cycles, rounds=rounds, kept=above | (equal & (np.cumsum(equal, axis=1) <= spare[:, None])))


def _draw(
    keys: NDArray[np.generic], alive: NDArray[np.bool_], size: NDArray[np.int64], random: np.random.Generator
) -> NDArray[np.generic]:
    """One live key of each row, all equally likely."""
    which = (random.random(len(size)) * size).astype(np.int64)
    at = np.argmax(np.cumsum(alive, axis=1) > which[:, None], axis=1)
    return np.take_along_axis(keys, at[:, None], axis=1)[:, 0]


def quick_select_sizes(
    n: int, k: int, *, lanes: int = 16, overhead: int = 3, pivots: int = 1, runs: int = 10_000, seed: int = 0
) -> NDArray[np.int64]:
    """Return the cycles of many selections of k among n distinct keys, shape (runs,): only sizes are simulated.

    For distinct keys the rank of the pivot among the live keys is all that matters, so that the cycles depend on no
    data. k is not limited to n: k = n+1 looks for a key that is not there, as the published latency model does with
    its target n (its target counts from 0, so target = k-1 throughout).

    >>> int(quick_select_sizes(16, 8, runs=3)[0]) >= 4
    True
    """
    random = np.random.default_rng(seed)
    size, wanted = np.full(runs, n), np.full(runs, k - 1)
    cycles = np.zeros(runs, dtype=np.int64)
    while (going := size > 0).any():
        cycles[going] += -(-size[going] // lanes) + overhead
        draws = (random.random((pivots, runs)) * size).astype(np.int64)
        above = np.median(draws, axis=0).astype(np.int64)  # keys larger than the pivot
        right, left = above > wanted, above < wanted
        size = np.where(going, np.where(right, above, np.where(left, size - above - 1, 0)), 0)
        wanted = np.where(left, wanted - above - 1, wanted)
    return cycles


def radix_select(
    codes: ArrayLike, k: int, *, bits: int, digit: int = 4, lanes: int = 16, overhead: int = 3, compact: bool = False
) -> Selection:
    """Select the k largest codes of every row by histograms of `digit` bits, most significant first.

    The first histogram is made while the codes are loaded, so that only later passes cost cycles here. A pass reads
    all n codes, or with `compact` those that agree with the k-th largest so far, and then it stops where one is left.

    Parameters
    ----------
    codes : array_like of int, shape (rows, n) or (n,), 0 <= code < 2**bits

    >>> radix_select([5, 1, 4, 1, 3], 2, bits=3, digit=1, lanes=1).cycles  # two passes of 5 + 3 cycles
    array([16])
    """
    values = np.atleast_2d(np.asarray(codes, dtype=np.int64))
    rows, n = values.shape
    cycles, rounds = np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=np.int64)
    if k <= 0 or k >= n:
        return Selection(cycles=cycles, rounds=rounds, kept=np.full((rows, n), k > 0))
    live, kept = np.ones((rows, n), dtype=bool), np.zeros((rows, n), dtype=bool)
    wanted = np.full(rows, k)
    going = np.ones(rows, dtype=bool)
    passes = -(-bits // digit)
    for step in range(passes):
        if step:
            cycles += np.where(going, -(-(live.sum(axis=1) if compact else n) // lanes) + overhead, 0)
        rounds += going
        shift = max(0, bits - (step + 1) * digit)
        part = np.where(live, (values >> shift) & ((1 << digit) - 1), -1)
        histogram = np.stack([(part == d).sum(axis=1) for d in range(1 << digit)], axis=1)
        at_least = np.cumsum(histogram[:, ::-1], axis=1)[:, ::-1]  # live codes of digit d or more
        chosen = np.argmax(at_least < wanted[:, None], axis=1)
        chosen = np.where((at_least < wanted[:, None]).any(axis=1), chosen, 1 << digit) - 1
        kept |= part > chosen[:, None]
        wanted -= (part > chosen[:, None]).sum(axis=1)
        live = part == chosen[:, None]
        if compact:
            going &= live.sum(axis=1) > 1
    kept |= live & (np.cumsum(live, axis=1) <= wanted[:, None])
    return Selection(cycles=cycles, rounds=rounds, kept=kept)
