"""Cascades that prune by data: what holds for any data, by running them on drawn tensors."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from einsum_cascade import Cascade, load
from einsum_cascade.count import count
from einsum_cascade.interpret import run
from einsum_cascade.reference import make_inputs

Arrays = dict[str, NDArray[np.float64]]
DATA = {"seed": st.integers(0, 1 << 16), "scale": st.sampled_from([0.3, 1.0, 3.0])}


def drawn(name: str, sizes: Mapping[str, float], seed: int, scale: float) -> tuple[Cascade, Arrays]:
    cascade = load(Cascade, name)
    return cascade, make_inputs(cascade, sizes, seed, scale)


def present(cascade: Cascade, tensors: Arrays, sizes: Mapping[str, float], name: str) -> NDArray[np.bool_]:
    values, mask = run(cascade, tensors, sizes=sizes, keep=(name,), presence=True)[name]
    return np.ones(np.shape(values), dtype=bool) if mask is None else np.asarray(mask)


@settings(max_examples=25, deadline=None)
@given(**DATA, n=st.integers(1, 20), threshold=st.sampled_from([0.0, 0.05, 0.1, 0.5]))
def test_a3_bounds(seed: int, scale: float, n: int, threshold: float) -> None:
    """|C| <= STEPS, for only a pop of the max-queue adds; kept <= 1/(T p_max), for the kept p are at least T p_max."""
    sizes = {"M": 20, "P": 6, "E": 5, "F": 2, "STEPS": n, "TH": max(threshold, 1e-9)}
    cascade, tensors = drawn("a3", sizes, seed, scale)
    candidates = present(cascade, tensors, sizes, "QK").sum(axis=0)
    kept = present(cascade, tensors, sizes, "SN").sum(axis=0)
    assert (candidates <= n).all() and (kept <= candidates).all()
    assert ((kept >= 1) == (candidates >= 1)).all()
    if threshold:
        values = run(cascade, tensors, sizes=sizes, keep=("SN", "SD"))
        with np.errstate(invalid="ignore"):
            largest = (np.asarray(values["SN"]) / np.asarray(values["SD"])).max(axis=0)
        some = kept > 0
        assert (kept[some] <= 1 / (threshold * largest[some]) + 1e-9).all()


@settings(max_examples=25, deadline=None)
@given(**DATA)
def test_a3_scores_are_partial_products(seed: int, scale: float) -> None:
    """Every column popped to the end and never a negative sum: the greedy score is the sum of the popped products."""
    sizes = {"M": 7, "P": 3, "E": 4, "F": 2, "STEPS": 7}
    cascade, tensors = drawn("a3", sizes, seed, scale)
    kept = ("HG", "LG", "HX", "LX", "GS", "HB", "HV", "LV")
    found = {k: np.asarray(v) for k, v in run(cascade, tensors, sizes=sizes, keep=kept).items()}
    products = tensors["Q"][:, None, :] * tensors["K"][:, :, None]  # e, m, p
    # Steps pop the products of all columns in descending order, each at most once.
    for p in range(3):
        ordered = np.sort(products[:, :, p].ravel())[::-1][:7]
        assert np.allclose(found["HG"][:, p], np.maximum(ordered, 0))
        scores = np.zeros(7)
        np.add.at(scores, found["HX"][:, p].astype(int), found["HG"][:, p])
        np.add.at(scores, found["LX"][:, p].astype(int), found["LG"][:, p])
        assert np.allclose(scores, found["GS"][:, p])


def test_a3_work_is_that_of_candidates() -> None:
    """MACs: two products a step, E a candidate, F a kept key; the measured counts are those of the tensors."""
    sizes = {"M": 64, "P": 9, "E": 8, "F": 4, "STEPS": 16}
    cascade, tensors = drawn("a3", sizes, 1, 1.0)
    counted = count(cascade, sizes, tensors)
    candidates = int(present(cascade, tensors, sizes, "QK").sum())
    kept = int(present(cascade, tensors, sizes, "SN").sum())
    points = {e.einsum: e.points for e in counted.einsums}
    assert (points["QK"], points["SN"]) == (8 * candidates, kept)
    assert counted.macs == 8 * candidates + 4 * kept
    assert counted.operations["mul"] == counted.macs + 2 * 16 * 9
    assert kept < candidates < 64 * 9


@settings(max_examples=40, deadline=None)
@given(**DATA, threshold=st.sampled_from([0.0, 0.01, 0.1, 0.3]), tile=st.integers(1, 30))
def test_zero_skip_bounds(seed: int, scale: float, threshold: float, tile: int) -> None:
    """At most 1/TH rows pass the final test; the running test keeps those and more, and the largest sums alike."""
    sizes = {"M": 24, "P": 5, "E": 4, "F": 3, "TH": threshold}
    cascade, tensors = drawn("mnnfast_zero_skip_final", sizes, seed, scale)
    found = run(cascade, tensors, sizes=sizes, keep=("SN", "TD"))
    final = np.asarray(found["SN"]) >= np.asarray(found["TD"])
    if threshold:
        assert (final.sum(axis=0) <= 1 / threshold).all()
    running = load(Cascade, "mnnfast_zero_skip")
    sizes = {**sizes, "M0": tile}
    found = run(running, tensors, sizes=sizes, keep=("SN", "TD"))
    passed = (np.asarray(found["SN"]) >= np.asarray(found["TD"])[:, None]).reshape(-1, 5)[:24]
    assert (passed | ~final).all()
    if tile >= 24:
        assert (passed == final).all()


@settings(max_examples=25, deadline=None)
@given(**DATA, tau=st.sampled_from([0.04, 0.1, 0.3, 1.1]), kept=st.integers(1, 14), heads=st.integers(1, 3))
def test_spatten_bounds(seed: int, scale: float, tau: float, kept: int, heads: int) -> None:
    """No low bits where tokens <= 1/TAU, since the best of n probabilities is 1/n or more; scores once or twice."""
    sizes = {"H": 3, "M": 14, "P": 4, "E": 5, "F": 2, "J": kept, "HL": heads, "TAU": tau, "T": max(1, kept // 2)}
    cascade, tensors = drawn("spatten_progressive_quantization", sizes, seed, scale)
    low = present(cascade, tensors, sizes, "QKL")
    assert (low == low[:, :1]).all()  # whole rows
    if kept <= 1 / tau:
        assert not low.any()
    if tau > 1:
        assert low.all()
    points = {}
    for e in count(cascade, sizes, tensors).einsums:
        points[e.einsum] = points.get(e.einsum, 0) + e.points
    once = heads * kept * 4 * 5
    assert points["QKH"] == once and once <= points["QKH"] + points["QKL"] <= 2 * once
    assert points["QKL"] == 5 * low.sum() and points["A"] == heads * kept * 4
    assert points["AV"] == heads * 4 * sizes["T"] * 2


def test_spatten_without_low_bits_is_the_layer() -> None:
    sizes = {"H": 3, "M": 14, "P": 4, "E": 5, "F": 2, "J": 9, "T": 4}
    layer, tensors = drawn("spatten_layer", sizes, 2, 1.0)
    cascade = load(Cascade, "spatten_progressive_quantization")
    split = {"Q": tensors["Q"], "V": tensors["V"], "IMP": tensors["IMP"], "HIMP": np.zeros(3)}
    for tau, high in ((0.0, tensors["K"]), (2.0, np.round(tensors["K"]))):
        given = {**split, "KH": high, "KL": tensors["K"] - high}
        found = run(cascade, given, sizes={**sizes, "TAU": tau})
        expected = run(layer, tensors, sizes=sizes)
        for name, other in (("AV", "AV"), ("IMN", "IMN"), ("HIMN", "HIM")):
            assert np.allclose(found[name], expected[other], rtol=1e-12)


def test_spatten_keeps_the_most_important_heads_in_their_order() -> None:
    sizes = {"H": 4, "M": 6, "P": 2, "E": 3, "F": 2, "J": 6, "T": 6, "HL": 2, "TAU": 0.0}
    cascade, tensors = drawn("spatten_progressive_quantization", sizes, 4, 1.0)
    tensors["HIMP"] = np.array([1.0, 9, 3, 4])
    found = run(cascade, tensors, sizes=sizes, keep=("IH",))
    assert np.asarray(found["IH"]).tolist() == [1, 3]
    gained = np.asarray(found["HIMN"]) - tensors["HIMP"]
    assert (gained[[1, 3]] > 0).all() and not gained[[0, 2]].any()


@pytest.mark.parametrize(
    ("name", "expected"), [("spatten_layer", 3), ("spatten_progressive_quantization", 6), ("a3", 3)]
)
def test_passes_do_not_depend_on_what_is_kept(name: str, expected: int) -> None:
    from einsum_cascade.passes import passes

    found = passes(load(Cascade, name))
    assert found.passes == expected and not found.sequence_independent


LADDER = {
    "lazy softmax": (["NV[f,p] = SN[m,p] * V[f,m]"], 1, {"SD": 1, "NV": 5}),
    "a threshold on the weight": (["NV[f,p] = SN[m,p] * V[f,m] | SN[m,p] >= 2"], 1, {"SD": 1, "NV": 5}),
    "local values": (
        ["IV[p,t] = SN[m,p] :: argtopk(m, t)", "AT[p,t] = SN[IV[p,t],p]", "NV[f,p] = AT[p,t] * V[f,IV[p,t]]"],
        1, {"SD": 1, "IV": 16},
    ),
    "a threshold on the probability": (
        ["NV[f,p] = SN[m,p] * V[f,m] | SN[m,p] >= SD[p] * 2"], 2, {"SN": 64, "SD": 1, "NV": 5},
    ),
    "token importance": (
        ["A[m,p] = SN[m,p] / SD[p]", "DI[m] = A[m,p]", "NV[f,p] = SN[m,p] * V[f,m]"],
        2, {"SN": 64, "SD": 1, "NV": 5},
    ),
    "low bits for flat rows": (
        ["A[m,p] = SN[m,p] / SD[p]", "MX[p] = A[m,p] :: max(m)", "QL[m,p] = Q[e,p] * L[e,m] | MX[p] < 1",
         "SL[m,p] = exp(QK[m,p] + QL[m,p])", "NV[f,p] = SL[m,p] * V[f,m]"],
        3, {"QK": 64, "SN": 64, "SD": 1, "MX": 1, "NV": 5},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LADDER)
def test_what_each_kind_of_pruning_does_to_the_passes(name: str) -> None:
    """One query of a softmax without a maximum, and what is added to it: passes over the keys, words that stay live."""
    from einsum_cascade import read_cascades
    from einsum_cascade.passes import passes

    added, expected, live = LADDER[name]
    body = [
        "QK[m,p] = Q[e,p] * K[e,m]",
        "SN[m,p] = exp(QK[m,p])",
        "SD[p] = SN[m,p]",
        *added,
        "AV[f,p] = NV[f,p] / SD[p]",
    ]
    text = "cascade: a\nranks: {M: 64, P: 1, E: 3, F: 5, T: 16}\nseq: [m]\noutputs: [AV]\n"
    text += "inputs: {Q: [E, P], K: [E, M], L: [E, M], V: [F, M]}\neinsums: |\n" + "".join(
        f"  {line}\n" for line in body
    )
    found = passes(read_cascades(text)[0])
    assert found.passes == expected and dict(found.live_words) == live
    # Local values are the only ones that do not stream V together with K.
    assert [g.tensor for g in found.gathers] == (["SN", "V"] if name == "local values" else [])


def test_a3_by_hand() -> None:
    """One query (1, 2) and keys (3, 1), (-1, 2), (2, -2): products 3, -1, 2 and 2, 4, -4.

    Step 1 pops 4 (key 1), then -4 (key 2); step 2 pops 3 (key 0), and -1 (key 1), for the sum 3 is positive. The greedy
    scores are 3, 3 and -4: keys 0 and 1 are candidates, with scores 5 and 3, of which 3 has exp(-2) of the weight.
    """
    tensors = {"Q": np.array([[1.0], [2]]), "K": np.array([[3.0, -1, 2], [1, 2, -2]]), "V": np.array([[1.0, 10, 100]])}
    kept = ("HX", "HG", "LX", "LG", "GS", "SN")
    cascade = load(Cascade, "a3")
    found = {k: np.asarray(v) for k, v in run(cascade, tensors, sizes={"STEPS": 2, "TH": 0.1}, keep=kept).items()}
    assert found["HX"].ravel().tolist() == [1, 0] and found["HG"].ravel().tolist() == [4, 3]
    assert found["LX"].ravel().tolist() == [2, 1] and found["LG"].ravel().tolist() == [-4, -1]
    assert found["GS"].ravel().tolist() == [3, 3, -4]
    assert np.allclose(found["SN"].ravel(), [1, np.exp(-2), 0])


@settings(max_examples=15, deadline=None)
@given(**DATA, keys=st.integers(1, 6), columns=st.integers(1, 3), steps=st.integers(1, 30))
def test_a3_may_search_longer_than_there_are_products(
    seed: int, scale: float, keys: int, columns: int, steps: int
) -> None:
    """A column that is used up is never popped again."""
    from einsum_cascade.reference import check

    sizes = {"M": keys, "P": 4, "E": columns, "F": 2, "STEPS": steps}
    assert check(load(Cascade, "a3"), sizes, seed=seed, scale=scale).equal


@pytest.mark.parametrize(
    "name",
    ["a3", "mnnfast_zero_skip", "mnnfast_zero_skip_final", "spatten_layer", "spatten_progressive_quantization"],
)
@pytest.mark.parametrize("seed", range(3))
def test_each_is_its_reference(name: str, seed: int) -> None:
    from einsum_cascade.reference import check

    found = check(load(Cascade, name), {"M": 60, "P": 17, "E": 8, "F": 6}, seed=seed)
    assert found.equal, found


def test_zero_skip_by_hand() -> None:
    """Weights 1, 4, 1, 2 in chunks of two: sums 5 and 8, so a third of them is 1.67 and 2.67, and of all 2.67."""
    weights = np.array([[1.0, 4, 1, 2]])
    tensors = {"Q": np.ones((1, 1)), "K": np.log(weights), "V": np.array([[1.0, 10, 100, 1000]])}
    for name, sizes, expected in (
        ("mnnfast_zero_skip", {"TH": 1 / 3, "M0": 2}, 40 / 8),
        ("mnnfast_zero_skip", {"TH": 0.2 - 1e-9, "M0": 2}, (1 + 40 + 2000) / 8),
        ("mnnfast_zero_skip_final", {"TH": 0.2}, (40 + 2000) / 8),
    ):
        found = run(load(Cascade, name), tensors, sizes=sizes)["AV"]
        assert float(np.asarray(found)[0, 0]) == pytest.approx(expected)
