"""Cycle laws: closed forms against recurrences, Monte Carlo, bounds, and the published latency model."""

import csv
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim import selectors
from archsim.laws import (
    LAWS,
    bitonic_sort,
    odd_even_sort,
    quick_select,
    quick_select_best,
    quick_select_percentile,
    quick_select_worst,
    radix_select,
    stream,
)
from einsum_cascade.errors import SpecError
from tests.reference import reference


def recurrence(n: int, t: int, lanes: int, overhead: int) -> float:
    """The mean over pivots as defined: the pivot's rank is uniform, the search goes on in one of two parts."""

    @cache
    def mean(n: int, t: int) -> float:
        if n == 0:
            return 0.0
        parts = (mean(r, t) if r > t else mean(n - r - 1, t - r - 1) for r in range(n) if r != t)
        return -(-n // lanes) + overhead + sum(parts) / n

    return mean(n, t)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(2, 32), data=st.data(), lanes=st.integers(1, 8), overhead=st.integers(0, 5))
def test_quick_select_is_the_recurrence(n: int, data: st.DataObject, lanes: int, overhead: int) -> None:
    k = data.draw(st.integers(1, n - 1))
    expected = recurrence(n, k - 1, lanes, overhead)
    assert quick_select(n, k, lanes=lanes, overhead=overhead) == pytest.approx(expected, rel=1e-12)


def test_a_search_for_what_is_not_there_is_the_recurrence_too() -> None:
    from archsim.laws import _mean_rounds

    found = _mean_rounds(np.array([20]), np.array([20]), 4, 3)
    assert found == pytest.approx(recurrence(20, 20, 4, 3), rel=1e-12)


def test_points_are_one_call() -> None:
    n, k = np.array([1024.0, 512, 64, 64, 100]), np.array([512.0, 64, 64, 0, 30])
    lanes, overhead = np.array([16.0, 16, 8, 8, 4]), np.array([3.0, 3, 3, 3, 1])
    together = quick_select(n, k, lanes=lanes, overhead=overhead)
    assert isinstance(together, np.ndarray)
    for i in range(5):
        alone = quick_select(float(n[i]), float(k[i]), lanes=int(lanes[i]), overhead=int(overhead[i]))
        assert together[i] == alone
    assert together[2] == together[3] == 0


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 3000), data=st.data(), lanes=st.sampled_from([1, 4, 16, 32]), overhead=st.integers(0, 5))
def test_mean_lies_between_best_and_worst(n: int, data: st.DataObject, lanes: int, overhead: int) -> None:
    k = data.draw(st.integers(0, n))
    best, mean, worst = (
        law(n, k, lanes=lanes, overhead=overhead) for law in (quick_select_best, quick_select, quick_select_worst)
    )
    assert best <= mean <= worst
    if 0 < k < n:
        assert best == -(-n // lanes) + overhead
        assert worst == sum(-(-m // lanes) + overhead for m in range(1, n + 1))
        # The k largest and the n+1-k smallest are the same search.
        assert mean == pytest.approx(quick_select(n, n + 1 - k, lanes=lanes, overhead=overhead) if k > 1 else mean)


def test_the_estimate_by_entropy_is_near() -> None:
    """Visited keys ~ 2n(1 + H(k/n)): a round without overhead and with one lane costs what it visits."""
    n = 1 << 16
    for share in (0.5, 0.25, 0.1, 0.02):
        k = int(share * n)
        entropy = -(share * np.log(share) + (1 - share) * np.log(1 - share))
        assert quick_select(n, k, lanes=1, overhead=0) == pytest.approx(2 * n * (1 + entropy), rel=2e-3)


def test_mean_is_that_of_simulated_searches() -> None:
    for n, k in [(1024, 512), (1024, 30), (200, 7), (17, 16)]:
        cycles = selectors.quick_select_sizes(n, k, runs=20_000, seed=5)
        assert abs(cycles.mean() - quick_select(n, k)) < 4 * cycles.std() / np.sqrt(20_000)


def test_percentile_is_above_the_mean_and_reproducible() -> None:
    high, median = quick_select_percentile(1024, 512), quick_select_percentile(1024, 512, percent=50)
    assert median < quick_select(1024, 512) * 1.05 < high <= quick_select_worst(1024, 512)
    assert high == LAWS["quick_select_percentile"].cycles(np.array([1024.0, 8]), np.array([512.0, 8]))[0]
    assert quick_select_percentile(8, 8) == 0


def test_published_latency_model() -> None:
    """28 printed points of 100 runs. Its target counts from 0, and target = n looks for what is not there.

    Points with equal arguments are pooled: two single rows of (64, 32) are 4.1 standard errors apart from each other,
    so one of them is 3.3 away from any mean between them.
    """
    from archsim.laws import _mean_rounds

    pooled: dict[tuple[int, int], list[tuple[float, float]]] = {}
    text = reference("spatten/topk_latency_model.csv").read_text(encoding="utf-8")
    for n, target, mean, std in csv.reader(text.splitlines()):
        pooled.setdefault((int(n), int(target)), []).append((float(mean), float(std)))
    deviations = []
    for (n, target), found in pooled.items():
        law = float(_mean_rounds(np.array([n]), np.array([target]), 16, 3)[0])
        mean = np.mean([m for m, _ in found])
        error = np.sqrt(np.mean([s**2 for _, s in found]) / (100 * len(found)))
        assert abs(mean - law) < 3 * error, (n, target)
        deviations += [(m - law) / (s / 10) for m, s in found]
    assert max(map(abs, deviations)) < 3.3
    assert sum(abs(d) > 3 for d in deviations) <= 1
    assert abs(np.mean(deviations)) < 3 / np.sqrt(len(deviations))  # no bias


def test_published_networks() -> None:
    """Cycles of full sorts with 16 comparators; 24,063 exchanges of odd-even merge sort at 1,024."""
    published = {1024: (1760, 1504), 2048: (4224, 3648), 4096: (9984, 8704), 8192: (23_296, 20_480)}
    for n, (bitonic, odd_even) in published.items():
        assert bitonic_sort(n) == bitonic
        assert odd_even_sort(n) == pytest.approx(odd_even, abs=1)
    assert odd_even_sort(1024, comparators=1) == 24_063
    assert bitonic_sort(1) == odd_even_sort(1) == 0
    assert bitonic_sort(1000) == bitonic_sort(1024)


def test_radix_does_not_depend_on_data() -> None:
    """4 passes of ceil(n/P) at 12 bits with digits of 4, of which the load and the filter are not counted here."""
    found = [radix_select(n, n // 2) for n in (1024, 2048, 4096, 8192)]
    assert found == [134, 262, 518, 1030]
    assert radix_select(1024, 512, digit=6) == 67
    assert np.array_equal(radix_select(np.array([1024.0, 64]), np.array([0.0, 64])), [0, 0])


def test_stream() -> None:
    assert stream(17, lanes=8, cycles=2, latency=4) == 10
    assert stream(np.array([0.0, 8]), lanes=8).tolist() == [0, 1]


def test_a_law_is_named_with_its_parameters() -> None:
    for name, law in LAWS.items():
        assert law.name == name
        assert law.source
        assert np.all(np.asarray(law.cycles(np.array([64.0, 100]), np.array([8.0, 50]))) > 0)
    with pytest.raises(SpecError, match=r"the law quick_select has no parameter lane(.|\n)*did you mean lanes\?"):
        LAWS["quick_select"].cycles(8, 4, {"lane": 3})
