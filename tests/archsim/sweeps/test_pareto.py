"""Pareto fronts against the definition, whatever the chunks; volumes that can be counted by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.sweeps.pareto import box_share, front, fronts, hypervolume, nadir, reference_of
from tests.stores import oracle

small = st.integers(0, 4).map(float)
tables = st.integers(1, 4).flatmap(lambda k: st.lists(st.tuples(*[small] * k), min_size=1, max_size=30))
values_2d = st.integers(1, 4).flatmap(
    lambda d: st.lists(st.lists(st.integers(0, 5), min_size=d, max_size=d), min_size=1, max_size=40)
)


def by_definition(rows: list[tuple[float, ...]], classes: list[int]) -> list[bool]:
    """On the front: nothing of the class is as good everywhere and better somewhere, nothing before it is equal."""
    result = []
    for i, own in enumerate(rows):
        rivals = [(j, r) for j, r in enumerate(rows) if classes[j] == classes[i]]
        beaten = any(all(a <= b for a, b in zip(r, own, strict=True)) and r != own for _, r in rivals)
        result.append(not beaten and not any(r == own and j < i for j, r in rivals))
    return result


@given(rows=tables)
def test_equals_the_definition(rows: list[tuple[float, ...]]) -> None:
    columns = {str(k): np.array(c) for k, c in enumerate(zip(*rows, strict=True))}
    assert front(columns).tolist() == by_definition(rows, [0] * len(rows))


@given(rows=tables, data=st.data())
def test_classes_have_fronts_of_their_own(rows: list[tuple[float, ...]], data: st.DataObject) -> None:
    classes = data.draw(st.lists(st.integers(0, 2), min_size=len(rows), max_size=len(rows)))
    columns = {str(k): np.array(c) for k, c in enumerate(zip(*rows, strict=True))}
    assert front(columns, np.array(classes)).tolist() == by_definition(rows, classes)


@given(rows=tables, cut=st.integers(0, 30))
def test_the_front_of_parts_fronts_is_the_front(rows: list[tuple[float, ...]], cut: int) -> None:
    """What lets a sweep go chunk by chunk."""
    table = np.array(rows)
    whole = np.flatnonzero(front({str(k): c for k, c in enumerate(table.T)}))
    kept = np.concatenate(
        [
            start + np.flatnonzero(front({str(k): c for k, c in enumerate(part.T)}))
            for start, part in ((0, table[:cut]), (min(cut, len(table)), table[cut:]))
            if len(part)
        ]
    )
    merged = kept[front({str(k): c for k, c in enumerate(table[kept].T)})]
    assert merged.tolist() == whole.tolist()


def test_what_is_no_number_is_not_on_the_front() -> None:
    columns = {"a": np.array([np.nan, 1.0, np.inf, 2.0]), "b": np.array([0.0, 1.0, 0.0, 0.0])}
    assert front(columns).tolist() == [False, True, False, True]
    assert front({"a": np.array([np.nan])}).tolist() == [False]
    assert front({"a": np.empty(0)}).tolist() == []


# --- fronts of groups, chunk by chunk, and their volumes --------------------------------------------------------------


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


def test_no_points_have_no_front() -> None:
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
