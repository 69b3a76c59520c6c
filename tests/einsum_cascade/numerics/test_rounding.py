"""Rounding between Einsums, against hand-written machines in ml_dtypes and NumPy."""

import math

import numpy as np
import pytest

from einsum_cascade import Cascade, load, read_cascades
from einsum_cascade.interpret import run
from einsum_cascade.numerics.formats import number_format
from einsum_cascade.numerics.rounding import Accumulator, Rounding
from einsum_cascade.numerics.rules import Numerics, RuleForm, plain

ml_dtypes = pytest.importorskip("ml_dtypes")
BF16 = ml_dtypes.bfloat16
Array = np.ndarray


def short(x: Array) -> Array:
    return x.astype(BF16).astype(np.float32)


def tensors(m: int = 48, p: int = 6, e: int = 8, scale: float = 1.0) -> dict[str, Array]:
    rng = np.random.default_rng(3)
    shapes = {"Q": (e, p), "K": (e, m), "V": (e, m)}
    return {n: (rng.normal(size=s) * (scale if n == "Q" else 1)).astype(np.float32) for n, s in shapes.items()}


def rounded(name: str, numerics: Numerics, given: dict[str, Array], **sizes: int) -> tuple[dict[str, Array], Rounding]:
    cascade = load(Cascade, name)
    rounding = Rounding.of(numerics, cascade.einsums)
    found = run(cascade, given, arithmetic=rounding, sizes=sizes, keep=[e.name for e in cascade.einsums])
    return {n: np.asarray(a) for n, a in found.items()}, rounding


def test_three_passes_in_bfloat16() -> None:
    given = tensors()
    found, _ = rounded("attention_3pass", plain("bf16"), given)
    q, k, v = (short(given[n]) for n in "QKV")
    score = short(k.T @ q)
    weight = short(np.exp(score - score.max(axis=0)))
    a = short(weight / short(weight.sum(axis=0)))
    np.testing.assert_array_equal(found["QK"], score)
    np.testing.assert_array_equal(found["SN"], weight)
    np.testing.assert_array_equal(found["A"], a)
    np.testing.assert_allclose(found["AV"], short(v @ a), rtol=2**-7)  # the order of the sums may differ


def test_running_values_are_rounded_at_every_step() -> None:
    given = {"Q": np.zeros((1, 1)), "K": np.zeros((1, 512)), "V": np.ones((1, 512))}
    given = {n: t.astype(np.float32) for n, t in given.items()}
    found, _ = rounded("attention_1pass", plain("bf16"), given, M0=1)
    assert found["RD"][-1, 0] == 256  # 256 + 1 is 256 in bf16
    rule = RuleForm(input="fp32", output="fp32")
    wide = Numerics(word=number_format("bf16"), operations={"add": rule, "mul": rule})
    assert rounded("attention_1pass", wide, given, M0=1)[0]["RD"][-1, 0] == 512


@pytest.mark.parametrize("block", [1, 3, 8, 100])
@pytest.mark.parametrize("name", ["bf16", "fp16"])
def test_accumulator(name: str, block: int) -> None:
    rng = np.random.default_rng(0)
    kind = {"bf16": BF16, "fp16": np.float16}[name]
    a, b = (rng.normal(size=s).astype(np.float16).astype(np.float32) for s in ((2, 5, 16), (2, 16, 3)))
    adder = Accumulator(format=number_format(name), block=block)
    wanted = np.zeros((2, 5, 3), dtype=np.float32)
    for k in range(0, 16, block):
        wanted = (wanted + a[..., k : k + block] @ b[..., k : k + block, :]).astype(kind).astype(np.float32)
    np.testing.assert_array_equal(adder.matmul(np, a, b), wanted)
    total = np.zeros((2, 16), dtype=np.float32)
    for k in range(0, 5, block):
        total = (total + a[:, k : k + block].sum(axis=1)).astype(kind).astype(np.float32)
    np.testing.assert_array_equal(adder.sum(np, a, (1,)), total)


def test_narrow_accumulator_in_a_cascade() -> None:
    given, narrow = tensors(), Numerics(word=number_format("bf16"), accumulate="bf16", block=2)
    found, _ = rounded("attention_naive", narrow, given)
    q, k = (short(given[n]) for n in "QK")
    score = np.zeros((48, 6), dtype=np.float32)
    for e in range(0, 8, 2):
        score = short(score + k[e : e + 2].T @ q[e : e + 2])
    np.testing.assert_array_equal(found["QK"], score)
    denominator = np.zeros(6, dtype=np.float32)
    for m in range(0, 48, 2):
        denominator = short(denominator + found["SN"][m : m + 2].sum(axis=0))
    np.testing.assert_array_equal(found["SD"], denominator)


def test_counts() -> None:
    given = tensors(scale=30.0)
    found, rounding = rounded("attention_naive", plain("fp16"), given)
    tally = rounding.tally
    score = found["QK"]
    with np.errstate(all="ignore"):
        half = np.exp(score).astype(np.float16)
    assert tally["SN"].values == score.size
    assert tally["SN"].overflow == np.isinf(half).sum() > 0
    assert tally["SN"].underflow == (half == 0).sum() > 0
    assert tally["A"].undefined == np.isnan(found["A"]).sum() > 0


