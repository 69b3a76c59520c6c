"""Tensors to measure with."""

from pathlib import Path

import numpy as np
import pytest

from archsim.numerics.inputs import KINDS, SIGMA, TAU, make_tensors, read_tensors
from einsum_cascade import SpecError


@pytest.mark.parametrize("kind", KINDS)
def test_shapes_and_deviation_of_scores(kind: str) -> None:
    found = make_tensors(kind, 600, 200, 32, seed=5)
    assert {n: t.shape for n, t in found.items()} == {"Q": (32, 200), "K": (32, 600), "V": (32, 600)}
    deviation = (found["K"].T @ found["Q"]).std()
    expected = {"normal": 1.0, "heavy": 1.0, "trace": np.hypot(SIGMA, TAU)}[kind]
    assert deviation == pytest.approx(expected, rel=0.25)


def test_scale_and_seed() -> None:
    one, twelve = make_tensors("normal", 8, 4, 16), make_tensors("normal", 8, 4, 16, scale=12.0)
    np.testing.assert_allclose(twelve["Q"], 12 * one["Q"])
    assert (make_tensors("normal", 8, 4, 16, seed=1)["K"] != one["K"]).all()


def test_outliers_are_heavier() -> None:
    normal, heavy = (make_tensors(k, 4000, 4, 16)["V"] for k in ("normal", "heavy"))
    assert np.abs(heavy).max() > 3 * np.abs(normal).max()


def test_shared_noise_makes_the_same_tokens_important() -> None:
    shared = np.random.default_rng(0).normal(size=100)
    heads = [make_tensors("trace", 100, 50, 32, seed, 1.0, shared) for seed in (1, 2)]
    means = [(t["K"].T @ t["Q"]).mean(axis=1) for t in heads]
    assert np.corrcoef(means[0], shared)[0, 1] > 0.9 and np.corrcoef(*means)[0, 1] > 0.85


def test_unknown_kind() -> None:
    with pytest.raises(SpecError, match="there are no inputs nornal") as caught:
        make_tensors("nornal", 4, 4)
    assert "did you mean normal" in str(caught.value) and ".npz" in str(caught.value)


def test_a_users_tensors() -> None:
    rng = np.random.default_rng(0)
    given = {"Q": rng.normal(size=(4, 9)), "K": rng.normal(size=(4, 6)), "V": rng.normal(size=(3, 6)), "X": np.ones(1)}
    found = read_tensors(given, Path("a.npz"), 5, 2.0)
    np.testing.assert_array_equal(found["Q"], 2 * given["Q"][:, -5:])
    assert set(found) == {"Q", "K", "V"}


@pytest.mark.parametrize(("change", "why"), [
    ({"K": None}, "it holds no K"), ({"Q": np.ones((2, 3, 4))}, "Q has shape"), ({"K": np.ones((5, 6))}, "do not fit"),
    ({"V": np.ones((3, 7))}, "do not fit"), ({"V": np.ones((3, 6), dtype=complex)}, "type complex128"),
])  # fmt: skip
def test_a_users_mistakes(change: dict, why: str) -> None:
    given = {"Q": np.ones((4, 9)), "K": np.ones((4, 6)), "V": np.ones((3, 6))} | change
    with pytest.raises(SpecError, match=why):
        read_tensors({n: t for n, t in given.items() if t is not None}, Path("a.npz"), 5, 1.0)
