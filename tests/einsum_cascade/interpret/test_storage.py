"""A store against a dictionary of points: whole tensors, pieces of them, and windows of slices."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einsum_cascade.constants import evaluate
from einsum_cascade.einsum import Access
from einsum_cascade.interpret.field import ABSENT, Field, Labelled
from einsum_cascade.interpret.storage import Store
from tests.einsum_cascade.interpret.helpers import at, computed, index, points, present, scope
from tests.einsum_cascade.test_points import MANY

SIZES = {"i": 3, "j": 2}
SHAPE = (4, 5)
TARGETS = ("i", "i + 1", "i - 1", "2 * i", "3 - i", "0", "3", "9", "i + 9")


def access(text: str, tensor: str = "Z") -> Access:
    node = index(f"{tensor}[{text}]")
    assert isinstance(node, Access)
    return node


@given(
    st.lists(
        st.tuples(st.sampled_from(TARGETS), st.sampled_from(("j", "j + 3", "2 * j + 1", "4")), st.booleans()),
        min_size=1, max_size=4,
    )
)  # fmt: skip
@MANY
def test_later_pieces_lie_over_earlier_ones(writes: list[tuple[str, str, bool]]) -> None:
    of = scope(SIZES, Z=SHAPE)
    store, expected = Store(of, {}), dict[tuple[int, int], float]()
    for n, (row, column, masked) in enumerate(writes):
        rng = np.random.default_rng(n)
        used = tuple(v for v in "ij" if v in row + column)
        values = Labelled(rng.normal(size=[SIZES[v] for v in used]), used)
        mask = Labelled(rng.random([SIZES[v] for v in used]) < 0.5, used) if masked else None
        field = Field(values, mask)
        store.write(access(f"{row}, {column}"), field, computed(of), "sum")
        for point in points(SIZES, used):
            cell = (int(evaluate(index(row), point)), int(evaluate(index(column), point)))
            if all(0 <= c < size for c, size in zip(cell, SHAPE, strict=True)) and present(field, point):
                expected[cell] = at(values, point)
    found = store.whole("Z")
    for cell in itertools.product(*map(range, SHAPE)):
        place = {"0": cell[0], "1": cell[1]}
        assert present(found, place) == (cell in expected)
        assert cell not in expected or at(found.values, place) == expected[cell]


def test_what_is_written_whole_is_kept_as_it_is() -> None:
    of = scope({"i": 3, "j": 2}, Z=(2, 3), Y=(4,))
    store, own = Store(of, {}), np.arange(6.0).reshape(3, 2)
    store.write(access("j, i"), Field(Labelled(own, ("i", "j"))), computed(of), "sum")
    found = store.whole("Z")
    assert found.mask is None and found.values.axes == ("1", "0") and found.values.array is own
    assert at(store.read(access("j, i"), computed(of)).values, {"i": 2, "j": 1}) == 5.0


def test_a_piece_does_not_write_into_what_was_given() -> None:
    of = scope({"i": 3}, Z=(3,))
    store, own = Store(of, {}), np.arange(3.0)
    store.write(access("i"), Field(Labelled(own, ("i",))), computed(of), "sum")
    store.write(access("1"), Field(Labelled(9.0)), computed(of), "sum")
    assert own.tolist() == [0.0, 1.0, 2.0]
    assert np.asarray(store.whole("Z").values.array).tolist() == [0.0, 9.0, 2.0]


def test_a_piece_reuses_its_own_memory() -> None:
    of = scope({"i": 3}, Z=(8,))
    store = Store(of, {})
    store.write(access("i"), Field(Labelled(np.ones(3), ("i",))), computed(of), "sum")
    first = store.whole("Z").values.array
    store.write(access("i + 3"), Field(Labelled(np.ones(3), ("i",))), computed(of), "sum")
    assert store.whole("Z").values.array is first


def test_pieces_of_a_wider_type_widen_the_tensor() -> None:
    of = scope({"i": 2}, Z=(4,))
    store = Store(of, {})
    store.write(access("i"), Field(Labelled(np.array([1, 2]), ("i",))), computed(of), "sum")
    store.write(access("i + 2"), Field(Labelled(np.array([0.5, 1.5]), ("i",))), computed(of), "sum")
    assert np.asarray(store.whole("Z").values.array).tolist() == [1.0, 2.0, 0.5, 1.5]


def test_nothing_is_there_at_first() -> None:
    of = scope(SIZES, Z=SHAPE)
    store = Store(of, {})
    assert store.whole("Z") is ABSENT and store.read(access("i, j"), computed(of)) is ABSENT
    store.write(access("i, j"), ABSENT, computed(of), "sum")
    assert store.entries == {}


def windowed(pieces: int = 4) -> Store:
    of = scope({"i": 6, "j": 2}, Z=(6, 2))
    store = Store(of, {"Z": (0,)})
    for n in range(pieces):
        of.bound["i"] = n
        store.write(access("i + 1, j"), Field(Labelled(np.array([n, -n]), ("j",))), computed(of), "sum")
    return store


def test_a_window_holds_single_slices() -> None:
    store = windowed()
    assert sorted(store.entries["Z"]) == [(1,), (2,), (3,), (4,)]
    store.scope.bound["i"] = 2
    assert at(store.read(access("i, j"), computed(store.scope)).values, {"j": 1}) == -1
    assert at(store.read(access("4, j"), computed(store.scope)).values, {"j": 0}) == 3
    assert store.read(access("i - 2, j"), computed(store.scope)) is ABSENT
    store.scope.bound["i"] = 5
    store.write(access("i + 1, j"), Field(Labelled(np.ones(2), ("j",))), computed(store.scope), "sum")
    assert (6,) not in store.entries["Z"]  # there is no such coordinate


@pytest.mark.parametrize(
    ("forget", "left"),
    [
        (lambda s: s.drop("Z", 0, 2), [1, 3, 4]),
        (lambda s: s.drop("Z", 0, 9), [1, 2, 3, 4]),
        (lambda s: s.drop("Z"), []),
        (lambda s: s.keep("Z", 0, {4, 1, 7}), [1, 4]),
        (lambda s: s.keep("Z", 0, ()), []),
        (lambda s: s.drop("Y"), [1, 2, 3, 4]),
    ],
)
def test_forgetting(forget: object, left: list[int]) -> None:
    store = windowed()
    assert callable(forget)
    forget(store)
    assert sorted(k for (k,) in store.entries["Z"]) == left
    assert all(key in store.entries[tensor] for tensor, key in store.owned)
