"""Cascade pruning on tensors, layer by layer: scores -> importance -> kept tokens and heads -> next layer."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsim.prune.pruning import Pruning, pruning
from archsim.value import Array

__all__ = ["Layer", "as_pruning", "prune", "top"]

Indices = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Layer:
    """What one layer kept and computed.

    `tokens`, `heads` : those that are live in it, ascending, shapes (T,) and (G,).
    `probabilities` : of the live heads, shape (G, P, T), rows are queries; `values`: the live keys whose values each
    row uses, ascending positions within `tokens`, shape (G, P, K); `output`: shape (G, P, F).
    `refetched` : rows that were scored a second time, with the low bits of the keys, shape (G, P).
    `token_importance`, `head_importance` : the sums over all layers so far, of all tokens and heads.
    """

    tokens: Indices
    heads: Indices
    probabilities: Array
    values: Indices
    output: Array
    refetched: NDArray[np.bool_]
    token_importance: Array
    head_importance: Array


def top(scores: Array, count: int) -> Indices:
    """Return the positions of the `count` largest scores along the last axis, ascending; of equals the first.

    >>> top(np.array([0.1, 0.5, 0.5, 0.2]), 2)
    array([1, 2])
    """
    return np.sort(np.argsort(-scores, axis=-1, kind="stable")[..., :count], axis=-1)


def prune(
    queries: Array, keys: Array, values: Array, kept: Pruning, *, low: Array | None = None, tau: float = 0.0,
    causal: bool = False,
) -> list[Layer]:  # fmt: skip
    """Run the attention of several layers with cascade pruning (SpAtten, HPCA'21, Algorithms 1 and 2).

    Parameters
    ----------
    queries, keys, values : the projections of all tokens, shapes (layers, H, P, E), (layers, H, M, E) and
        (layers, H, M, F). Where there are as many queries as keys, a pruned token asks no more.
    kept : one point a layer: live `keys` and `heads` in it, `values` a row; counts above what is there keep all of it.
    low : what the low bits add to the keys; None: the keys are whole
    tau : a row whose largest probability is below it is done again with the low bits
    causal : a query sees no later token; with fewer queries than tokens they are the last ones

    Returns
    -------
    One Layer a layer. Tokens and heads that a layer does not keep are in no later one.
    """
    layers, heads, count, size = keys.shape
    asked = queries.shape[2]
    tokens, live = np.arange(count), np.arange(heads)
    by_token, by_head = np.zeros(count), np.zeros(heads)
    found = []
    for layer in range(layers):
        if layer:  # the first layer has no importance to choose by
            tokens = tokens[top(by_token[tokens], int(kept.keys[layer]))]
            live = live[top(by_head[live], int(kept.heads[layer]))]
        rows = tokens if asked == count else np.arange(asked)
        query, key, value = (x[layer][live] for x in (queries, keys, values))
        query, key, value = query[:, rows], key[:, tokens], value[:, tokens]
        seen = rows[:, None] + (count - asked if asked != count else 0) >= tokens if causal else None
        score = query @ key.swapaxes(1, 2) / np.sqrt(size)
        first = _softmax(score, seen)
        again = first.max(axis=-1) < tau if low is not None else np.zeros(first.shape[:2], dtype=bool)
        if low is not None:
            score = score + query @ low[layer][live][:, tokens].swapaxes(1, 2) / np.sqrt(size)
        weight = np.where(again[..., None], _softmax(score, seen), first)
        by_token = by_token.copy()
        by_token[tokens] += weight.sum(axis=(0, 1))
        chosen = top(weight, max(1, int(kept.values[layer])))
        output = _only(weight, chosen) @ value  # not divided again by what is left: Algorithm 2
        by_head = by_head.copy()
        by_head[live] += np.abs(output).sum(axis=(1, 2))
        found.append(
            Layer(
                tokens=tokens, heads=live, probabilities=weight, values=chosen, output=output, refetched=again,
                token_importance=by_token, head_importance=by_head,
            )
        )  # fmt: skip
    return found


def _softmax(score: Array, seen: NDArray[np.bool_] | None) -> Array:
    """Probabilities over the last axis; a row that sees nothing has none."""
    shown = score if seen is None else np.where(seen, score, -np.inf)
    largest = shown.max(axis=-1, keepdims=True)
    weight = np.exp(shown - np.where(np.isfinite(largest), largest, 0))
    result: Array = weight / np.maximum(weight.sum(axis=-1, keepdims=True), np.finfo(float).tiny)
    return result


def _only(weight: Array, chosen: Indices) -> Array:
    """The weights at the chosen places, zero elsewhere."""
    mask = np.zeros(weight.shape, dtype=bool)
    np.put_along_axis(mask, chosen, True, axis=-1)
    return np.where(mask, weight, 0)


def as_pruning(name: str, source: str, found: list[Layer], head_dim: int, given: Pruning) -> Pruning:
    """Return what a run kept, one point a layer, with the widths of `given` and the rows that fetched low bits.

    >>> tensors = np.ones((2, 1, 4, 3))
    >>> kept = pruning("half", "assumed", tokens=[4, 4], keys=[4, 2], values=[4, 1])
    >>> as_pruning("a", "b", prune(tensors, tensors, tensors, kept), 3, kept).values
    array([4., 1.])
    """
    return pruning(
        name, source, tokens=float(len(found[0].token_importance)), layer=np.arange(len(found)),
        keys=[len(x.tokens) for x in found], values=[x.values.shape[-1] for x in found],
        heads=[len(x.heads) for x in found], dense_heads=float(len(found[0].head_importance)),
        queries=[x.output.shape[1] for x in found], dense_queries=float(found[0].output.shape[1]), shared=given.shared,
        head_dim=head_dim, key_bits=given.key_bits, value_bits=given.value_bits, low_bits=given.low_bits,
        refetched=[float(x.refetched.mean()) for x in found],
    )  # fmt: skip
