"""NumPy and torch give the same values and the same presence."""

from typing import TYPE_CHECKING

import numpy as np
import pytest

from einsum_cascade import Cascade, load, read_cascades
from einsum_cascade.interpret import run
from einsum_cascade.operators import FUNCTIONS, OPERATORS
from tests.einsum_cascade.appendix_references import Arrays
from tests.einsum_cascade.test_interpret import (
    APPENDIX,
    ATTEND,
    FEATURES,
    PATTERNS,
    SMALL,
    TOLERANCE,
    VARIANTS,
    cascade,
    inputs,
)

if TYPE_CHECKING:
    import torch
else:
    torch = pytest.importorskip("torch")


def assert_same(c: Cascade, tensors: Arrays, device: str = "cpu") -> None:
    keep = [s.name for s in c.statements]
    there = {name: torch.asarray(t, device=device) for name, t in tensors.items()}
    found = run(c, there, keep=keep, presence=True)
    for name, (values, mask) in run(c, tensors, keep=keep, presence=True).items():
        other, other_mask = found[name]
        assert isinstance(other, torch.Tensor) and other.device.type == device
        assert str(other.dtype).removeprefix("torch.") == str(values.dtype), name
        np.testing.assert_allclose(other.cpu().numpy(), values, rtol=TOLERANCE, atol=TOLERANCE, err_msg=name)
        assert (mask is None) == (other_mask is None) and (mask is None or np.array_equal(other_mask.cpu(), mask))
    run(c, there)


@pytest.mark.parametrize("name", APPENDIX)
def test_appendix(name: str) -> None:
    c = APPENDIX[name]
    assert_same(c, inputs(c))
    assert_same(c, {name: np.stack([t, t[..., ::-1], t + 1]) for name, t in inputs(c).items()})


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_attend(variant: str, pattern: str) -> None:
    c = read_cascades(ATTEND.format(variant=variant, tile=4, mask=PATTERNS[pattern][0]))[0]
    assert_same(c, inputs(c))


@pytest.mark.parametrize("feature", FEATURES)
def test_feature(feature: str) -> None:
    assert_same(cascade(FEATURES[feature]), SMALL)
    assert_same(cascade(FEATURES[feature]), {**SMALL, "C": np.arange(5) % 3})


@pytest.mark.parametrize("function", [f for f in FUNCTIONS if OPERATORS[f].arity == 1])
def test_function(function: str) -> None:
    c = cascade(f"Z[i,j] = {function}(A[i,j])\nX[] = {function}(2)")
    assert_same(c, {**SMALL, "A": np.abs(SMALL["A"]) + 0.5})


def test_library_by_name() -> None:
    c, single = cascade("Z[i,k] = A[i,j] * B[j,k]"), {name: t.astype(np.float32) for name, t in SMALL.items()}
    found = run(c, single, xp="torch")["Z"]
    assert isinstance(found, torch.Tensor) and found.dtype == torch.float32
    back = run(c, {name: torch.asarray(t) for name, t in SMALL.items()}, xp=np)["Z"]
    assert isinstance(back, np.ndarray) and np.allclose(back, found)


@pytest.mark.gpu
def test_results_stay_on_the_device() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    for c in APPENDIX.values():
        assert_same(c, inputs(c), "cuda")
    for text in FEATURES.values():
        assert_same(cascade(text), SMALL, "cuda")
    c = load(Cascade, "attention_1pass")
    assert_same(c, {name: np.random.default_rng(0).normal(size=(2, 3, 8, 256)) for name in "QKV"}, "cuda")


def test_results_carry_no_gradient() -> None:
    tensors = {name: torch.asarray(t).requires_grad_() for name, t in SMALL.items()}
    assert not run(cascade("Z[i,j] = exp(A[i,j] * 2)"), tensors)["Z"].requires_grad
