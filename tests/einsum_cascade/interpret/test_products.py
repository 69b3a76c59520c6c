"""Sums of products, cut by masks: against numpy.einsum over zeroed arrays, and without their iteration space."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.memory import peak_memory
from einsum_cascade import read_cascades
from einsum_cascade.interpret import run
from einsum_cascade.interpret.field import Field, Labelled
from einsum_cascade.interpret.products import Product, any_over
from tests.einsum_cascade.interpret.helpers import XP
from tests.einsum_cascade.test_points import FEW

HEAD = "cascade: product\ninputs: {A: [I, J], B: [J, K], C: [K, L], D: [I, L]}\noutputs: [Z]\neinsums: "
SIZES = {"I": 3, "J": 4, "K": 2, "L": 3}
RANKS = {"A": "IJ", "B": "JK", "C": "KL", "D": "IL"}


def tensors(seed: int = 0, sizes: dict[str, int] = SIZES) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.integers(-3, 4, [sizes[r] for r in ranks]).astype(float) for name, ranks in RANKS.items()}


def ran(text: str, given_tensors: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    values, mask = run(read_cascades(HEAD + text)[0], given_tensors, presence=True)["Z"]
    return values, np.ones(values.shape, bool) if mask is None else mask


@given(
    st.lists(st.sampled_from(sorted(RANKS)), min_size=1, max_size=3, unique=True),
    st.permutations("ijkl"), st.integers(0, 4),
    st.sampled_from(("", "i <= j", "j + k < 3", "i == l", "i * l < 3", "i <= j and k < 1", "i > 9")),
    st.sampled_from((1, -2, 0.5)), st.integers(0, 9),
)  # fmt: skip
@FEW
def test_masked_products(
    names: list[str], order: list[str], many: int, condition: str, scale: float, seed: int
) -> None:
    given_tensors = tensors(seed)
    inside = {r.lower() for n in names for r in RANKS[n]} | {v for v in "ijkl" if v in condition.replace("and", "")}
    kept = [v for v in order[:many] if v in inside]
    factors = [f"{n}[{','.join(RANKS[n].lower())}]" for n in names]
    text = f"Z[{','.join(kept)}] = {scale} * {' * '.join(factors)}" + (f" | {condition}" if condition else "")
    values, mask = ran(text, given_tensors)
    expected, there = np.zeros_like(values), np.zeros_like(mask)
    variables = sorted(inside)
    for point in itertools.product(*(range(SIZES[v.upper()]) for v in variables)):
        at = dict(zip(variables, point, strict=True))
        if condition and not eval(condition, {}, dict(at)):
            continue
        cell = tuple(at[v] for v in kept)
        product = scale
        for name in names:
            product *= given_tensors[name][tuple(at[r.lower()] for r in RANKS[name])]
        expected[cell] += product
        there[cell] = True
    np.testing.assert_array_equal(values, expected)
    np.testing.assert_array_equal(mask, there)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Z[i,k] = A[i,j] * B[j,k] / (j + 1)", "ij,jk,j->ik"),
        ("Z[i] = A[i,j] / (j + 1) * B[j,k]", "ij,jk,j->i"),
        ("Z[] = -A[i,j] * -B[j,k] / (j + 1)", "ij,jk,j->"),
    ],
)
def test_divisors_that_are_summed(text: str, expected: str) -> None:
    t = tensors()
    values, _ = ran(text, t)
    np.testing.assert_allclose(values, np.einsum(expected, t["A"], t["B"], 1 / np.arange(1, 5)), rtol=1e-14, atol=1e-14)


def test_divisors_that_are_kept_divide_once() -> None:
    t = tensors()
    t["D"] += 4
    values, _ = ran("Z[i,l] = A[i,j] * B[j,k] * C[k,l] / D[i,l] / 2", t)
    expected = np.einsum("ij,jk,kl->il", t["A"], t["B"], t["C"]) / t["D"] / 2
    np.testing.assert_allclose(values, expected, rtol=1e-14)


def test_a_term_lacking_a_summed_variable_counts_for_each_of_its_values() -> None:
    t = tensors()
    values, _ = ran("Z[i] = A[i,j] * B[j,k] + D[i,l] - 1", t)
    sizes = SIZES
    expected = [
        sum(
            t["A"][i, j] * t["B"][j, k] + t["D"][i, m] - 1
            for j, k, m in itertools.product(range(sizes["J"]), range(sizes["K"]), range(sizes["L"]))
        )
        for i in range(sizes["I"])
    ]
    np.testing.assert_allclose(values, expected, rtol=1e-13)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "text", ["Z[i,k] = A[i,j] * B[j,k] | j < 2", "Z[i] = A[i,j] * B[j,k] * C[k,l] | j < 2 and i <= l"]
)
def test_numbers_outside_of_the_mask_do_not_leak(text: str, bad: float) -> None:
    clean, dirty = tensors(), tensors()
    dirty["B"][2:] = bad
    np.testing.assert_array_equal(ran(text, dirty)[0], ran(text, clean)[0])


@pytest.mark.parametrize(
    "text",
    [
        "Z[i,l] = A[i,j] * B[j,k] * C[k,l]",
        "Z[i,l] = A[i,j] * B[j,k] * C[k,l] | j <= k",
        "Z[i,k] = A[i,j] * B[j,k] + D[i,l] * C[k,l]",
        "Z[] = A[i,j] * B[j,k] * C[k,l] * D[i,l]",
    ],
)
def test_the_iteration_space_is_never_built(text: str) -> None:
    n = 96  # n**4 numbers are 680 MB
    big = tensors(0, dict.fromkeys("IJKL", n))
    with peak_memory("numpy") as peak:
        ran(text, big)
    assert peak() < 40 * n * n * 8


def test_masks_of_a_product_meet() -> None:
    some = Labelled(np.array([True, False, True]), ("i",))
    other = Labelled(np.array([True, True, False]), ("i",))
    one, two = Labelled(np.ones(3), ("i",)), Labelled(np.ones(3), ("i",))
    both = Product(2, [Field(one, some)], [Field(two, other)]).mask
    assert both is not None and np.asarray(both.array).tolist() == [True, False, False]
    assert Product(1, [Field(one)]).mask is None


def test_any_over_some_axes() -> None:
    mask = Labelled(np.array([[False, True], [False, False]]), ("i", "j"))
    assert np.asarray(any_over(XP, mask, frozenset("j")).array).tolist() == [True, False]
    assert any_over(XP, mask, frozenset("i")).axes == ("j",)
    assert bool(any_over(XP, mask, frozenset("ij")).array) and any_over(XP, mask, frozenset("k")) is mask
