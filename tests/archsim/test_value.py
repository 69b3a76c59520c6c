"""Numbers and arrays of numbers: one point at a time and many at once agree."""

import math
import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.value import ceil_div, compare, either, evaluate, floor_div, larger, smaller, total
from einsum_cascade.errors import SpecError
from einsum_cascade.parse import parse_expression

whole = st.integers(1, 2**20)
points = st.lists(st.tuples(whole, whole, whole), min_size=1, max_size=6)
EXPRESSIONS = [
    "A + B * C", "A - B - C", "-A", "A / B", "(A + B - 1) // B", "max(A, B, C)", "min(A, max(B, C))", "sqrt(A)",
    "log2(A)", "log(A)", "exp2(A / (A + 1))", "exp(B / (A + B))", "floor(A / B)", "abs(A - B)", "A // B * B", "3", "A",
    "A ** 2", "2 ** (A / (A + B))", "rsqrt(A)", "sin(A)", "cos(A)", "tanh(B / A)", "A ** 0.5", "max(1, A // (2*B))", "0 - floor(0 - log2(A))",  # noqa: E501
]  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
@given(rows=points)
def test_an_expression_over_arrays_is_the_expression_over_each_point(
    text: str, rows: list[tuple[int, int, int]]
) -> None:
    node = parse_expression(text)
    columns = {n: np.array(c, float) for n, c in zip("ABC", zip(*rows, strict=True), strict=True)}
    together = np.broadcast_to(evaluate(node, columns), len(rows))
    for n, row in enumerate(rows):
        assert together[n] == pytest.approx(evaluate(node, dict(zip("ABC", row, strict=True))), rel=1e-12, abs=1e-12)


@given(rows=st.lists(st.tuples(st.integers(-9, 9), whole), min_size=1, max_size=5))
def test_one_array_among_numbers(rows: list[tuple[int, int]]) -> None:
    a = np.array([r[0] for r in rows], float)
    node = parse_expression("max(A, 0) * N + A // 4")
    assert evaluate(node, {"A": a, "N": 3}).tolist() == [max(r[0], 0) * 3 + r[0] // 4 for r in rows]


def test_whole_numbers_stay_exact_beyond_the_precision_of_floats() -> None:
    found = evaluate(parse_expression("A * A + 1"), {"A": 2**40 + 1})
    assert (found, type(found)) == ((2**40 + 1) ** 2 + 1, int)
    assert evaluate(parse_expression("8 / 4"), {}) == 2 and isinstance(evaluate(parse_expression("8 / 4"), {}), int)


@pytest.mark.parametrize(("closed", "exact"), [(ceil_div, lambda a, b: -(-a // b)), (floor_div, operator.floordiv)])
@given(a=st.integers(0, 2**45), b=whole)
def test_divisions_that_round(closed, exact, a: int, b: int) -> None:  # type: ignore[no-untyped-def]
    assert closed(a, b) == exact(a, b)
    assert closed(np.array([a], float), b).tolist() == [exact(a, b)]
    assert closed(a, np.array([b], float)).tolist() == [exact(a, b)]


@given(st.lists(st.tuples(st.integers(-99, 99), st.integers(-99, 99)), min_size=1, max_size=5))
def test_larger_and_smaller_share_out_a_pair(pairs: list[tuple[int, int]]) -> None:
    a, b = (np.array(c, float) for c in zip(*pairs, strict=True))
    assert (larger(a, b) + smaller(a, b)).tolist() == (a + b).tolist()
    assert larger(a, 7).tolist() == [larger(int(x), 7) for x in a]
    assert smaller(7, b).tolist() == [smaller(7, int(x)) for x in b]
    assert larger(pairs[0][0], pairs[0][1]) == max(pairs[0])


def test_either() -> None:
    yes, no = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    assert either(True, 1, 2) == 1 and either(0, 1, 2) == 2
    assert either(np.array([True, True]), yes, no) is yes
    assert either(np.array([False, False]), yes, no) is no
    assert either(np.array([True, False]), yes, no).tolist() == [1, 4]
    assert either(np.array([False, True]), 5, no).tolist() == [3, 5]


@given(st.lists(st.integers(0, 2**60)))
def test_a_total_of_numbers_is_exact(values: list[int]) -> None:
    assert total(values) == sum(values)
    assert total(iter(())) == 0


def test_a_total_with_arrays_changes_none_of_them() -> None:
    a = np.array([1.0, 2.0])
    assert total([0, a, 3, a]).tolist() == [5, 7]
    assert a.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SIDDE + 1", "SIDDE has no value\n    SIDDE + 1\n    ^^^^^\n  hint: did you mean SIDE?"),
        ("2 * A[m]", "a constant is needed here\n    2 * A[m]\n        ^"),
        ("m + 1", "a constant is needed here\n    m + 1\n    ^"),
        ("elu1(SIDE)", "elu1 is not available here\n    elu1(SIDE)\n    ^"),
    ],
)
def test_what_is_no_constant(text: str, expected: str) -> None:
    with pytest.raises(SpecError) as caught:
        evaluate(parse_expression(text), {"SIDE": 4})
    assert expected in str(caught.value)


def test_functions_follow_the_standard_library() -> None:
    for name in ("sqrt", "log", "log2", "exp", "floor"):
        assert evaluate(parse_expression(f"{name}(A)"), {"A": 3}) == pytest.approx(getattr(math, name)(3), rel=1e-15)


@given(st.integers(-3, 3), st.integers(-3, 3))
def test_comparisons(a: int, b: int) -> None:
    found = [bool(compare(o, a, b)) for o in ("le", "lt", "ge", "gt", "eq", "ne")]
    assert found == [a <= b, a < b, a >= b, a > b, a == b, a != b]
