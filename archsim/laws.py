"""Cycle laws of units: how long an engine takes for its items, as functions of numbers or arrays of points.

A design names a law and states its parameters; nothing else names a unit. `items` arrive, `kept` of them leave. Items
and kept are counts; fractions (means over rows) are rounded up. A law counts the cycles after its items are loaded.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from archsim.selectors import quick_select_sizes
from archsim.ties import classes_of_codes, mean_over_classes
from archsim.value import Array, Value
from einsum_cascade.errors import NOWHERE, Diagnostic, SpecError, did_you_mean

__all__ = [
    "LAWS",
    "RANGES",
    "Law",
    "bitonic_sort",
    "odd_even_sort",
    "quick_select",
    "quick_select_best",
    "quick_select_codes",
    "quick_select_percentile",
    "quick_select_worst",
    "radix_select",
    "stream",
]


@dataclass(frozen=True, kw_only=True)
class Law:
    """A cycle law: `function(items, kept, **parameters)`; `parameters` holds the defaults, in cycles or counts.

    `bound` says what the law gives: "exact" for any data, or the "mean", "percentile", "best" or "worst" of pivots.
    """

    name: str
    function: Callable[..., Value]
    parameters: Mapping[str, float]
    bound: str
    source: str

    def cycles(self, items: Value, kept: Value = 0, parameters: Mapping[str, Value] | None = None) -> Value:
        """Return the cycles for `items` of which `kept` leave, numbers or arrays of shape (n,).

        Raises SpecError at a parameter that the law does not have.

        >>> LAWS["radix_select"].cycles(1024, 512, {"lanes": 16, "bits": 12, "digit": 4})
        134.0
        """
        given = dict(parameters or {})
        if unknown := [n for n in given if n not in self.parameters]:
            message = f"the law {self.name} has no parameter {unknown[0]}"
            raise SpecError(
                [Diagnostic(place=NOWHERE, message=message, hint=did_you_mean(unknown[0], self.parameters))]
            )
        return self.function(items, kept, **{**self.parameters, **given})


def quick_select(items: Value, kept: Value, *, lanes: Value = 16, overhead: Value = 3) -> Value:
    """Return the mean cycles of quick-select for distinct keys: exact over random pivots, whatever the data.

    A round over m live keys costs ceil(m / lanes) + overhead. The live keys are always an interval of ranks around the
    wanted rank t = kept - 1 of n; it is visited if its outer neighbours become pivots before anything in it, which has
    probability 2/((m+1)(m+2)), or 1/(m+1) where it touches one end. Hence the sum over m of three weights, by prefix
    sums in constant time a point. It replaces the estimate 2n(1 + H(k/n)) of visited keys, H in nats. Equal keys only
    end the search earlier. Nothing kept, or everything, takes no selection. Source: SpAtten (HPCA'21), section IV, and
    the 3 cycles a round of its artifact's latency model.

    >>> round(quick_select(1024, 512), 1), quick_select(8, 8)
    (258.2, 0.0)
    """

    def mean(n: NDArray[np.int64], k: NDArray[np.int64], lanes: int, overhead: float) -> Array:
        return np.where((k >= n) | (k <= 0), 0.0, _mean_rounds(n, k - 1, lanes, overhead))

    return _by_engine(mean, items, kept, lanes, overhead)


def _mean_rounds(n: NDArray[np.int64], t: NDArray[np.int64], lanes: int, overhead: float) -> Array:
    """The mean cycles for rank t of n, counted from 0; t = n looks for what is not there."""
    inner, inner_m, ends = _tables(int(max(n.max(initial=1), 1) - 1).bit_length(), lanes, overhead)
    # Inner intervals of m ranks around t: min(m, a, n-1-m) with a the ranks on the shorter side.
    short = np.clip(np.minimum(t, n - 1 - t), 0, None)
    rise, fall, last = np.minimum(short, n - 1), np.maximum(n - 1 - short, 0), n - 1
    visits = inner_m[rise] + short * (inner[fall] - inner[rise])
    visits += np.where(short > 0, last * (inner[last] - inner[fall]) - (inner_m[last] - inner_m[fall]), 0)
    # Intervals that touch the lower end hold t from m = t+1 on, those at the upper end from m = n-t on.
    visits += (ends[last] - ends[np.minimum(t, last)]) + (ends[last] - ends[np.clip(n - t - 1, 0, last)])
    result: Array = np.ceil(n / lanes) + overhead + visits
    return result


@cache
def _tables(doublings: int, lanes: int, overhead: float) -> tuple[Array, Array, Array]:
    """Prefix sums over m = 0, 1, ... of the cycles of a round of m keys times its three kinds of weight."""
    m = np.arange(1, (1 << doublings) + 1, dtype=np.float64)
    cycles = np.ceil(m / lanes) + overhead
    weights = (2 * cycles / ((m + 1) * (m + 2)), 2 * m * cycles / ((m + 1) * (m + 2)), cycles / (m + 1))
    inner, inner_m, ends = (np.concatenate([[0.0], np.cumsum(w)]) for w in weights)
    return inner, inner_m, ends


def quick_select_codes(
    items: Value, kept: Value, *, lanes: Value = 16, overhead: Value = 3, bits: Value = 12, spread: Value = 2
) -> Value:
    """Return the mean cycles of quick-select for probabilities that are stored as integers of `bits` bits.

    Small probabilities become equal keys, which end the search earlier: by how much depends on the data, here on a
    row of scores of deviation `spread` (`ties`). For distinct keys this is `quick_select`.

    >>> round(quick_select_codes(1024, 512), 1), round(quick_select_codes(1024, 512, bits=40), 1)
    (121.4, 258.2)
    """
    return _each_once(_codes, _counts(items), _counts(kept), lanes, overhead, bits, spread)


@cache
def _codes(n: float, k: float, lanes: float, overhead: float, bits: float, spread: float) -> float:
    if k <= 0 or k >= n:
        return 0.0
    return mean_over_classes(classes_of_codes(int(n), int(bits), spread), int(k), lanes, overhead)


def quick_select_percentile(
    items: Value, kept: Value, *, lanes: Value = 16, overhead: Value = 3, percent: float = 99, runs: float = 10_000
) -> Value:
    """Return the cycles that `percent` of the selections do not exceed: Monte Carlo over pivots with a fixed seed.

    >>> quick_select_percentile(1024, 512) > quick_select(1024, 512)
    True
    """
    return _each_once(_percentile, _counts(items), _counts(kept), lanes, overhead, percent, runs)


@cache
def _percentile(n: float, k: float, lanes: float, overhead: float, percent: float, runs: float) -> float:
    if k >= n or k <= 0:
        return 0.0
    found = quick_select_sizes(int(n), int(k), lanes=int(lanes), overhead=int(overhead), runs=int(runs))
    return float(np.percentile(found, percent))


def quick_select_best(items: Value, kept: Value, *, lanes: Value = 16, overhead: Value = 3) -> Value:
    """Return the cycles of quick-select where the first pivot is the wanted key: one round.

    >>> quick_select_best(1024, 512)
    67.0
    """
    return _where_selected(items, kept, lambda n, k: np.ceil(n / lanes) + overhead)


def quick_select_worst(items: Value, kept: Value, *, lanes: Value = 16, overhead: Value = 3) -> Value:
    """Return the cycles of quick-select where every pivot removes only itself: n rounds.

    >>> quick_select_worst(1024, 512)
    36352.0
    """

    def every_size(n: Array, k: Array) -> Array:
        rows, rest = np.floor(n / lanes), np.mod(n, lanes)
        result: Array = lanes * rows * (rows + 1) / 2 + rest * (rows + 1) + overhead * n
        return result

    return _where_selected(items, kept, every_size)


def radix_select(
    items: Value, kept: Value, *, lanes: Value = 16, overhead: Value = 3, bits: Value = 12, digit: Value = 4
) -> Value:
    """Return the cycles of radix selection without compaction: one pass over all items a digit, exact for any data.

    The first histogram is made while the items are loaded; each of the ceil(bits / digit) - 1 others reads all items.

    >>> radix_select(1024, 512)
    134.0
    """
    return _where_selected(items, kept, lambda n, k: (np.ceil(bits / digit) - 1) * (np.ceil(n / lanes) + overhead))


def bitonic_sort(items: Value, kept: Value = 0, *, comparators: Value = 16) -> Value:
    """Return the cycles of Batcher's bitonic network, n/4 log n (log n + 1) exchanges, n rounded up to a power of 2.

    >>> bitonic_sort(1024)
    1760.0
    """

    def exchanges(n: Array) -> Array:
        log = np.ceil(np.log2(n))
        result: Array = np.exp2(log) * log * (log + 1) / 4
        return result

    return _network(items, exchanges, comparators)


def odd_even_sort(items: Value, kept: Value = 0, *, comparators: Value = 16) -> Value:
    """Return the cycles of Batcher's odd-even network, (log^2 n - log n + 4) n/4 - 1 exchanges (Knuth, volume 3).

    >>> odd_even_sort(1024, comparators=64)  # 24,063 exchanges
    376.0
    """

    def exchanges(n: Array) -> Array:
        log = np.ceil(np.log2(n))
        result: Array = np.where(log < 1, 0, (log * log - log + 4) * np.exp2(log) / 4 - 1)
        return result

    return _network(items, exchanges, comparators)


def stream(items: Value, kept: Value = 0, *, lanes: Value = 1, cycles: Value = 1, latency: Value = 0) -> Value:
    """Return the cycles of a pipeline that takes `lanes` items every `cycles` cycles and fills in `latency`.

    >>> stream(100, lanes=8, latency=5)
    18.0
    """
    return _shown(np.ceil(_counts(items) / lanes) * cycles + latency)


Rounds = Callable[[NDArray[np.int64], NDArray[np.int64], int, float], Array]


def _by_engine(law: Rounds, items: Value, kept: Value, lanes: Value, overhead: Value) -> Value:
    """Apply a law whose tables depend on the engine to points: one call for every pair of lanes and overhead."""
    if np.ndim(lanes) == np.ndim(overhead) == 0:
        n, k = np.broadcast_arrays(_counts(items), _counts(kept))
        return _shown(law(n.astype(np.int64), k.astype(np.int64), int(lanes), float(overhead)))
    n, k, width, extra = np.broadcast_arrays(_counts(items), _counts(kept), np.asarray(lanes), np.asarray(overhead))
    result = np.zeros(n.shape)
    for w in np.unique(width):
        for c in np.unique(extra[width == w]):
            here = (width == w) & (extra == c)
            result[here] = law(n[here].astype(np.int64), k[here].astype(np.int64), int(w), float(c))
    return _shown(result)


def _each_once(law: Callable[..., float], *given: Value) -> Value:
    """Apply a law of numbers to points, once for each combination: few of many points differ."""
    own = [np.asarray(v, dtype=np.float64) for v in given]
    points = np.broadcast_arrays(*own)
    which = np.zeros(points[0].shape, dtype=np.int64)  # the number of a point's combination
    for one, everywhere in zip(own, points, strict=True):
        if one.ndim:
            values, at = np.unique(everywhere, return_inverse=True)
            which = which * len(values) + np.reshape(at, which.shape)
    _, first, again = np.unique(which, return_index=True, return_inverse=True)
    different = np.stack([np.ravel(p)[first] for p in points], axis=1)
    found = [law(*row) for row in different.tolist()]
    return _shown(np.array(found, dtype=float)[np.ravel(again)].reshape(which.shape))


def _where_selected(items: Value, kept: Value, cycles: Callable[[Array, Array], Array]) -> Value:
    n, k = _counts(items), _counts(kept)
    return _shown(np.where((k <= 0) | (k >= n), 0.0, cycles(n, k)))


def _network(items: Value, exchanges: Callable[[Array], Array], comparators: Value) -> Value:
    return _shown(np.ceil(exchanges(np.maximum(_counts(items), 1)) / comparators))


def _counts(count: Value) -> Array:
    return np.ceil(np.asarray(count, dtype=np.float64))


def _shown(result: Array) -> Value:
    """A number for one point, an array for several."""
    return float(result) if np.ndim(result) == 0 else result


RANGES: dict[str, tuple[float, float]] = {
    "lanes": (1, np.inf), "comparators": (1, np.inf), "bits": (1, 52), "digit": (1, 52), "percent": (0, 100),
    "runs": (1, 1e7),
}  # fmt: skip
"""Parameter of a law -> its least and its largest value; all others are 0 or more."""

_ENGINE = {"lanes": 16.0, "overhead": 3.0}
_TOPK = "SpAtten (HPCA'21), Algorithm 3; 16 lanes: Table I; 3 cycles a round: its artifact's latency model"
_BATCHER = "Batcher, Sorting networks and their applications (AFIPS 1968)"
LAWS: dict[str, Law] = {
    law.name: law
    for law in (
        Law(name="quick_select", function=quick_select, parameters=_ENGINE, bound="mean", source=_TOPK),
        Law(
            name="quick_select_percentile",
            function=quick_select_percentile,
            parameters={**_ENGINE, "percent": 99.0, "runs": 10_000.0},
            bound="percentile",
            source=_TOPK,
        ),
        Law(
            name="quick_select_codes",
            function=quick_select_codes,
            parameters={**_ENGINE, "bits": 12.0, "spread": 2.0},
            bound="mean",
            source=f"{_TOPK}; 12-bit probabilities: section IV; deviation of the scores: see archsim/prune/scores.py",
        ),
        Law(name="quick_select_best", function=quick_select_best, parameters=_ENGINE, bound="best", source=_TOPK),
        Law(name="quick_select_worst", function=quick_select_worst, parameters=_ENGINE, bound="worst", source=_TOPK),
        Law(
            name="radix_select",
            function=radix_select,
            parameters={**_ENGINE, "bits": 12.0, "digit": 4.0},
            bound="exact",
            source="selection by histograms of digits, most significant first (Knuth, volume 3, 5.2.5)",
        ),
        Law(
            name="bitonic_sort", function=bitonic_sort, parameters={"comparators": 16.0}, bound="exact", source=_BATCHER
        ),
        Law(
            name="odd_even_sort",
            function=odd_even_sort,
            parameters={"comparators": 16.0},
            bound="exact",
            source=_BATCHER,
        ),
        Law(
            name="stream",
            function=stream,
            parameters={"lanes": 1.0, "cycles": 1.0, "latency": 0.0},
            bound="exact",
            source="a pipeline without stalls",
        ),
    )
}
"""Name -> law, for design files."""
