"""Point sets against enumeration at small sizes, and against closed forms at sizes no enumeration reaches."""

import itertools
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from einsum_cascade.points import Affine, NotCountable, Set, Unbounded, box, empty, everything, number, var, where

NAMES = ("a", "b", "c", "d")
RELATIONS = ("<=", "<", ">=", ">", "==", "!=")
SIZE = 6  # every coordinate of a random set is below
FEW = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
MANY = settings(FEW, max_examples=200)

m, p, u, v, m1, m0, p1, p0 = map(var, ("m", "p", "u", "v", "m1", "m0", "p1", "p0"))
N = 2**70
M0 = 2**20
M1 = N // M0
W = 2**30
CH = 2**33
D = 96


@st.composite
def forms(draw: st.DrawFn, names: tuple[str, ...], depth: int = 1) -> Affine:
    form = number(draw(st.integers(-6, 6)))
    for name in draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True)):
        form += draw(st.integers(-3, 3)) * var(name)
    if depth and draw(st.integers(0, 2)) == 0:
        inner, divisor = draw(forms(names, depth - 1)), draw(st.integers(2, 5))
        form += draw(st.integers(-2, 2)) * (inner // divisor if draw(st.booleans()) else inner % divisor)
    return form


@st.composite
def sets(draw: st.DrawFn, names: tuple[str, ...], most: int = 3) -> Set:
    out = box({name: draw(st.integers(1, SIZE)) for name in names})
    for _ in range(draw(st.integers(0, most))):
        out &= where(draw(forms(names)), draw(st.sampled_from(RELATIONS)), draw(st.integers(-4, 9)))
    return out


some_names = st.sampled_from((NAMES[:2], NAMES[:3], NAMES[:3], NAMES))


def brute(these: Set, names: tuple[str, ...], low: int = 0, high: int = SIZE) -> set[tuple[int, ...]]:
    points = itertools.product(range(low, high), repeat=len(names))
    return {point for point in points if these.contains(dict(zip(names, point, strict=True)))}


def kept(points: set[tuple[int, ...]], names: tuple[str, ...], drop: list[str]) -> Counter[tuple[int, ...]]:
    places = [place for place, name in enumerate(names) if name not in drop]
    return Counter(tuple(point[place] for place in places) for point in points)


@given(st.data())
@MANY
def test_form_arithmetic_is_integer_arithmetic(data: st.DataObject) -> None:
    one, two = data.draw(forms(NAMES, 2)), data.draw(forms(NAMES, 2))
    point = {name: data.draw(st.integers(-20, 20)) for name in NAMES}
    x, y, d = one.evaluate(point), two.evaluate(point), data.draw(st.integers(1, 12))
    assert (one + two, one - two, one * d, one // d, one % d, 5 - one, -two) == (
        one + two, one - two, d * one, one // d, one - d * (one // d), -one + 5, 0 - two
    )  # fmt: skip
    made = (one + two, one - two, one * d, one // d, one % d, 5 - one, (one // d + two) // 3)
    assert [form.evaluate(point) for form in made] == [x + y, x - y, x * d, x // d, x % d, 5 - x, (x // d + y) // 3]
    inner = {name: data.draw(forms(NAMES, 1)) for name in NAMES}
    moved = {name: form.evaluate(point) for name, form in inner.items()}
    assert one.substitute(inner).evaluate(point) == one.evaluate(moved)
    assert one.substitute(inner).variables() <= set(NAMES)


@given(st.data())
@MANY
def test_counts_and_points_are_those_of_enumeration(data: st.DataObject) -> None:
    names = data.draw(some_names)
    these = data.draw(sets(names))
    points = brute(these, names)
    assert these.count(names) == len(points)
    assert list(these.points()) == sorted(points)
    assert these.is_empty() == (not points)
    assert these.disjoint().count() == len(points) == sum(piece_count(these))


def piece_count(these: Set) -> list[int]:
    return [Set(these.variables, (piece,)).count() for piece in these.disjoint().pieces]


@given(st.data())
@MANY
def test_set_algebra_is_that_of_points(data: st.DataObject) -> None:
    names = data.draw(some_names)
    one, two = data.draw(sets(names, 2)), data.draw(sets(names, 2))
    ones, twos = brute(one, names), brute(two, names)
    assert (one & two).count() == len(ones & twos)
    assert (one | two).count() == len(ones | twos)
    assert brute(one - two, names) == ones - twos and (one - two).count() == len(ones - twos)
    assert one.is_subset(two) == (ones <= twos)
    assert one.equals(two) == (ones == twos)
    assert one.is_subset(one | two) and ((one - two) | (one & two)).equals(one)


@given(st.data())
@MANY
def test_projection_is_exact(data: st.DataObject) -> None:
    names = data.draw(some_names)
    these = data.draw(sets(names, 2))
    drop = data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=len(names) - 1, unique=True))
    rest = tuple(name for name in names if name not in drop)
    shadow = these.project(drop)
    want = set(kept(brute(these, names), names, drop))
    assert shadow.variables == rest
    assert brute(shadow, rest, -2, SIZE + 2) == want
    assert shadow.count() == len(want)


@given(st.data())
@FEW
def test_image_is_exact(data: st.DataObject) -> None:
    names = data.draw(some_names)
    these = data.draw(sets(names, 1))
    values = {"u": data.draw(forms(names)), "a": data.draw(forms(names, 0))}
    points = [dict(zip(names, point, strict=True)) for point in brute(these, names)]
    want = {tuple(form.evaluate(point) for form in values.values()) for point in points}
    assert set(these.image(values).points()) == want
    assert these.image(values).count() == len(want)


@given(st.data())
@MANY
def test_substitute_and_rename_are_preimages(data: st.DataObject) -> None:
    names = data.draw(some_names)
    these = data.draw(sets(names))
    values = {"a": data.draw(forms(("b", "u"))), "b": data.draw(forms(("a", "v"), 0))}
    moved, swapped = these.substitute(values), these.rename({"a": "b", "b": "a"})
    assert swapped.variables == ("b", "a", *names[2:])
    for _ in range(10):
        point = {name: data.draw(st.integers(-3, 7)) for name in (*NAMES, "u", "v")}
        image = point | {name: form.evaluate(point) for name, form in values.items()}
        assert moved.contains(point) == these.contains(image)
        assert swapped.contains(point) == these.contains(point | {"a": point["b"], "b": point["a"]})


@given(st.data())
@MANY
def test_fiber_counts_are_those_of_enumeration(data: st.DataObject) -> None:
    names = data.draw(some_names)
    these = data.draw(sets(names, 2))
    name = data.draw(st.sampled_from(names))
    rest = tuple(each for each in names if each != name)
    try:
        fibers = these.fiber_count(name)
    except NotCountable:
        return
    found: Counter[tuple[int, ...]] = Counter()
    for domain, value in fibers:
        for point in brute(domain, rest, -1, SIZE + 1):
            assert point not in found
            found[point] = value.evaluate(dict(zip(rest, point, strict=True)))
    assert +found == kept(brute(these, names), names, [name]) and min(found.values(), default=0) >= 0


def mask(kind: int, size: int) -> Set:
    return (
        where(m, "<=", p),
        where(m, ">", p - size),
        where(m // size, "==", p // size),
        where(m // size, "<=", p // size),
        where((p - m) % (size % 3 + 2), "==", 0),
        where(m, "<", size),
        where(m, "!=", p + size),
    )[kind]


@given(st.data())
@MANY
def test_masks_of_tiled_tensors_are_those_of_enumeration(data: st.DataObject) -> None:
    these = mask(0, 1) if data.draw(st.booleans()) else everything(("m", "p"))
    for _ in range(data.draw(st.integers(1, 2))):
        other = mask(data.draw(st.integers(0, 6)), data.draw(st.integers(1, 6)))
        these = data.draw(st.sampled_from((these & other, these & other, these | other, these - other)))
    sizes = {name: data.draw(st.integers(1, 4)) for name in ("m1", "m0", "p1", "p0")}
    tiles = these.substitute({"m": m1 * sizes["m0"] + m0, "p": p1 * sizes["p0"] + p0}) & box(sizes)
    names = tiles.variables
    points = brute(tiles, names, 0, 4)
    assert tiles.count() == len(points)
    for drop in (["m0"], ["m0", "p0"], ["m1", "p0"]):
        rest = tuple(name for name in names if name not in drop)
        want = set(kept(points, names, drop))
        assert brute(tiles.project(drop), rest, 0, 4) == want and tiles.project(drop).count() == len(want)


@given(st.data())
@FEW
def test_counts_at_huge_sizes_add_up(data: st.DataObject) -> None:
    size = data.draw(st.integers(2**30, 2**40))
    masks = []
    for _ in range(2):
        gap = data.draw(st.integers(-3, 3)) * m - data.draw(st.integers(-3, 3)) * p + data.draw(st.integers(0, size))
        masks.append(box({"m": size, "p": size + 5}) & where(gap, data.draw(st.sampled_from(RELATIONS)), 0))
    one, two = masks
    assert (one - two).count() + (one & two).count() == one.count()
    assert (one | two).count() == one.count() + two.count() - (one & two).count()
    assert one.rename({"m": "p", "p": "m"}).count() == one.count()


def causal(size: int = N) -> Set:
    return box({"m": size, "p": size}) & where(m, "<=", p)


def window(width: int) -> Set:
    return causal() & where(m, ">", p - width)


def tiled() -> Set:
    return box({"m1": M1, "m0": M0, "p": N}) & where(m1 * M0 + m0, "<=", p)


def both_tiled() -> Set:
    return box({"m1": M1, "m0": M0, "p1": M1, "p0": M0}) & where(m1 * M0 + m0, "<=", p1 * M0 + p0)


def window_size(width: int) -> int:
    return N * width - width * (width - 1) // 2


def dilated_size() -> int:
    rows, rest = divmod(N, D)
    return D * (rows * (rows + 1) // 2) + rest * (rows + 1)


TRIANGLE = N * (N + 1) // 2
LM = N * M1 - M0 * (M1 * (M1 - 1) // 2)
NAMED: dict[str, tuple[Callable[[], int], int]] = {
    "causal": (lambda: causal().count(), TRIANGLE),
    "tiled causal": (lambda: tiled().count(), TRIANGLE),
    "both tiled": (lambda: both_tiled().count(), TRIANGLE),
    "tile projection": (lambda: tiled().project(["m0"]).count(), LM),
    "tile of tiles": (lambda: both_tiled().project(["m0", "p0"]).count(), M1 * (M1 + 1) // 2),
    "window": (lambda: window(W).count(), window_size(W)),
    "chunked": (lambda: (causal() & where(m // CH, "==", p // CH)).count(), N // CH * (CH * (CH + 1) // 2)),
    "dilated": (lambda: (causal() & where((p - m) % D, "==", 0)).count(), dilated_size()),
    "banded": (lambda: (box({"p": N, "w": W}) & where(p - var("w"), ">=", 0)).count(), window_size(W)),
    "two windows": (lambda: (window(W) - window(W // 3)).count(), window_size(W) - window_size(W // 3)),
    "window and sinks": (
        lambda: (window(W) | (causal() & where(m, "<", 4))).count(),
        window_size(W) + 4 * N - 6 - 4 * W,
    ),
    "prefix": (
        lambda: (box({"u": M1, "v": M1, "p": N}) & where(u, "<=", v) & where(u * M0, "<=", p)).project(["u"]).count(),
        M1 * N,
    ),
    "prefix to a tile": (
        lambda: (box({"u": M1, "v": M1, "p": N}) & where(u, ">=", v) & where(u * M0, "<=", p)).project(["u"]).count(),
        LM,
    ),
    "flattened tiles": (lambda: box({"m1": M1, "m0": M0}).image({"m": m1 * M0 + m0}).count(), N),
    "pairs of tiles": (lambda: causal().image({"u": m // M0, "v": p // M0}).count(), M1 * (M1 + 1) // 2),
    "strided": (lambda: box({"p": N, "w": 5}).image({"m": 2 * p + var("w")}).count(), 2 * N + 3),
    "coprime": (lambda: (box({"m": N}) & where(m % 6, "==", 4) & where(m % 4, "==", 2)).count(), (N - 10 + 11) // 12),
}


@pytest.mark.parametrize("name", NAMED)
def test_named_classes_at_huge_sizes(name: str) -> None:
    measure, want = NAMED[name]
    assert measure() == want  # walking the points would never end


@pytest.mark.parametrize("size", [3, 300, 3 * 2**20])
def test_slanted_count_is_the_floor_sum(size: int) -> None:
    slanted = box({"m": 2 * size, "p": size}) & where(3 * m, "<=", 5 * p)
    whole, rest = size // 3, 0 + 1 + 3  # p = 3k + r: floor(5p/3) + 1 = 5k + floor(5r/3) + 1
    assert slanted.count() == 3 * (5 * (whole * (whole - 1) // 2)) + whole * (rest + 3)


def test_knapsack_count_at_huge_sizes() -> None:
    size = 6 * 10**20
    knapsack = box({"m": size, "p": size}) & where(2 * m + 3 * p, "<=", size)
    half = size // 6
    assert knapsack.count() == 3 * half * half + 3 * half + 1


def test_presence_of_tiles_is_the_same_either_way() -> None:
    shadow = tiled().project(["m0"])
    assert shadow.equals(box({"m1": M1, "p": N}) & where(m1 * M0, "<=", p))
    assert shadow.equals(box({"m1": M1, "p": N}) & where(m1, "<=", p // M0))
    moved = causal().substitute({"m": m1 * M0 + m0}) & box({"m0": M0})
    assert moved.equals(tiled())


def test_fibers_at_huge_sizes() -> None:
    assert [str(value) for _, value in causal().fiber_count("m")] == ["p + 1"]
    assert sorted(str(value) for _, value in window(W).fiber_count("m")) == [str(W), "p + 1"]
    chunk = (causal() & where(m // CH, "==", p // CH)).fiber_count("m")
    assert [str(value) for _, value in chunk] == [f"p - {CH}*floor(p/{CH}) + 1"]
    dilated = (causal() & where((p - m) % D, "==", 0)).fiber_count("m")
    assert [str(value) for _, value in dilated] == [f"floor(p/{D}) + 1"]
    assert [str(value) for _, value in tiled().project(["m0"]).fiber_count("m1")] == [f"floor(p/{M0}) + 1"]


def test_what_cannot_be_counted_is_said() -> None:
    with pytest.raises(Unbounded, match="m is not bounded"):
        where(m, "<=", p).count()
    with pytest.raises(ValueError, match="too"):
        causal().count(["m"])
    with pytest.raises(ValueError, match="relation"):
        where(m, "=<", p)
    with pytest.raises(ValueError, match="not positive"):
        m // 0
    with pytest.raises(ValueError, match="same name"):
        causal().rename({"m": "p"})
    with pytest.raises(Unbounded):
        where(m, "<=", p).fiber_count("m")
    assert (where(m, "<", p) & where(p, "<", m)).count() == 0
    assert empty(["m"]).count() == 0 and everything().count() == 1
    assert (everything(["m"]) & box({"m": 3})).count() == 3
