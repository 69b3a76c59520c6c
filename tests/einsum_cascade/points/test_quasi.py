"""Normal forms of quasi-affine expressions: what is equal as a function by a simple step is equal as a structure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einsum_cascade.points.quasi import Affine, Floor, affine, combine, number, var
from tests.einsum_cascade.test_points import FEW, NAMES, forms

a, b, m, p = map(var, "abmp")
POINTS = st.fixed_dictionaries({name: st.integers(-50, 50) for name in NAMES})


@given(forms(NAMES), forms(NAMES), forms(NAMES), st.integers(-5, 5))
@FEW
def test_forms_are_a_module_over_the_integers(one: Affine, two: Affine, three: Affine, k: int) -> None:
    assert one + two == two + one and (one + two) + three == one + (two + three)
    assert (one + two) * k == one * k + two * k == combine(k, one, k, two)
    assert one - one == number(0) and number(0) - (-one) == one and one * 0 == number(0)
    assert hash(one + two) == hash(two + one)


@given(forms(NAMES), forms(NAMES), st.integers(1, 9), st.integers(1, 6))
@FEW
def test_floors_have_one_form(one: Affine, two: Affine, d: int, k: int) -> None:
    assert (one + two * d) // d == one // d + two  # multiples stand outside
    assert (one + two * d) % d == one % d
    assert (one * k) // (d * k) == one // d  # without a common factor
    assert (one * d) // d == one and (one * d) % d == number(0)
    assert one // 1 == one


@given(st.integers(-40, 40), st.integers(1, 9), st.integers(1, 9), st.booleans())
@FEW
def test_nested_floors_are_one(shift: int, d: int, e: int, falling: bool) -> None:
    form = m + shift
    if falling:  # of -m//2 there are two forms, -m + m//2 and -((m + 1)//2)
        form, d, e = -form, 2 * d + 1, 2 * e + 1
    assert form // d // e == form // (d * e) == form // e // d
    assert (form // d + 5) // e == (form + 5 * d) // (d * e)


@given(forms(NAMES), st.sampled_from((1, 3, 5, 7, 9)))
@FEW
def test_the_ceiling_is_the_negated_floor(one: Affine, d: int) -> None:
    assert -(-one // d) == (one + d - 1) // d


@given(forms(NAMES, 2), POINTS, st.integers(1, 9))
@FEW
def test_remainders_are_in_range(one: Affine, point: dict[str, int], d: int) -> None:
    assert 0 <= (one % d).evaluate(point) < d
    assert (one - one % d).evaluate(point) % d == 0


@given(forms(NAMES, 2), POINTS)
@FEW
def test_values_depend_on_the_variables_only(one: Affine, point: dict[str, int]) -> None:
    assert one.evaluate({name: point[name] for name in one.variables()}) == one.evaluate(point)
    rest = one - sum((one.factor(name) * var(name) for name in NAMES), start=number(0))
    assert not any(isinstance(atom, str) for atom, _ in rest.terms)


@given(forms(NAMES, 1), forms(NAMES, 1), forms(NAMES, 1), POINTS)
@FEW
def test_substitutions_compose(one: Affine, two: Affine, three: Affine, point: dict[str, int]) -> None:
    twice = one.substitute({"a": two}).substitute({"b": three})
    at_once = one.substitute({"a": two.substitute({"b": three}), "b": three})
    assert twice.evaluate(point) == at_once.evaluate(point)


def test_substitution_is_simultaneous_and_leaves_others_alone() -> None:
    form = 3 * a + (a + 2 * b) // 5
    assert form.substitute({"a": b, "b": a}) == 3 * b + (b + 2 * a) // 5
    assert form.substitute({"m": p}) is form and form.substitute({}) is form
    assert (a // 4).substitute({"a": number(-1)}) == number(-1)
    assert (a % 4).substitute({"a": 4 * m + 3}) == number(3)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (number(0), "0"),
        (number(-3), "-3"),
        (-m, "-m"),
        (p - m + 3, "-m + p + 3"),
        (-2 * m - 1, "-2*m - 1"),
        (m // 4, "floor(m/4)"),
        ((m + 1) // 4 - m, "-m + floor((m + 1)/4)"),
        (m % 4, "m - 4*floor(m/4)"),
        ((m // 4 + p) // 3, "floor((p + floor(m/4))/3)"),
        ((2 * m + 1) // 4, "floor(m/2)"),  # the one is lost in the floor
        ((6 * m + 3) // 4, "m + floor((m + 1)/2)"),  # (2*m + 3)//4 = (m + 1)//2
        ((7 * m) // 4, "2*m - floor((m + 3)/4)"),  # the least remainder, and a positive first factor
        ((-m) // 4, "-floor((m + 3)/4)"),
        (5 - m, "-m + 5"),
    ],
)
def test_texts(form: Affine, text: str) -> None:
    assert repr(form) == text


def test_terms_stand_in_one_order_whatever_they_were_made_from() -> None:
    form = p // 2 + b + m // 3 + a
    assert repr(form) == "a + b + floor(m/3) + floor(p/2)"
    assert affine(0, dict(reversed(form.terms))) == form
    assert affine(2, {"a": 0}) == number(2)


def test_equal_floors_are_one_atom() -> None:
    one, two = (m + 5) // 4, (m + 1) // 4 + 1
    assert one == two and one - two == number(0)
    atom = (m // 4).terms[0][0]
    assert isinstance(atom, Floor) and atom.divisor == 4 and atom.variables == {"m"}
    assert atom == Floor(m, 4) and hash(atom) == hash(Floor(m, 4)) and atom != Floor(m, 5) and atom != "m"
    assert m != "m" and number(1) != 1


def test_integers_of_any_size() -> None:
    big = 2**200
    form = (m * (big + 1) + p) // big
    assert form == m + (m + p) // big
    assert form.evaluate({"m": big, "p": -1}) == big + (big - 1) // big
    assert ((m + big) % (big - 1)).evaluate({"m": big}) == 2


@pytest.mark.parametrize("divisor", [0, -1, -(2**70)])
def test_a_divisor_is_positive(divisor: int) -> None:
    for divide in (lambda: m // divisor, lambda: m % divisor, lambda: number(3) // divisor):
        with pytest.raises(ValueError) as caught:
            divide()
        assert str(caught.value) == f"divisor {divisor} is not positive"
