"""Bit-accurate models of the kernels of rtl/sparse, and their cycle formulas.

Keys are unsigned integers; scores of a signed engine are compared as two's complement. P is the number of lanes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ROUND_OVERHEAD = 3
"""Cycles of a quick-select round beside reading: compare the last row, decide and draw, read the pivot."""
PASS_OVERHEAD = 2
"""Cycles of a radix-select pass beside reading: count the last row, decide."""

Keys = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What a selection finds.

    Attributes
    ----------
    theta
        The k-th largest key.
    keep_equal
        How many of the keys equal to theta are among the k largest.
    rounds
        Keys read in each round (quick-select: candidates; radix-select: always n, the load included).
    cycles
        Cycles from start_i to done_o.
    """

    theta: int
    keep_equal: int
    rounds: tuple[int, ...]
    cycles: int


def rows(n: int, lanes: int) -> int:
    """Give the number of rows that n elements fill."""
    return -(-n // lanes)


def advance(state: int) -> int:
    """Advance the linear feedback register of quick_select, all 16 bits at once: xorshift 7, 9, 8.

    Source: Marsaglia, Xorshift RNGs (2003).

    >>> advance(0xACE1) != 0xACE1, advance(0)
    (True, 0)
    """
    state ^= state << 7 & 0xFFFF
    state ^= state >> 9
    return state ^ (state << 8 & 0xFFFF)


def quick_select_cycles(sizes: Sequence[int], lanes: int) -> int:
    """Give quick_select's cycles from the number of candidates in each round.

    The summand is that of SpAtten's latency model, ceil(n_r/P) + 3; one more cycle is the first draw.
    """
    return 1 + sum(rows(size, lanes) + ROUND_OVERHEAD for size in sizes)


def quick_select(keys: Keys, k: int, lanes: int, seed: int = 0xACE1) -> Selection:
    """Find the k-th largest key as quick_select.sv does, with the same pivots; 1 <= k <= n.

    Source: SpAtten (HPCA'21), algorithm 3, with the rank counted from 0 and equal keys counted, so that the k-th
    largest is found for every k up to n.
    """
    rank, candidates, state = k - 1, keys, seed
    sizes: list[int] = []
    while True:
        pivot = candidates[state * len(candidates) >> 16]
        state = advance(state)
        sizes.append(len(candidates))
        above = int((candidates > pivot).sum())
        reached = above + int((candidates == pivot).sum())
        if above > rank:
            candidates = candidates[candidates > pivot]
        elif reached > rank:
            return Selection(
                theta=int(pivot),
                keep_equal=rank - above + 1,
                rounds=tuple(sizes),
                cycles=quick_select_cycles(sizes, lanes),
            )
        else:
            rank -= reached
            candidates = candidates[candidates < pivot]


def radix_select_cycles(n: int, lanes: int, digits: int) -> int:
    """Give radix_select's cycles: one decision, then a pass over all rows for each further digit."""
    return 1 + (digits - 1) * (rows(n, lanes) + PASS_OVERHEAD)


def radix_select(keys: Keys, k: int, lanes: int, width: int, digit_bits: int = 4) -> Selection:
    """Find the k-th largest key as radix_select.sv does; 1 <= k <= n."""
    digits, rank, prefix = rows(width, digit_bits), k - 1, 0
    for digit in range(digits):
        shift = (digits - 1 - digit) * digit_bits
        live = keys[keys >> shift + digit_bits == prefix]
        counts = np.bincount(live >> shift & (1 << digit_bits) - 1, minlength=1 << digit_bits)
        above = np.cumsum(counts[::-1])[::-1] - counts
        chosen = int(np.flatnonzero((above <= rank) & (rank < above + counts))[0])
        rank -= int(above[chosen])
        prefix = prefix << digit_bits | chosen
    return Selection(
        theta=prefix,
        keep_equal=rank + 1,
        rounds=(len(keys),) * digits,
        cycles=radix_select_cycles(len(keys), lanes, digits),
    )


def select_all(n: int) -> Selection:
    """Give what topk_engine does where k >= n: nothing is selected, every key passes."""
    return Selection(theta=0, keep_equal=n, rounds=(), cycles=0)


def kept(keys: Keys, theta: int, keep_equal: int) -> NDArray[np.bool_]:
    """Say which keys pass: all above theta and the first `keep_equal` of those equal to it."""
    equal = keys == theta
    passing: NDArray[np.bool_] = (keys > theta) | (equal & (np.cumsum(equal) <= keep_equal))
    return passing


def packed_rows(values: Sequence[int] | Keys, lanes: int) -> list[list[int]]:
    """Cut a packet into rows that are full up to the last; an empty packet is one empty row."""
    listed = [int(value) for value in values]
    return [listed[i : i + lanes] for i in range(0, len(listed), lanes)] or [[]]


def packing_overflows(counts: Sequence[int], lanes: int) -> bool:
    """Say whether the last row of a packet fills a row and leaves a rest, which costs row_packer one more cycle."""
    tail = 0
    for count in counts:
        over = tail + count > lanes
        tail = tail + count - lanes * over
    return over


def engine_cycles(n: int, lanes: int, selection: Selection, mask: NDArray[np.bool_]) -> int:
    """Give topk_engine's cycles from the first beat taken to the last beat offered, without stalls.

    Load, start, selection, filter, and three stages of the filter; one more if its last row fills a row and leaves a
    rest.
    """
    counts = [int(mask[i : i + lanes].sum()) for i in range(0, n, lanes)]
    return 2 * rows(n, lanes) + selection.cycles + 3 + packing_overflows(counts, lanes)


def radix_bound(n: int, lanes: int) -> int:
    """Bound topk_engine's cycles with radix-select at W <= 12 and digits of 4 bits, whatever the scores."""
    return 4 * rows(n, lanes) + 24
