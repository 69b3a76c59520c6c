"""Ties: a row of probabilities as integers of few bits holds equal keys, and they end the search of a quick-select."""

from functools import cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

__all__ = ["classes_of_codes", "mean_over_classes", "row_codes"]

Reals = NDArray[np.float64]


@cache
def _quantiles(n: int) -> Reals:
    normal = NormalDist()
    return np.array([normal.inv_cdf((i + 0.5) / n) for i in range(n)])


def row_codes(n: int, bits: int, spread: float) -> NDArray[np.int64]:
    """Return the integers of `bits` bits that hold a typical row of n attention probabilities, ascending, shape (n,).

    The scores of the row are the n quantiles of a normal distribution of deviation `spread` (`archsim.prune.scores`:
    what differs within a row); their softmax is rounded, 1 being the largest code.

    >>> row_codes(5, 4, 2.0).tolist()
    [0, 0, 1, 2, 11]
    """
    scores = _quantiles(n) * spread
    weights = np.exp(scores - scores[-1])
    codes: NDArray[np.int64] = np.rint(weights / weights.sum() * (2**bits - 1)).astype(np.int64)
    return codes


@cache
def classes_of_codes(n: int, bits: int, spread: float) -> Reals:
    """Return how many keys of such a row are equal, class by class, the largest key first.

    >>> classes_of_codes(5, 4, 2.0).tolist()
    [1.0, 1.0, 1.0, 2.0]
    """
    counts = np.unique(row_codes(n, bits, spread), return_counts=True)[1]
    return counts[::-1].astype(np.float64)


def mean_over_classes(counts: Reals, kept: int, lanes: float, overhead: float) -> float:
    """Return the mean cycles of quick-select for keys of which `counts` are equal: exact over random pivots.

    Pivots are the keys in a random order, those that are dead passed over. The live keys are always neighbouring
    classes around that of the wanted key, S keys in all. They are visited if, of the two classes beside them (a and b
    keys), each has a key in that order before all of theirs: a/(a+S+b) b/(S+b) + b/(a+S+b) a/(a+S), or a/(a+S) where
    there is one class beside them. A round over S keys costs ceil(S / lanes) + overhead.

    Parameters
    ----------
    counts : shape (classes,), the class of the largest keys first
    kept : how many are selected; 0 or all take no selection

    >>> mean_over_classes(np.ones(1024), 512, 16, 3) < 259  # distinct keys: `laws.quick_select`
    True
    """
    total = float(counts.sum())
    if kept <= 0 or kept >= total:
        return 0.0
    ends = np.concatenate([[0.0], np.cumsum(counts)])
    wanted = int(np.searchsorted(ends, kept - 1, side="right")) - 1
    size = ends[None, wanted + 1 :] - ends[: wanted + 1, None]  # first class down the rows, last one along
    above = np.concatenate([[0.0], counts])[: wanted + 1, None]  # 0: there is none beside them
    below = np.concatenate([counts, [0.0]])[None, wanted + 1 :]
    before_above = np.where(above > 0, above / (above + size), 1.0)
    before_below = np.where(below > 0, below / (below + size), 1.0)
    both = (above * before_below + below * before_above) / (above + size + below)
    visited = np.where((above > 0) & (below > 0), both, before_above * before_below)
    return float((visited * (np.ceil(size / lanes) + overhead)).sum())
