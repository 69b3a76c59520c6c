"""Reading a store: what it holds, chunk by chunk, and every file that is not one."""

from pathlib import Path

import duckdb
import numpy as np
import pytest

from archsim.explore.results import open_results
from einsum_cascade.errors import SpecError
from tests.stores import OBJECTIVES, random_store, store


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_store(tmp_path_factory.mktemp("store") / "r.duckdb", 1000)


def test_columns(file: Path) -> None:
    with open_results(file) as results:
        assert [c.name for c in results.inputs] == ["workload", "sequence_length", "SIDE", "CAPACITY"]
        assert results.objectives == OBJECTIVES
        assert results.columns["latency_s"].title == "latency [s]"
        assert results.columns["SIDE"].title == "SIDE"
        assert not results.columns["workload"].numeric and results.columns["SIDE"].numeric
        assert results.last == 999 and results.study["name"] == "tiny"


@pytest.mark.parametrize("size", [1, 7, 400, 10_000])
def test_chunks_hold_every_point_once(file: Path, size: int) -> None:
    with open_results(file) as results:
        chunks = list(results.chunks(["latency_s", "workload"], results.condition("SIDE < 200"), size))
        assert all(len(c["point"]) <= size for c in chunks)
        whole = {n: np.concatenate([c[n] for c in chunks]) for n in chunks[0]}
        text = "SELECT point, latency_s, workload FROM points WHERE feasible AND SIDE < 200 ORDER BY 1"
        expected = results.select(text)
        assert list(zip(*(whole[n].tolist() for n in ("point", "latency_s", "workload")), strict=True)) == expected


def test_rows_come_in_the_order_asked_for(file: Path) -> None:
    with open_results(file) as results:
        rows = results.rows([7, 3, 500])
        assert rows["point"].tolist() == [7, 3, 500]
        assert rows["reason"].tolist() == ["buffer in group attention", None, None]
        assert list(rows) == ["point", *results.columns]
        assert list(results.rows([1], ["SIDE"])) == ["point", "SIDE"]


def test_what_is_missing_is_nan(tmp_path: Path) -> None:
    with open_results(store(tmp_path / "s.duckdb", {"latency_s": [1.0, None]})) as results:
        assert np.isnan(results.rows([1])["latency_s"]).tolist() == [True]


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("SIED < 3", 'Referenced column "SIED" not found'),
        ("SIDE <", "syntax error"),
        ("1 = 1); DROP TABLE points; SELECT (1", "more than one condition"),
        ("workload", "it is of type VARCHAR"),
    ],
)
def test_no_condition(file: Path, where: str, message: str) -> None:
    with open_results(file) as results:
        with pytest.raises(SpecError, match=message) as caught:
            results.condition(where)
        assert caught.value.diagnostics[0].place.file == "--where"
        if "SIED" in where:
            assert "did you mean SIDE?" in str(caught.value)


def test_a_condition_that_cannot_be_worked_out(file: Path) -> None:
    with pytest.raises(SpecError, match="the condition cannot be evaluated"), open_results(file) as results:
        list(results.chunks([], results.condition("CAST(workload AS INTEGER) = 3")))


def test_a_comment_at_the_end_is_no_harm(file: Path) -> None:
    with open_results(file) as results:
        condition = results.condition("SIDE < 100 -- small")
        assert results.select(f"SELECT count(*) FROM points WHERE {condition}") == [(214,)]


def test_files_that_are_none(tmp_path: Path, file: Path) -> None:
    damaged, cut, other, empty = (tmp_path / f"{n}.duckdb" for n in ("damaged", "cut", "other", "empty"))
    damaged.write_bytes(b"no database at all" * 100)
    cut.write_bytes(file.read_bytes()[:5000])
    with duckdb.connect(str(other)) as connection:
        connection.execute("CREATE TABLE t (a INTEGER)")
    store(empty, {"latency_s": [1.0]})
    with duckdb.connect(str(empty)) as connection:
        connection.execute("DELETE FROM points")
    for path, message in [
        (tmp_path / "none.duckdb", "there is no such file"),
        (tmp_path, "this is a folder"),
        (damaged, "this is no DuckDB file"),
        (cut, "cut.duckdb:1:1: "),
        (other, "it has no table points"),
        (empty, "it holds no points yet"),
    ]:
        with pytest.raises(SpecError, match=message), open_results(path):
            pass
