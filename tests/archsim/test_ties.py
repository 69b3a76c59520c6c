"""Quick-select on equal keys: the closed form against its recurrence, distinct keys, and searches of real keys."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim import selectors
from archsim.laws import LAWS, quick_select, quick_select_best, quick_select_codes
from archsim.ties import classes_of_codes, mean_over_classes, row_codes


def recurrence(counts: tuple[int, ...], kept: int, lanes: int, overhead: int) -> float:
    """The mean as defined: the pivot is any live key, its whole class leaves with one side, or ends the search."""

    @cache
    def mean(first: int, last: int, rank: int) -> float:
        size = sum(counts[first:last])
        found, above = -(-size // lanes) + overhead + 0.0, 0
        for c in range(first, last):
            if above > rank:
                found += counts[c] / size * mean(first, c, rank)
            elif above + counts[c] <= rank:
                found += counts[c] / size * mean(c + 1, last, rank - above - counts[c])
            above += counts[c]
        return found

    return mean(0, len(counts), kept - 1)


@settings(max_examples=80, deadline=None)
@given(counts=st.lists(st.integers(1, 9), min_size=1, max_size=9), data=st.data(), lanes=st.integers(1, 8),
       overhead=st.integers(0, 5))  # fmt: skip
def test_closed_form_is_the_recurrence(counts: list[int], data: st.DataObject, lanes: int, overhead: int) -> None:
    kept = data.draw(st.integers(0, sum(counts) + 1))
    found = mean_over_classes(np.array(counts, dtype=float), kept, lanes, overhead)
    if kept <= 0 or kept >= sum(counts):
        assert found == 0
    else:
        assert found == pytest.approx(recurrence(tuple(counts), kept, lanes, overhead), rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(2, 600), data=st.data(), lanes=st.sampled_from([1, 4, 16]))
def test_distinct_keys_are_the_other_law(n: int, data: st.DataObject, lanes: int) -> None:
    kept = data.draw(st.integers(1, n - 1))
    assert mean_over_classes(np.ones(n), kept, lanes, 3) == pytest.approx(quick_select(n, kept, lanes=lanes), rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(n=st.integers(2, 1024), data=st.data(), bits=st.integers(2, 16), spread=st.sampled_from([0.0, 0.5, 2.0, 6.0]))
def test_ties_only_help(n: int, data: st.DataObject, bits: int, spread: float) -> None:
    kept = data.draw(st.integers(1, n - 1))
    found = quick_select_codes(n, kept, bits=bits, spread=spread)
    assert quick_select_best(n, kept) <= found <= float(quick_select(n, kept)) * (1 + 1e-9)
    if spread == 0:  # one class: the first pivot is it
        assert found == quick_select_best(n, kept)


@pytest.mark.parametrize(("n", "kept", "bits"), [(1024, 512, 12), (1024, 205, 12), (204, 41, 12), (102, 20, 8)])
def test_mean_is_that_of_searches_of_such_keys(n: int, kept: int, bits: int) -> None:
    keys = np.broadcast_to(row_codes(n, bits, 2.0), (4000, n))
    cycles = selectors.quick_select(keys, kept, lanes=16, seed=3).cycles
    law = float(quick_select_codes(n, kept, bits=bits))
    assert abs(cycles.mean() - law) < 4 * cycles.std() / np.sqrt(4000)


def test_rows_of_random_scores_cost_what_the_typical_row_costs() -> None:
    """The quantiles stand for random rows of the same deviation: within 15% of the mean of 300 of them."""
    random = np.random.default_rng(4)
    for n, kept in ((1024, 205), (512, 100), (128, 26)):
        weights = np.exp(random.normal(scale=2, size=(300, n)))
        codes = np.rint(weights / weights.sum(axis=1, keepdims=True) * 4095)
        found = selectors.quick_select(codes, kept, seed=5).cycles.mean()
        assert found == pytest.approx(float(quick_select_codes(n, kept)), rel=0.15), (n, kept)


def test_a_row_of_codes() -> None:
    codes = row_codes(1024, 12, 2.0)
    assert codes.shape == (1024,) and (np.diff(codes) >= 0).all() and codes.min() >= 0
    assert abs(int(codes.sum()) - 4095) < 100
    counts = classes_of_codes(1024, 12, 2.0)
    assert counts.sum() == 1024 and len(counts) < 100  # of 4096 codes few are used
    assert row_codes(1, 12, 2.0).tolist() == [4095]


def test_points_are_one_call() -> None:
    n, k, lanes = np.array([1024.0, 512, 64, 64, 1]), np.array([512.0, 64, 64, 0, 1]), np.array([16.0, 1, 8, 8, 4])
    law = LAWS["quick_select_codes"]
    together = law.cycles(n, k, {"lanes": lanes, "spread": np.array([2.0, 1, 2, 2, 2])})
    assert isinstance(together, np.ndarray) and together[2:].tolist() == [0, 0, 0]
    assert together[1] == law.cycles(512, 64, {"lanes": 1, "spread": 1})
