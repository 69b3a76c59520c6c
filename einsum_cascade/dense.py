"""Dense references in float64, a few lines of NumPy each.

They share no code with the interpreter: they know softmax, decays and index sets, not Einsums. Each takes the tensors,
the value of every rank and parameter, and a Boolean mask of shape (M, P), True where query p sees key m, or None for
all of them. A query without any key gives 0.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from einsum_cascade.constants import Value

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Tensors = Mapping[str, Array]
Sizes = Mapping[str, Value]
Reference = Callable[[Tensors, Sizes, Mask | None], dict[str, Array]]


def _attend(score: Array, value: Array, mask: Mask | None = None) -> Array:
    """Softmax of `score` (..., m, p) over m, applied to `value` (..., f, m): (..., f, p)."""
    seen = score if mask is None else np.where(mask, score, -np.inf)
    top = seen.max(axis=-2, keepdims=True)
    weight = np.exp(seen - np.where(np.isfinite(top), top, 0))
    total = weight.sum(axis=-2, keepdims=True)
    result: Array = value @ (weight / np.where(total > 0, total, 1))
    return result


def _transposed(array: Array) -> Array:
    return array.swapaxes(-1, -2)


def _columns(array: Array, count: int) -> Array:
    """Cut the last axis to `count`, or fill it up with zeros."""
    missing = max(0, count - array.shape[-1])
    return np.pad(array, [(0, 0)] * (array.ndim - 1) + [(0, missing)])[..., :count]


def softmax(t: Tensors, sizes: Sizes, mask: Mask | None) -> dict[str, Array]:
    """Softmax attention: Q (E, P), K (E, M), V (F, M) -> AV (F, P).

    >>> q, k, v = np.ones((1, 2)), np.zeros((1, 3)), np.array([[1.0, 2.0, 6.0]])
    >>> softmax({"Q": q, "K": k, "V": v}, {}, None)["AV"]
    array([[3., 3.]])
    """
    return {"AV": _attend(t["K"].T @ t["Q"], t["V"], mask)}


def mha(t: Tensors, sizes: Sizes, mask: Mask | None) -> dict[str, Array]:
    """Multi-head attention, Vaswani et al. (2017) equation 1: X (B, D, P), Y (B, D, M) and weights -> Z (B, G, P)."""
    q, k, v = (t[w] @ t[x][:, None] for w, x in (("WQ", "X"), ("WK", "Y"), ("WV", "Y")))
    heads = _attend(_transposed(k) @ q / np.sqrt(q.shape[-2]), v, mask)
    return {"Z": (_transposed(t["WO"]) @ heads).sum(axis=1)}


def gqa(t: Tensors, sizes: Sizes, mask: Mask | None) -> dict[str, Array]:
    """Grouped queries: Q (HK, R, E, P), K (HK, E, M), V (HK, F, M) -> AV (HK, R, F, P)."""
    return {"AV": _attend(_transposed(t["K"])[:, None] @ t["Q"], t["V"][:, None], mask)}


def mqa(t: Tensors, sizes: Sizes, mask: Mask | None) -> dict[str, Array]:
    """Multi-query: Q (H, E, P), K (E, M), V (F, M) -> AV (H, F, P)."""
    return {"AV": _attend(t["K"].T @ t["Q"], t["V"], mask)}


def mla(t: Tensors, sizes: Sizes, mask: Mask | None) -> dict[str, Array]:
    """Latent attention in its expanded form, keys and values projected up from the latent C (L, M) -> Z (G, P)."""
    keys, values = t["WUK"] @ t["C"], t["WUV"] @ t["C"]
    score = _transposed(keys) @ t["Q"] + t["KR"].T @ t["QR"]
    return {"Z": (_transposed(t["WO"]) @ _attend(score, values, mask)).sum(axis=0)}


def linear(t: Tensors, sizes: Sizes, mask: Mask | None) -> dict[str, Array]:
    """Linear attention with the feature map elu(x) + 1, quadratic form -> AV (F, P); (F, M) with the mask m <= p."""
    q, k = (np.where(x > 0, x + 1, np.exp(np.minimum(x, 0))) for x in (t["Q"], t["K"]))
    weight = k.T @ q if mask is None else np.where(mask, k.T @ q, 0)
    return {"AV": t["V"] @ (weight / weight.sum(axis=0))}


def per_token(inner: Reference) -> Reference:
    """Return `inner` for a cascade with one query a token: Q (E, P) cut or filled to M columns, zeros where P < M.

    >>> q, kv = np.ones((1, 1)), np.ones((1, 2))
    >>> per_token(softmax)({"Q": q, "K": kv, "V": kv}, {}, np.array([[True]]))["AV"]
    array([[1., 0.]])
    """

    def outer(t: Tensors, sizes: Sizes, mask: Mask | None) -> dict[str, Array]:
        tokens = t["K"].shape[-1]
        return {name: _columns(value, tokens) for name, value in inner(t, sizes, mask).items()}

    return outer


def retention(t: Tensors, sizes: Sizes, mask: Mask | None) -> dict[str, Array]:
    """Retention with the decay LAM, quadratic form: Q (E, P), K (E, M), V (F, M) -> O (F, P)."""
    score = t["K"].T @ t["Q"]
    m, p = np.indices(score.shape)
    decay = np.where(m <= p, float(sizes["LAM"]) ** np.abs(p - m), 0)
    return {"O": t["V"] @ (score * decay)}


def aaren(t: Tensors, sizes: Sizes, mask: Mask | None) -> dict[str, Array]:
    """Softmax attention of the queries Q (E, P) to every prefix of K (E, M), V (F, M) -> AV (F, M, P)."""
    score = t["K"].T @ t["Q"]
    prefixes = [_attend(score[:n], t["V"][:, :n]) for n in range(1, len(score) + 1)]
    return {"AV": np.stack(prefixes, axis=1)}


def agent(t: Tensors, sizes: Sizes, mask: Mask | None) -> dict[str, Array]:
    """Agent attention: keys to A pooled agents, agents to queries, and a convolution of V -> O (F, P)."""
    q, k, v, kernel = t["Q"], t["K"], t["V"], t["WC"]
    agents, group = t["B1"].shape[0], int(sizes["R"])
    pooled = _columns(q, agents * group).reshape(len(q), agents, group).mean(axis=2)
    root, queries, taps = np.sqrt(len(q)), q.shape[1], kernel.shape[1]
    values = _attend(k.T @ pooled / root + t["B1"].T, v)
    padded = _columns(np.pad(v, [(0, 0), (1, 0)]), queries + taps)
    convolved = sum(kernel[:, u, None] * padded[:, u : u + queries] for u in range(taps))
    return {"O": _attend(pooled.T @ q / root + t["B2"].T, values) + convolved}


def spatten(t: Tensors, sizes: Sizes, mask: Mask | None) -> dict[str, Array]:
    """SpAtten's layer: keep the J most important tokens, sum the T best values -> AV (H, F, P), IMN (M), HIM (H)."""
    kept = np.sort(np.argsort(-t["IMP"], kind="stable")[: int(sizes["J"])])
    keys, values = t["K"][:, :, kept], t["V"][:, :, kept]
    score = _transposed(keys) @ t["Q"] / np.sqrt(keys.shape[1])
    weight = np.exp(score - score.max(axis=1, keepdims=True))
    weight /= weight.sum(axis=1, keepdims=True)
    best = np.argsort(-weight, axis=1, kind="stable")[:, : int(sizes["T"])]
    chosen = np.zeros_like(weight)
    np.put_along_axis(chosen, best, 1, axis=1)
    output = values @ (weight * chosen)
    importance = t["IMP"].copy()
    importance[kept] += weight.sum(axis=(0, 2))
    return {"AV": output, "IMN": importance, "HIM": np.abs(output).sum(axis=(1, 2))}


def mnnfast(t: Tensors, sizes: Sizes, mask: Mask | None) -> dict[str, Array]:
    """Softmax attention without the values whose undivided weight is below TH -> AV (F, P)."""
    weight = np.exp(t["K"].T @ t["Q"])
    return {"AV": t["V"] @ np.where(weight >= float(sizes["TH"]), weight, 0) / weight.sum(axis=0)}


def linear_layers(t: Tensors, sizes: Sizes, mask: Mask | None) -> dict[str, Array]:
    """The linear layers around attention, rows of X (N, D) and AVC (N, A): Q, K, V (N, A), FO (N, D)."""
    projected = {name: t["X"] @ t["W" + name] for name in "QKV"}
    return {**projected, "FO": t["AVC"] @ t["WO"] @ t["W1"] @ t["W2"]}


REFERENCES: dict[str, Reference] = {
    "softmax": softmax,
    "mha": mha,
    "gqa": gqa,
    "mqa": mqa,
    "mla": mla,
    "linear": linear,
    "linear_recurrent": per_token(linear),
    "retention": per_token(retention),
    "aaren": aaren,
    "agent": agent,
    "spatten": spatten,
    "mnnfast": mnnfast,
    "linear_layers": linear_layers,
}
