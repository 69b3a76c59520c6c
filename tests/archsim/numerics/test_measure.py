"""Measurements against float64: what each number says, on machines whose errors are known."""

import numpy as np
import pytest

from archsim.numerics.campaign import Campaign, chosen, run_campaign
from archsim.numerics.inputs import make_tensors
from archsim.numerics.measure import Measurement, Platform, check_cascade, measure
from einsum_cascade import Cascade, SpecError, load, read_cascades
from einsum_cascade.interpret import run
from einsum_cascade.numerics.formats import number_format, round_to
from einsum_cascade.numerics.rounding import Rounding
from einsum_cascade.numerics.rules import Numerics, RuleForm, plain

SOFTMAX = ("attention_naive", "attention_lazy", "attention_3pass", "attention_2pass_deferred", "attention_2pass",
           "attention_block_summaries", "attention_1pass", "attention_fa1")  # fmt: skip
ONLY_PRODUCTS = Numerics(
    word=number_format("bf16"),
    operations={o: RuleForm(input="fp32", output="fp32") for o in ("mul+add", "mul", "add", "max", "div")}
    | {"exp": RuleForm(input="fp32")},
)


def measured(name: str, numerics: Numerics, *, keys: int = 300, queries: int = 24, scale: float = 1.0,
             kind: str = "normal", **more: object) -> Measurement:  # fmt: skip
    return measure(load(Cascade, name), numerics, make_tensors(kind, keys, queries, 32, 0, scale), **more)


@pytest.mark.parametrize("name", [*SOFTMAX, "linear_noncausal", "attention_3pass_causal", "attention_1pass_causal"])
def test_float64_has_no_error(name: str) -> None:
    found = measured(name, plain("fp64", "fp64"))
    assert found.error_max is not None and found.error_max < 1e-14
    assert found.kl_max is not None and abs(found.kl_max) < 1e-14 and found.mass is not None and found.mass < 1e-14
    assert (found.lost, found.overflow, found.underflow, found.undefined) == (0, 0, 0, 0)


@pytest.mark.parametrize("name", SOFTMAX)
@pytest.mark.parametrize(("word", "tolerance"), [("fp32", 1e-5), ("bf16", 4e-3), ("fp16", 2e-3)])
def test_within_the_usual_tolerances(name: str, word: str, tolerance: float) -> None:
    found = measured(name, ONLY_PRODUCTS.using(word))
    assert found.error_max is not None and 0 < found.error_max < tolerance
    assert found.format == word and found.length == 300 and found.queries == 24 and found.rows == 16


def test_error_and_divergence_by_hand() -> None:
    tensors = make_tensors("normal", 50, 20, 16)
    numerics = Numerics(word=number_format("fp32"), einsums={"SN": RuleForm(output="bf16")})
    found = measure(load(Cascade, "attention_3pass"), numerics, tensors, rows=20)
    q, k, v = (tensors[n].astype(np.float32).astype(float) for n in "QKV")
    score = k.T @ q
    weight = np.exp(score - score.max(axis=0))
    exact = weight / weight.sum(axis=0)
    import array_api_compat.numpy as xp

    short = np.asarray(round_to(xp, weight, number_format("bf16")))
    machine = short / short.sum(axis=0)
    wanted = v @ exact
    assert found.error_max == pytest.approx(np.abs(v @ machine - wanted).max() / np.abs(wanted).max(), rel=1e-2)
    kl = (machine * np.log(machine / exact)).sum(axis=0)
    assert found.kl_mean == pytest.approx(kl.mean(), rel=1e-2) and found.kl_max == pytest.approx(kl.max(), rel=1e-2)


def test_blocks_of_keys_do_not_change_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = measured("attention_1pass", ONLY_PRODUCTS)
    monkeypatch.setattr("archsim.numerics.measure.ELEMENTS", 3000)
    blocks = measured("attention_1pass", ONLY_PRODUCTS)
    assert blocks.kl_mean == pytest.approx(whole.kl_mean, rel=1e-3)
    assert blocks.error_max == pytest.approx(whole.error_max, rel=1e-3) and blocks.overflow == whole.overflow


def test_weights_may_be_left_out() -> None:
    found = measured("attention_1pass", ONLY_PRODUCTS, rows=0)
    assert (found.kl_mean, found.mass, found.rows) == (None, None, 0) and found.error_rms is not None


def test_overflow_loses_queries() -> None:
    found = measured("attention_naive", plain("fp16"), scale=30.0)
    assert found.lost > 0 and found.overflow > 0 and found.undefined > 0
    all_lost = measured("attention_naive", plain("fp16"), scale=1000.0)
    assert all_lost.lost == all_lost.queries
    assert (all_lost.error_max, all_lost.error_rms, all_lost.kl_mean, all_lost.mass) == (None,) * 4
    stable = measured("attention_3pass", plain("fp16"), scale=30.0)
    assert (stable.lost, stable.overflow) == (0, 0) and stable.underflow > 0


