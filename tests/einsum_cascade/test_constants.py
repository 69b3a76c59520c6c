"""Constants are evaluated as Python would, exactly, and impossible ones are refused where they stand."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einsum_cascade.constants import ARITHMETIC, Value, evaluate, is_constant, is_static
from einsum_cascade.einsum import Apply, Constant, Expression, Number, Variable
from einsum_cascade.errors import SpecError
from einsum_cascade.parse import parse_expression

integers = st.integers(-(2**80), 2**80)
NAMES: dict[str, Value] = {"M": 100, "M0": 16, "EPS": 0.5, "i": 3}
leaves = st.one_of(st.integers(0, 20).map(Number), st.sampled_from(["M", "M0"]).map(Constant), st.just(Variable("i")))
SIGNS = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "floordiv": "//",
    "mod": "%",
    "le": "<=",
    "lt": "<",
    "eq": "==",
    "ne": "!=",
}
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(sorted(SIGNS)), st.tuples(inner, inner)).map(lambda t: Apply(*t)),
        st.tuples(st.sampled_from(["max", "min"]), st.tuples(inner, inner, inner)).map(lambda t: Apply(*t)),
        st.tuples(st.sampled_from(["neg", "abs"]), st.tuples(inner)).map(lambda t: Apply(*t)),
    ),
    max_leaves=8,
)


def python(node: Expression) -> str:
    """The same expression in Python's own notation."""
    if isinstance(node, Number):
        return str(node.value)
    if isinstance(node, Constant | Variable):
        return node.name
    assert isinstance(node, Apply)
    parts = [python(a) for a in node.arguments]
    if node.operator in SIGNS:
        return f"({parts[0]} {SIGNS[node.operator]} {parts[1]})"
    return f"(-{parts[0]})" if node.operator == "neg" else f"{node.operator}({', '.join(parts)})"


def value(text: str, **names: Value) -> Value:
    return evaluate(parse_expression(text), names)


def message(text: str, **names: Value) -> str:
    with pytest.raises(SpecError) as caught:
        value(text, **names)
    return str(caught.value)


@settings(deadline=None)
@given(trees)
def test_integers_are_those_of_python(tree: Expression) -> None:
    try:
        expected = eval(python(tree), dict(NAMES))
    except ZeroDivisionError:
        with pytest.raises(SpecError, match=r"(floordiv|mod) of"):
            evaluate(tree, NAMES)
        return
    assert evaluate(tree, NAMES) == expected


@settings(deadline=None)
@given(integers, integers)
def test_division_is_exact_where_it_can_be(a: int, b: int) -> None:
    if b:
        assert ARITHMETIC["div"](a * b, b) == a and isinstance(ARITHMETIC["div"](a * b, b), int)
        assert math.isclose(ARITHMETIC["div"](a, b), a / b)


@settings(deadline=None)
@given(st.integers(0, 2**80))
def test_square_roots_of_squares_are_integers(a: int) -> None:
    root = ARITHMETIC["sqrt"](a * a)
    assert root == a and isinstance(root, int)
    assert math.isclose(ARITHMETIC["sqrt"](a * a + a + 1), math.sqrt(a * a + a + 1))


@settings(deadline=None)
@given(st.floats(0, 1e300))
def test_square_roots_of_floats_are_those_of_the_library(a: float) -> None:
    assert ARITHMETIC["sqrt"](a) == math.sqrt(a)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sqrt(1.0)", 1.0), ("sqrt(2.25)", 1.5), ("rsqrt(16)", 0.25), ("exp2(10)", 1024), ("exp2(-1)", 0.5),
        ("log2(8)", 3.0), ("floor(7/2)", 3), ("7/2", 3.5), ("-6/3", -2), ("2**0.5", math.sqrt(2)), ("(-2)**3", -8),
        ("(-2)**3.0", -8.0), ("-2**2", -4), ("2**3**2", 512), ("0**0", 1), ("where(M > 10, 1, 2)", 1),
        ("where(M <= 10 and M > 5, 1, 2)", 2), ("where(1 < M < 200, 1, 2)", 1), ("max(1, M, 3)", 100),
        ("inf", math.inf), ("-inf", -math.inf), ("1e3", 1000.0), ("abs(-M)", 100), ("-7//2", -4),
        ("M - 10 - 1", 89), ("tanh(0)", 0.0),
    ],
)  # fmt: skip
def test_values(text: str, expected: Value) -> None:
    found = value(text, M=100)
    assert found == expected and isinstance(found, type(expected))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + M % 0", "<text>:1:5: mod of 100, 0: integer modulo by zero\n    1 + M % 0\n        ^^^^^"),
        ("(1 - 9)**0.5", "<text>:1:1: pow of -8, 0.5: not a real number\n    (1 - 9)**0.5\n    ^^^^^^^^^^^^"),
        ("(M + 0.5)**1000", "<text>:1:1: pow of 100.5, 1000: "),
        ("0**-1", "<text>:1:1: pow of 0, -1: "),
        ("log(0)", "<text>:1:1: log of 0: "),
        ("exp(M*10)", "<text>:1:1: exp of 1000: math range error"),
        ("floor(inf)", "<text>:1:1: floor of inf: cannot convert float infinity to integer"),
    ],
)
def test_impossible_operations(text: str, expected: str) -> None:
    assert message(text, M=100).startswith(expected)


def test_names_without_a_value() -> None:
    assert message("2*MM", M=1) == "<text>:1:3: MM has no value\n    2*MM\n      ^^\n  hint: did you mean M?"
    assert message("N").endswith("  hint: give its size under `ranks`, or with --shape")
    assert message("1 + A[m,p]", m=1) == (
        "<text>:1:5: a tensor stands where a constant is needed\n    1 + A[m,p]\n        ^^^^^^"
    )
    assert "a tensor stands where a constant is needed" in message("ATTEND(m; S[m], V[m])")
    assert "gelu is not available in constants" in message("gelu(1)") and "known:" not in message("silu(1)")


def test_a_mistake_in_a_branch_that_is_not_taken_is_still_one() -> None:
    assert "N has no value" in message("where(1 < 2, 3, N)")


@settings(deadline=None)
@given(trees)
def test_what_is_constant_is_static_and_needs_no_variables(tree: Expression) -> None:
    assert is_static(tree)
    assert is_constant(tree) == ("i" not in python(tree).replace("min", ""))


@pytest.mark.parametrize(
    ("text", "constant", "static"),
    [("M*2", True, True), ("m*2", False, True), ("A[]", False, False), ("exp(A[m] + 1)", False, False),
     ("ATTEND(m; 1, 2)", False, False), ("max(M, 1)", True, True)],
)  # fmt: skip
def test_kinds(text: str, constant: bool, static: bool) -> None:
    node = parse_expression(text)
    assert (is_constant(node), is_static(node)) == (constant, static)
