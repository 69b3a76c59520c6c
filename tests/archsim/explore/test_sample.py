"""Axes, density and samples of a store, against counting in NumPy."""

from pathlib import Path

import numpy as np
import pytest

from archsim.explore.results import open_results
from archsim.explore.sample import Axis, axis_of, density, sample
from tests.stores import random_store, store

NUMBER = 3000


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_store(tmp_path_factory.mktemp("store") / "r.duckdb", NUMBER)


def axes(results, *names: str, log: bool | None = None) -> list[Axis]:
    found = [axis_of(results, results.columns[n], "feasible", log) for n in names]
    assert all(found)
    return found


def test_wide_ranges_are_logarithmic(file: Path) -> None:
    with open_results(file) as results:
        x, y = axes(results, "latency_s", "area_mm2")
        assert x.log and not y.log
        assert not axis_of(results, x.column, "TRUE", log=False).log
        assert axis_of(results, y.column, "TRUE", log=True).log
        assert axis_of(results, x.column, "point < 0") is None


@pytest.mark.parametrize("log", [True, False])
def test_density_counts_every_point(file: Path, log: bool) -> None:
    with open_results(file) as results:
        x, y = axes(results, "energy_j", "latency_s", log=log)
        grid = density(results, x, y, "feasible", 9)
        rows = results.rows([p for p in range(NUMBER) if p % 7], ["energy_j", "latency_s"])
    expected, _, _ = np.histogram2d(rows["latency_s"], rows["energy_j"], [y.edges(9), x.edges(9)])
    assert np.nansum(grid) == len(rows["point"])
    assert np.abs(np.nan_to_num(grid) - expected).sum() <= 4  # the extremes sit on edges that rounding moves


def test_an_axis_of_one_value(tmp_path: Path) -> None:
    with open_results(store(tmp_path / "s.duckdb", {"latency_s": [2.0, 2.0], "energy_j": [1.0, 3.0]})) as results:
        x, y = axes(results, "latency_s", "energy_j")
        assert (x.low, x.high) == (2.0, 2.0) and np.all(np.diff(x.edges(4)) > 0)
        assert np.nansum(density(results, x, y, "feasible", 4)) == 2
        assert sample(results, [x, y], "feasible", 1).tolist() in ([0], [1])


@pytest.mark.parametrize("number", [1, 10, 500, 2570, 2571, 10_000])
def test_a_sample_is_bounded_and_of_the_points_asked_for(file: Path, number: int) -> None:
    with open_results(file) as results:
        found = sample(results, axes(results, "energy_j", "latency_s"), "feasible", number)
        again = sample(results, axes(results, "energy_j", "latency_s"), "feasible", number)
    feasible = [p for p in range(NUMBER) if p % 7]
    assert 0 < len(found) <= number and set(found.tolist()) <= set(feasible)
    assert len(set(found.tolist())) == len(found) and np.array_equal(found, again)
    if number >= len(feasible):
        assert found.tolist() == feasible


def test_a_sample_reaches_as_far_as_the_points(tmp_path: Path) -> None:
    """Of a heap and one point far off, both are there."""
    times, energies = [1.0 + i / 1e6 for i in range(400)] + [9.0], [1.0] * 400 + [9.0]
    with open_results(store(tmp_path / "s.duckdb", {"latency_s": times, "energy_j": energies})) as results:
        assert 400 in sample(results, axes(results, "latency_s", "energy_j"), "feasible", 20).tolist()


def test_a_sample_of_no_axes(file: Path) -> None:
    with open_results(file) as results:
        assert len(sample(results, [], "NOT feasible", 10)) == 10
