"""The NumPy models against exact rational arithmetic, against numerics, and against float64 with an error bound."""

from fractions import Fraction

import numpy as np
import pytest

from einsum_cascade.numerics.exponential import coefficients
from einsum_cascade.numerics.fused import fused
from rtl.bench.models_exp import LOG2E_16, exp_on_mac, exp_package, exp_unit, steps
from rtl.bench.models_float import MAC_LATENCY, bf16, bits32, divide, float32, mac, rounded, up_to_bf16
from rtl.bench.models_softmax import Beat, online_softmax
from rtl.bench.models_tile import Shape, attention_tile
from rtl.bench.sources import RTL
from tests.rtl.operands import CLASSES, triples
from tests.rtl.tiles import block, normal, reference

EXP_ERROR = 4.8e-3
"""Of exp_on_mac: what its header and the README say."""


def nearest(x: Fraction, significand: int) -> float:
    """Round a rational number to so many bits, to nearest, ties to even, flushing what is below 2**-126."""
    if x == 0:
        return 0.0
    exponent = 0
    magnitude = abs(x)
    while magnitude >= 2:
        magnitude, exponent = magnitude / 2, exponent + 1
    while magnitude < 1:
        magnitude, exponent = magnitude * 2, exponent - 1
    whole = round(magnitude * 2 ** (significand - 1))  # Python rounds ties to even
    value = Fraction(whole, 2 ** (significand - 1)) * Fraction(2) ** exponent
    if value < Fraction(1, 2**126):
        return 0.0
    return float(np.copysign(np.inf if value >= 2**128 else float(value), float(x)))


@pytest.mark.parametrize("narrow", [True, False])
def test_mac_is_the_exact_sum_rounded_once(narrow: bool) -> None:
    rng = np.random.default_rng(1)
    for kind in CLASSES:
        a, b, c = (float32(x) for x in triples(rng, kind, 60, narrow=narrow))
        y, y16 = mac(a, b, c)
        for i in range(len(a)):
            operands = [0.0 if abs(x) < 2.0**-126 else float(x) for x in (a[i], b[i], c[i])]
            if not np.isfinite(operands).all():
                continue
            exact = Fraction(operands[0]) * Fraction(operands[1]) + Fraction(operands[2])
            assert (float(y[i]), float(y16[i])) == (nearest(exact, 24), nearest(exact, 8)), (kind, operands)


def test_division_is_rounded_once() -> None:
    rng = np.random.default_rng(2)
    a, b = (float32(x) for x in triples(rng, "moderate", 300, narrow=False)[:2])
    for bits in (8, 24):
        for x, z, q in zip(a.tolist(), b.tolist(), divide(a, b, bits).tolist(), strict=True):
            assert q == nearest(Fraction(x) / Fraction(z), bits)


def test_bfloat16_products_are_exact_so_numpy_is_fused() -> None:
    rng = np.random.default_rng(3)
    a, b, c = normal(rng, 5000), normal(rng, 5000), rng.normal(size=5000).astype(np.float32)
    assert np.array_equal(mac(a, b, c)[0], a * b + c)


def test_float32_mac_is_numerics_fused() -> None:
    rng = np.random.default_rng(4)
    a, b, c = (rng.normal(size=5000).astype(np.float32) for _ in range(3))
    assert np.array_equal(mac(a, b, c)[0], fused(np, a, b, c))


def test_rounding_up_bounds_from_above() -> None:
    x = np.random.default_rng(5).normal(size=2000).astype(np.float32)
    up = up_to_bf16(x)
    assert (up >= x).all() and (up - x <= np.abs(x) * 2.0**-7).all()
    assert np.array_equal(up, rounded(up.astype(float), 8))


def test_constants_in_the_hardware_are_those_of_numerics() -> None:
    written = (RTL / "arith" / "exp_pkg.sv").read_text(encoding="utf-8")
    assert written == exp_package(), "python -m rtl.bench.models_exp > rtl/arith/exp_pkg.sv"


def relative_error(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.abs(y.astype(float) / np.exp(x.astype(float)) - 1).max())


@pytest.mark.parametrize("degree", [3, 4, 5])
def test_exponential_on_the_mac_keeps_its_bound(degree: int) -> None:
    x = -np.linspace(0, 20, 200_001).astype(np.float32)
    y = exp_on_mac(x, np.zeros_like(x), degree)
    assert relative_error(x, y) < EXP_ERROR
    assert relative_error(x, y) > 0.95 * relative_error(x, exp_on_mac(x, np.zeros_like(x), 3)), "a cubic is enough"
    assert exp_on_mac([0.0], [0.0], degree) == 1
    assert exp_on_mac([-np.inf, -200.0], [0.0, 0.0], degree).tolist() == [0.0, 0.0]
    assert steps(3) == 7  # the subtraction and the 6 multiply-accumulates of FuseMax


