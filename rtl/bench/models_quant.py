"""Model of quant_decision: whether a row is sent back, and in which cycle the answer is offered."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["LATENCY", "decide", "offers"]

LATENCY = 3
"""Cycles from the last beat taken to the answer offered: groups of lanes | the beat | the row."""


def decide(probabilities: ArrayLike, threshold: int, again: bool) -> tuple[bool, int]:
    """Say whether the low bits are fetched, and give the largest probability (0 in an empty row).

    >>> decide([3, 7], threshold=8, again=False), decide([3, 7], threshold=8, again=True)
    ((True, 7), (False, 7))
    """
    largest = int(np.max(probabilities, initial=0))
    return largest < threshold and not again, largest


def offers(taken: Sequence[int], last: Sequence[bool], accepted: Sequence[int]) -> list[int]:
    """Give the cycle in which each answer is offered: `LATENCY` after the row's last beat, if no answer waits.

    Parameters
    ----------
    taken
        Cycle in which each beat was taken.
    last
        Whether it was its row's last one.
    accepted
        Cycle in which each answer was taken.

    Examples
    --------
    >>> offers([0, 1, 2], [True, False, True], [3, 5])
    [3, 5]
    >>> offers([0, 1, 2], [True, False, True], [9, 10])
    [3, 10]
    """
    found: list[int] = []
    free = -1  # the cycle in which the beat before leaves the second stage
    for cycle, ends in zip(taken, last, strict=True):
        free = max(cycle + 1, free) + 1
        if ends:
            if found:
                free = max(free, accepted[len(found) - 1])
            found.append(free + 1)
    return found
