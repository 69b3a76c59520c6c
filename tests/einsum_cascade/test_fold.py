"""Folding keeps the value, and what is counted is what an evaluation of the folded text would do."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einsum_cascade.constants import evaluate, is_constant
from einsum_cascade.einsum import Access, Apply, Constant, Expression, Number, Variable, substitute, walk
from einsum_cascade.errors import SpecError
from einsum_cascade.fold import fold, multiplies, operations
from einsum_cascade.parse import parse, parse_expression

NAMES = {"E": 64, "M": 5}
VALUES: dict[str, Expression] = {"m": Number(3), "p": Number(2)}
leaves = st.one_of(
    st.integers(1, 4).map(Number),
    st.sampled_from(["E", "M"]).map(Constant),
    st.sampled_from(["m", "p"]).map(Variable),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["add", "sub", "mul"]), st.tuples(inner, inner)).map(lambda t: Apply(*t)),
        st.tuples(st.just("max"), st.tuples(inner, inner)).map(lambda t: Apply(*t)),
    ),
    max_leaves=10,
)
scalars = st.sampled_from([Access(t, (Variable("m"),)) for t in "ABC"])
reads = st.recursive(
    st.one_of(scalars, scalars, st.integers(2, 4).map(Number)),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["add", "sub"]), st.tuples(inner, inner)).map(lambda t: Apply(*t)),
        st.tuples(st.sampled_from(["exp", "sqrt"]), st.tuples(inner)).map(lambda t: Apply(*t)),
        st.tuples(st.just("where"), st.tuples(inner, inner, inner)).map(lambda t: Apply(*t)),
    ),
    max_leaves=8,
)


def counted(text: str) -> dict[str, int]:
    return dict(operations(fold(parse_expression(text), NAMES)))


@settings(deadline=None)
@given(trees)
def test_folding_keeps_the_value_and_leaves_no_constant_operation(tree: Expression) -> None:
    folded = fold(tree, NAMES)
    assert evaluate(substitute(folded, VALUES), NAMES) == evaluate(substitute(tree, VALUES), NAMES)
    assert not any(is_constant(n) and not isinstance(n, Number) for n in walk(folded))
    assert fold(folded, {}) == folded
    assert operations(folded) == Counter()  # rank variables alone are addresses or a table


@settings(deadline=None)
@given(reads)
def test_every_operator_that_reads_costs_itself(tree: Expression) -> None:
    def reading(node: Expression) -> bool:
        return any(isinstance(n, Access) for n in walk(node))

    unfolded = Counter(n.operator for n in walk(tree) if isinstance(n, Apply) and reading(n))
    try:
        folded = fold(tree, NAMES)
    except SpecError:  # the root of a negative constant
        return
    assert operations(folded) == unfolded


@settings(deadline=None)
@given(st.lists(st.sampled_from(["A[m]", "B[m]", "2", "E", "exp(C[m])"]), min_size=1, max_size=6), st.randoms())
def test_a_product_costs_the_same_in_any_order(factors: list[str], random: object) -> None:
    others = [f for f in factors if "[" in f]
    constants = len(factors) - len(others)
    shuffled = list(factors)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    expected = Counter({"exp": factors.count("exp(C[m])")})
    if others:  # constants merge into one, which costs a product only where a single factor is left
        expected["mul"] = max(len(others) - 1, 1 if constants else 0)
    for order in (factors, shuffled):
        assert Counter(counted(" * ".join(order))) == +expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 * A[m]", {}),
        ("A[m] / 1", {}),
        ("E / 64 * A[m]", {}),
        ("A[m] / sqrt(E)", {"div": 1}),
        ("A[m] * B[m] / sqrt(E)", {"mul": 1}),
        ("A[m] / B[m] / C[m]", {"div": 2}),
        ("A[m] / 2 / 4", {"div": 1}),
        ("2 / A[m]", {"div": 1}),
        ("A[m] / (B[m] / C[m])", {"div": 2}),
        ("-A[m]", {"neg": 1}),
        ("-2 * A[m] * B[m]", {"mul": 1}),
        ("max(A[m], B[m], C[m])", {"max": 2}),
        ("where(A[m] > 0 and B[m] <= 1, A[m], 0)", {"where": 1, "cmp": 2}),
        ("where(m < p, A[m], B[m])", {"where": 1}),
        ("m**2 * A[m]", {"mul": 1}),
        ("A[m] ** 2", {"pow": 1}),
        ("A[m*M + p // 2]", {}),
        ("A[IX[m]]", {"gather": 1}),
        ("A[IX[m] + 1]", {"gather": 1, "add": 1}),
        ("A[IX[m], IY[m]]", {"gather": 1}),
        ("A[IX[IY[m]]]", {"gather": 2}),
        ("A[IX[IY[m]] + 1]", {"gather": 2, "add": 1}),
        ("A[IX[m]] - B[IX[m]]", {"gather": 2, "sub": 1}),
        ("E * 2", {}),
    ],
)
def test_costs(text: str, expected: dict[str, int]) -> None:
    assert counted(text) == expected


def test_a_product_below_the_bar_is_a_product() -> None:
    assert counted("A[m] / (B[m] * C[m])") == {"mul": 1, "div": 1}


def test_a_product_of_rank_variables_is_a_table() -> None:
    assert counted("A[m] * (m * p)") == counted("A[m] * m**2") == {"mul": 1}


def test_indices_and_gathers_are_folded_too() -> None:
    assert fold(parse_expression("K[2*M + m, IX[E - 60]]"), NAMES) == parse_expression("K[10 + m, IX[4]]")


def test_a_constant_without_a_value_is_refused() -> None:
    with pytest.raises(SpecError, match="NN has no value"):
        fold(parse_expression("A[m] * NN"), NAMES)


def test_what_multiplies() -> None:
    texts = {"Z[] = A[m] * B[m]": True, "Z[] = exp(A[m] * B[m])": True, "Z[] = 2 * A[m]": True, "Z[] = A[m]": False,
             "Z[] = A[m] / B[m]": False, "Z[] = K[m*2]": False}  # fmt: skip
    assert {text: multiplies(parse(text)) for text in texts} == texts
