"""Results that survive: killed at any moment, a full disk, files that are damaged, foreign or open elsewhere."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest
from click.testing import CliRunner

import archsim.sweeps.sweep as engine
from archsim.cli import main
from archsim.sweeps.chunk import Order
from archsim.sweeps.contents import export, query, summary
from archsim.sweeps.database import connected
from archsim.sweeps.store import Store
from archsim.sweeps.sweep import header, order, sweep
from einsum_cascade.errors import SpecError

ROOT = Path(__file__).resolve().parents[3]
TEXT = """\
sweep: small
documents: {mapping: fusemax_binding, workload: [bert, xlm]}
axes:
  workload.sequence_length: {powers_of_two: [1K, 16K]}
  design.parameters.CAPACITY: {log: [8 KiB, 16 MiB, 20], multiple_of: 1 KiB}
  design.parameters.SIDE: [32, 64, 128]
  design.memories.dram.bandwidth: {linear: [50 GB/s, 400 GB/s, 5]}
"""
POINTS = 2 * 5 * 20 * 3 * 5
CHUNK = 250
SCRIPT = """\
import resource, sys
from pathlib import Path
import archsim.sweeps.sweep as engine
engine.CHUNK = {chunk}
limit, pause = map(int, sys.argv[3:5])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
first = []

def show(done, total):
    first.append(done)
    print(done, flush=True)
    if pause and len(first) > pause:
        sys.stdin.read()

try:
    engine.sweep(engine.order(sys.argv[1]), Path(sys.argv[2]), progress=show)
except Exception as error:
    sys.exit(f"{{type(error).__name__}} {{error}}")
"""


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "CHUNK", CHUNK)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    file = tmp_path / "study.yaml"
    file.write_text(TEXT, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a sweep that nobody disturbed; not to be changed."""
    folder = tmp_path_factory.mktemp("reference")
    (folder / "study.yaml").write_text(TEXT, encoding="utf-8")
    patch = pytest.MonkeyPatch()
    patch.setattr(engine, "CHUNK", CHUNK)
    assert sweep(order(folder / "study.yaml"), folder / "r.duckdb") == 0
    patch.undo()
    return folder / "r.duckdb"


@pytest.fixture
def copied(reference: Path, tmp_path: Path) -> Path:
    target = tmp_path / "copy.duckdb"
    target.write_bytes(reference.read_bytes())
    return target


def rows(file: Path, table: str) -> list[tuple[object, ...]]:
    return list(query(file, f"FROM {table}")[1])


def assert_equal(file: Path, reference: Path) -> None:
    """Row for row, in the same order, and the same front."""
    assert rows(file, "points") == rows(reference, "points")
    assert sorted(rows(file, "front")) == sorted(rows(reference, "front"))
    done = "(SELECT chunk, first, count FROM chunks)"
    assert rows(file, done) == rows(reference, done)


def start(study: Path, file: Path, limit: int = 0, pause: int = 0) -> "subprocess.Popen[str]":
    """Start a sweep as a process of its own; its files have at most `limit` bytes, it stops after `pause` chunks."""
    command = [sys.executable, "-c", SCRIPT.format(chunk=CHUNK), str(study), str(file), str(limit), str(pause)]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen(command, cwd=ROOT, text=True, **pipes)


def refused(study: Path, file: Path) -> str:
    with pytest.raises(SpecError) as caught:
        sweep(order(study), file)
    return str(caught.value).replace(f"{file}:1:1: ", "", 1)


