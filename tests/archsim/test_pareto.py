"""Pareto fronts against the definition, point against point."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from archsim.pareto import front

small = st.integers(0, 4).map(float)
tables = st.integers(1, 4).flatmap(lambda k: st.lists(st.tuples(*[small] * k), min_size=1, max_size=30))


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
