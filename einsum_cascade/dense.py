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


def _softmax(score: Array) -> Array:
    """Probabilities over the axis before the last."""
    weight = np.exp(score - score.max(axis=-2, keepdims=True))
    result: Array = weight / weight.sum(axis=-2, keepdims=True)
    return result


def _largest(values: Array, count: int) -> NDArray[np.int64]:
    """The coordinates of the `count` largest values, the first of equals, in ascending order."""
    return np.sort(np.argsort(-values, kind="stable")[:count])


def _local_values(weight: Array, count: int) -> Array:
    """Zero out all but the `count` largest weights over the axis before the last."""
    best = np.argsort(-weight, axis=-2, kind="stable")[..., :count, :]
    chosen = np.zeros_like(weight)
    np.put_along_axis(chosen, best, 1, axis=-2)
    return weight * chosen


def spatten(t: Tensors, sizes: Sizes, mask: Mask | None) -> dict[str, Array]:
    """SpAtten's layer: keep the J most important tokens, sum the T best values -> AV (H, F, P), IMN (M), HIM (H)."""
    kept = _largest(t["IMP"], int(sizes["J"]))
    keys, values = t["K"][:, :, kept], t["V"][:, :, kept]
    weight = _softmax(_transposed(keys) @ t["Q"] / np.sqrt(keys.shape[1]))
    output = values @ _local_values(weight, int(sizes["T"]))
    importance = t["IMP"].copy()
    importance[kept] += weight.sum(axis=(0, 2))
    return {"AV": output, "IMN": importance, "HIM": np.abs(output).sum(axis=(1, 2))}


def spatten_live(t: Tensors, sizes: Sizes, mask: Mask | None) -> dict[str, Array]:
    """SpAtten's layer on live tokens and heads, keys K + KL where the best probability by K is below TAU, else K alone.

    -> AV (H, F, P), IMN (M), HIM (H).
    """
    root, low = np.sqrt(t["Q"].shape[1]), _transposed(t["KL"]) @ t["Q"]
    high = _transposed(t["K"]) @ t["Q"]
    first, second = _softmax(high / root), _softmax((high + low) / root)
    weight = np.where(first.max(axis=1, keepdims=True) < float(sizes["TAU"]), second, first)
    output = t["V"] @ _local_values(weight, int(sizes["T"]))
    return {"AV": output, "IMN": t["IMP"] + weight.sum(axis=(0, 2)), "HIM": np.abs(output).sum(axis=(1, 2))}


def spatten_progressive(t: Tensors, sizes: Sizes, mask: Mask | None) -> dict[str, Array]:
    """SpAtten's layer on HL of H heads, keys KH + KL where the best probability by KH is below TAU, else KH alone."""
    tokens, heads = _largest(t["IMP"], int(sizes["J"])), _largest(t["HIMP"], int(sizes["HL"]))
    queries, root = t["Q"][heads], np.sqrt(t["Q"].shape[1])
    high, low = (_transposed(t[k][heads][:, :, tokens]) for k in ("KH", "KL"))
    first, second = _softmax(high @ queries / root), _softmax((high + low) @ queries / root)
    weight = np.where(first.max(axis=1, keepdims=True) < float(sizes["TAU"]), second, first)
    kept = t["V"][heads][:, :, tokens] @ _local_values(weight, int(sizes["T"]))
    importance, of_heads = t["IMP"].copy(), t["HIMP"].copy()
    importance[tokens] += weight.sum(axis=(0, 2))
    of_heads[heads] += np.abs(kept).sum(axis=(1, 2))
    return {"AV": kept, "IMN": importance, "HIMN": of_heads}


def mnnfast(t: Tensors, sizes: Sizes, mask: Mask | None) -> dict[str, Array]:
    """Softmax attention without the values whose probability is below TH -> AV (F, P)."""
    weight = np.exp(t["K"].T @ t["Q"])
    share = weight / weight.sum(axis=0)
    return {"AV": t["V"] @ np.where(share >= float(sizes["TH"]), share, 0)}


def mnnfast_running(t: Tensors, sizes: Sizes, mask: Mask | None) -> dict[str, Array]:
    """As `mnnfast`, a weight compared with TH times the sum of all weights up to the end of its chunk of M0 keys."""
    weight = np.exp(t["K"].T @ t["Q"])
    last = (np.arange(len(weight)) // int(sizes["M0"]) + 1) * int(sizes["M0"]) - 1
    so_far = np.cumsum(weight, axis=0)[np.minimum(last, len(weight) - 1)]
    kept = np.where(weight >= float(sizes["TH"]) * so_far, weight, 0)
    return {"AV": t["V"] @ kept / weight.sum(axis=0)}


def a3(t: Tensors, sizes: Sizes, mask: Mask | None) -> dict[str, Array]:
    """A3's greedy search, query by query: STEPS pops of each queue, candidates, keys of a weight of TH or more."""
    queries, keys, values = t["Q"], t["K"], t["V"]
    order = np.argsort(keys, axis=1, kind="stable")
    columns, count = np.arange(len(keys)), keys.shape[1]
    result = np.zeros((len(values), queries.shape[1]))
    for p, q in enumerate(queries.T):
        greedy, pointer = np.zeros(count), np.zeros((2, len(q)), dtype=int)  # of the max-queue and the min-queue
        for _ in range(int(sizes["STEPS"])):
            for queue, sign in enumerate((1, -1)):
                at = np.where(sign * q >= 0, count - 1 - pointer[queue], pointer[queue])
                product = q * keys[columns, order[columns, at % count]]
                product[pointer[queue] >= count] = -sign * np.inf
                best = int(np.argmax(sign * product))
                if sign < 0 and greedy.sum() <= 0:
                    continue
                if sign * product[best] > 0:
                    greedy[order[best, at[best]]] += product[best]
                pointer[queue, best] += 1
        score = np.where(greedy > 0, keys.T @ q, -np.inf)
        if (greedy > 0).any():
            weight = np.exp(score - score.max())
            weight[weight < float(sizes["TH"])] = 0
            result[:, p] = values @ weight / weight.sum()
    return {"AV": result}


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
    "spatten_live": spatten_live,
    "spatten_progressive": spatten_progressive,
    "mnnfast": mnnfast,
    "mnnfast_running": mnnfast_running,
    "a3": a3,
    "linear_layers": linear_layers,
}
