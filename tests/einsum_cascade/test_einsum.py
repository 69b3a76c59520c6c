"""The tree: traversal, variables, substitution, and its notation."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einsum_cascade.einsum import (
    Access,
    Apply,
    Attend,
    Constant,
    Expression,
    Number,
    Variable,
    accesses,
    iteration_variables,
    read_accesses,
    reduced_variables,
    selection,
    show,
    substitute,
    variables,
    walk,
)
from einsum_cascade.errors import Place
from einsum_cascade.parse import parse, parse_expression

leaves = st.one_of(
    st.integers(-3, 9).map(Number),
    st.floats(allow_nan=False).map(Number),
    st.sampled_from(["m", "p", "e"]).map(Variable),
    st.sampled_from(["M", "M0"]).map(Constant),
)


def grow(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    pairs = ["add", "sub", "mul", "div", "floordiv", "mod", "pow", "max", "min"]
    return st.one_of(
        st.tuples(st.sampled_from(pairs), st.tuples(inner, inner)).map(lambda t: Apply(*t)),
        st.tuples(st.sampled_from(["A", "QK"]), st.lists(inner, max_size=2).map(tuple)).map(lambda t: Access(*t)),
        inner.filter(lambda e: not isinstance(e, Number)).map(lambda e: Apply("neg", (e,))),
    )


trees = st.recursive(leaves, grow, max_leaves=12)
comparisons = st.tuples(st.sampled_from(["le", "lt", "ge", "gt", "eq", "ne"]), st.tuples(trees, trees))


@settings(deadline=None)
@given(trees)
def test_show_is_the_inverse_of_parse_for_every_number(tree: Expression) -> None:
    assert parse_expression(show(tree)) == tree


@settings(deadline=None)
@given(st.lists(comparisons.map(lambda t: Apply(*t)), min_size=1, max_size=3), trees)
def test_conditions_inside_where_are_shown_as_they_were(tests: list[Apply], other: Expression) -> None:
    test: Expression = tests[0]
    for further in tests[1:]:
        test = Apply("and", (test, further))
    nested = Apply("lt", (tests[0], other))
    for condition in (test, nested):
        tree = Apply("where", (condition, other, Number(0)))
        assert parse_expression(show(tree)) == tree


def test_numbers_keep_every_digit() -> None:
    texts = ["0.123456789", "1e-06", "1.23456789e+20", "inf", "2", "(-2) ** 2", "-2 ** 2", "A[m] - -2"]
    assert [show(parse_expression(t)) for t in texts] == texts
    assert show(Number(-math.inf)) == "-inf" and show(Number(4.0)) == "4"


@settings(deadline=None)
@given(trees)
def test_walk_visits_parents_first_and_every_node_once(tree: Expression) -> None:
    def count(node: Expression) -> int:
        below = node.indices if isinstance(node, Access) else node.arguments if isinstance(node, Apply) else ()
        return 1 + sum(map(count, below))

    seen = list(walk(tree))
    assert seen[0] is tree and len(seen) == count(tree)
    assert [n for n in seen if isinstance(n, Access)] == accesses(tree)
    assert tuple(dict.fromkeys(n.name for n in seen if isinstance(n, Variable))) == variables(tree)


@settings(deadline=None)
@given(trees, trees)
def test_variables_come_once_in_the_order_of_their_appearance(left: Expression, right: Expression) -> None:
    both = variables(left, right)
    assert both == tuple(dict.fromkeys(variables(left) + variables(right)))
    assert both == variables(Apply("add", (left, right)))


@settings(deadline=None)
@given(trees, trees)
def test_substitution(tree: Expression, value: Expression) -> None:
    assert substitute(tree, {}) == tree
    assert substitute(tree, {v: Variable(v) for v in "mpe"}) == tree
    made = substitute(tree, {"m": value})
    rest = set(variables(tree)) - {"m"}
    assert set(variables(made)) == rest | (set(variables(value)) if "m" in variables(tree) else set())
    renamed = substitute(tree, {"m": Variable("z")})
    assert substitute(renamed, {"z": Variable("m")}) == tree  # a fresh name can be taken back


def test_substitution_is_simultaneous_and_reaches_gathers() -> None:
    swapped = substitute(parse_expression("K[m,IX[p]] + p"), {"m": Variable("p"), "p": Variable("m")})
    assert show(swapped) == "K[p,IX[m]] + m"


def test_attend_is_walked_and_shown() -> None:
    node = parse_expression("ATTEND(m,n; S[m,n,p], 2 * V[f,m])")
    assert isinstance(node, Attend)
    assert variables(node) == ("m", "n", "p", "f") and [a.tensor for a in accesses(node)] == ["S", "V"]
    assert parse_expression(show(node)) == node


def test_places_take_no_part_in_comparisons() -> None:
    here, there = Place(line=1), Place(line=2)
    assert Variable("m", here) == Variable("m", there) and hash(Variable("m", here)) == hash(Variable("m", there))
    assert parse("A[m]  =  B[m]") == parse("A[m] = B[m]")


@pytest.mark.parametrize(
    ("text", "iterated", "reduced", "read"),
    [
        ("Z[] = A[m]", "m", "m", "A"),
        ("Z[m] = 1", "m", "", ""),
        ("Z[m] = A[] | m < p", "mp", "p", "A"),
        ("Z[m] = A[p] | B[q] > 0", "mpq", "pq", "AB"),
        ("Z[m+1] = Z[m]", "m", "", "Z"),
        ("Z[2*m+p] = A[m]", "mp", "", "A"),
        ("Z[I[j]] = A[j] :: sum(j)", "j", "j", "AI"),
        ("Z[I[j],j] = A[j] :: sum(j)", "j", "", "AI"),  # j stands in the target by itself
        ("Z[j] = A[m] :: argtopk(m, j)", "m", "m", "A"),
        ("Z[j,p] = A[m] * B[p] :: argsort(m, j)", "pm", "m", "AB"),
        ("Z[] = A[m] :: argmax(m)", "m", "m", "A"),
        ("Z[p] = A[B[C[q]],p]", "pq", "q", "ABC"),
        ("Z[] = where(A[m] > B[p], m, p)", "mp", "mp", "AB"),
    ],
)
def test_the_iteration_space(text: str, iterated: str, reduced: str, read: str) -> None:
    s = parse(text)
    assert "".join(iteration_variables(s)) == iterated
    assert "".join(reduced_variables(s)) == reduced
    assert "".join(a.tensor for a in read_accesses(s)) == read


def test_the_selection_of_a_statement() -> None:
    chosen = selection(parse("Z[j] = A[m,p] :: max(p), argtopk(m, j, byindex)"))
    assert chosen is not None and (chosen.variable, chosen.into, chosen.by_index) == ("m", "j", True)
    found = selection(parse("Z[] = A[m] :: argmax(m)"))
    assert found is not None and found.into is None
    assert selection(parse("Z[] = A[m] :: max(m)")) is None


def test_the_name_of_a_statement_is_what_it_writes() -> None:
    assert parse("RM[m1+1,p] = max(RM[m1,p], LM[m1,p])").name == "RM"