def test_a_multiplication_and_a_quintic_on_the_same_mac_are_far_worse() -> None:
    """The other way to spend 6 multiply-accumulates: t = x log2(e) in bfloat16 loses what x - m has."""
    x = -np.linspace(0, 20, 20_001).astype(np.float32)
    t = mac(bf16(x), LOG2E_16, 0.0)[0]
    n = np.round(t)
    f = bf16(t - n)
    c = coefficients(5)
    p = mac(f, bf16([c[5]])[0], c[4])[1]
    for constant in c[3::-1]:
        p = mac(p, f, constant)[1]
    y = p * np.exp2(n)
    assert relative_error(x, y) > 10 * EXP_ERROR


@pytest.mark.parametrize(("degree", "bound"), [(3, 1.1e-4), (5, 1.7e-6)])
def test_exponential_unit_keeps_its_bound(degree: int, bound: float) -> None:
    x = -np.linspace(0, 20, 100_001).astype(np.float32)
    assert relative_error(x, exp_unit(x, degree)) < bound


@pytest.mark.parametrize("offset", [None, 0, -5, 7])
@pytest.mark.parametrize("length", [1, 4, 37])
def test_attention_tile_is_attention_within_its_bound(offset: int | None, length: int) -> None:
    shape = Shape(rows=4, cols=3, keys=16, values=6)
    rng = np.random.default_rng(6)
    queries = MAC_LATENCY * shape.cols
    q, k, v = normal(rng, 16, queries), normal(rng, 16, length), normal(rng, 6, length)
    (found,) = attention_tile(shape, list(block(shape, q, k, v, offset=offset)))
    exact = reference(q, k, v, offset)
    # Weights, factors (one a tile of keys) and the sum of weights: EXP_ERROR each; the result: half of 2**-7.
    spread = reference(q, k, np.abs(v), offset)
    bound = (EXP_ERROR * (2 + -(-length // shape.rows)) + 2.0**-8) * spread
    assert (np.abs(found.reshape(6, queries) - exact) <= bound).all()


def test_masked_tiles_change_nothing() -> None:
    shape = Shape(rows=4, cols=2, keys=4, values=4)
    rng = np.random.default_rng(7)
    q, k, v = normal(rng, 4, 8), normal(rng, 4, 20), normal(rng, 4, 20)
    skipped = list(attention_tile(shape, list(block(shape, q, k, v, offset=-2))))
    kept = list(attention_tile(shape, list(block(shape, q, k, v, offset=-2, skip=False))))
    assert np.array_equal(skipped, kept)
    assert (skipped[0].reshape(4, 8)[:, :2] == 0).all()


def test_online_softmax_is_softmax() -> None:
    rng = np.random.default_rng(8)
    score = (rng.normal(size=(9, MAC_LATENCY, 4)) * 5).astype(np.float32)
    visible = rng.random(score.shape) < 0.7
    visible[:, 3] = False
    beats = [
        Beat(first=i == 0, last=i == 8, visible=visible[i, row], score=score[i, row])
        for i in range(9)
        for row in range(MAC_LATENCY)
    ]
    weights, factors, denominators = online_softmax(beats, 5)
    w, f = weights.reshape(9, MAC_LATENCY, 4).astype(float), factors.reshape(9, MAC_LATENCY).astype(float)
    for row in range(MAC_LATENCY):
        shown = np.where(visible[:, row], score[:, row].astype(float), -np.inf)
        later = np.append(np.cumprod(f[:0:-1, row])[::-1], 1.0)  # what rescales a beat's weights until the end
        total = float(denominators[4 * 8 + row])
        if row == 3:
            assert total == 0 and not w[:, row].any() and not f[:, row].any()
            continue
        expected = np.exp(shown - shown.max()) / np.exp(shown - shown.max()).sum()
        np.testing.assert_allclose(w[:, row] * later[:, None] / total, expected, rtol=2e-5, atol=0)


def test_every_nan_looks_the_same() -> None:
    assert bits32(float32([0x7F800001, 0xFFFFFFFF])).tolist() == [0x7FC00000] * 2
