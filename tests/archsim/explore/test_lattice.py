"""Points that stand on a lattice are drawn as a map, one cell a point; others are not."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from archsim.explore.lattice import Lattice, edges, frame, lattice_of, paint
from archsim.explore.results import open_results
from archsim.explore.sample import axis_of
from archsim.explore.scatter import Scatter, scatter
from tests.stores import random_store, store

SIDES = [64.0, 128.0, 256.0]


def grid_store(tmp_path: Path, missing: int = 0) -> Path:
    """Two workloads on 3 sides x 4 latencies, each crossing once; the last `missing` points left out."""
    sides = np.tile(np.repeat(SIDES, 4), 2)[: 24 - missing]
    latency = np.tile([1.0, 10.0, 100.0, 1000.0], 6)[: 24 - missing]
    columns = {"SIDE": sides, "latency_s": latency, "energy_j": np.arange(1.0, 25 - missing)}
    columns["workload"] = np.repeat(["bert", "xlm"], 12)[: 24 - missing]
    return store(tmp_path / "g.duckdb", columns)


def found(file: Path, x: str, y: str, group_by: tuple[str, ...] = ()) -> Lattice | None:
    with open_results(file) as results:
        condition = results.condition("")
        axes = [axis_of(results, results.columns[n], condition) for n in (x, y)]
        assert axes[0] is not None and axes[1] is not None
        return lattice_of(results, axes[0], axes[1], group_by, condition)


def test_a_lattice_in_each_group(tmp_path: Path) -> None:
    file = grid_store(tmp_path)
    lattice = found(file, "SIDE", "latency_s", ("workload",))
    assert lattice is not None and lattice.x.tolist() == SIDES and lattice.y.tolist() == [1, 10, 100, 1000]
    assert not lattice.x_log and lattice.y_log
    assert found(file, "SIDE", "latency_s") is None  # two points at each crossing


def test_a_lattice_may_have_holes(tmp_path: Path) -> None:
    assert found(grid_store(tmp_path, missing=3), "SIDE", "latency_s", ("workload",)) is not None


@pytest.mark.parametrize("names", [("energy_j", "latency_s"), ("SIDE", "energy_j"), ("energy_j", "area_mm2")])
def test_points_anywhere_have_none(tmp_path: Path, names: tuple[str, str]) -> None:
    assert found(random_store(tmp_path / "r.duckdb", 100), *names) is None


def test_a_diagonal_is_no_lattice(tmp_path: Path) -> None:
    file = store(tmp_path / "d.duckdb", {"SIDE": [1.0, 2.0, 3.0], "latency_s": [1.0, 2.0, 3.0]})
    assert found(file, "SIDE", "latency_s") is None


def test_edges_lie_between_the_values() -> None:
    for log in (False, True):
        values = np.array([1.0, 2.0, 3.0, 7.0])
        around = edges(values, log)
        assert (around[:-1] < values).all() and (values < around[1:]).all() and (np.diff(around) > 0).all()


def test_every_point_gets_its_own_cell() -> None:
    lattice = Lattice(x=np.array([1.0, 2.0]), y=np.array([1.0, 4.0, 16.0]), x_log=False, y_log=True)
    axes = Figure().subplots()
    mesh = paint(lattice, axes, np.array([2.0, 1.0]), np.array([4.0, 16.0]), np.array([5.0, 6.0]), "viridis",
                 Normalize(0, 9))  # fmt: skip
    drawn = np.ma.filled(mesh.get_array().astype(float), np.nan).reshape(3, 2)
    expected = np.full((3, 2), np.nan)
    expected[1, 1], expected[2, 0] = 5, 6
    assert np.array_equal(drawn, expected, equal_nan=True)
    axes.set(yscale="log")
    frame(lattice, axes)
    assert axes.get_xlim() == (0.5, 2.5) and axes.get_ylim() == pytest.approx((0.5, 32))
    assert axes.get_yticks().tolist() == [1, 4, 16]


@pytest.mark.parametrize("color", ["energy_j", "bottleneck", "SIDE"])
def test_a_map_is_drawn(tmp_path: Path, color: str, monkeypatch: pytest.MonkeyPatch) -> None:
    painted: list[int] = []
    monkeypatch.setattr("archsim.explore.scatter.paint", lambda *given: painted.append(len(given[2])) or paint(*given))
    wanted = Scatter(x="SIDE", y="latency_s", color=color, group_by=("workload",))
    with open_results(grid_store(tmp_path)) as results:
        scatter(results, wanted, tmp_path / "a.png")
    assert painted == [12, 12]
