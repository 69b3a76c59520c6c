"""Fronts: against all pairs, independent of how the points are cut into chunks; volumes that can be counted by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.pareto import box_share, front, fronts, hypervolume, nadir, reference_of
from tests.stores import oracle

values_2d = st.integers(1, 4).flatmap(
    lambda d: st.lists(st.lists(st.integers(0, 5), min_size=d, max_size=d), min_size=1, max_size=40)
)


@given(values_2d, st.integers(1, 3))
def test_a_front_is_what_no_other_beats(rows: list[list[int]], number: int) -> None:
    values = np.array(rows, dtype=float)
    columns = {f"c{i}": values[:, i] for i in range(values.shape[1])}
    assert np.flatnonzero(front(columns)).tolist() == oracle(values, (False,) * values.shape[1])
    classes = np.arange(len(values)) % number
    expected = [np.flatnonzero(classes == c)[oracle(values[classes == c], (False,) * values.shape[1])]
                for c in range(min(number, len(values)))]  # fmt: skip
    assert np.flatnonzero(front(columns, classes)).tolist() == sorted(np.concatenate(expected).tolist())


@given(values_2d, st.integers(1, 9), st.integers(1, 3))
def test_chunks_do_not_matter(rows: list[list[int]], size: int, groups: int) -> None:
    values = np.array(rows, dtype=float)
    names = [f"c{i}" for i in range(values.shape[1])]
    columns = {"point": np.arange(len(values)), "g": np.arange(len(values)) % groups,
               **{n: values[:, i] for i, n in enumerate(names)}}  # fmt: skip
    chunks = [{n: v[s : s + size] for n, v in columns.items()} for s in range(0, len(values), size)]
    found = fronts(chunks, dict.fromkeys(names, False), ["g"])
    assert [f.group for f in found] == [(g,) for g in range(min(groups, len(values)))]
    for g, f in enumerate(found):
        own = np.flatnonzero(columns["g"] == g)
        expected = own[oracle(values[own], (False,) * len(names))]
        assert sorted(f.points.tolist()) == expected.tolist() and f.seen == len(own)
        assert np.array_equal(f.values, values[f.points])
        assert np.all(np.diff(f.values[:, 0]) >= 0)


def test_groups_of_text_and_numbers() -> None:
    words, sizes, costs = ["b", "a", "b", "a"], [1.0, 2.0, 1.0, 1.0], [2.0, 1.0, 1.0, 3.0]
    chunk = {"point": np.arange(4), "w": np.array(words, dtype=object), "s": np.array(sizes), "c": np.array(costs)}
    found = fronts([chunk], {"c": False}, ["w", "s"])
    assert [(f.group, f.points.tolist()) for f in found] == [(("a", 1.0), [3]), (("a", 2.0), [1]), (("b", 1.0), [2])]


def test_the_first_of_equal_points_stands() -> None:
    assert front({"a": np.array([1.0, 1.0, 2.0]), "b": np.array([2.0, 2.0, 2.0])}).tolist() == [True, False, False]


def test_no_number_is_on_no_front() -> None:
    assert front({"a": np.array([np.nan, 3.0, np.inf]), "b": np.array([0.0, 2.0, 0.0])}).tolist() == [
        False,
        True,
        False,
    ]


def test_no_points_have_no_front() -> None:
    assert front({"a": np.zeros(0)}).tolist() == []
    assert fronts([], {"a": False}) == []


def test_more_is_better() -> None:
    chunk = {"point": np.arange(3), "u": np.array([0.5, 0.9, 0.7]), "t": np.array([1.0, 3.0, 2.5])}
    (found,) = fronts([chunk], {"u": True, "t": False})
    assert found.points.tolist() == [1, 2, 0]  # the best first


def test_volumes() -> None:
    objectives = {"a": False, "b": True}
    chunk = {"point": np.arange(2), "a": np.array([1.0, 2.0]), "b": np.array([1.0, 3.0])}
    (found,) = fronts([chunk], objectives)
    assert nadir([found], objectives).tolist() == [2.0, 1.0]
    assert reference_of(np.array([2.0, 1.0]), objectives) == pytest.approx([2.2, 0.9])
    # 3 - 1 wide at height 1 and 3 - 2 wide at height 3, above 0
    reference = np.array([3.0, 0.0])
    assert hypervolume(found.values, reference, objectives) == 2 * 1 + 1 * 2
    assert box_share(found.values, reference, np.array([1.0, 3.0]), objectives) == 4 / 6
    assert box_share(found.values, np.array([1.0, 3.0]), np.array([1.0, 3.0]), objectives) == 0.0


@given(values_2d)
def test_the_front_has_the_volume_of_all(rows: list[list[int]]) -> None:
    values = np.array(rows, dtype=float)
    objectives = {f"c{i}": False for i in range(values.shape[1])}
    mask = front({n: values[:, i] for i, n in enumerate(objectives)})
    reference = np.full(values.shape[1], 6.0)
    assert hypervolume(values[mask], reference, objectives) == pytest.approx(hypervolume(values, reference, objectives))