def test_a_weight_of_zero_counts_as_lost() -> None:
    text = """
cascade: c
ranks: {P: 2, M: 3, E: 1, F: 1}
inputs: {Q: [E, P], K: [E, M], V: [F, M]}
outputs: [AV]
einsums: |
  S[m,p] = Q[e,p] * K[e,m]
  W[m,p] = exp(S[m,p]) * 0.00001
  AV[f,p] = W[m,p] * V[f,m]
expect: {reference: softmax}
"""
    numerics = Numerics(word=number_format("fp32"), einsums={"W": RuleForm(output="fp16")})
    coarse = Numerics(word=number_format("fp32"), einsums={"W": RuleForm(output="e4m3")})
    tensors = {"Q": np.zeros((1, 2)), "K": np.ones((1, 3)), "V": np.ones((1, 3))}
    cascade = read_cascades(text)[0]
    assert measure(cascade, numerics, tensors).lost == 0
    found = measure(cascade, coarse, tensors)
    assert found.lost == 2 and found.by_einsum["W"].underflow == 6 and found.underflow == 6


def test_causal_references_know_where_the_queries_stand() -> None:
    found = measured("attention_3pass_causal", plain("fp64", "fp64"), keys=40, queries=7)
    assert found.error_max is not None and found.error_max < 1e-14


CAUSAL = tuple(f"{name}_causal" for name in SOFTMAX)


@pytest.mark.parametrize("name", CAUSAL)
def test_a_query_that_sees_no_key_is_not_lost(name: str) -> None:
    tensors = make_tensors("normal", 20, 30, 16)  # 30 queries of 20 tokens: the first ten come before the first key
    found = measure(load(Cascade, name), ONLY_PRODUCTS, tensors, rows=25)
    assert found.lost == 0 and found.error_max is not None and 0 < found.error_max < 4e-3
    assert found.kl_mean is not None and 0 < found.kl_mean < 1e-4 and (found.undefined, found.overflow) == (0, 0)


def test_no_query_sees_a_key() -> None:
    text = """
cascade: blind
ranks: {P: 2, M: 3, E: 1, F: 1}
inputs: {Q: [E, P], K: [E, M], V: [F, M]}
outputs: [AV]
einsums: |
  S[m,p] = exp(Q[e,p] * K[e,m]) | m <= p - 9
  D[p] = S[m,p]
  AV[f,p] = S[m,p] * V[f,m] / D[p]
expect: {reference: softmax, mask: m <= p - 9}
"""
    found = measure(read_cascades(text)[0], plain("bf16"), make_tensors("normal", 3, 2, 2))
    assert (found.lost, found.error_max, found.error_rms, found.kl_mean) == (0, 0.0, 0.0, None)


@pytest.mark.parametrize("name", ["sliding_window_masked", *CAUSAL])
@pytest.mark.parametrize(("word", "tolerance"), [("fp64", 1e-14), ("fp32", 1e-5), ("bf16", 8e-3)])
def test_masks(name: str, word: str, tolerance: float) -> None:
    numerics = plain("fp64", "fp64") if word == "fp64" else ONLY_PRODUCTS.using(word)
    found = measured(name, numerics, keys=300, queries=40)  # a window of 128, tiles of 128: some are masked throughout
    assert found.lost == 0 and found.error_max is not None and found.error_max < tolerance
    assert found.mass is not None and found.mass < tolerance


@pytest.mark.parametrize("name", [n for n in SOFTMAX if n not in ("attention_naive", "attention_lazy")])
def test_scores_of_minus_infinity_take_no_weight(name: str) -> None:
    tensors = make_tensors("normal", 200, 10, 16)
    tensors["Q"][0], tensors["K"][0, 50:] = 1.0, -np.inf  # only the first 50 of 200 keys are left: whole tiles are not
    found = measure(load(Cascade, name), ONLY_PRODUCTS, tensors)
    if name in ("attention_2pass", "attention_block_summaries", "attention_fa1"):
        # they subtract a tile's own maximum, and that of the second tile is infinite too; a mask leaves such tiles out
        assert found.lost == found.queries and found.undefined > 0
    else:
        assert found.lost == 0 and found.error_max is not None and found.error_max < 4e-3


def test_minus_infinity_before_any_score_leaves_a_running_maximum_undefined() -> None:
    tensors = make_tensors("normal", 200, 10, 16)
    tensors["Q"][0], tensors["K"][0, :150] = 1.0, -np.inf  # the first tile has 128 keys
    found = measure(load(Cascade, "attention_1pass"), ONLY_PRODUCTS, tensors)
    assert found.lost == found.queries and found.undefined > 0
    assert measure(load(Cascade, "attention_3pass"), ONLY_PRODUCTS, tensors).lost == 0


