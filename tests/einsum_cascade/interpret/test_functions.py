"""The operators on arrays against scipy and math, at ordinary and at extreme arguments."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import special, stats

from einsum_cascade.interpret.backend import namespace
from einsum_cascade.interpret.functions import FUNCTIONS, IN_PLACE, as_float, erf, exp_in_place, select
from einsum_cascade.operators import FUNCTIONS as NAMED
from einsum_cascade.operators import OPERATORS

XP = namespace("numpy", [])
USUAL = np.concatenate([np.linspace(-8, 8, 161), [1e-300, -1e-300, 1e-8, -1e-8, 5e-324]])
LARGE = np.array([-1e300, -1e4, -746.0, -710.0, -40.0, 40.0, 710.0, 1e4, 1e300])
REFERENCES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "erf": special.erf,
    "sigmoid": special.expit,
    "softplus": lambda x: np.logaddexp(0, x),
    "silu": lambda x: x * special.expit(x),
    "gelu": lambda x: x * special.ndtr(x),
    "dgelu": lambda x: special.ndtr(x) + x * stats.norm.pdf(x),
    "elu1": lambda x: np.where(x < 0, np.exp(x), x + 1),
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "sin": np.sin,
    "cos": np.cos,
    "exp": np.exp,
    "exp2": np.exp2,
    "sign": np.sign,
    "floor": np.floor,
    "abs": np.abs,
}


def apply(name: str, *operands: object) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.asarray(FUNCTIONS[name](XP, *operands))


@pytest.mark.parametrize("name", REFERENCES)
def test_usual_arguments(name: str) -> None:
    np.testing.assert_allclose(apply(name, USUAL), REFERENCES[name](USUAL), rtol=1e-14, atol=3e-16)


@pytest.mark.parametrize("name", [n for n in REFERENCES if n not in ("sin", "cos")])
def test_large_arguments(name: str) -> None:
    with np.errstate(all="ignore"):
        expected = REFERENCES[name](LARGE)
    np.testing.assert_allclose(apply(name, LARGE), expected, rtol=1e-14, atol=1e-300)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("erf", -1.0, 1.0),
        ("sigmoid", 0.0, 1.0),
        ("tanh", -1.0, 1.0),
        ("softplus", 0.0, math.inf),
        ("elu1", 0.0, math.inf),
        ("relu", 0.0, math.inf),
        ("exp", 0.0, math.inf),
        ("exp2", 0.0, math.inf),
        ("sign", -1.0, 1.0),
    ],
)
def test_limits(name: str, low: float, high: float) -> None:
    assert apply(name, np.array([-math.inf, math.inf])).tolist() == [low, high]
    assert math.isnan(apply(name, np.array([math.nan]))[0])


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("log", [(1.0, 0.0), (math.e, 1.0), (0.0, -math.inf), (5e-324, math.log(5e-324)), (math.inf, math.inf)]),
        ("log2", [(8.0, 3.0), (0.0, -math.inf), (2.0**-1074, -1074.0)]),
        ("sqrt", [(0.0, 0.0), (2.0, math.sqrt(2)), (1e300, 1e150), (math.inf, math.inf)]),
        ("rsqrt", [(4.0, 0.5), (1e-300, 1e150), (math.inf, 0.0), (0.0, math.inf)]),
    ],
)
def test_functions_of_positive_numbers(name: str, values: list[tuple[float, float]]) -> None:
    given, expected = zip(*values, strict=True)
    np.testing.assert_allclose(apply(name, np.array(given)), expected, rtol=1e-15)
    assert math.isnan(apply(name, np.array([-1.0]))[0])


def test_identities() -> None:
    x = USUAL
    np.testing.assert_allclose(apply("sigmoid", x) + apply("sigmoid", -x), 1, rtol=1e-15)
    np.testing.assert_allclose(apply("softplus", x) - apply("softplus", -x), x, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(apply("gelu", x) - apply("gelu", -x), x, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(apply("dgelu", x) + apply("dgelu", -x), 1, rtol=1e-14)
    np.testing.assert_allclose(apply("erf", x), -apply("erf", -x), rtol=1e-15)
    np.testing.assert_allclose(apply("silu", x), x * apply("sigmoid", x), rtol=1e-15)
    step = 1e-5
    slope = (apply("gelu", x + step) - apply("gelu", x - step)) / (2 * step)
    np.testing.assert_allclose(apply("dgelu", x), slope, atol=1e-9)


@pytest.mark.parametrize("name", [n for n in FUNCTIONS if n in OPERATORS and OPERATORS[n].arity == 1])
def test_single_precision_stays_single(name: str) -> None:
    single = np.array([0.5, 2.0], dtype=np.float32)
    found = apply(name, single)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, apply(name, single.astype(np.float64)), rtol=1e-6)


def test_every_operator_is_there() -> None:
    assert set(NAMED) <= set(FUNCTIONS) <= set(OPERATORS)
    assert set(IN_PLACE) <= set(FUNCTIONS)


@pytest.mark.parametrize(
    ("name", "operands", "expected"),
    [
        ("add", (2, 3), 5),
        ("floordiv", (-7, 2), -4),
        ("mod", (-7, 2), 1),
        ("div", (7, 2), 3.5),
        ("pow", (2, 10), 1024),
        ("neg", (3,), -3),
        ("le", (2, 2), True),
        ("and", (2, 0), False),
        ("and", (1, -1), True),
        ("where", (True, 5, 6), 5),
        ("where", (0, 5, 6), 6),
    ],
)
def test_scalars_stay_scalars(name: str, operands: tuple[int, ...], expected: float) -> None:
    found = FUNCTIONS[name](XP, *operands)
    assert found == expected and type(found) is type(expected)


def test_maxima_of_many_in_the_type_of_the_arrays() -> None:
    ints, reals = np.array([1, 5, -2]), np.array([0.5, 7.0, -9.0], dtype=np.float32)
    assert apply("max", ints, 3).tolist() == [3, 5, 3] and apply("max", ints, 3).dtype == np.int64
    assert apply("max", ints, 2.5).tolist() == [2.5, 5.0, 2.5]
    assert apply("min", reals, 1).dtype == np.float32 and apply("min", reals, 1.5).dtype == np.float32
    assert apply("max", ints, 2, ints * -3, -100).tolist() == [2, 5, 6]
    assert apply("max", 2, 3).dtype == np.int64 and apply("min", 2, 3.5) == 2.0
    assert apply("min", ints, math.inf).tolist() == [1.0, 5.0, -2.0]
    assert np.isnan(apply("max", np.array([math.nan, 1.0]), 0.0)).tolist() == [True, False]


def test_selection() -> None:
    condition, chosen = np.array([True, False]), np.array([1.0, 2.0], dtype=np.float32)
    picked = select(XP, condition, chosen, 0)
    assert picked.dtype == np.float32 and picked.tolist() == [1.0, 0.0]
    assert select(XP, condition, 3, 4).tolist() == [3, 4] and select(XP, condition, 3, 4).dtype == np.int64
    assert select(XP, condition, 3, 0.5).tolist() == [3.0, 0.5]
    assert select(XP, np.array([2, 0]), chosen, -chosen).tolist() == [1.0, -2.0]  # any number but 0 holds
    assert select(XP, True, chosen, 0) is chosen
    assert select(XP, condition, np.array([1, 2]), -math.inf).tolist() == [1.0, -math.inf]
    assert select(XP, condition, np.array([0.0, np.nan]), 7.0).tolist() == [0.0, 7.0]


def test_presence_of_anything_is_one() -> None:
    assert apply("present", np.array([math.nan, 0.0, -3.0])).tolist() == [1.0, 1.0, 1.0]


def test_truth_values_become_numbers() -> None:
    truth = np.array([True, False])
    assert as_float(XP, truth).dtype == np.float64 and as_float(XP, 3).dtype == np.float64
    assert apply("exp", truth).tolist() == [math.e, 1.0]
    assert erf(XP, 0.5) == pytest.approx(math.erf(0.5), rel=1e-15)


def test_operations_in_place_overwrite() -> None:
    for name, expected in (("add", 8.0), ("sub", 4.0), ("mul", 12.0), ("div", 3.0)):
        array = np.array([6.0])
        assert IN_PLACE[name](array, 2.0) is array and array[0] == expected
    array = np.array([0.0, 1.0, -math.inf])
    assert exp_in_place(XP, array) is array and array.tolist() == [1.0, math.e, 0.0]
