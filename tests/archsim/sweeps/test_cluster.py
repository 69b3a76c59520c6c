"""Chunks on real worker processes: all come back, whoever is killed; few are in flight; errors are clear."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

import archsim.sweeps.cluster as module
from archsim.sweeps.chunk import Chunk, order
from archsim.sweeps.cluster import AHEAD, computed, connected, evaluate_chunk, local, runner
from archsim.sweeps.sweep import sweep
from einsum_cascade.errors import Diagnostic, Place, SpecError
from tests.stores import STUDY

distributed = pytest.importorskip("distributed")
CHUNKS = 12
SLOW = 300
"""Seconds that a process may take to come or to go: a machine may be busy. What takes longer has failed."""


def wait_until(happened: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + SLOW
    while not happened():
        if time.monotonic() > until:
            pytest.fail(f"waited {SLOW} s: {what}")
        time.sleep(0.05)


def square(chunk: int) -> tuple[int, int]:
    return chunk * chunk, os.getpid()


def slow(chunk: int) -> tuple[int, int]:
    time.sleep(0.15)
    return square(chunk)


def refuse(chunk: int) -> int:
    if chunk == 3:
        raise SpecError([Diagnostic(place=Place(file="a.yaml", line=7), message="chunk 3 makes no sense")])
    return chunk


def crash(chunk: int) -> int:
    if chunk == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return chunk


def divide(chunk: int) -> float:
    return 1 / chunk


@pytest.fixture(scope="module")
def client() -> Iterator["distributed.Client"]:
    with local(2) as found:
        yield found


def test_every_chunk_comes_back_once(client: "distributed.Client") -> None:
    client.wait_for_workers(2, timeout=SLOW)
    found = dict(computed(client, slow, range(CHUNKS)))
    assert {c: r[0] for c, r in found.items()} == {c: c * c for c in range(CHUNKS)}
    pids = {r[1] for r in found.values()}
    assert os.getpid() not in pids and len(pids) == 2
    assert list(computed(client, square, [])) == []


def test_a_worker_that_is_killed_loses_nothing(client: "distributed.Client") -> None:
    found: dict[int, int] = {}
    for chunk, (result, pid) in computed(client, slow, range(CHUNKS)):
        assert chunk not in found
        found[chunk] = result
        if len(found) == 3:
            os.kill(pid, signal.SIGKILL)
    assert found == {c: c * c for c in range(CHUNKS)}


def test_chunks_leave_one_by_one(client: "distributed.Client") -> None:
    """Backpressure: a slow taker never has more than `AHEAD` chunks a worker out."""
    client.wait_for_workers(2, timeout=SLOW)
    left: list[int] = []

    def chunks() -> Iterator[int]:
        for chunk in range(30):
            left.append(chunk)
            yield chunk

    for taken, _ in enumerate(computed(client, square, chunks())):
        time.sleep(0.01)
        assert len(left) - taken <= 2 * AHEAD
    assert taken == 29


def test_a_taker_that_stops(client: "distributed.Client") -> None:
    results = computed(client, square, range(100))
    next(results)
    results.close()
    assert len(dict(computed(client, square, range(3)))) == 3


def test_mistakes_travel(client: "distributed.Client") -> None:
    with pytest.raises(SpecError, match=r"a.yaml:7:1: chunk 3 makes no sense"):
        list(computed(client, refuse, range(CHUNKS)))
    with pytest.raises(ZeroDivisionError):
        list(computed(client, divide, [0]))


def test_a_chunk_that_brings_workers_down(client: "distributed.Client") -> None:
    with (
        _Allowed(client, 0),
        pytest.raises(SpecError, match="brought down 1"),
    ):
        list(computed(client, crash, range(2)))
    client.wait_for_workers(2, timeout=SLOW)


class _Allowed:
    """A scheduler that gives a chunk up sooner than after the usual three workers."""

    def __init__(self, client: "distributed.Client", failures: int) -> None:
        self.client, self.failures = client, failures

    def set(self, failures: int) -> int:
        def change(dask_scheduler: "distributed.Scheduler") -> int:
            before, dask_scheduler.allowed_failures = dask_scheduler.allowed_failures, failures
            return int(before)

        return int(self.client.run_on_scheduler(change))

    def __enter__(self) -> None:
        self.before = self.set(self.failures)

    def __exit__(self, *_: object) -> None:
        self.set(self.before)


def test_another_version_on_the_workers(client: "distributed.Client", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "versions", lambda: ("archsim 99",))
    with pytest.raises(SpecError, match="here it is archsim 99"):
        list(computed(client, square, range(2)))


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("", "nothing is not an address"),
        ("here", "here is not an address"),
        ("udp://a:1", "is not an address"),
        ("127.0.0.1:99999", "is not an address"),
        ("tcp://127.0.0.1:1", "no scheduler answers"),
    ],
)
def test_bad_addresses(address: str, message: str) -> None:
    with pytest.raises(SpecError, match=message) as caught, connected(address):
        pass
    assert caught.value.diagnostics[0].place.file == "--scheduler"


def test_without_dask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for use in (connected("127.0.0.1:1"), local(1), module.queued("slurm", Path("a.yaml"))):
        with (
            pytest.raises(SpecError, match=r"this needs dask and distributed and dask_jobqueue\n.*archsim\[cluster\]"),
            use,
        ):
            pass


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler, on a port that it finds itself, and two workers as processes of their own."""
    told = tmp_path / "scheduler.json"
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    options = ["--scheduler-file", str(told), "--no-dashboard"]
    first = ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    worker = ["distributed.cli.dask_worker", "--nthreads", "1", "--no-nanny"]
    running: list[subprocess.Popen[bytes]] = []

    def address() -> str:
        try:
            return str(json.loads(told.read_text(encoding="utf-8"))["address"]).removeprefix("tcp://")
        except (OSError, ValueError):  # not there yet, or half of it
            return ""

    try:
        for module_and_options in (first, worker, worker):
            command = [sys.executable, "-m", *module_and_options, *options]
            running.append(subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL))
            wait_until(lambda: bool(address()) or running[0].poll() is not None, "a scheduler that listens")
        assert address(), f"the scheduler ended with {running[0].poll()}"
        yield address(), running
    finally:
        for process in running:
            process.kill()
            process.wait()