def test_absent_points_do_not_count() -> None:
    given = {n: t for n, t in tensors(m=40, p=40).items()}
    _, rounding = rounded("attention_3pass_causal", plain("bf16"), given)
    assert rounding.tally["SN"].values == 40 * 41 // 2
    whole, _ = rounded("attention_3pass_causal", plain("int8"), {n: t.astype(float) for n, t in given.items()})
    seen = np.arange(40)[:, None] <= np.arange(40)
    step = np.abs(whole["QK"][seen]).max() / 127
    assert np.abs(np.round(whole["QK"] / step) - whole["QK"] / step).max() < 1e-6


def test_inputs_are_rounded_once_and_operands_where_formats_differ() -> None:
    numerics = Numerics(word=number_format("fp32"), einsums={"QK": RuleForm(input="bf16", output="fp32")})
    given = tensors()
    found, rounding = rounded("attention_3pass", numerics, given)
    np.testing.assert_allclose(found["QK"], short(given["K"]).T @ short(given["Q"]), rtol=1e-5, atol=1e-6)
    assert rounding.tally["QK"].values == 48 * 6 + 8 * (48 + 6)  # its results, and its operands once each


def test_exponential_of_the_machine() -> None:
    given = tensors()
    exact, _ = rounded("attention_3pass", plain("fp32"), given)
    coarse, _ = rounded("attention_3pass", plain("fp32").using("", "poly3"), given)
    deviation = np.abs(coarse["SN"] / exact["SN"] - 1).max()
    assert 2e-5 < deviation < 1.1e-4 and np.abs(coarse["AV"] - exact["AV"]).max() < 1e-4
    assert (coarse["SN"].max(axis=0) == 1).all()
    linear, _ = rounded("linear_noncausal", plain("fp32"), given)
    other, _ = rounded("linear_noncausal", plain("fp32").using("", "poly3"), given)
    assert 1e-7 < np.abs(linear["AV"] - other["AV"]).max() < 1e-3


def test_fp64_changes_nothing() -> None:
    given = {n: t.astype(np.float64) for n, t in tensors().items()}
    found, _ = rounded("attention_1pass", plain("fp64", "fp64"), given)
    cascade = load(Cascade, "attention_1pass")
    np.testing.assert_array_equal(found["AV"], run(cascade, given)["AV"])


@pytest.mark.parametrize("name", ["attention_1pass", "attention_fa1_causal", "attention_2pass_causal", "linear_causal"])
@pytest.mark.parametrize("word", ["bf16", "e4m3", "int8", "fp64"])
def test_torch_agrees(name: str, word: str) -> None:
    torch = pytest.importorskip("torch")
    numerics = plain(word, "fp32" if word != "fp64" else "fp64")
    numerics = numerics.using(word)
    given = {n: t.astype(np.float64) for n, t in tensors(m=12, p=12).items()}
    if word in ("bf16", "e4m3"):
        given = {n: t.astype(np.float32) for n, t in given.items()}
    one, two = rounded(name, numerics, given, **({} if "linear" in name else {"M0": 4}))[0]["AV"], None
    cascade = load(Cascade, name)
    two = np.asarray(run(cascade, {n: torch.asarray(t) for n, t in given.items()}, sizes={} if "linear" in name else
                         {"M0": 4}, arithmetic=Rounding.of(numerics, cascade.einsums))["AV"])  # fmt: skip
    step = {"bf16": 2.0**-7, "e4m3": 0.15, "int8": 0.02 * np.abs(one).max(), "fp64": 1e-12}[word]
    assert np.abs(one - two).max() <= step * max(1, np.abs(one).max())  # a sum in another order may round otherwise


def test_batches_are_independent() -> None:
    given = tensors()
    stacked = {n: np.stack([t, 2 * t, t[..., ::-1]]) for n, t in given.items()}
    found, rounding = rounded("attention_3pass", plain("bf16"), stacked)
    one, single = rounded("attention_3pass", plain("bf16"), {n: t[1] for n, t in stacked.items()})
    np.testing.assert_allclose(found["AV"][1], one["AV"], rtol=2**-7)
    assert rounding.tally["SN"].values == 3 * single.tally["SN"].values


def test_initial_values_views_and_integers_are_left_alone() -> None:
    text = """
cascade: c
ranks: {M: 4, J: 2}
inputs: {A: [M]}
outputs: [Z]
views: |
  B[m] = A[m]
einsums: |
  I[j] = B[m] :: argtopk(m, j)
  Z[j] = A[I[j]] * 1.0
"""
    cascade = read_cascades(text)[0]
    rounding = Rounding.of(plain("bf16"), cascade.einsums)
    found = run(cascade, {"A": np.asarray([1.01, 3, 2.02, 0], dtype=np.float32)}, arithmetic=rounding, keep=["I"])
    assert np.asarray(found["I"]).tolist() == [1, 2] and np.asarray(found["Z"]).tolist() == [3, 2.015625]
    assert set(rounding.tally) == {"Z"} and math.isclose(rounding.tally["Z"].values, 2)


def test_a_view_is_not_rounded_again() -> None:
    text = """
cascade: c
ranks: {M: 3}
inputs: {A: [M]}
outputs: [Z]
views: |
  B[m] = A[m] | m > 0
einsums: |
  Z[m] = B[m] * 2
"""
    cascade = read_cascades(text)[0]
    numerics = Numerics(word=number_format("int8"), operations={"mul": RuleForm(output="fp64")})
    rounding = Rounding.of(numerics, cascade.einsums)
    found = run(cascade, {"A": np.asarray([127.0, 3.0, 1.0])}, arithmetic=rounding)["Z"]
    assert np.asarray(found).tolist() == [0, 6, 2]  # with a scale of its own, 3 / 127, it would be 1.98
