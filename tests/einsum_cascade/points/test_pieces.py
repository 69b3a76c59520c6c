"""Laws of the algebra of sets, at sizes of 2**60, and the unions of pieces behind it."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einsum_cascade.points import NotCountable, Set, Unbounded, box, empty, everything, number, var, where
from einsum_cascade.points import pieces as unions
from einsum_cascade.points.conjunction import Conj
from einsum_cascade.points.quasi import Affine
from tests.einsum_cascade.test_points import FEW, forms

HUGE = 2**60
TILE = 2**20
m, p, t, u, m1, m0 = map(var, ("m", "p", "t", "u", "m1", "m0"))
UNIVERSE = box({"m": HUGE, "p": HUGE})
MASKS: dict[str, Set] = {
    "causal": where(m, "<=", p),
    "window": where(m, ">", p - 2**33),
    "sinks": where(m, "<", 4),
    "blocks": where(m // TILE, "==", p // TILE),
    "dilated": where((p - m) % 3, "==", 0),
    "off the diagonal": where(m, "!=", p + 7),
    "lower half": where(2 * p, "<", HUGE),
    "nothing": empty(("m", "p")),
    "all": everything(("m", "p")),
}
masks = st.sampled_from(sorted(MASKS)).map(lambda name: MASKS[name] & UNIVERSE)


def complement(these: Set) -> Set:
    return UNIVERSE - these


@given(masks, masks)
@FEW
def test_de_morgan_within_a_box(one: Set, two: Set) -> None:
    assert complement(one | two).equals(complement(one) & complement(two))
    assert complement(one & two).equals(complement(one) | complement(two))
    assert complement(complement(one)).equals(one)
    assert (one - two).equals(one & complement(two))


@given(masks, masks, masks)
@FEW
def test_distributivity_and_absorption(one: Set, two: Set, three: Set) -> None:
    assert (one & (two | three)).equals((one & two) | (one & three))
    assert (one | (two & three)).equals((one | two) & (one | three))
    assert (one | (one & two)).equals(one) and (one & (one | two)).equals(one)
    assert ((one | two) - three).equals((one - three) | (two - three))
    assert (one - (two | three)).equals((one - two) & (one - three))


@given(masks, masks, masks)
@FEW
def test_inclusion_and_exclusion(one: Set, two: Set, three: Set) -> None:
    pairs = (one & two).count() + (one & three).count() + (two & three).count()
    whole = one.count() + two.count() + three.count() - pairs + (one & two & three).count()
    assert (one | two | three).count() == whole
    assert (one - two).count() + (one & two).count() == one.count()
    assert complement(one).count() == HUGE**2 - one.count()


@given(masks, masks)
@FEW
def test_counts_add_over_disjoint_unions(one: Set, two: Set) -> None:
    rest = one - two
    assert (rest & two).is_empty()
    assert (rest | two).count() == rest.count() + two.count()
    parts = [Set(one.variables, (piece,)) for piece in (one | two).disjoint().pieces]
    assert sum(part.count() for part in parts) == (one | two).count()
    assert all((a & b).is_empty() for k, a in enumerate(parts) for b in parts[:k])


@given(masks, masks)
@FEW
def test_subsets(one: Set, two: Set) -> None:
    assert (one & two).is_subset(one) and one.is_subset(one | two)
    assert one.is_subset(two) == (one - two).is_empty() == one.equals(one & two)
    assert not one.is_subset(two) or one.count() <= two.count()


def test_neutral_and_absorbing_elements() -> None:
    for each in MASKS.values():
        assert (each & everything()).equals(each) and (each | empty()).equals(each)
        assert (each & empty()).is_empty() and (each | everything()).equals(everything())
        assert (each - each).is_empty() and (each - empty()).equals(each) and (empty() - each).is_empty()


@given(masks, masks)
@FEW
def test_projection_and_union_commute(one: Set, two: Set) -> None:
    assert (one | two).project(["m"]).equals(one.project(["m"]) | two.project(["m"]))
    assert (one & two).project(["m"]).is_subset(one.project(["m"]) & two.project(["m"]))
    both = one.project(["m"]).project(["p"])
    assert both.equals(one.project(["p"]).project(["m"])) and both.variables == ()
    assert both.equals(one.project(["p", "m"])) and both.count() == (0 if one.is_empty() else 1)


@given(masks, masks, forms(("m", "t", "u")))
@FEW
def test_substitution_commutes_with_the_algebra(one: Set, two: Set, form: Affine) -> None:
    values = {"m": form}
    for combine in (Set.__and__, Set.__or__, Set.__sub__):
        whole = combine(one, two).substitute(values)
        assert whole.equals(combine(one.substitute(values), two.substitute(values)))


@given(masks, masks)
@FEW
def test_renaming_commutes_with_everything(one: Set, two: Set) -> None:
    names = {"m": "p", "p": "m"}
    assert one.rename(names).rename(names) == one
    assert (one - two).rename(names).equals(one.rename(names) - two.rename(names))
    assert one.project(["m"]).rename(names).equals(one.rename(names).project(["p"]))
    assert one.rename({"m": "t"}).substitute({"t": m}).equals(one)
    assert one.rename({"x": "y"}) == one


@given(masks)
@FEW
def test_tiling_keeps_the_points(one: Set) -> None:
    tiled = one.substitute({"m": m1 * TILE + m0}) & box({"m0": TILE})
    assert tiled.count() == one.count()
    assert tiled.image({"m": m1 * TILE + m0, "p": p}).equals(one)


@given(masks)
@FEW
def test_images_compose(one: Set) -> None:
    first = {"t": m // TILE, "u": p - m}
    twice = one.image(first).image({"v": t + 2 * u})
    assert twice.equals(one.image({"v": first["t"] + 2 * first["u"]}))
    assert one.image({"m": m, "p": p}).equals(one)


@given(masks, st.sampled_from("mp"))
@FEW
def test_fiber_counts_add_up_to_the_count(one: Set, name: str) -> None:
    try:
        fibers = one.fiber_count(name)
    except NotCountable:
        return
    total = sum((domain & where(t, ">=", 0) & where(t, "<", value)).count() for domain, value in fibers)
    assert total == one.count()
    domains = [domain for domain, _ in fibers]
    assert all((a & b).is_empty() for k, a in enumerate(domains) for b in domains[:k])
    shadow = one.project([name])
    for domain, value in fibers:
        assert (domain & where(value, "<", 0)).is_empty()
        assert (domain & where(value, ">", 0)).is_subset(shadow)


@pytest.mark.parametrize(
    ("these", "expected"),
    [
        (MASKS["causal"], "p + 1"),
        (MASKS["blocks"], str(TILE)),
        (MASKS["sinks"], "4"),
        (MASKS["dilated"] & MASKS["causal"], "floor(p/3) + 1"),
    ],
)
def test_fibers_as_forms(these: Set, expected: str) -> None:
    assert [str(value) for _, value in (these & UNIVERSE).fiber_count("m")] == [expected]


def test_overlapping_pieces_are_counted_once() -> None:
    window = UNIVERSE & where(m, "<=", p) & where(m, ">", p - 8)
    both = window | (UNIVERSE & where(m, "<=", p) & where(m, "<", 4))
    found = both.fiber_count("m")
    for at, expected in ((0, 1), (5, 6), (8, 9), (11, 12), (12, 12), (2**50, 12)):
        (value,) = [value for domain, value in found if domain.contains({"p": at})]
        assert value.evaluate({"p": at}) == expected


def interval(low: int, high: int) -> Conj:
    return Conj((), (m - low, high - m))


def values(pieces: unions.Pieces, among: range = range(-5, 30)) -> list[int]:
    return [value for value in among if any(piece.holds({"m": value}) for piece in pieces)]


def test_pieces_inside_others_are_dropped() -> None:
    assert unions.unite((interval(0, 3), interval(0, 9), interval(2, 5))) == (interval(0, 9),)
    assert unions.unite((interval(0, 9), interval(0, 9))) == (interval(0, 9),)
    many = tuple(interval(k, k) for k in range(50))
    assert unions.unite((*many, interval(0, 60))) == (*many, interval(0, 60))  # too many to be compared
    assert unions.unite(()) == ()


def test_known_pieces_keep_their_order() -> None:
    assert unions.known([interval(3, 4), None, interval(0, 1), interval(3, 4)]) == (interval(3, 4), interval(0, 1))


@pytest.mark.parametrize(
    ("pieces", "others", "expected"),
    [
        ((interval(0, 9),), (interval(3, 5),), [0, 1, 2, 6, 7, 8, 9]),
        ((interval(0, 9),), (interval(3, 5), interval(5, 7)), [0, 1, 2, 8, 9]),
        ((interval(0, 3), interval(6, 9)), (interval(2, 7),), [0, 1, 8, 9]),
        ((interval(0, 3),), (interval(-1, 9),), []),
        ((interval(0, 3),), (), [0, 1, 2, 3]),
        ((interval(0, 6),), (Conj((m % 3,), ()),), [1, 2, 4, 5]),
    ],
)
def test_differences(pieces: unions.Pieces, others: unions.Pieces, expected: list[int]) -> None:
    left = unions.without(pieces, others)
    assert values(left) == expected
    assert sum(len(values((piece,))) for piece in left) == len(expected)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 6)), max_size=6))
@FEW
def test_disjoint_pieces_hold_each_point_once(spans: list[tuple[int, int]]) -> None:
    pieces = tuple(interval(low, low + width) for low, width in spans)
    found = unions.disjoint(pieces)
    assert values(found) == values(pieces)
    assert sum(len(values((piece,))) for piece in found) == len(values(pieces))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 6), st.integers(1, 3)), max_size=5))
@FEW
def test_refining_adds_numbers(parts: list[tuple[int, int, int]]) -> None:
    fibers: unions.Fibers = []
    for low, width, value in parts:
        fibers = unions.refine(fibers, interval(low, low + width), number(value) + m)
    for at in range(-1, 18):
        here = [value for pieces, value in fibers if any(piece.holds({"m": at}) for piece in pieces)]
        expected = [value + at for low, width, value in parts if low <= at <= low + width]
        assert len(here) == bool(expected)
        assert not here or here[0].evaluate({"m": at}) == sum(expected)


def test_points_are_listed_up_to_a_size() -> None:
    square = Conj((), (m, 3 - m, p, 3 - p, m - p))
    assert unions.listed((square,), ("m", "p"), 16) == {(x, y) for x in range(4) for y in range(x + 1)}
    assert unions.listed((square,), ("m", "p"), 15) is None
    assert unions.listed((), ("m",), 0) == set()
    assert list(unions.points(Conj((m % 3 - 1, p - 2 * m), (m, 9 - m)), ("m", "p"))) == [(1, 2), (4, 8), (7, 14)]


def test_apart_is_what_is_seen_in_a_few_steps() -> None:
    assert unions.apart(Conj((m % 2,), ()), Conj((m % 2 - 1,), ()))
    assert not unions.apart(Conj((m % 2,), ()), Conj((m % 3,), ()))


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: unions.fiber(Conj((), (m - p,)), "m"), Unbounded, "m is not bounded"),
        (lambda: list(unions.points(Conj((), (m,)), ("m",))), Unbounded, "m is not bounded"),
        (
            lambda: unions.fiber(Conj((), (m, 999 - m, m + m // 101 - p)), "m"),
            NotCountable,
            "the number of m is not a form of the other variables",
        ),
    ],
)
def test_what_cannot_be_said(call: Callable[[], object], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == message