def test_a_scheduler_elsewhere(scheduler: tuple[str, list[subprocess.Popen[bytes]]]) -> None:
    address, processes = scheduler
    with connected(f"tcp://{address}") as client:
        client.wait_for_workers(2, timeout=SLOW)
        found = {}
        for chunk, (result, _) in computed(client, slow, range(CHUNKS)):
            found[chunk] = result
            if len(found) == 2:
                processes[1].kill()  # a worker, for good
        assert found == {c: c * c for c in range(CHUNKS)}


def test_nobody_there(scheduler: tuple[str, list[subprocess.Popen[bytes]]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without workers it says so and waits; it goes on when one comes."""
    address, processes = scheduler
    monkeypatch.setattr(module, "PATIENCE", 0.3)
    monkeypatch.setattr(module, "REMIND", 0.5)
    for worker in processes[1:]:
        worker.kill()
        worker.wait()
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        if len(told) == 3:
            processes.append(subprocess.Popen(processes[1].args, env={**os.environ, "PYTHONPATH": os.getcwd()},
                                              stderr=subprocess.DEVNULL))  # fmt: skip

    with connected(address) as client:
        assert dict(computed(client, divide, [1, 2], tell, "start some")) == {1: 1.0, 2: 0.5}
    assert len(told) >= 3 and told[0] == "waiting for workers: there have been none for 0 s; start some"


def test_who_waits_is_told_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 110.0, 161.0, 170.0, 200.0, 215.0])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    told: list[str] = []
    waited = module.Waited(told.append, "")
    for waiting in (True, True, True, False, True, True):
        waited.note(waiting)
    assert told == [f"waiting for workers: there have been none for {s} s" for s in (15, 76, 15)]


# --- whole sweeps -----------------------------------------------------------------------------------------------------

SIZE = 40
"""Points of a chunk here, so that a quick sweep has several."""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("archsim.sweeps.sweep.CHUNK", SIZE)
    file = tmp_path / "small.yaml"
    file.write_text(STUDY, encoding="utf-8")
    return file


def table(file: Path) -> dict[str, list[tuple[object, ...]]]:
    names = ("SELECT * FROM points ORDER BY point", "SELECT point FROM front ORDER BY point",
             "SELECT chunk, first, count FROM chunks ORDER BY chunk")  # fmt: skip
    with duckdb.connect(str(file), read_only=True) as connection:
        return {sql: connection.execute(sql).fetchall() for sql in names}


def test_the_same_table_as_in_threads(client: "distributed.Client", study: Path) -> None:
    plain, there = study.with_name("plain.duckdb"), study.with_name("there.duckdb")
    sweep(order(study), plain)
    assert sweep(order(study), there, runner(client)) == 0
    assert table(there) == table(plain)
    assert len(table(plain)["SELECT * FROM points ORDER BY point"]) == 336


def test_fronts_alone(client: "distributed.Client", study: Path) -> None:
    """The front is the same whether all points are kept or the fronts of chunks, and whoever finds them."""
    plain, few, there = (study.with_name(f"{n}.duckdb") for n in ("plain", "few", "there"))
    sweep(order(study), plain)
    study.write_text(STUDY + "keep: front\n", encoding="utf-8")
    sweep(order(study), few)
    sweep(order(study), there, runner(client))
    points, front, done = table(plain)
    assert table(few) == table(there)
    assert table(few)[front] == table(plain)[front] and table(few)[done] == table(plain)[done]
    assert set(table(few)[front]) <= {p[:1] for p in table(few)[points]} < {p[:1] for p in table(plain)[points]}
    assert set(table(few)[points]) < set(table(plain)[points])
    with pytest.raises(SpecError, match="another sweep"):
        sweep(order(study), plain)


def test_a_worker_that_is_killed_in_a_sweep(client: "distributed.Client", study: Path) -> None:
    plain, there = study.with_name("plain.duckdb"), study.with_name("there.duckdb")
    client.wait_for_workers(2, timeout=SLOW)
    killed: list[int] = []

    def progress(done: int, total: int) -> None:
        if done and not killed:
            killed.extend(client.run(os.getpid).values())
            os.kill(killed[0], signal.SIGKILL)

    sweep(order(study), plain)
    sweep(order(study), there, runner(client), progress=progress)
    assert killed and table(there) == table(plain)


def test_paths_are_those_of_the_client(
    client: "distributed.Client", study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The workers stand in another folder; a design beside the study is found, and a changed one is noticed."""
    from archsim.library import find

    design = study.with_name("mine.yaml")
    design.write_text("\n".join(find("design", "fusemax").lines), encoding="utf-8")
    study.write_text(STUDY.replace("documents: {", "documents: {design: mine.yaml, "), encoding="utf-8")
    monkeypatch.chdir(study.parent)
    sweep(order("small.yaml"), Path("there.duckdb"), runner(client))
    assert len(table(Path("there.duckdb"))["SELECT * FROM points ORDER BY point"]) == 336
    given = replace(order(study), file=str(study))
    with pytest.raises(SpecError, match=r"design/mine\.yaml, .*: another document than where"):
        evaluate_chunk(given, (("design/mine.yaml", "0"),), Chunk(number=0, first=0, count=1))


KILLED = """
import sys
from pathlib import Path
from archsim.sweeps.cluster import local, runner
from archsim.sweeps.sweep import order, sweep
import archsim.sweeps.sweep

def progress(done, total):
    if done:
        print("stored", *client.run(__import__("os").getpid).values(), flush=True)
        sys.stdin.read()

if __name__ == "__main__":
    archsim.sweeps.sweep.CHUNK = 40
    with local(2) as client:
        client.wait_for_workers(2, timeout=300)
        sweep(order(sys.argv[1]), Path(sys.argv[2]), runner(client), progress=progress)
"""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").split()[2] != "Z"
    except OSError:
        return False


def test_a_client_that_is_killed(study: Path, client: "distributed.Client") -> None:
    """It stores nothing twice and loses nothing stored; its workers end; the same sweep goes on."""
    plain, there = study.with_name("plain.duckdb"), study.with_name("there.duckdb")
    script = study.with_name("run.py")
    script.write_text(KILLED, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    command = [sys.executable, str(script), str(study), str(there)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=environment, text=True, **pipes) as process:
        assert process.stdout is not None
        line = process.stdout.readline()  # empty if the process is gone
        process.kill()
    word, *pids = line.split() or ["nothing"]
    assert word == "stored" and len(pids) == 2
    wait_until(lambda: not any(alive(int(pid)) for pid in pids), "workers that end with their client")
    sweep(order(study), plain)
    assert sweep(order(study), there, runner(client)) == SIZE  # the chunk that was stored is not computed again
    assert table(there) == table(plain)


SBATCH = """#!/bin/sh
cp "$1" {folder}/job.$$.sh || exit 1
exec 3>&1 >> {folder}/job.log 2>&1
setsid sh {folder}/job.$$.sh 3>&- &
echo $! >> {folder}/pids
echo "Submitted batch job $!" >&3
"""
SCANCEL = """#!/bin/sh
for job in "$@"; do kill -- "-$job" 2>/dev/null; done
exit 0
"""
REFUSES = """#!/bin/sh
echo "sbatch: error: invalid partition specified: {folder}" >&2
exit 1
"""
ANSWERS_NONSENSE = "#!/bin/sh\necho welcome\n"
ENDS_AT_ONCE = "#!/bin/sh\necho Submitted batch job 999999999\n"


@pytest.fixture
def queueing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """A stand-in for Slurm, whose sbatch is given; returns a cluster's file. Its jobs end with the test."""
    pytest.importorskip("dask_jobqueue")
    commands = tmp_path / "bin"
    commands.mkdir()

    def made(sbatch: str) -> Path:
        for name, text in (("sbatch", sbatch), ("scancel", SCANCEL)):
            (commands / name).write_text(text.format(folder=tmp_path), encoding="utf-8")
            (commands / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{commands}:{os.environ['PATH']}")
        monkeypatch.setenv("PYTHONPATH", os.getcwd())
        file = tmp_path / "cluster.yaml"
        lines = "jobs: 1\ncores: 1\nmemory: 2 GiB\nwalltime: '00:10'\ninterface: lo\n"
        file.write_text(lines + f"scratch: {tmp_path}\nlogs: {tmp_path}\n", encoding="utf-8")
        return file

    yield made
    pids = tmp_path / "pids"
    for pid in pids.read_text(encoding="utf-8").split() if pids.exists() else ():
        with suppress(ProcessLookupError):
            os.killpg(int(pid), signal.SIGTERM)


def test_jobs_of_a_queueing_system(study: Path, tmp_path: Path, queueing: Callable[[str], Path]) -> None:
    """A stand-in for Slurm whose sbatch runs the script at once: the job's workers do the sweep.

    As Slurm does, it copies the script before it answers: whoever handed it in deletes it then.
    """
    cluster = queueing(SBATCH)
    plain, there = study.with_name("plain.duckdb"), study.with_name("there.duckdb")
    sweep(order(study), plain)
    started = time.monotonic()

    def tell(line: str) -> None:
        if time.monotonic() > started + SLOW:
            log = tmp_path / "job.log"
            pytest.fail(f"{line}: {log.read_text(encoding='utf-8') if log.exists() else 'no job has started'}")

    with module.queued("slurm", cluster, tell) as client:
        sweep(order(study), there, runner(client, tell))
    assert table(there) == table(plain)


@pytest.mark.parametrize(
    ("sbatch", "reason"),
    [
        (REFUSES, "sbatch: error: invalid partition specified: /.*"),
        (ANSWERS_NONSENSE, "its answer names no job: welcome"),
    ],
)
def test_jobs_that_are_refused(queueing: Callable[[str], Path], sbatch: str, reason: str) -> None:
    told: list[str] = []
    match = f"slurm takes no jobs: {reason}\n  hint: --dry-run shows the script of a job"
    with pytest.raises(SpecError, match=match), module.queued("slurm", queueing(sbatch), told.append):
        pass
    assert len(told) == 1 and re.fullmatch(f"a job was refused: {reason}", told[0])


def test_jobs_that_end_at_once(
    study: Path, tmp_path: Path, queueing: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No worker ever comes: who waits is told where to look, more than once."""
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    monkeypatch.setattr(module, "REMIND", 0.2)
    cluster = queueing(ENDS_AT_ONCE)
    result = lines_of(["sweep", str(study), "-o", str(tmp_path / "r.duckdb"), "--cluster", "slurm",
                               "--cluster-config", str(cluster)], monkeypatch)  # fmt: skip
    assert len(result) == 2 and not (tmp_path / "r.duckdb").exists()
    assert all(
        f"their logs in {tmp_path} say why" in line and "`squeue --me` lists the jobs" in line for line in result
    )


def lines_of(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Run a command until it has told twice that it waits; return those lines."""
    from click.testing import CliRunner

    from archsim.cli import main
    from archsim.commands import where

    told: list[str] = []

    def echo(line: str, err: bool = False) -> None:
        told.append(line)
        if len([x for x in told if x.startswith("waiting")]) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(where.click, "echo", echo)
    assert CliRunner().invoke(main, arguments).exit_code == 1
    return [line for line in told if line.startswith("waiting")]


def test_no_queueing_system(tmp_path: Path, study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dask_jobqueue")
    monkeypatch.setenv("PATH", str(tmp_path))
    cluster = tmp_path / "cluster.yaml"
    cluster.write_text("jobs: 1\ncores: 1\nmemory: 2 GiB\nwalltime: '00:10'\n", encoding="utf-8")
    with pytest.raises(SpecError, match="sbatch is not on the PATH"), module.queued("slurm", cluster):
        pass
