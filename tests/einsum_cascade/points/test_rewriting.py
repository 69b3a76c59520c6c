"""Each rewriting step keeps the points; the names it introduces have exactly one value at each."""

import itertools
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einsum_cascade.points.conjunction import Conj
from einsum_cascade.points.quasi import Affine, Floor, affine, number, var
from einsum_cascade.points.rewriting import clean, isolate, lift, names_in, sides, solve, tightest, tightest_cases
from tests.einsum_cascade.test_points import FEW, forms

NAMES = ("a", "b", "c")
GRID = [dict(zip(NAMES, point, strict=True)) for point in itertools.product(range(-3, 5), repeat=3)]
a, b, c, x, m, p = map(var, "abcxmp")
flat = forms(NAMES, 0)
bound = st.tuples(st.integers(1, 4), forms(("a", "b"), 0))
side = st.lists(bound, min_size=1, max_size=3, unique_by=lambda each: (each[0], each[1]))


@given(forms(NAMES, 2), forms(NAMES, 2), st.sampled_from(GRID))
@FEW
def test_lifted_floors_have_one_value_each(one: Affine, two: Affine, point: dict[str, int]) -> None:
    known: dict[Floor, str] = {}
    (equal,), (row,), new, names = lift([one], [two], None, known, count(1))
    assert set(known.values()) == set(names) and len(new) == 2 * len(names)
    full = point | {name: atom.argument.evaluate(point) // atom.divisor for atom, name in known.items()}
    assert not any(isinstance(atom, Floor) for form in (equal, row, *new) for atom, _ in form.terms)
    assert (equal.evaluate(full), row.evaluate(full)) == (one.evaluate(point), two.evaluate(point))
    assert all(form.evaluate(full) >= 0 for form in new)
    for name in names:
        for step in (-1, 1):
            assert any(form.evaluate(full | {name: full[name] + step}) < 0 for form in new)


def test_lifting_is_selective_and_remembers() -> None:
    known: dict[Floor, str] = {}
    numbers = count(1)
    form = a // 2 + b // 3
    _, (row,), new, names = lift([], [form], ["a"], known, numbers)
    assert (repr(row), names, len(new)) == ("$1 + floor(b/3)", ("$1",), 2)
    _, (row,), new, names = lift([], [form], None, known, numbers)
    assert (repr(row), names, len(new)) == ("$1 + $2", ("$2",), 2)
    assert lift([a], [b], None, known, numbers) == ([a], [b], [], ())


def test_a_nested_floor_is_lifted_with_what_it_holds() -> None:
    form = (a // 2 + b) // 3
    _, (row,), new, names = lift([], [form], ["a"], {}, count(1))
    assert (repr(row), names) == ("$2", ("$1", "$2"))
    assert [repr(each) for each in new] == ["-2*$1 + a", "2*$1 - a + 1", "$1 - 3*$2 + b", "-$1 + 3*$2 - b + 2"]


@given(forms(NAMES, 2), st.sets(st.sampled_from(NAMES), min_size=1), st.sampled_from(GRID))
@FEW
def test_isolation_keeps_the_sign(form: Affine, names: set[str], point: dict[str, int]) -> None:
    assert (isolate(form, names).evaluate(point) >= 0) == (form.evaluate(point) >= 0)


def test_isolation_frees_a_name_of_nested_floors() -> None:
    assert repr(isolate(m - (p // 4) // 2, ["p"])) == "8*m - p + 7"
    assert repr(isolate(p // 4 - m, ["p"])) == "-4*m + p"
    both = p // 4 + p
    assert isolate(both, ["p"]) is both


@given(st.lists(flat, min_size=1, max_size=2), st.permutations(NAMES), st.integers(1, 3))
@FEW
def test_solving_keeps_the_points(zero: list[Affine], names: list[str], many: int) -> None:
    drop = tuple(names[:many])
    found = solve(Conj(tuple(zero), ()), drop)
    if found is None:
        assert not any(form.factor(name) for form in zero for name in drop)
        return
    name, value, extra = found
    assert name in drop
    if value.factor(name):
        return  # only a change of the variable
    for point in GRID:
        if all(form.evaluate(point) == 0 for form in zero):
            assert point[name] == value.evaluate(point)
            assert extra is None or extra.evaluate(point) == 0
        moved = point | {name: value.evaluate(point)}
        if extra is not None and extra.evaluate(moved) == 0:
            chosen = [form for form in zero if form.factor(name)]
            assert any(form.evaluate(moved) == 0 for form in chosen)


@pytest.mark.parametrize(
    ("zero", "drop", "expected"),
    [
        ((a - 3 * b,), ["b"], ("b", "floor(a/3)", "a - 3*floor(a/3)")),
        ((a - 3 * b,), ["a", "b"], ("a", "3*b", None)),  # a factor of 1 first
        ((a + 2 * x - 5, 3 * x - c), ["x"], ("x", "-floor((a + 1)/2) + 3", "a - 2*floor((a + 1)/2) + 1")),
        ((2 * a + 5 * b - 1,), ["a", "b"], ("a", "a - 3*b", None)),  # a step of Euclid's algorithm
        ((a - b,), ["c"], None),
    ],
)
def test_what_is_solved_for(zero: tuple[Affine, ...], drop: list[str], expected: tuple[str, str, str | None]) -> None:
    found = solve(Conj(zero, ()), drop)
    if expected is None or found is None:
        assert found is expected
    else:
        assert (found[0], repr(found[1]), found[2] and repr(found[2])) == expected


@given(side)
@FEW
def test_dropped_bounds_are_never_the_tightest(given_side: list[tuple[int, Affine]]) -> None:
    low, high = {"a": -3, "b": -3}, {"a": 4, "b": 4}
    kept = tightest(given_side, low, high)
    assert kept and all(each in given_side for each in kept)
    for point in GRID[::5]:
        values = [form.evaluate(point) // size for size, form in given_side]
        assert min(values) == min(form.evaluate(point) // size for size, form in kept)


@given(side, side)
@FEW
def test_exactly_one_pair_of_bounds_is_the_tightest(
    lower: list[tuple[int, Affine]], upper: list[tuple[int, Affine]]
) -> None:
    cases = list(tightest_cases(lower, upper))
    for point in GRID[::31]:
        here = [pair[:2] for pair in cases if all(form.evaluate(point) >= 0 for form in pair[2])]
        inside = [v for v in range(-25, 26)
                  if all(k * v + form.evaluate(point) >= 0 for k, form in lower)
                  and all(-k * v + form.evaluate(point) >= 0 for k, form in upper)]  # fmt: skip
        assert len(here) <= 1 and (here or not inside)
        for (k, left), (n, right) in here:
            assert right.evaluate(point) // n + left.evaluate(point) // k + 1 == len(inside)


@given(st.lists(flat, max_size=4), st.sampled_from(NAMES))
@FEW
def test_sides_put_the_constraints_apart(least: list[Affine], name: str) -> None:
    lower, upper, rest = sides(Conj((), tuple(least)), name)
    again = [form + var(name) * size for size, form in lower] + [form - var(name) * size for size, form in upper]
    assert sorted(map(repr, [*again, *rest])) == sorted(map(repr, least))
    assert all(size > 0 and not form.factor(name) for size, form in lower + upper)
    assert not any(form.factor(name) for form in rest)


def test_clean_looks_at_what_stays_inside_the_floor() -> None:
    form = affine(3, {"a": 4, "b": 6, "c": 1})
    assert clean(form, 2, ["a", "b"]) and not clean(form, 4, ["b"]) and clean(form, 4, ["a"])
    assert clean(number(3), 2, ["a"]) and clean(form, 1, NAMES) and clean(form, 5, [])


def test_names_in_atoms() -> None:
    (outer, _), *_ = ((a // 2 + b) // 3).terms
    assert names_in(outer) == {"a", "b"} and names_in("a") == {"a"}
