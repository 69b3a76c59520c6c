"""Independent dense references of the cascades in appendix/: a few lines of NumPy each, inputs and sizes -> outputs."""

from collections.abc import Callable, Mapping

import numpy as np

Arrays = dict[str, np.ndarray]
Sizes = Mapping[str, int | float]


def softmax(s: np.ndarray, axis: int = 0, mask: np.ndarray | bool = True) -> np.ndarray:
    """Softmax over the points where `mask` holds; zeros where nothing does."""
    s = np.where(mask, s, -np.inf)
    top = s.max(axis=axis, keepdims=True)
    a = np.where(mask, np.exp(s - np.where(np.isfinite(top), top, 0)), 0)
    total = a.sum(axis=axis, keepdims=True)
    return np.divide(a, total, out=np.zeros_like(a), where=total > 0)


def attend(t: Arrays, mask: np.ndarray | bool = True) -> np.ndarray:
    return t["V"] @ softmax(t["K"].T @ t["Q"], 0, mask)


def elu1(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x + 1, np.exp(np.minimum(x, 0)))


def best(x: np.ndarray, k: int) -> np.ndarray:
    return np.argsort(-x, kind="stable")[:k]


def sliding_window(t: Arrays, n: Sizes) -> Arrays:
    m, p = np.ogrid[: n["P"], : n["P"]]
    return {"AV": attend(t, (p - n["W"] < m) & (m <= p))}


def gqa(t: Arrays, n: Sizes) -> Arrays:
    a = softmax(np.einsum("hrep,hem->hrmp", t["Q"], t["K"]), 2)
    return {"AV": np.einsum("hrmp,hfm->hrfp", a, t["V"])}


def mla_absorbed(t: Arrays, n: Sizes) -> Arrays:
    keys, values = np.einsum("lm,hel->hem", t["C"], t["WUK"]), np.einsum("lm,hfl->hfm", t["C"], t["WUV"])
    s = np.einsum("hep,hem->hmp", t["Q"], keys) + np.einsum("hxp,xm->hmp", t["QR"], t["KR"])
    return {"Z": np.einsum("hmp,hfm,hfg->gp", softmax(s, 1), values, t["WO"])}


def linear(t: Arrays, causal: bool) -> Arrays:
    s = elu1(t["K"]).T @ elu1(t["Q"])
    s = np.triu(s) if causal else s
    return {"AV": t["V"] @ (s / s.sum(0))}


def lightning_chunked(t: Arrays, n: Sizes) -> Arrays:
    m, p = np.ogrid[: n["T"], : n["T"]]
    decay = np.where(m <= p, n["LAM"] ** np.maximum(p - m, 0.0), 0)
    return {"O": t["V"] @ (t["K"].T @ t["Q"] * decay)}


def gla(t: Arrays, n: Sizes) -> Arrays:
    state, out = np.zeros((n["E"], n["F"])), []
    for i in range(n["T"]):
        state = state * t["G"][:, i, None] + np.outer(t["K"][:, i], t["V"][:, i])
        out.append(t["Q"][:, i] @ state)
    return {"O": np.stack(out, 1)}


def mamba2_ssd_recurrent(t: Arrays, n: Sizes) -> Arrays:
    state, out = np.zeros((n["H"], n["N"], n["F"])), []
    for i in range(n["T"]):
        fed = np.einsum("h,n,hf->hnf", t["DT"][:, i], t["B"][:, i], t["X"][:, :, i])
        state = state * np.exp(t["DT"][:, i] * t["A"])[:, None, None] + fed
        out.append(np.einsum("n,hnf->hf", t["C"][:, i], state) + t["DSK"][:, None] * t["X"][:, :, i])
    return {"Y": np.stack(out, 2)}


def delta_chunked(t: Arrays, n: Sizes) -> Arrays:
    state, out = np.zeros((n["E"], n["F"])), []
    for i in range(n["T"]):
        k = t["K"][:, i]
        state = state + np.outer(k, t["BT"][i] * (t["V"][:, i] - k @ state))
        out.append(t["Q"][:, i] @ state)
    return {"O": np.stack(out, 1)}


def titans_lmm_linear(t: Arrays, n: Sizes) -> Arrays:
    memory = surprise = np.zeros((n["F"], n["E"]))
    out = []
    for i in range(n["T"]):
        k = t["K"][:, i]
        gradient = 2 * np.outer(memory @ k - t["V"][:, i], k)
        surprise = t["ETA"][i] * surprise - t["TH"][i] * gradient
        memory = (1 - t["AL"][i]) * memory + surprise
        out.append(memory @ t["Q"][:, i])
    return {"Y": np.stack(out, 1)}


def aaren_recurrent(t: Arrays, n: Sizes) -> Arrays:
    s = t["Q"] @ t["K"]
    return {"AV": np.stack([t["V"][:, : i + 1] @ softmax(s[: i + 1]) for i in range(n["M"])], 1)}


