"""Named classes of scores: what random numbers alone would not meet."""

from collections.abc import Callable

import numpy as np

from rtl.bench.topk import Keys

Maker = Callable[[np.random.Generator, int, int], Keys]


def softmax_codes(rng: np.random.Generator, n: int, width: int) -> Keys:
    """Probabilities of a softmax over normal logits, as fixed-point codes: most of them near 0."""
    weight = np.exp(rng.normal(scale=2.0, size=n))
    codes: Keys = np.minimum(np.rint(weight / weight.sum() * (1 << width)), (1 << width) - 1).astype(np.int64)
    return codes


def sparse(rng: np.random.Generator, n: int, width: int) -> Keys:
    """One value in eight is not 0."""
    return rng.integers(1, 1 << width, size=n) * (rng.random(n) < 0.125)


def near(rng: np.random.Generator, n: int, width: int) -> Keys:
    """Codes that differ in the lowest bits only."""
    return rng.integers(1 << width) & ~3 | rng.integers(0, 4, size=n)


SCORES: dict[str, Maker] = {
    "uniform": lambda rng, n, width: rng.integers(0, 1 << width, size=n),
    "extreme": lambda rng, n, width: rng.choice(
        [0, (1 << width) - 1, 1 << (width - 1), (1 << (width - 1)) - 1], size=n
    ),
    "two values": lambda rng, n, width: rng.choice(rng.integers(0, 1 << width, size=2), size=n),
    "all equal": lambda rng, n, width: np.full(n, rng.integers(1 << width)),
    "ascending": lambda rng, n, width: np.sort(rng.integers(0, 1 << width, size=n)),
    "descending": lambda rng, n, width: np.sort(rng.integers(0, 1 << width, size=n))[::-1].copy(),
    "sparse": sparse,
    "near": near,
    "softmax": softmax_codes,
    "distinct": lambda rng, n, width: (
        rng.permutation(1 << width)[:n] if n <= 1 << width else rng.integers(0, 1 << width, size=n)
    ),
}
"""Classes by name: (generator, n, width) -> n unsigned codes of `width` bits."""