@pytest.mark.parametrize("name", [*SOFTMAX, "attention_1pass_causal", "linear_noncausal", "sliding_window_masked"])
@pytest.mark.parametrize("numerics", [
    None, plain("bf16"), plain("e4m3", "bf16").using("", "poly5", block=32), plain("int8").using("int8", "table64"),
    plain("q4.8").using("q4.8", "taylor5"),
], ids=["float64", "bf16", "e4m3 poly5", "int8 table64", "q4.8 taylor5"])  # fmt: skip
def test_everything_lies_on_one_device(
    name: str, numerics: Numerics | None, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """Run on torch's device `meta`, which has shapes and no numbers, and refuses operands of other devices."""
    torch = pytest.importorskip("torch")
    with pytest.raises(RuntimeError):
        torch.zeros(3, device="meta") + torch.zeros(3)
    monkeypatch.setattr(torch.Tensor, "__bool__", lambda _: True)
    monkeypatch.setattr(torch.Tensor, "__int__", lambda _: 1)
    kind = torch.float64 if numerics is None or numerics.double else torch.float32
    cascade = load(Cascade, name)
    given = {n: torch.empty(t.shape, dtype=kind, device="meta") for n, t in make_tensors("normal", 150, 8, 16).items()}
    arithmetic = None if numerics is None else Rounding.of(numerics, cascade.einsums)
    found = run(cascade, given, arithmetic=arithmetic)["AV"]
    assert (found.device.type, tuple(found.shape), found.dtype) == ("meta", (16, 8), kind)


def test_torch() -> None:
    pytest.importorskip("torch")
    one = measured("attention_1pass", ONLY_PRODUCTS)
    two = measured("attention_1pass", ONLY_PRODUCTS, place=Platform(library="torch"))
    assert two.error_max == pytest.approx(one.error_max, rel=0.2) and two.kl_mean == pytest.approx(one.kl_mean, rel=0.1)
    exact = measured("attention_1pass", plain("fp64", "fp64"), place=Platform(library="torch"))
    assert exact.error_max is not None and exact.error_max < 1e-12


@pytest.mark.parametrize("name", SOFTMAX)
def test_numpy_and_torch_agree_in_float64(name: str) -> None:
    torch = pytest.importorskip("torch")
    tensors, cascade = make_tensors("trace", 500, 40, 64), load(Cascade, name)
    one = run(cascade, tensors)["AV"]
    two = np.asarray(run(cascade, {n: torch.asarray(t) for n, t in tensors.items()})["AV"])
    assert np.abs(one - two).max() / np.abs(one).max() < 1e-12


@pytest.mark.gpu
@pytest.mark.parametrize("name", SOFTMAX)
def test_devices_agree(name: str) -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    tensors, cascade = make_tensors("trace", 4096, 256, 64), load(Cascade, name)
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-5)):
        there = [run(cascade, {n: torch.asarray(t, dtype=dtype, device=d) for n, t in tensors.items()})["AV"].cpu()
                 for d in ("cpu", "cuda")]  # fmt: skip
        assert (there[0] - there[1]).abs().max() / there[0].abs().max() < tolerance
    one, two = (
        measure(cascade, ONLY_PRODUCTS, tensors, place=Platform(library="torch", device=d)) for d in ("cpu", "cuda")
    )
    assert two.error_rms == pytest.approx(one.error_rms, rel=0.1)


@pytest.mark.parametrize(("name", "why"), [
    ("gqa", "cannot be measured"), ("spatten_layer", "cannot be measured"), ("lightning_chunked", "cannot be measured"),
])  # fmt: skip
def test_what_cannot_be_measured(name: str, why: str) -> None:
    with pytest.raises(SpecError, match=why):
        check_cascade(load(Cascade, name))


def test_no_reference() -> None:
    text = "cascade: c\nranks: {P: 2, M: 2, E: 1, F: 1}\ninputs: {Q: [E, P], K: [E, M], V: [F, M]}\noutputs: [AV]\n"
    with pytest.raises(SpecError, match="has no reference"):
        check_cascade(read_cascades(text + "einsums: |\n  AV[f,p] = Q[e,p] * K[e,m] * V[f,m]")[0])


# --- campaigns --------------------------------------------------------------------------------------------------------


def test_patterns() -> None:
    names = [c.name for c in chosen(["attention_1pass", "attention_*pass", "linear_noncausal"])]
    assert names == ["attention_1pass", "attention_2pass", "attention_3pass", "linear_noncausal"]
    with pytest.raises(SpecError, match="no cascade named"):
        chosen(["attention_x*"])
    with pytest.raises(SpecError, match="cannot be measured"):
        chosen(["gqa"])


def test_campaign() -> None:
    seen: list[tuple[str, int, int]] = []
    campaign = Campaign(
        cascades=chosen(["attention_3pass", "attention_lazy"]), numerics=(plain("bf16"), plain("fp16")), rows=4,
        lengths=(32, 64), inputs=lambda n: make_tensors("normal", n or 0, 8, 16),
    )  # fmt: skip
    found = run_campaign(campaign, lambda *args: seen.append(args))
    names = ("attention_3pass", "attention_lazy")
    wanted = [(n, c, f) for n in (32, 64) for c in names for f in ("bf16", "fp16")]
    assert [(m.length, m.cascade, m.format) for m in found] == wanted
    assert campaign.size == len(found) and seen[0] == ("32 keys, 8 queries, attention_3pass", 0, 2)
    assert seen[-1] == ("64 keys, 8 queries, attention_lazy", 2, 2)
