"""Index expressions as affine forms of free variables, constants and coordinates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einsum_cascade.constants import evaluate
from einsum_cascade.interpret.field import Labelled
from tests.einsum_cascade.interpret.helpers import index, points, scope
from tests.einsum_cascade.test_points import FEW

SIZES = {"i": 3, "j": 2, "k": 4}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("i", ((("i", 1),), 0)),
        ("3", ((), 3)),
        ("N", ((), 5)),
        ("i + 2", ((("i", 1),), 2)),
        ("2 - i", ((("i", -1),), 2)),
        ("i * N + j", ((("i", 5), ("j", 1)), 0)),
        ("N * (i + 2 * j) - N", ((("i", 5), ("j", 10)), -5)),
        ("-(i - j)", ((("i", -1), ("j", 1)), 0)),
        ("i - i + j", ((("j", 1),), 0)),  # what cancels is gone
        ("i * 0 + 4", ((), 4)),
        ("N // 2 * i", ((("i", 2),), 0)),
        ("i * j", None),
        ("i // 2", None),
        ("i % 2", None),
        ("A[i]", None),
        ("i / 2", None),
        ("i * i", None),
    ],
)
def test_affine_forms(text: str, expected: object) -> None:
    assert scope(SIZES, N=5).affine(index(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("i + 2 * j", ((("j", 2),), 1)),
        ("3 * i - 1", ((), 2)),
        ("i // 2", ((), 0)),
        ("i * j", None),  # decomposed before anything is bound
        ("j", ((("j", 1),), 0)),
    ],
)
def test_bound_variables_are_constants(text: str, expected: object) -> None:
    assert scope(SIZES, {"i": 1}).affine(index(text)) == expected


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> str:
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(("i", "j", "k", "N", "1", "2", "7")))
    operator = draw(st.sampled_from((" + ", " - ", " * ")))
    return f"({draw(expressions(depth - 1))}{operator}{draw(expressions(depth - 1))})"


@given(expressions(), st.sampled_from(({}, {"i": 2}, {"i": 1, "k": 3})))
@FEW
def test_affine_forms_have_the_value_of_the_expression(text: str, bound: dict[str, int]) -> None:
    node, of = index(text), scope(SIZES, bound, N=5)
    for _ in range(2):  # the second time from what is remembered
        form = of.affine(node)
        if form is not None:
            assert not {v for v, _ in form[0]} & bound.keys() and all(k for _, k in form[0])
            for point in points(SIZES, tuple(SIZES)):
                full = {**point, **bound}
                value = form[1] + sum(k * full[v] for v, k in form[0])
                assert value == evaluate(node, {"N": 5, **full})


def test_constants_need_all_variables_bound_and_no_tensor() -> None:
    of = scope(SIZES, {"i": 2}, N=5)
    assert of.constant(index("i * N + 1")) == 11 and of.constant(index("N // 2")) == 2
    assert of.constant(index("i + j")) is None and of.constant(index("A[i]")) is None
    assert of.constant(index("exp(A[i])")) is None and of.constant(index("2 ** i")) == 4
    node = index("i + 1")
    assert of.constant(node) == 3
    of.bound["i"] = 7  # a remembered node follows the loop
    assert of.constant(node) == 8


def test_coordinates() -> None:
    of = scope({**SIZES, "~0": 2}, {"i": 2})
    assert of.coordinates("i") == Labelled(2)
    found = of.coordinates("k")
    assert found.axes == ("k",) and np.asarray(found.array).tolist() == [0, 1, 2, 3]
    assert of.coordinates("k") is found and np.asarray(found.array).dtype == np.int64
    assert np.asarray(of.coordinates("~0").array).tolist() == [0, 1]


def test_batch_axes_outermost_first() -> None:
    assert scope({"i": 3, "~0": 2, "~1": 5}).batch == ("~1", "~0") and scope(SIZES).batch == ()


def test_another_batch_starts_afresh() -> None:
    of = scope({"~0": 2, "i": 3}, {"i": 1}, N=5)
    of.coordinates("~0")
    other = of.over({"~0": 4, "i": 3})
    assert other.bound == {} and other.names == of.names
    assert np.asarray(other.coordinates("~0").array).tolist() == [0, 1, 2, 3]
    assert of.bound == {"i": 1} and np.asarray(of.coordinates("~0").array).tolist() == [0, 1]


def test_casts() -> None:
    of, own = scope(SIZES), Labelled(np.arange(3), ("i",))
    assert of.cast(Labelled(2), of.dtype) == Labelled(2)
    assert np.asarray(of.cast(own, of.dtype).array).dtype == np.float64
    assert of.cast(own, np.dtype(np.int64)) is own
