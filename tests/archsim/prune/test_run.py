"""Cascade pruning carried out: nested sets, nothing comes back, and the cascades' references layer by layer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.prune.pruning import pruning
from archsim.prune.run import as_pruning, prune, top
from archsim.prune.scores import refetched_fraction
from einsum_cascade import Cascade, load
from einsum_cascade.dense import softmax
from einsum_cascade.interpret import run

SIZES = {
    "layers": st.integers(1, 5),
    "heads": st.integers(1, 4),
    "count": st.integers(1, 16),
    "seed": st.integers(0, 99),
}


def tensors(layers: int, heads: int, count: int, seed: int, queries: int | None = None) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    shapes = [(layers, heads, queries or count, 5), (layers, heads, count, 5), (layers, heads, count, 3)]
    return [random.normal(size=shape) * 1.5 for shape in shapes]


@settings(max_examples=60, deadline=None)
@given(**SIZES, data=st.data(), causal=st.booleans(), tau=st.sampled_from([0.0, 0.1, 0.3]))
def test_kept_sets_are_nested(
    layers: int, heads: int, count: int, seed: int, data: st.DataObject, causal: bool, tau: float
) -> None:
    keys = data.draw(st.lists(st.integers(1, count), min_size=layers, max_size=layers))
    kept_heads = data.draw(st.lists(st.integers(1, heads), min_size=layers, max_size=layers))
    values = data.draw(st.integers(1, count))
    kept = pruning("any", "drawn", tokens=count, keys=keys, heads=kept_heads, values=values, layer=np.arange(layers))
    query, key, value = tensors(layers, heads, count, seed)
    found = prune(query, key, value, kept, low=np.round(key) - key, tau=tau, causal=causal)
    for before, after, own in zip(found, found[1:], range(1, layers), strict=False):
        assert set(after.tokens) <= set(before.tokens) and set(after.heads) <= set(before.heads)
        assert len(after.tokens) == min(keys[own], len(before.tokens))
        assert (np.diff(after.tokens) > 0).all() and (np.diff(after.heads) > 0).all()
        # Those that stay were more important than those that go.
        gone = sorted(set(before.tokens) - set(after.tokens))
        if gone:
            assert before.token_importance[after.tokens].min() >= before.token_importance[gone].max()
        # Importance only grows, and only that of live tokens.
        grown = after.token_importance - before.token_importance
        assert (grown >= 0).all() and not np.delete(grown, after.tokens).any()
    for x in found:
        live = len(x.tokens)
        assert x.values.shape[-1] == min(values, live) and x.probabilities.sum() == pytest.approx(len(x.heads) * live)
        if tau and live <= 1 / tau and not causal:
            assert not x.refetched.any()
    counted = as_pruning("run", "drawn", found, 5, kept)
    assert (np.diff(counted.keys) <= 0).all() and (np.diff(counted.heads) <= 0).all()
    assert (counted.values <= counted.keys).all() and counted.elements_ratio() >= 1


def test_nothing_pruned_is_attention() -> None:
    query, key, value = tensors(3, 2, 7, 0)
    for layer, x in enumerate(prune(query, key, value, pruning("dense", "made up", tokens=[7, 7, 7], heads=2))):
        for h in range(2):
            given_ = {"Q": query[layer, h].T / np.sqrt(5), "K": key[layer, h].T, "V": value[layer, h].T}
            assert np.allclose(x.output[h].T, softmax(given_, {}, None)["AV"], rtol=1e-12)


def test_causal_is_masked_attention() -> None:
    query, key, value = tensors(1, 1, 6, 1, queries=4)
    (found,) = prune(query, key, value, pruning("dense", "made up", tokens=[6]), causal=True)
    assert (found.probabilities[0][np.arange(6) > np.arange(4)[:, None] + 2] == 0).all()
    assert np.allclose(found.probabilities.sum(axis=-1), 1)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), tau=st.sampled_from([0.0, 0.25, 0.4]))
def test_a_layer_is_the_cascade(seed: int, tau: float) -> None:
    """Layer by layer the same kept sets, outputs and importance as the cascade with progressive quantization."""
    query, key, value = tensors(3, 3, 9, seed, queries=4)
    high = np.round(2 * key) / 2
    kept = pruning("a", "made up", tokens=9, keys=[9, 6, 4], heads=[3, 3, 2], values=[4, 3, 2], layer=[0, 1, 2])
    found = prune(query, high, value, kept, low=key - high, tau=tau)
    cascade = load(Cascade, "spatten_progressive_quantization")
    importance, of_heads = np.zeros(9), np.zeros(3)
    for layer, x in enumerate(found):
        swapped = {
            n: a[layer].swapaxes(1, 2) for n, a in (("Q", query), ("KH", high), ("KL", key - high), ("V", value))
        }
        sizes = {"J": len(x.tokens), "HL": len(x.heads), "T": x.values.shape[-1], "TAU": tau}
        result = run(
            cascade,
            {**swapped, "IMP": importance, "HIMP": of_heads},
            sizes=sizes,
            keep=("IX", "IH", "IV"),
            presence=False,
        )
        assert np.array_equal(result["IX"], x.tokens) and np.array_equal(result["IH"], x.heads)
        assert np.array_equal(np.sort(result["IV"], axis=-1), x.values)
        assert np.allclose(result["AV"], x.output.swapaxes(1, 2), rtol=1e-12)
        importance, of_heads = np.asarray(result["IMN"]), np.asarray(result["HIMN"])
        assert np.allclose(importance, x.token_importance) and np.allclose(of_heads, x.head_importance)


def test_refetched_rows_are_those_with_no_large_probability() -> None:
    query, key, value = tensors(1, 2, 16, 3)
    kept = pruning("dense", "made up", tokens=[16], heads=2)
    (plain,) = prune(query, key, value, kept)
    (found,) = prune(query, key, value, kept, low=0 * key, tau=0.3)
    assert found.refetched.mean() == refetched_fraction(plain.probabilities, 0.3)
    assert 0 < found.refetched.mean() < 1 and np.array_equal(found.probabilities, plain.probabilities)


def test_top_takes_the_first_of_equals() -> None:
    assert top(np.array([[1.0, 1, 1], [0, 1, 1]]), 2).tolist() == [[0, 1], [1, 2]]
    assert top(np.zeros(2), 5).tolist() == [0, 1]
