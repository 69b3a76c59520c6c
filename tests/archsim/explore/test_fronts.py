"""The fronts of a store: the same as those of all its points at once, whatever the chunk; files hold what is said."""

import csv
from pathlib import Path

import duckdb
import numpy as np
import pytest

from archsim.explore.fronts import export, fronts_of, objectives_of, spread, varying
from archsim.explore.results import open_results
from einsum_cascade.errors import SpecError
from tests.stores import OBJECTIVES, oracle, random_store, store


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_store(tmp_path_factory.mktemp("store") / "r.duckdb", 1500)


def expected(file: Path, where: str) -> list[int]:
    with duckdb.connect(str(file), read_only=True) as connection:
        rows = connection.execute(
            f"SELECT point, {', '.join(OBJECTIVES)} FROM points WHERE feasible AND {where}"
        ).fetchall()
    values = np.array(rows)
    return sorted(values[oracle(values[:, 1:], (False,) * 3), 0].astype(int).tolist())


def test_the_fronts_of_groups(file: Path) -> None:
    with open_results(file) as results:
        found = fronts_of(results, objectives_of(results, (), ()), ["workload"], "SIDE > 64")
    assert [f.group for f in found.fronts] == [("bert",), ("xlm",)]
    for f in found.fronts:
        assert sorted(f.points.tolist()) == expected(file, f"SIDE > 64 AND workload = '{f.group[0]}'")
        assert 0 < found.share(f) < 1
    assert np.all(found.nadir <= found.reference) and np.all(found.ideal <= found.nadir)
    assert found.reference == pytest.approx(1.1 * found.nadir)


def test_points_without_a_value_are_counted(tmp_path: Path) -> None:
    times = [3.0, None, float("inf"), 1.0, float("nan"), 2.0]
    with open_results(store(tmp_path / "s.duckdb", {"latency_s": times, "feasible": [True] * 5 + [False]})) as results:
        found = fronts_of(results, {"latency_s": False})
    assert found.points.tolist() == [3] and found.left_out == 3


def test_objectives(file: Path) -> None:
    with open_results(file) as results:
        assert objectives_of(results, (), ()) == dict.fromkeys(OBJECTIVES, False)
        both = objectives_of(results, ["latency_s"], ["utilization_array_2d"])
        assert both == {"latency_s": False, "utilization_array_2d": True}
        for minimize, maximize, message in [
            (["latency"], [], "has no column latency"),
            (["workload"], [], "workload is not a number"),
            (["SIDE"], ["SIDE"], "SIDE is named twice"),
        ]:
            with pytest.raises(SpecError, match=message):
                objectives_of(results, minimize, maximize)


def test_mistakes(file: Path) -> None:
    with open_results(file) as results:
        with pytest.raises(SpecError, match="no feasible point meets the condition"):
            fronts_of(results, {"SIDE": False}, where="SIDE < 0")
        with pytest.raises(SpecError, match="1 numbers for 2 objectives"):
            fronts_of(results, {"SIDE": False, "latency_s": False}, reference=[3.0])
        with pytest.raises(SpecError, match="has no column model"):
            fronts_of(results, {"SIDE": False}, ["model"])


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_export(file: Path, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"it's a front{suffix}"
    with open_results(file) as results:
        found = fronts_of(results, objectives_of(results, (), ()))
        assert export(results, found, target) == len(found.points)
        reads = duckdb.sql("SELECT point, latency_s FROM '" + str(target).replace("'", "''") + "'").fetchall()
        expected = results.rows(sorted(found.points), ["latency_s"])
        assert [p for p, _ in reads] == expected["point"].tolist()
        assert [v for _, v in reads] == expected["latency_s"].tolist()
        if suffix == ".csv":
            with target.open(encoding="utf-8", newline="") as stream:
                assert next(csv.reader(stream)) == ["point", *results.columns]
    assert [p.name for p in tmp_path.iterdir()] == [target.name]


def test_a_file_that_cannot_be_written(file: Path, tmp_path: Path) -> None:
    with open_results(file) as results:
        found = fronts_of(results, {"latency_s": False})
        with pytest.raises(SpecError, match="cannot be written"):
            export(results, found, tmp_path / "none" / "f.csv")


def test_spread_and_varying(file: Path) -> None:
    assert spread(2, 9).tolist() == [0, 1] and spread(1, 1).tolist() == [0] and len(spread(1000, 7)) == 7
    with open_results(file) as results:
        rows = results.rows([0, 2, 4])
        assert [c.name for c in varying(results, rows)] == ["sequence_length", "SIDE", "CAPACITY"]
