"""Sums of products against numpy.einsum on random label sets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.memory import peak_memory
from einsum_cascade.interpret.contraction import contract
from einsum_cascade.interpret.field import Labelled
from tests.einsum_cascade.interpret.helpers import XP
from tests.einsum_cascade.test_points import MANY

SIZES = {"a": 2, "b": 3, "c": 1, "d": 4, "e": 2, "f": 3}
labels = st.lists(st.sampled_from(sorted(SIZES)), unique=True, max_size=4).map(tuple)


def factor(axes: tuple[str, ...], seed: int, dtype: type = float) -> Labelled:
    rng = np.random.default_rng(seed)
    return Labelled(rng.integers(-3, 4, [SIZES[a] for a in axes]).astype(dtype), axes)


def einsum(factors: list[Labelled], kept: tuple[str, ...]) -> np.ndarray:
    return np.einsum(",".join("".join(f.axes) for f in factors) + "->" + "".join(kept), *(f.array for f in factors))


@given(st.lists(labels, min_size=1, max_size=5), st.permutations(sorted(SIZES)), st.integers(0, 6), st.data())
@MANY
def test_contractions_are_those_of_einsum(
    axes: list[tuple[str, ...]], order: list[str], many: int, data: st.DataObject
) -> None:
    types = [data.draw(st.sampled_from((float, int, bool))) for _ in axes]
    factors = [factor(a, k, t) for k, (a, t) in enumerate(zip(axes, types, strict=True))]
    used = {a for f in factors for a in f.axes}
    wanted = order[:many]
    found, fresh = contract(XP, factors, wanted, SIZES, XP.float64)
    assert set(found.axes) == used & set(wanted)
    real = [Labelled(f.array.astype(float), f.axes) for f in factors]
    np.testing.assert_array_equal(found.array, einsum(real, found.axes))  # small integers: exact in any order
    assert fresh or found.array is factors[0].array or types[0] is not float
    assert not fresh or not any(np.shares_memory(found.array, f.array) for f in factors)


@pytest.mark.parametrize(
    ("one", "two", "order"),
    [
        ("ab", "bd", "ad"),
        ("ab", "bd", "da"),
        ("ba", "db", "ad"),
        ("dab", "dbe", "dae"),
        ("adb", "ebd", "dae"),
        ("abe", "ebd", "ad"),
        ("ab", "ab", ""),
        ("bd", "b", "d"),
    ],
)
def test_matrix_products_come_in_the_order_of_the_reader(one: str, two: str, order: str) -> None:
    factors = [factor(tuple(one), 1), factor(tuple(two), 2)]
    found, _ = contract(XP, factors, tuple(order), SIZES, XP.float64)
    assert found.axes == tuple(order)
    np.testing.assert_array_equal(found.array, einsum(factors, tuple(order)))


def test_one_factor_is_returned_as_it_is() -> None:
    own = factor(("a", "b"), 0)
    found, fresh = contract(XP, [own], ("b", "a"), SIZES, XP.float64)
    assert found is own and not fresh
    summed, fresh = contract(XP, [own], ("b",), SIZES, XP.float64)
    assert fresh and summed.axes == ("b",) and np.array_equal(summed.array, own.array.sum(0))


def test_the_type_of_the_factors_is_kept() -> None:
    single = [Labelled(np.ones((2, 3), np.float32), ("a", "b")), Labelled(np.ones(3, np.float32), ("b",))]
    assert contract(XP, single, ("a",), SIZES, XP.float64)[0].array.dtype == np.float32
    truth = [Labelled(np.ones((2, 3), bool), ("a", "b"))]
    assert contract(XP, truth, (), SIZES, XP.float32)[0].array == np.float32(6)
    assert contract(XP, truth, (), SIZES, XP.float32)[0].array.dtype == np.float32


def test_a_chain_of_matrices_never_becomes_its_iteration_space() -> None:
    n = 120  # n**5 elements in all
    sizes = dict.fromkeys("vwxyz", n)
    rng = np.random.default_rng(0)
    chain = [Labelled(rng.normal(size=(n, n)), tuple(pair)) for pair in ("vw", "wx", "xy", "yz")]
    with peak_memory("numpy") as peak:
        found, _ = contract(XP, [chain[0], chain[2], chain[3], chain[1]], ("v", "z"), sizes, XP.float64)
    expected = np.linalg.multi_dot([f.array for f in chain])
    np.testing.assert_allclose(found.array if found.axes == ("v", "z") else found.array.T, expected, rtol=1e-10)
    assert peak() < 8 * n * n * 8  # matrices only


def test_a_vector_is_multiplied_first() -> None:
    n = 300
    sizes = dict.fromkeys("xyz", n)
    one, two = (Labelled(np.ones((n, n)), pair) for pair in (("x", "y"), ("y", "z")))
    three = Labelled(np.ones(n), ("z",))
    with peak_memory("numpy") as peak:
        found, _ = contract(XP, [one, two, three], ("x",), sizes, XP.float64)
    assert (found.array == n * n).all() and peak() < n * n * 8
