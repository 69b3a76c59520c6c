"""Reads at index expressions against a loop over the points."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einsum_cascade.constants import evaluate
from einsum_cascade.einsum import variables
from einsum_cascade.interpret.field import Field, Labelled
from einsum_cascade.interpret.indexing import Gather, Select, Span, forms, is_whole, read, take, within
from tests.einsum_cascade.interpret.helpers import XP, at, computed, index, points, present, scope
from tests.einsum_cascade.test_points import MANY

SIZES = {"i": 3, "j": 4, "k": 2, "m1": 3, "m0": 2}
NAMES = {"M0": 2, "N": 5}


def assert_read(texts: list[str], extents: list[int], bound: dict[str, int], masked: bool, batch: bool = False) -> None:
    sizes = {**SIZES, "~0": 2} if batch else SIZES
    of, rng = scope(sizes, bound, **NAMES), np.random.default_rng(len(texts))
    labels = [str(k) for k in range(len(texts))]
    front = ("~0",) if batch else ()
    shape = [*(sizes[a] for a in front), *extents]
    values = Labelled(rng.normal(size=shape), (*front, *labels))
    mask = Labelled(rng.random(shape) < 0.6, (*front, *labels)) if masked else None
    indices = [index(text) for text in texts]
    found = read(Field(values, mask), labels, extents, forms(indices, extents, of, computed(of)), of)
    free = tuple(dict.fromkeys(v for i in indices for v in variables(i) if v not in bound))
    assert set(found.axes) <= {*free, *front}
    for point in points(sizes, (*free, *front)):
        full = {**NAMES, **point, **bound}
        where = [int(evaluate(i, full)) for i in indices]
        inside = all(0 <= c < n for c, n in zip(where, extents, strict=True))
        own = dict(zip(labels, where, strict=True)) | point
        expected = inside and (mask is None or bool(at(mask, own)))
        assert present(found, point) == expected, (texts, point)
        if expected:
            assert at(found.values, point) == at(values, own), (texts, point)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    ("texts", "extents"),
    [
        (["i"], [3]),
        (["i"], [5]),  # a prefix
        (["i"], [2]),  # ragged
        (["i + 1"], [3]),
        (["i - 2"], [3]),
        (["i + 3"], [3]),  # behind the end everywhere
        (["i - 3"], [3]),  # before the start everywhere
        (["2 * i"], [5]),
        (["2 * i + 1"], [5]),
        (["3 * i - 2"], [4]),
        (["m1 * M0 + m0"], [6]),
        (["m1 * M0 + m0"], [5]),  # a ragged last tile
        (["m0 + M0 * m1 - 1"], [6]),
        (["m1 * M0 + m0", "i"], [6, 3]),
        (["m1 * 3 + m0"], [9]),  # tiles with gaps
        (["m1 + m0"], [4]),  # overlapping
        (["N - 1 - j"], [5]),  # reversed
        (["i", "i"], [3, 3]),  # a diagonal
        (["i", "i + 1"], [3, 3]),
        (["i + j - 1"], [4]),
        (["i - j"], [3]),
        (["j // 2", "j % 2"], [2, 2]),
        (["i * i"], [5]),
        (["2"], [3]),
        (["N"], [5]),  # a constant that is out of range
        (["1", "j", "i"], [2, 4, 3]),
        (["j", "i", "k"], [4, 3, 2]),
        (["j - 1", "2 * i", "0"], [4, 5, 1]),
        (["i * i - 1", "j", "i // 2"], [5, 4, 2]),
    ],
)
def test_forms_of_access(texts: list[str], extents: list[int], masked: bool) -> None:
    assert_read(texts, extents, {}, masked)


@pytest.mark.parametrize("value", [0, 2])
@pytest.mark.parametrize(
    ("texts", "extents"),
    [(["i"], [3]), (["i - 1"], [2]), (["i * 2 + k"], [6]), (["i", "i + j"], [3, 5]), (["j - i"], [4]), (["i*i"], [3])],
)
def test_variables_bound_by_a_loop(texts: list[str], extents: list[int], value: int) -> None:
    assert_read(texts, extents, {"i": value}, masked=True)


@pytest.mark.parametrize("texts", [["i", "j"], ["i // 2", "j"], ["i // 2", "j % 3"], ["1", "i - 1"]])
def test_batch_axes_go_along(texts: list[str]) -> None:
    assert_read(texts, [2, 3], {}, masked=True, batch=True)


one_index = st.sampled_from(
    ("i", "j", "k", "i + 1", "j - 2", "2 * k", "3 - j", "m1 * M0 + m0", "i + k", "i - j", "j // 2", "i % 2", "1", "-1")
)


@given(st.lists(st.tuples(one_index, st.integers(1, 7)), min_size=1, max_size=3), st.booleans(), st.booleans())
@MANY
def test_random_access(axes: list[tuple[str, int]], masked: bool, bind: bool) -> None:
    texts, extents = zip(*axes, strict=True)
    assert_read(list(texts), list(extents), {"j": 1} if bind else {}, masked)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("i", Span(0, 1, ("i",), (3,))),
        ("2*i + 1", Span(1, 2, ("i",), (3,))),
        ("m1*M0 + m0", Span(0, 1, ("m1", "m0"), (3, 2))),
        ("m0 + m1*M0 - 3", Span(-3, 1, ("m1", "m0"), (3, 2))),
        ("8*i + 4*m0 + 2*k", Span(0, 2, ("i", "m0", "k"), (3, 2, 2))),
        ("7", Select(7)),
        ("N - 7", Select(-2)),
    ],
)
def test_what_is_read_without_a_gather(text: str, expected: object) -> None:
    of = scope(SIZES, **NAMES)
    assert forms([index(text)], [100], of, computed(of)) == [expected]


@pytest.mark.parametrize("text", ["-i", "m1 + m0", "m1*3 + m0", "i // 2", "i * j"])
def test_what_is_gathered(text: str) -> None:
    of = scope(SIZES, **NAMES)
    (form,) = forms([index(text)], [100], of, computed(of))
    assert isinstance(form, Gather)


def test_slices_are_views() -> None:
    own = Labelled(np.arange(24.0).reshape(4, 6), ("0", "1"))
    plan = {"0": Select(2), "1": Span(1, 2, ("i",), (2,))}
    found = take(XP, own, plan)
    assert found.axes == ("i",) and np.shares_memory(found.array, own.array)
    assert np.asarray(found.array).tolist() == [13.0, 15.0]
    tiles = take(XP, own, {"0": Span(0, 1, ("m1", "m0"), (2, 2)), "1": Span(0, 1, ("k",), (6,))})
    assert tiles.axes == ("m1", "m0", "k") and np.shares_memory(tiles.array, own.array)


def test_spans() -> None:
    span = Span(3, 2, ("m1", "m0"), (4, 5))
    assert (span.total, span.last) == (20, 41)
    assert is_whole(Span(0, 1, ("i",), (3,)), 3)
    for other in (Span(0, 1, ("i",), (3,)), Span(0, 2, ("i",), (4,)), Span(0, 1, ("i", "j"), (2, 2)), Select(0)):
        assert not is_whole(other, 4)


def test_within() -> None:
    assert [within(i, 3) for i in (-1, 0, 2, 3)] == [False, True, True, False]
    assert np.asarray(within(np.array([-1, 0, 2, 3]), 3)).tolist() == [False, True, True, False]


def test_a_gather_through_absent_coordinates_is_absent() -> None:
    of = scope({"i": 4})
    coordinates = Field(
        Labelled(np.array([2, 9, 0, -5]), ("i",)), Labelled(np.array([True, True, False, True]), ("i",))
    )
    own = Field(Labelled(np.array([10.0, 20.0, 30.0]), ("0",)))
    found = read(own, ["0"], [3], [Gather(coordinates)], of)
    assert [present(found, {"i": i}) for i in range(4)] == [True, False, False, False]
    assert at(found.values, {"i": 0}) == 30.0


def test_two_gathers_at_once() -> None:
    of = scope({"i": 2, "j": 3})
    one = Gather(Field(Labelled(np.array([1, 0]), ("i",))))
    two = Gather(Field(Labelled(np.array([[2, 0, 1], [1, 1, 3]]), ("i", "j"))))
    own = np.arange(6.0).reshape(2, 3)
    found = read(Field(Labelled(own, ("0", "1"))), ["0", "1"], [2, 3], [one, two], of)
    for i, j in itertools.product(range(2), range(3)):
        where = (int(one.index.values.array[i]), int(two.index.values.array[i, j]))
        assert present(found, {"i": i, "j": j}) == (where[1] < 3)
        assert where[1] == 3 or at(found.values, {"i": i, "j": j}) == own[where]
