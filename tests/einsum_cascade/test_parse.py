"""The parser and the printer are inverses of each other; positions are exact."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einsum_cascade.einsum import (
    Access,
    Apply,
    Constant,
    Expression,
    Number,
    Variable,
    iteration_variables,
    read_accesses,
    reduced_variables,
    show,
)
from einsum_cascade.errors import Place, SpecError
from einsum_cascade.parse import parse, parse_conditions, parse_expression, parse_line

names = st.sampled_from(["m", "p", "m0", "e"])
leaves = st.one_of(
    st.integers(0, 9).map(Number),
    st.sampled_from(["M", "M0", "LAM"]).map(Constant),
    names.map(Variable),
    st.tuples(st.sampled_from(["A", "QK"]), st.lists(names.map(Variable), max_size=2).map(tuple)).map(
        lambda t: Access(*t)
    ),
)


def grow(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    binary = st.sampled_from(["add", "sub", "mul", "div", "floordiv", "mod", "pow"])
    return st.one_of(
        st.tuples(binary, st.tuples(inner, inner)).map(lambda t: Apply(*t)),
        st.tuples(st.sampled_from(["exp", "sqrt"]), st.tuples(inner)).map(lambda t: Apply(*t)),
        st.tuples(st.just("max"), st.tuples(inner, inner)).map(lambda t: Apply(*t)),
        inner.filter(lambda e: not isinstance(e, Number)).map(lambda e: Apply("neg", (e,))),
    )


@given(st.recursive(leaves, grow, max_leaves=12))
def test_show_is_the_inverse_of_parse(tree: Expression) -> None:
    assert parse_expression(show(tree)) == tree


@pytest.mark.parametrize(
    "text",
    [
        "QK[m,p] = Q[e,p] * K[e,m] | m <= p",
        "RM[m1 + 1,p] = max(RM[m1,p], LM[m1,p])",
        "LM[m1,p] = BQK[m1,m0,p] :: max(m0)",
        "IX[j] = IMP[m] :: argtopk(m, j, byindex)",
        "AV[h,f,p] = AT[h,t,p] * V[h,f,IX[IV[h,p,t]]]",
        "DI[IX[j]] = A[h,j,p] :: sum(h)",
        "GM[] = LT[t] :: max(t)",
        "S[m,p] = Q[e,p] * K[e,m] | p - W < m and m <= p",
        "DM[i,j] = LAM ** (i - j) | j <= i",
        "XM[l + 1,m] = max(XM[l,m], XM[l,m - STR[l]])",
        "GE[f] = where(N[f] <= DL, ER[f], DL * sign(ER[f]))",
    ],
)
def test_notation(text: str) -> None:
    assert show(parse(text)) == text


def test_a_line_holds_statements_and_a_comment() -> None:
    assert [s.name for s in parse_line("S[e,f,0] = 0 ; Z[e,0] = 0   # start ; not a statement")] == ["S", "Z"]
    assert parse_line("   # nothing") == []


def test_a_rank_qualification_is_read() -> None:
    assert parse("A[m] = K[E: e, M: m1*M0+m0]") == parse("A[m] = K[e, m1*M0+m0]")


def test_a_chain_is_two_conditions() -> None:
    assert [c.operator for c in parse_conditions("p - W < m <= p")] == ["lt", "le"]


def test_variables() -> None:
    s = parse("AV[f,p] = A[h,IV[h,p,t],p] * V[f,t] | A[h,q,p] > TH")
    assert iteration_variables(s) == ("f", "p", "h", "t", "q")
    assert reduced_variables(s) == ("h", "t", "q")
    assert [a.tensor for a in read_accesses(s)] == ["A", "IV", "V", "A"]


@pytest.mark.parametrize(
    ("text", "column"),
    [("QK[m] = Q[e,p * K", 18), ("QK[m] == Q[e]", 7), ("A[m] = mux(B[m])", 8), ("A[m] = B[m] C[m]", 13)],
)
def test_the_column_of_a_mistake(text: str, column: int) -> None:
    with pytest.raises(SpecError) as caught:
        parse(text)
    assert caught.value.diagnostics[0].place.column == column


def test_places_are_exact() -> None:
    s = parse_line("  SN[m] = exp(QK[m] - GM[])", Place(file="f", line=7, column=1))[0]
    gm = read_accesses(s)[1]
    assert (gm.place.line, gm.place.column, gm.place.length) == (7, 23, 4)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("X[m] == A[m]", "a definition has a single `=`"),
        ("X[m] = F(A[m])", "unexpected"),
        ("X[m] = A[m] ; Y[m] = A[m]", "expected one statement"),
        ("", "expected one statement"),
    ],
)
def test_what_is_no_statement(text: str, expected: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(text)
    assert expected in str(caught.value)


def test_what_is_left_over() -> None:
    with pytest.raises(SpecError, match="an operator or the end of the expression"):
        parse_expression("M M0")
    with pytest.raises(SpecError, match="`and` or the end of the condition"):
        parse_conditions("m < p m")


def test_a_plus_sign_is_nothing() -> None:
    assert parse_expression("+ M0") == parse_expression("M0")
