"""The models of rtl.bench.topk against NumPy's sort and against the published latency model."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtl.bench import topk
from rtl.bench.stimuli import SCORES

WIDTH = 6
some_keys = st.lists(st.integers(0, (1 << WIDTH) - 1), min_size=1, max_size=70)


@given(some_keys, st.data())
def test_both_selections_find_the_kth_largest(values: list[int], data: st.DataObject) -> None:
    keys, k = np.array(values), data.draw(st.integers(1, len(values)))
    theta = np.sort(keys)[::-1][k - 1]
    expected = (theta, k - (keys > theta).sum())
    for found in (topk.quick_select(keys, k, 4), topk.radix_select(keys, k, 4, WIDTH)):
        assert (found.theta, found.keep_equal) == expected


@given(some_keys, st.data())
def test_kept_are_the_first_of_a_stable_sort(values: list[int], data: st.DataObject) -> None:
    keys, k = np.array(values), data.draw(st.integers(1, len(values)))
    found = topk.radix_select(keys, k, 4, WIDTH)
    expected = np.sort(np.argsort(-keys, kind="stable")[:k])
    assert np.flatnonzero(topk.kept(keys, found.theta, found.keep_equal)).tolist() == expected.tolist()


def test_published_example() -> None:
    # SpAtten (HPCA'21), figure 9: the five largest of ten; algorithm 3 as printed is off by one.
    scores = np.array([6, 12, 9, 3, 15, 1, 8, 2, 11, 7])
    assert topk.quick_select(scores, 5, 2).theta == 8


def test_register_has_the_full_period() -> None:
    state, steps = topk.advance(0xACE1), 1
    while state != 0xACE1:
        state, steps = topk.advance(state), steps + 1
    assert steps == 2**16 - 1


@pytest.mark.parametrize(("n", "k", "mean", "deviation"), [(1024, 512, 268.2, 66.6), (1024, 128, 208.2, None)])
def test_mean_of_the_published_latency_model(n: int, k: int, mean: float, deviation: float | None) -> None:
    """Rows read and 3 cycles a round: what SpAtten's authors print for their TopKLatencyModel (P = 16)."""
    rng = np.random.default_rng(5)
    cycles = [
        topk.quick_select(SCORES["uniform"](rng, n, 24), k, 16, int(rng.integers(1, 2**16))).cycles for _ in range(400)
    ]
    assert np.mean(cycles) == pytest.approx(mean, rel=0.06)
    if deviation:
        assert np.std(cycles) == pytest.approx(deviation, rel=0.25)


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("n", [1, 15, 16, 17, 1000, 8192])
def test_radix_bound_holds_for_every_class(name: str, n: int) -> None:
    rng = np.random.default_rng(n)
    keys = SCORES[name](rng, n, 12)
    assert keys.shape == (n,) and keys.min() >= 0 and keys.max() < 1 << 12
    for k in {1, (n + 1) // 2, n}:
        found = topk.radix_select(keys, k, 16, 12)
        mask = topk.kept(keys, found.theta, found.keep_equal)
        assert mask.sum() == k
        assert topk.engine_cycles(n, 16, found, mask) <= topk.radix_bound(n, 16)
