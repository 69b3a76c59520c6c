"""Equalities between cascades that must hold whatever the data: the attention zoo section 4, tier 1."""

import numpy as np
import pytest
from numpy.typing import NDArray

from einsum_cascade import Cascade, load, read_cascades
from einsum_cascade.count import count
from einsum_cascade.interpret import run
from einsum_cascade.macro import VARIANTS
from einsum_cascade.passes import passes

RANDOM = np.random.default_rng(7)
Q, K, V = RANDOM.normal(size=(4, 14)), RANDOM.normal(size=(4, 14)), RANDOM.normal(size=(5, 14))
QKV = {"Q": Q, "K": K, "V": V}

VARIANT_PASSES = {"naive": 2, "lazy": 1, "stable3": 3, "stable2": 2, "local2": 2, "summary": 1, "online1": 1, "fa1": 1}
NAMES = ["1pass", "fa1", "2pass", "block_summaries", "3pass", "2pass_deferred", "lazy", "naive"]
PATTERNS = {
    "full": "",
    "causal": "| m <= p",
    "window": "| p - 4 < m <= p",
    "chunked": "| m//5 == p//5 and m <= p",
    "dilated": "| (p - m) % 3 == 0 and m <= p",
}


def output(name: str | Cascade, tensors: dict[str, NDArray[np.float64]], **sizes: float) -> NDArray[np.float64]:
    """The first output of a cascade."""
    cascade = load(Cascade, name) if isinstance(name, str) else name
    return np.asarray(run(cascade, tensors, sizes=sizes)[cascade.outputs[0]])


def same(a: NDArray[np.float64], b: NDArray[np.float64]) -> None:
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-13)


@pytest.mark.parametrize("window", [1, 4, 14, 20])
@pytest.mark.parametrize("queries", [14, 5, 1])
def test_banded_is_the_masked_window(window: int, queries: int) -> None:
    tensors = {**QKV, "Q": Q[:, -queries:]}
    banded, masked = "sliding_window", "sliding_window_masked"
    same(output(banded, tensors, W=window), output(masked, tensors, W=window))
    sizes = {"M": 14, "P": queries, "E": 4, "F": 5, "W": window}
    a, b = count(load(Cascade, banded), sizes), count(load(Cascade, masked), sizes)
    assert (a.operations, a.macs) == (b.operations, b.macs)


@pytest.mark.parametrize("chunk", [1, 2, 3, 4, 6, 7, 12, 14, 64])
def test_lightning_does_not_depend_on_the_chunk(chunk: int) -> None:
    same(output("lightning_chunked", QKV, I=chunk), output("retention", QKV))


@pytest.mark.parametrize("decay", [0.5, 0.99])
def test_lightning_follows_the_decay(decay: float) -> None:
    same(output("lightning_chunked", QKV, LAM=decay, I=4), output("retention", QKV, LAM=decay))


def test_recurrent_linear_attention_is_the_quadratic_form() -> None:
    same(output("linear_causal", QKV), output("linear_causal_quadratic", QKV))


def test_last_row_of_causal_linear_attention_is_noncausal() -> None:
    same(output("linear_causal", QKV)[:, -1], output("linear_noncausal", QKV)[:, -1])


def test_mnnfast_without_a_threshold_is_full_attention() -> None:
    same(output("mnnfast_zero_skip", QKV, TH=0), output("attention_3pass", QKV))


def test_spatten_that_keeps_everything_is_full_attention() -> None:
    heads = {n: np.stack([x, x[::-1]]) for n, x in QKV.items()} | {"IMP": RANDOM.uniform(size=14)}
    whole = output("spatten_layer", heads, J=14, T=14)
    for h in range(2):
        one = {n: heads[n][h] for n in QKV} | {"Q": heads["Q"][h] / np.sqrt(4)}
        same(whole[h], output("attention_3pass", one))


def test_spatten_keeps_the_most_important_tokens() -> None:
    importance = RANDOM.permutation(14).astype(float)
    tensors = {n: x[None] for n, x in QKV.items()} | {"IMP": importance}
    chosen = run(load(Cascade, "spatten_layer"), tensors, sizes={"J": 6, "T": 3}, keep=("IX",))["IX"]
    assert np.asarray(chosen).tolist() == [m for m in range(14) if importance[m] >= 8]


