"""The online softmax, bit for bit: running maximum, weights, rescale factor, denominator."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtl.bench.models_exp import exp_unit, exp_unit_latency
from rtl.bench.models_float import MAC_LATENCY, Floats, mac, maximum

__all__ = ["Beat", "online_softmax", "online_softmax_latency"]


def online_softmax_latency(lanes: int, degree: int) -> int:
    """Return the cycles from a beat taken to its result offered: maxima 2, difference, exponential, sums, output.

    >>> online_softmax_latency(4, 5)
    46
    """
    levels = (lanes - 1).bit_length()
    return 2 + MAC_LATENCY + exp_unit_latency(degree) + MAC_LATENCY * (levels + 1) + 1


@dataclass(frozen=True, kw_only=True)
class Beat:
    """Scores of one row.

    Attributes
    ----------
    first, last : whether the row begins or ends here
    visible : bool, shape (lanes,)
    score : float32, shape (lanes,)
    """

    first: bool
    last: bool
    visible: NDArray[np.bool_]
    score: Floats


def online_softmax(beats: Sequence[Beat], degree: int) -> tuple[Floats, Floats, Floats]:
    """Return weights of shape (beats, lanes), factors and denominators of shape (beats,), as the hardware makes them.

    Beat i belongs to row i mod 4 of those on their way.
    """
    lanes = len(beats[0].score)
    weights = np.zeros((len(beats), lanes), np.float32)
    factors, denominators = np.zeros(len(beats), np.float32), np.zeros(len(beats), np.float32)
    tops: list[tuple[Floats, NDArray[np.bool_]]] = [(np.zeros(1, np.float32), np.zeros(1, bool))] * MAC_LATENCY
    sums = np.zeros(MAC_LATENCY, np.float32)
    for i, beat in enumerate(beats):
        row = i % MAC_LATENCY
        value, seen = tops[row]
        begun = seen & (not beat.first)
        after = (value, begun)
        for x, shown in zip(beat.score, beat.visible, strict=True):
            after = maximum(*after, x, shown)
        tops[row] = after
        minus = np.negative(after[0])
        with np.errstate(invalid="ignore"):
            raised = exp_unit(mac(np.append(beat.score, value), 1.0, minus)[0], degree)
        weights[i] = np.where(beat.visible, raised[:-1], np.float32(0))
        factors[i] = raised[-1] if begun[0] else 0
        level = weights[i]
        while len(level) > 1:
            level, _ = mac(level[0::2], 1.0, level[1::2])
        sums[row] = mac(np.float32(0) if beat.first else sums[row], factors[i], level[0])[0]
        denominators[i] = sums[row]
    return weights, factors, denominators