def landmark_decode(t: Arrays, n: Sizes) -> Arrays:
    keys, values = (t[x].reshape(-1, n["B"], n["LB"]) for x in ("K", "V"))
    s = np.einsum("e,ebi->bi", t["Q"], keys)
    chosen = np.sort(best(s[:, -1], n["T"]))
    inner = softmax(s[chosen, :-1], 1)
    return {"AV": np.einsum("t,ti,fti->f", softmax(s[chosen, -1]), inner, values[:, chosen, :-1])}


def spatten_layer(t: Arrays, n: Sizes) -> Arrays:
    kept = np.sort(best(t["IMP"], n["J"]))
    s = np.einsum("hep,hej->hjp", t["Q"], t["K"][:, :, kept])
    a = softmax(s / np.sqrt(n["E"]), 1)
    values = np.zeros((n["H"], n["F"], n["P"]))
    for h, p in np.ndindex(n["H"], n["P"]):
        local = best(a[h, :, p], n["T"])
        values[h, :, p] = t["V"][h][:, kept[local]] @ a[h, local, p]
    importance = t["IMP"].copy()
    importance[kept] += a.sum((0, 2))
    return {"AV": values, "IMN": importance, "HIM": np.abs(values).sum((1, 2))}


def mnnfast_zero_skip(t: Arrays, n: Sizes) -> Arrays:
    s = np.exp(t["K"].T @ t["Q"])
    return {"AV": t["V"] @ np.where(s >= n["TH"], s, 0) / s.sum(0)}


def routing_transformer(t: Arrays, n: Sizes) -> Arrays:
    near_q = t["MU"].T @ (t["Q"] / np.linalg.norm(t["Q"], axis=0))
    near_k = t["MU"].T @ (t["K"] / np.linalg.norm(t["K"], axis=0))
    total, count = np.zeros((n["F"], n["P"])), np.zeros(n["P"])
    for c in range(n["C"]):
        q, k = best(near_q[c], n["I"]), best(near_k[c], n["J"])
        total[:, q] += attend({"Q": t["Q"][:, q], "K": t["K"][:, k], "V": t["V"][:, k]})
        count[q] += 1
    return {"O": np.divide(total, count, out=np.zeros_like(total), where=count > 0)}


def moh(t: Arrays, n: Sizes) -> Arrays:
    routed, shared = softmax(t["WR"] @ t["X"]), softmax(t["WS"] @ t["X"])
    balance = 2 * softmax(t["WA"] @ t["X"])
    gates = np.zeros((n["H"], n["P"]))
    for p in range(n["P"]):
        chosen = best(routed[:, p], n["T"])
        gates[: n["HS"], p] = balance[0, p] * n["HS"] * shared[:, p]
        gates[n["HS"] + chosen, p] = balance[1, p] * n["T"] * routed[chosen, p] / routed[chosen, p].sum()
    a = softmax(np.einsum("hep,hem->hmp", t["Q"], t["K"]) / np.sqrt(n["E"]), 1)
    return {"Z": np.einsum("hp,hmp,hfm,hfd->dp", gates, a, t["V"], t["WO"])}


def agent_attention(t: Arrays, n: Sizes) -> Arrays:
    agents, root = t["Q"].reshape(n["E"], n["A"], n["R"]).mean(2), np.sqrt(n["E"])
    values = t["V"] @ softmax(t["K"].T @ agents / root + t["B1"].T)
    padded = np.pad(t["V"], ((0, 0), (1, n["P"] + 1 - n["M"])))
    conv = sum(t["WC"][:, u, None] * padded[:, u : u + n["P"]] for u in range(3))
    mixed = values @ softmax(agents.T @ t["Q"] / root + t["B2"].T)
    return {"O": mixed + conv}


def rat(t: Arrays, n: Sizes) -> Arrays:
    keys, values = np.zeros_like(t["K"]), np.zeros_like(t["V"])
    for i in range(n["I"]):
        for state, x, g in ((keys, t["K"], t["GK"]), (values, t["V"], t["GV"])):
            before = state[:, :, i - 1] if i else 0
            state[:, :, i] = g[:, :, i] * before + (1 - g[:, :, i]) * x[:, :, i]
    out = np.zeros_like(t["V"])
    for c, i in np.ndindex(n["C"], n["I"]):
        k = np.concatenate([keys[:, :c, -1], keys[:, c, i, None]], 1)
        v = np.concatenate([values[:, :c, -1], values[:, c, i, None]], 1)
        out[:, c, i] = t["Z"][:, c, i] * (v @ softmax(t["Q"][:, c, i] @ k / np.sqrt(n["E"])))
    return {"O": out}


REFERENCES: dict[str, Callable[[Arrays, Sizes], Arrays]] = {
    **dict.fromkeys(("stable_3pass", "flash2_1pass", "local_2pass", "rabe_staats"), lambda t, n: {"AV": attend(t)}),
    "linear_noncausal": lambda t, n: linear(t, causal=False),
    "linear_causal_recurrent": lambda t, n: linear(t, causal=True),
    **{f.__name__: f for f in (
        sliding_window, gqa, mla_absorbed, lightning_chunked, gla, mamba2_ssd_recurrent, delta_chunked,
        titans_lmm_linear, aaren_recurrent, landmark_decode, spatten_layer, mnnfast_zero_skip, routing_transformer, moh,
        agent_attention, rat,
    )},
}  # fmt: skip
