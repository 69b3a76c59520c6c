"""Tensors to measure with: Q, K, V of one head, random of a stated kind, or a user's."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archsim.prune.scores import SIGMA, TAU
from einsum_cascade.errors import Diagnostic, Place, SpecError, did_you_mean

__all__ = ["KINDS", "Tensors", "make_tensors", "read_tensors"]

Tensors = dict[str, NDArray[np.float64]]

KINDS = {
    "normal": "Q, K, V standard normal: scores of deviation 1",
    "heavy": "Q, K, V of Student's t with 3 degrees of freedom, deviation 1: outliers, as large models have",
    "trace": "scores of deviation 2, and one of 1 that all queries share: rows as peaked as those of small encoders",
}


def make_tensors(
    kind: str, keys: int, queries: int, head: int = 64, seed: int = 0, scale: float = 1.0,
    shared: NDArray[np.float64] | None = None,
) -> Tensors:  # fmt: skip
    """Return Q (head, queries), K and V (head, keys).

    Q holds the factor 1/sqrt(head), so that scores are Q.K, times `scale`. `shared`, of `keys` standard normal numbers,
    is the noise that all queries of `trace` share, where it is to be that of other heads too.

    Raises SpecError at an unknown kind.

    >>> {n: t.shape for n, t in make_tensors("trace", 32, 4, 8).items()}
    {'Q': (8, 4), 'K': (8, 32), 'V': (8, 32)}
    """
    if kind not in KINDS:
        place = Place(file="--inputs", column=1, length=len(kind), text=kind)
        raise SpecError([Diagnostic(place=place, message=f"there are no inputs {kind}",
                                    expected="one of " + ", ".join(KINDS) + ", or an .npz file with Q, K and V",
                                    hint=did_you_mean(kind, KINDS))])  # fmt: skip
    random = np.random.default_rng(seed)
    shapes = {"Q": (head, queries), "K": (head, keys), "V": (head, keys)}
    if kind == "heavy":
        result = {n: random.standard_t(3, s) / np.sqrt(3) for n, s in shapes.items()}
    else:
        result = {n: random.normal(size=s) for n, s in shapes.items()}
    if kind == "trace":  # the last coordinate of a query is 1: that of the keys adds to the scores of all queries
        result["Q"][:-1] *= SIGMA * np.sqrt(head / (head - 1))
        column = random.normal(size=keys) if shared is None else shared
        result["Q"][-1], result["K"][-1] = np.sqrt(head), TAU * column
    result["Q"] *= scale / np.sqrt(head)
    return result


def read_tensors(given: Mapping[str, NDArray[np.float64]], file: Path, queries: int, scale: float) -> Tensors:
    """Return the tensors of a user: Q (E, P), K (E, M), V (F, M), scores Q.K; of Q the last `queries` columns.

    Raises SpecError: a missing or empty tensor, one with NaN, axes that do not fit.
    """
    wrong = []
    for name in ("Q", "K", "V"):
        if name not in given:
            wrong.append(f"it holds no {name}")
        elif given[name].ndim != 2 or given[name].dtype.kind not in "fiu":
            wrong.append(f"{name} has shape {given[name].shape} and type {given[name].dtype}")
        elif not given[name].size:
            wrong.append(f"{name} is empty: its shape is {given[name].shape}")
        elif np.isnan(given[name]).any():
            wrong.append(f"{name} holds {np.isnan(given[name]).sum()} of {given[name].size} numbers that are NaN")
    if not wrong and (len(given["Q"]) != len(given["K"]) or given["K"].shape[1] != given["V"].shape[1]):
        wrong.append("the axes of " + ", ".join(f"{n} {given[n].shape}" for n in "QKV") + " do not fit")
    if wrong:
        expected = "real arrays Q (E, P), K (E, M), V (F, M) of one head"
        raise SpecError([Diagnostic(place=Place(file=str(file)), message=w, expected=expected) for w in wrong])
    found = {name: np.asarray(given[name], dtype=np.float64) for name in "QKV"}
    return {**found, "Q": found["Q"][:, -queries:] * scale}