def test_gqa_of_one_query_per_group_is_attention_per_head() -> None:
    q, k, v = (RANDOM.normal(size=s) for s in ((3, 1, 4, 6), (3, 4, 9), (3, 5, 9)))
    whole = output("gqa", {"Q": q, "K": k, "V": v})
    for h in range(3):
        same(whole[h, 0], output("attention_3pass", {"Q": q[h, 0], "K": k[h], "V": v[h]}))


def test_gqa_of_one_group_is_mqa() -> None:
    q = RANDOM.normal(size=(5, 4, 6))
    same(output("gqa", {"Q": q[None], "K": K[None], "V": V[None]})[0], output("mqa", {"Q": q, "K": K, "V": V}))


def test_aaren_of_the_last_prefix_is_full_attention() -> None:
    prefixes = output("aaren_recurrent", QKV)
    same(prefixes[:, -1], output("attention_3pass", QKV))
    same(np.stack([prefixes[:, m, m] for m in range(14)], axis=1), output("attention_3pass_causal", QKV))


def attend(variant: str, pattern: str) -> Cascade:
    """The macro in one variant under one mask; "gqa" shares K and V among two query heads."""
    group, mask = ("r,", "") if pattern == "gqa" else ("", PATTERNS[pattern])
    text = f"""
cascade: attend
variant: {variant}
params: {{M0: 4}}
inputs: {{Q: [{group.upper()} E, P], K: [E, M], V: [F, M]}}
outputs: [AV]
seq: [m]
einsums: |
  AV[{group}f,p] = ATTEND(m; Q[{group}e,p] * K[e,m], V[f,m]) {mask}
"""
    return read_cascades(text)[0]


@pytest.mark.parametrize("pattern", [*PATTERNS, "gqa"])
def test_eight_variants_agree(pattern: str) -> None:
    tensors = {**QKV, "Q": np.stack([Q, -Q])} if pattern == "gqa" else QKV
    first = output(attend("stable3", pattern), tensors)
    assert np.isfinite(first).all() and first.any()
    for variant in VARIANTS:
        same(output(attend(variant, pattern), tensors), first)


@pytest.mark.parametrize("pattern", [*PATTERNS, "gqa"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_passes_depend_on_the_variant_alone(variant: str, pattern: str) -> None:
    assert passes(attend(variant, pattern)).passes == VARIANT_PASSES[variant]


@pytest.mark.parametrize("name", NAMES)
def test_a_chunk_of_queries_gives_the_rows_of_the_whole(name: str) -> None:
    whole = output(f"attention_{name}_causal", QKV)
    for first, last in ((0, 5), (5, 14), (13, 14)):  # prefill in two chunks; one decoding step
        chunk = {"Q": Q[:, first:last], "K": K[:, :last], "V": V[:, :last]}
        same(output(f"attention_{name}_causal", chunk), whole[:, first:last])


def test_chunked_prefill_and_decode_are_rows_of_the_causal_cascade() -> None:
    whole = output("attention_1pass_causal", QKV)
    same(output("attention_chunked_prefill", {**QKV, "Q": Q[:, 9:]}, M0=4), whole[:, 9:])
    same(output("attention_decode", {**QKV, "Q": Q[:, 13:]}, M0=4), whole[:, 13:])


@pytest.mark.parametrize("name", ["1pass", "fa1", "2pass", "block_summaries"])
@pytest.mark.parametrize("causal", ["", "_causal"])
def test_the_size_of_a_tile_does_not_matter(name: str, causal: str) -> None:
    whole = output(f"attention_3pass{causal}", QKV)
    for tile in (1, 2, 3, 5, 7, 13, 14, 20):
        same(output(f"attention_{name}{causal}", QKV, M0=tile), whole)


def test_the_order_of_the_keys_does_not_matter() -> None:
    order = RANDOM.permutation(14)
    same(output("attention_1pass", {"Q": Q, "K": K[:, order], "V": V[:, order]}, M0=3), output("attention_1pass", QKV))