def test_tables_say_everything(reference: Path) -> None:
    (study,) = rows(reference, "study")
    names, _ = query(reference, "FROM study")
    told = dict(zip(names, study, strict=True))
    assert (told["name"], told["total"], told["chunk_points"]) == ("small", POINTS, CHUNK)
    assert told["yaml"] == TEXT.rstrip("\n") + "\n" and told["started"] <= told["finished"]
    assert json.loads(told["objectives"]) == ["latency_s", "energy_j", "area_mm2"]
    assert json.loads(told["per"]) == ["workload", "sequence_length"]
    documents = json.loads(told["documents"])
    assert set(documents) == {
        "cascade/attention_1pass", "design/fusemax", "energy/fusemax_physical", "mapping/fusemax_binding",
        "workload/bert", "workload/xlm",
    }  # fmt: skip
    assert all(len(digest) == 64 for digest in documents.values())
    columns, found = query(reference, "FROM points")
    assert [c["name"] for c in json.loads(told["columns"])] == columns
    assert {c["role"] for c in json.loads(told["columns"])} == {"input", "output", "verdict"}
    assert [row[0] for row in found] == list(range(POINTS))
    chunks = rows(reference, "chunks")
    assert [c[:3] for c in chunks] == [(k, k * CHUNK, CHUNK) for k in range(POINTS // CHUNK)]
    types = dict(query(reference, "SELECT column_name, column_type FROM (DESCRIBE points)")[1])
    assert types["point"] == types["SIDE"] == types["sequence_length"] == "BIGINT"
    assert types["bandwidth"] == types["latency_s"] == "DOUBLE"
    assert (types["feasible"], types["reason"], types["workload"]) == ("BOOLEAN", "VARCHAR", "VARCHAR")


def test_the_front_is_that_of_the_points(reference: Path) -> None:
    """Against a query that compares all pairs."""
    objectives = ("latency_s", "energy_j", "area_mm2")
    better = " AND ".join(f"b.{o} <= a.{o}" for o in objectives)
    same = " AND ".join(f"b.{o} = a.{o}" for o in objectives)
    sql = (
        "SELECT point FROM points a WHERE feasible AND NOT EXISTS (SELECT 1 FROM points b WHERE b.feasible"
        " AND a.workload = b.workload AND a.sequence_length = b.sequence_length"
        f" AND {better} AND (NOT ({same}) OR b.point < a.point)) ORDER BY point"
    )
    assert list(query(reference, sql)[1]) == sorted(rows(reference, "front"))
    assert rows(reference, "front")


def test_killed_again_and_again(study: Path, tmp_path: Path, reference: Path) -> None:
    file = tmp_path / "r.duckdb"
    for chunks in (1, 4, 5):
        process = start(study, file, pause=chunks)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(chunks + 1)]
        process.send_signal(signal.SIGKILL)
        error = process.communicate()[1]
        assert process.returncode == -signal.SIGKILL, error
        first, *seen = map(int, lines)
        ((stored,),) = query(file, "SELECT sum(count) FROM chunks")[1]
        assert stored == seen[-1] == first + chunks * CHUNK  # what was said to be done is there
        ((points, last),) = query(file, "SELECT count(*), max(point) FROM points")[1]
        assert points == stored == last + 1
    assert sweep(order(study), file) == 10 * CHUNK
    assert_equal(file, reference)


def test_killed_at_any_moment(study: Path, tmp_path: Path, reference: Path) -> None:
    file = tmp_path / "r.duckdb"
    for seconds in (0.0, 0.02, 0.05):  # after the file has been opened
        process = start(study, file)
        assert process.stdout is not None and process.stdout.readline()
        time.sleep(seconds)
        process.kill()
        process.communicate()
    sweep(order(study), file)
    assert_equal(file, reference)


def test_a_new_file_is_there_whole_or_not_at_all(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill or a full disk while DuckDB writes its first blocks leaves no file that would be called damaged."""
    file = tmp_path / "r.duckdb"
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device")))
    assert refused(study, file) == "cannot be written: No space left on device"
    assert list(tmp_path.iterdir()) == [study]
    process = start(study, file, limit=10_000)  # a first block, and half of the second
    assert "cannot be written" in process.communicate()[1]
    assert list(tmp_path.iterdir()) == [study]
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(errno.EPERM, "no links here")))
    assert sweep(order(study), file) == 0
    assert sorted(tmp_path.iterdir()) == [file, study]


def test_a_full_disk_before_the_first_chunk_leaves_nothing(study: Path, tmp_path: Path) -> None:
    process = start(study, tmp_path / "r.duckdb", limit=12_288)
    assert "cannot be written" in process.communicate()[1]
    assert list(tmp_path.iterdir()) == [study]


def test_a_folder_that_a_killed_process_left_goes(study: Path, copied: Path) -> None:
    left = copied.with_name(f"{copied.name}.tmp")
    left.mkdir()
    sweep(order(study), copied)
    assert not left.exists()


def test_what_a_killed_process_left_of_a_new_file_goes(copied: Path) -> None:
    left, own = copied.with_name(f".{copied.name}.4711"), copied.with_name(f".{copied.name}.mine")
    for file in (left, own):
        file.write_bytes(b"")
    with connected(copied, read_only=True):
        assert left.exists()
    with connected(copied):
        assert not left.exists() and own.exists()


def test_a_disk_that_is_full(study: Path, tmp_path: Path, reference: Path) -> None:
    file = tmp_path / "r.duckdb"
    process = start(study, file, limit=300_000)
    _, error = process.communicate()
    assert process.returncode == 1 and f"SpecError {file}:1:1: cannot be written" in error
    assert "all chunks that were stored are safe" in error
    if file.exists():
        assert sweep(order(study), file) < POINTS
        assert_equal(file, reference)


def test_done_means_done(study: Path, copied: Path, reference: Path) -> None:
    assert sweep(order(study), copied) == POINTS
    assert_equal(copied, reference)


def test_comments_and_descriptions_may_change(study: Path, copied: Path) -> None:
    study.write_text("# a comment\n" + TEXT + "description: why\n", encoding="utf-8")
    assert sweep(order(study), copied) == POINTS


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[32, 64, 128]", "[32, 64]", "axes.design.parameters.SIDE was [32, 64, 128], is [32, 64]"),
        ("[bert, xlm]", "[bert, t5]",
         'workload/xlm is gone; workload/t5 is new; documents.workload was ["bert", "xlm"], is ["bert", "t5"]'),
        ("sweep: small", "sweep: small\nwhere: [SIDE > 32]", "where is new"),
        ("sweep: small", "sweep: large", 'sweep was "small", is "large"'),
        ("  design.parameters.SIDE: [32, 64, 128]\n", "", "axes.design.parameters.SIDE is gone"),
    ],
)  # fmt: skip
def test_another_study_is_refused(study: Path, copied: Path, reference: Path, old: str, new: str, message: str) -> None:
    study.write_text(TEXT.replace(old, new), encoding="utf-8")
    assert refused(study, copied) == (
        f"these are results of another sweep: {message}\n"
        "  hint: give another file with -o, or remove this one to start anew"
    )
    assert_equal(copied, reference)


def test_another_order_of_axes_is_another_study(study: Path, copied: Path) -> None:
    lines = TEXT.splitlines()
    study.write_text("\n".join([*lines[:3], lines[4], lines[3], *lines[5:]]), encoding="utf-8")
    assert "the order of axes was workload.sequence_length, design.parameters.CAPACITY" in refused(study, copied)


def test_another_version_or_document_is_refused(study: Path, copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "__version__", "9.9")
    assert "archsim was 0.1.0, is 9.9" in refused(study, copied)
    monkeypatch.undo()
    monkeypatch.setattr(engine, "CHUNK", CHUNK)
    monkeypatch.setattr(engine, "fingerprints", lambda space: {"design/fusemax": "0"})
    assert "design/fusemax has changed" in refused(study, copied)


def test_a_changed_document_of_ones_own(tmp_path: Path) -> None:
    mine, study, file = tmp_path / "mine.yaml", tmp_path / "s.yaml", tmp_path / "r.duckdb"
    mine.write_text("workload: w\nsource: assumed\nheads: 4\nhead_dim: 64\n", encoding="utf-8")
    study.write_text("sweep: s\ndocuments: {mapping: unfused, workload: mine.yaml}\n", encoding="utf-8")
    sweep(order(study), file)
    mine.write_text("workload: w\nsource: assumed\nheads: 8\nhead_dim: 64\n", encoding="utf-8")
    assert "workload/mine.yaml has changed" in refused(study, file)


def test_files_that_cannot_be_used(study: Path, tmp_path: Path, copied: Path) -> None:
    assert refused(study, tmp_path / "none" / "r.duckdb") == f"there is no folder {tmp_path / 'none'}"
    assert refused(study, tmp_path).startswith("this is a folder")
    other = tmp_path / "text.duckdb"
    other.write_text("not a database, " * 2000, encoding="utf-8")
    assert refused(study, other).startswith("this is no DuckDB file")
    assert other.read_text(encoding="utf-8").startswith("not a database")
    foreign = tmp_path / "foreign.duckdb"
    with duckdb.connect(str(foreign)) as connection:
        connection.execute("CREATE TABLE mine AS SELECT 42 AS answer")
    assert refused(study, foreign).startswith("this DuckDB file holds no sweep")
    with pytest.raises(SpecError, match="holds no sweep"):
        summary(foreign)
    assert rows(foreign, "mine") == [(42,)]
    cut = tmp_path / "cut.duckdb"
    cut.write_bytes(copied.read_bytes()[:20_000])
    assert refused(study, cut).startswith("this file is damaged: ")
    data = bytearray(copied.read_bytes())
    data[12_300:12_330] = b"x" * 30
    copied.write_bytes(bytes(data))
    assert refused(study, copied).startswith("this file is damaged: ")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(study: Path, tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    assert "permission denied" in refused(study, folder / "r.duckdb")


@pytest.fixture
def held(copied: Path) -> Iterator[Path]:
    """A file that another process has open."""
    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", script, str(copied)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as process:  # fmt: skip
        assert process.stdout is not None and process.stdout.readline() == "open\n"
        yield copied
        process.communicate("")


def test_two_processes_on_one_file(study: Path, held: Path) -> None:
    assert "has this file open\n  hint: wait for it to end" in refused(study, held)
    with pytest.raises(SpecError, match=r"another process \(PID \d+\) has this file open"):
        query(held, "SELECT 1")


def test_a_wrong_study_leaves_no_file(study: Path, tmp_path: Path) -> None:
    study.write_text(TEXT.replace("bert", "bret"), encoding="utf-8")
    assert "no workload named bret" in refused(study, tmp_path / "r.duckdb")
    assert not (tmp_path / "r.duckdb").exists()


def test_a_sweep_that_ends_before_its_first_chunk_leaves_no_file(study: Path, tmp_path: Path) -> None:
    def broken(_given: Order, _chunks: object) -> Iterator[engine.Done]:
        raise KeyboardInterrupt
        yield

    file, empty = tmp_path / "r.duckdb", tmp_path / "mine.duckdb"
    duckdb.connect(str(empty)).close()
    for target in (file, empty):
        with pytest.raises(KeyboardInterrupt):
            sweep(order(study), target, broken)
    assert not file.exists() and empty.exists()  # a file that was there stays


@pytest.mark.parametrize(
    ("kind", "text"), [(RuntimeError, "Query interrupted"), (duckdb.InterruptException, "Interrupted!")]
)
def test_an_interrupt_inside_of_duckdb_is_one(tmp_path: Path, kind: type[Exception], text: str) -> None:
    # Made here: an exception that is a parameter lives as long as pytest, and with its traceback the connection.
    with pytest.raises(KeyboardInterrupt), connected(tmp_path / "r.duckdb"):
        raise kind(text)
    with pytest.raises(RuntimeError, match="another"), connected(tmp_path / "r.duckdb"):
        raise RuntimeError("another")


def test_a_stopped_sweep_says_how_it_goes_on(
    study: Path, copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "sweep", stopped)
    for file, told in ((copied, True), (tmp_path / "none.duckdb", False)):
        result = CliRunner().invoke(main, ["sweep", str(study), "-o", str(file)])
        assert result.exit_code == 1 and ("the same command goes on" in result.stderr) == told


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM points", "DROP TABLE points", "CREATE TABLE x (a INTEGER)", "COPY points TO 'x.csv'",
        "SELECT * FROM read_text('/etc/hostname')", "SELECT 1; DELETE FROM points", "ATTACH 'other.duckdb'",
        "SET enable_external_access = true", "SELECT nothing FROM points", "SELEKT 1", "SELECT 'a'::INTEGER", "",
        " ; ", "-- nothing", "SELECT now()",
    ],
)  # fmt: skip
def test_a_query_changes_nothing(reference: Path, sql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = reference.read_bytes()
    with pytest.raises(SpecError):
        query(reference, sql)
    assert reference.read_bytes() == before and not list(tmp_path.iterdir())


def test_what_a_query_may_not_is_said_of_the_query(reference: Path) -> None:
    for sql, message in (("COPY points TO 'x.csv'", "disabled by configuration"), ("DROP TABLE points", "read-only")):
        with pytest.raises(SpecError, match=f"^SQL:1:1: .*{message}"):
            query(reference, sql)


def test_a_query_of_many_rows_is_quick(reference: Path) -> None:
    columns, rows = query(reference, "SELECT range FROM range(10_000_000_000)", 3)
    assert columns == ["range"] and list(rows) == [(0,), (1,), (2,)]
    text = CliRunner().invoke(main, ["query", str(reference), "SELECT * FROM range(10_000_000_000)", "--limit", "3"])
    assert text.exit_code == 0 and "the first 3 rows" in text.stdout


def test_rows_that_are_too_wide(reference: Path) -> None:
    show = lambda sql: CliRunner().invoke(main, ["query", str(reference), sql]).stdout  # noqa: E731
    few, many = show("FROM points ORDER BY point LIMIT 2"), show("FROM points ORDER BY point LIMIT 20")
    assert re.search(r"cascade +attention_1pass +attention_1pass *\n", few)  # turned: a line a column
    assert "no room for " in many and "reason, bottleneck; name the columns" in many
    assert max(map(len, many.splitlines()[:20])) <= 160 and "attention_1pass" in many
    assert "no room" not in show("SELECT point FROM points LIMIT 20")
    assert show("SELECT repeat('x', 200) AS wide").count("x") == 200


def test_numbers_that_json_has_not(reference: Path) -> None:
    sql = "SELECT 'nan'::DOUBLE, '-inf'::DOUBLE, 1.5::DOUBLE"
    text = CliRunner().invoke(main, ["query", str(reference), sql, "--json"]).stdout
    assert json.loads(text, parse_constant=pytest.fail)["rows"] == [[None, None, 1.5]]


def test_summary(reference: Path) -> None:
    found = summary(reference)
    ((feasible,),) = query(reference, "SELECT count(*) FROM points WHERE feasible")[1]
    assert (found["points"], found["feasible"], found["candidates"]) == (POINTS, feasible, POINTS)
    assert found["infeasible"] == {"buffer is too small for group attention": POINTS - feasible}
    assert isinstance(found["bottlenecks"], dict) and sum(found["bottlenecks"].values()) == feasible
    assert isinstance(found["best"], dict)
    ((least,),) = query(reference, "SELECT min(area_mm2) FROM points WHERE feasible")[1]
    assert found["best"]["area_mm2"]["area_mm2"] == least


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_export(reference: Path, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"it's.{suffix}"
    export(reference, target)
    quoted = str(target).replace("'", "''")
    found = duckdb.sql(f"FROM '{quoted}'").fetchall()
    assert found == rows(reference, "points")
    assert list(tmp_path.iterdir()) == [target]
    with pytest.raises(SpecError, match="there is no folder"):
        export(reference, tmp_path / "none" / "x.csv")


def test_the_commands(study: Path, tmp_path: Path) -> None:
    file, target = str(tmp_path / "r.duckdb"), str(tmp_path / "r.parquet")
    runner = CliRunner()
    first = runner.invoke(main, ["sweep", str(study), "-o", file, "--export", target])
    assert first.exit_code == 0, first.output
    assert f"small: {POINTS:,} points in {file}" in first.stdout
    assert "Pareto front of latency_s, energy_j, area_mm2: " in first.stdout
    assert "What limits the feasible points\n" in first.stdout  # a title is not broken where its table is narrow
    assert f"next: archsim pareto {file}; archsim report {file}" in first.stdout
    assert " 50 GB/s" in first.stdout and " KiB" in first.stdout and " mm²" in first.stdout
    assert f"0 of {POINTS:,} points\n{POINTS:,} of {POINTS:,} points, " in first.stderr
    again = runner.invoke(main, ["sweep", str(study), "-o", file, "--json"])
    found = json.loads(again.stdout)
    assert (found["resumed_at"], found["points"], found["points_per_second"]) == (POINTS, POINTS, 0)
    asked = runner.invoke(
        main, ["query", file, "SELECT SIDE, count(*) AS n FROM points GROUP BY 1 ORDER BY 1", "--json"]
    )
    assert json.loads(asked.stdout) == {"columns": ["SIDE", "n"], "rows": [[s, POINTS // 3] for s in (32, 64, 128)]}
    shown = runner.invoke(main, ["query", file, "FROM points", "--limit", "2"])
    assert "bert" in shown.stdout and "the first 2 rows" in shown.stdout
    for wrong in (["query", file, "DROP TABLE points"], ["query", str(tmp_path / "no.duckdb"), "SELECT 1"],
                  ["sweep", str(tmp_path / "no.yaml"), "-o", file], ["sweep", "bert", "-o", file],
                  ["sweep", str(study), "-o", file, "--export", "x.json"],
                  ["sweep", str(study), "-o", file, "--export", "none/x.csv"]):  # fmt: skip
        result = runner.invoke(main, wrong)
        assert result.exit_code == 2 and not result.stdout, wrong


def test_a_store_by_itself(study: Path, tmp_path: Path) -> None:
    given = order(study)
    with Store.opened(tmp_path / "r.duckdb", header(given)) as store:
        assert store.done == set()
    with Store.opened(tmp_path / "r.duckdb", header(given)) as store:  # a file without tables is a new one
        columns = engine.run_chunk(given, engine.Chunk(number=3, first=0, count=10))
        store.add(3, 0, 10, 0.5, columns)
        assert store.done == {3}
    assert rows(tmp_path / "r.duckdb", "chunks") == [(3, 0, 10, 0.5)]


def test_many_columns_in_little_memory(tmp_path: Path) -> None:
    count, wide = 122_880, 100
    told = header(Order(text="sweep: w\ndocuments: {mapping: unfused, workload: bert}", file="w.yaml"))
    told = replace(told, objectives=["c0"])
    column = np.random.default_rng(0).random(count)
    columns = {"point": np.arange(count), **{f"c{k}": column for k in range(wide)}, "front": np.arange(count) < 10}
    with Store.opened(tmp_path / "r.duckdb", told) as store:
        store.add(0, 0, count, 0.1, columns)
    assert rows(tmp_path / "r.duckdb", "(SELECT count(*), count(c99) FROM points)") == [(count, count)]
    assert rows(tmp_path / "r.duckdb", "front") == [(int(np.argmin(column[:10])),)]
