"""Attention scores: a synthetic model of logits, and the statistics of attention maps, synthetic or given.

Where no trained model is at hand, logits = sigma N + tau N_column + locality: independent noise makes rows peaked,
noise that a column shares makes tokens important.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from archsim.value import Array

__all__ = [
    "SIGMA",
    "TAU",
    "attention_map",
    "important_mass",
    "logits",
    "mass_of_top",
    "refetched_fraction",
    "statistics",
    "zero_skip",
]

SIGMA, TAU = 2.0, 1.0
"""Deviations that give rows as peaked, and importance as skewed, as those of small trained encoders."""


def logits(
    heads: int, queries: int, keys: int, *, sigma: float = SIGMA, tau: float = 0.0, locality: float = 0.0, seed: int = 0
) -> Array:
    """Return synthetic logits, shape (heads, queries, keys).

    Parameters
    ----------
    sigma : deviation of the noise of every (query, key)
    tau : deviation of the noise of every key, the same for all queries and heads
    locality : what a token of distance d loses is locality * log(1 + d); queries are the last of the keys

    >>> logits(2, 3, 4, seed=1).shape
    (2, 3, 4)
    """
    random = np.random.default_rng(seed)
    distance = np.abs(np.arange(queries)[:, None] + keys - queries - np.arange(keys))
    noise, column = random.normal(size=(heads, queries, keys)), random.normal(size=keys)
    result: Array = sigma * noise + tau * column - locality * np.log1p(distance)
    return result


def attention_map(scores: Array, causal: bool = False) -> Array:
    """Return the softmax of logits over their last axis; `causal` hides later keys.

    >>> attention_map(np.zeros((1, 2, 2)), causal=True)
    array([[[1. , 0. ], [0.5, 0.5]]])
    """
    if causal:
        queries, keys = scores.shape[-2:]
        scores = np.where(np.tri(queries, keys, keys - queries, dtype=bool), scores, -np.inf)
    weight = np.exp(scores - scores.max(axis=-1, keepdims=True))
    result: Array = weight / weight.sum(axis=-1, keepdims=True)
    return result


def mass_of_top(maps: Array, fraction: float) -> float:
    """Return the mean probability mass of the largest `fraction` of a row's keys (at least one).

    >>> mass_of_top(np.array([[0.7, 0.1, 0.1, 0.1]]), 0.25)
    0.7
    """
    count = max(1, round(maps.shape[-1] * fraction))
    largest: Array = np.sort(maps, axis=-1)[..., -count:]
    return float(largest.sum(axis=-1).mean())


def important_mass(maps: Array, fraction: float) -> float:
    """Return the share of all probability that the most important `fraction` of the keys receives.

    The importance of a key is its sum over all heads and queries. Shape of maps: (..., P, M).

    >>> important_mass(np.array([[[0.7, 0.3], [0.9, 0.1]]]), 0.5)
    0.8
    """
    importance = np.sort(maps.reshape(-1, maps.shape[-1]).sum(axis=0))
    count = max(1, round(maps.shape[-1] * fraction))
    return float(importance[-count:].sum() / importance.sum())


def statistics(maps: Array) -> dict[str, float]:
    """Return how peaked the rows of attention maps are, shape (..., P, M), and how skewed the importance of keys is.

    `median_max` the median of the rows' largest probabilities, `below_0.1`, `below_0.05` the fractions of rows whose
    largest probability is below, `effective_tokens` the mean of exp(entropy), `row_10` .. the mass of a row's top 10,
    25, 50%, `importance_10` .. that of the most important keys.

    >>> round(statistics(attention_map(logits(8, 128, 128)))["median_max"], 1)
    0.2
    """
    largest = maps.max(axis=-1)
    entropy = -(maps * np.log(np.where(maps > 0, maps, 1))).sum(axis=-1)
    return {
        "median_max": float(np.median(largest)),
        "below_0.1": refetched_fraction(maps, 0.1),
        "below_0.05": refetched_fraction(maps, 0.05),
        "effective_tokens": float(np.exp(entropy).mean()),
        **{f"row_{p}": mass_of_top(maps, p / 100) for p in (10, 25, 50)},
        **{f"importance_{p}": important_mass(maps, p / 100) for p in (10, 25, 50)},
    }


def refetched_fraction(maps: Array, threshold: float) -> float:
    """Return the fraction of rows that fetch the low bits of the keys: largest probability below the threshold.

    None does where 1 / threshold keys or fewer are live, for the largest of n probabilities is 1/n or more.

    >>> refetched_fraction(np.full((3, 8), 1 / 8), 0.1), refetched_fraction(np.full((3, 16), 1 / 16), 0.1)
    (0.0, 1.0)
    """
    return float((maps.max(axis=-1) < threshold).mean())


def zero_skip(maps: Array, threshold: float, chunk: int | None = None) -> Mapping[str, float]:
    """Return what zero-skipping keeps of attention maps: `rows`, the fraction of the values, and their `mass`.

    Parameters
    ----------
    threshold : a value is skipped where its probability is below
    chunk : None: the final probability is tested; else the weight relative to the sum up to the end of its chunk of
        keys (MNNFast, ISCA'19, in one pass), which keeps those and more

    >>> dict(zero_skip(np.array([[0.5, 0.3, 0.15, 0.05]]), 0.2))
    {'rows': 0.5, 'mass': 0.8}
    """
    kept = kept_values(maps, threshold, chunk)
    return {"rows": float(kept.mean()), "mass": float(np.where(kept, maps, 0).sum(axis=-1).mean())}


def kept_values(maps: Array, threshold: float, chunk: int | None = None) -> NDArray[np.bool_]:
    """Return which values pass the test of `zero_skip`, shape of the maps.

    >>> kept_values(np.array([[0.2, 0.8]]), 0.5, chunk=1)
    array([[ True,  True]])
    """
    if chunk is None:
        final: NDArray[np.bool_] = maps >= threshold
        return final
    keys = maps.shape[-1]
    last = np.minimum((np.arange(keys) // chunk + 1) * chunk, keys) - 1
    result: NDArray[np.bool_] = maps >= threshold * np.cumsum(maps, axis=-1)[..., last]
    return result
