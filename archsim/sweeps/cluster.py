"""A sweep on many processes or machines with dask.distributed: chunks go out, columns come back, here only.

Workers compute and keep nothing; what they were doing when they were lost is computed again elsewhere.
"""

import logging
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from archsim.sweeps.chunk import Chunk, Columns, Order, run_chunk, space_of
from archsim.sweeps.structure import fingerprints
from archsim.sweeps.sweep import Done, Runner
from archsim.version import __version__
from einsum_cascade.errors import Diagnostic, Place, SpecError

if TYPE_CHECKING:
    from distributed import Client, Future

__all__ = ["AHEAD", "computed", "connected", "local", "needed", "queued", "runner"]

AHEAD = 2
"""Chunks a worker's thread has been given and not yet returned: one to compute, one that waits."""
PATIENCE = 15.0
"""Seconds without a result after which is asked whether there are workers at all."""
REMIND = 60.0
"""Seconds between two lines that say that there are none."""
REACH = 10.0
"""Seconds in which a scheduler must answer."""
HANDED_IN = 60.0
"""Seconds in which a queueing system takes or refuses the jobs; the sweep starts then, whoever is still to come."""

Item = TypeVar("Item")
Result = TypeVar("Result")
Versions = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Answer(Generic[Result]):
    """What a worker returns: a result, or the mistakes that it found."""

    result: Result | None = None
    mistakes: tuple[Diagnostic, ...] = ()


def versions() -> Versions:
    """Return the versions that must be the same everywhere for results to be the same."""
    return (f"archsim {__version__}", f"numpy {np.__version__}", "Python {}.{}".format(*sys.version_info))


def attempt(task: Callable[[Item], Result], chunk: Item, expected: Versions) -> Answer[Result]:
    """Compute a chunk on a worker, whose versions must be those `expected`."""
    if versions() != expected:
        message = f"a worker has {', '.join(versions())}; here it is {', '.join(expected)}"
        place = Place(file=socket.gethostname())
        return Answer(mistakes=(Diagnostic(place=place, message=message, hint="install the same on every node"),))
    try:
        return Answer(result=task(chunk))
    except SpecError as error:  # which does not travel as an exception
        return Answer(mistakes=error.diagnostics)


class Waited:
    """How long there have been no workers, and who is told."""

    def __init__(self, tell: Callable[[str], None], advice: str) -> None:
        self.tell, self.advice = tell, advice
        self.since = self.due = 0.0

    def note(self, waiting: bool) -> None:
        """Tell of it where it is time to, after `PATIENCE` seconds of waiting, or forget that there was any."""
        now = time.monotonic()
        if not waiting:
            self.since = 0.0
            return
        if not self.since:
            self.since, self.due = now - PATIENCE, now
        if now >= self.due:
            self.due = now + REMIND
            line = f"waiting for workers: there have been none for {now - self.since:.0f} s"
            self.tell(f"{line}; {self.advice}" if self.advice else line)


def computed(client: "Client", task: Callable[[Item], Result], chunks: Iterable[Item],
             tell: Callable[[str], None] = lambda _: None,
             advice: str = "") -> Iterator[tuple[Item, Result]]:  # fmt: skip
    """Yield (chunk, task(chunk)) in the order in which workers finish.

    At most `AHEAD` chunks a thread of the workers are in flight, and a new one leaves only when one has been taken, so
    that neither this process nor the workers hold more, however slow the taker. A chunk whose worker is lost is
    computed again.

    Parameters
    ----------
    task : a function that workers can import.
    tell : is given a line when nothing comes because there are no workers, and again every `REMIND` seconds.
    advice : what can be done about it, for that line.

    Raises
    ------
    SpecError : what `task` raises, another version on a worker, a chunk that brings down every worker that gets it,
        a scheduler that is gone.
    """
    waiting = iter(chunks)
    flying: dict[Future, Item] = {}
    expected, waited = versions(), Waited(tell, advice)
    try:
        while True:
            with _there():
                workers = sum(client.nthreads().values())
                for chunk in islice(waiting, max(0, AHEAD * max(1, workers) - len(flying))):
                    flying[client.submit(attempt, task, chunk, expected, pure=False)] = chunk
                landed = _landed(list(flying))
            if not flying:
                return
            waited.note(waiting=not landed and not workers)
            for future in landed:
                yield flying.pop(future), _taken(future)
                future.release()
    finally:
        for future in flying:
            future.release()


def _landed(futures: "list[Future]") -> "list[Future]":
    """Return the futures that are done, at least one of them; none if that takes longer than `PATIENCE`."""
    from distributed import TimeoutError, wait

    if not futures:
        return []
    try:
        return list(wait(futures, timeout=PATIENCE, return_when="FIRST_COMPLETED").done)
    except TimeoutError:
        return []


@contextmanager
def _there() -> Iterator[None]:
    """Say it plainly where the scheduler is not there any more."""
    from distributed import CancelledError

    try:
        yield
    except (OSError, CancelledError, RuntimeError) as error:
        raise _gone(f"the scheduler is gone: {error}") from None


def _taken(future: "Future") -> Any:
    from distributed import CancelledError, KilledWorker

    try:
        answer: Answer[object] = future.result()
    except KilledWorker as error:
        hint = "the workers may need more memory, or the log of the last one says why"
        raise _gone(f"a chunk brought down {error.allowed_failures + 1} workers one after another", hint) from None
    except (CancelledError, OSError) as error:
        raise _gone(f"the scheduler is gone: {error}") from None
    except ImportError as error:
        raise _gone(
            f"a worker lacks {error.name or error}", "install archsim, the same version, on every node"
        ) from None
    if answer.mistakes or answer.result is None:
        raise SpecError(answer.mistakes)
    return answer.result


def evaluate_chunk(given: Order, documents: tuple[tuple[str, str], ...], chunk: Chunk) -> tuple[Columns, float]:
    """Evaluate a chunk of a sweep on a worker, from the same documents: name -> SHA-256. Returns seconds too.

    Raises SpecError where a document is another one here.
    """
    start = time.perf_counter()
    here = _documents(given)
    there, own = dict(documents), dict(here)
    different = [name for name in dict.fromkeys((*there, *own)) if there.get(name) != own.get(name)]
    if different:
        place = Place(file=socket.gethostname())
        message = f"{', '.join(different)}: another document than where the sweep was started"
        raise SpecError([Diagnostic(place=place, message=message, hint="install the same on every node")])
    return run_chunk(given, chunk), time.perf_counter() - start


@lru_cache(maxsize=8)
def _documents(given: Order) -> tuple[tuple[str, str], ...]:
    return tuple(fingerprints(space_of(given)).items())


def runner(client: "Client", tell: Callable[[str], None] = lambda _: None, advice: str = "") -> Runner:
    """Return a `Runner` that evaluates chunks on the workers of a client; `tell` and `advice` as for `computed`.

    Workers read the same documents as here: those of archsim, and own ones at the same absolute path.
    """

    def run(given: Order, chunks: Iterable[Chunk]) -> Iterator[Done]:
        there = replace(given, file=str(Path(given.file).resolve()))
        task = partial(evaluate_chunk, there, _documents(there))
        for chunk, (columns, seconds) in computed(client, task, chunks, tell, advice):
            yield chunk, columns, seconds

    return run


def _gone(message: str, hint: str = "run the same command again: it goes on where it stopped") -> SpecError:
    return SpecError([Diagnostic(place=Place(file="cluster"), message=message, hint=hint)])


def needed(option: str) -> None:
    """Raise SpecError where dask is not installed."""
    from importlib.util import find_spec

    missing = [name for name in ("dask", "distributed", "dask_jobqueue") if find_spec(name) is None]
    if missing:
        message = f"this needs {' and '.join(missing)}"
        hint = "python -m pip install 'archsim[cluster]'"
        raise SpecError([Diagnostic(place=Place(file=option), message=message, hint=hint)])


@contextmanager
def connected(address: str) -> "Iterator[Client]":
    """Connect to a running scheduler, `tcp://HOST:PORT` or `HOST:PORT`.

    What goes over the wire is trusted on both sides (dask sends Python objects): use a network of your own, or tls://.
    Raises SpecError: dask is not installed, no such address, nothing that answers there.
    """
    needed("--scheduler")
    from distributed import Client

    place = Place(file="--scheduler", length=max(1, len(address)), text=address)
    scheme, _, rest = address.rpartition("://")
    host, _, port = rest.rpartition(":")
    if scheme not in ("", "tcp", "tls") or not host or not port.isdigit() or not 0 < int(port) < 2**16:
        message, expected = f"{address or 'nothing'} is not an address", "HOST:PORT or tcp://HOST:PORT"
        raise SpecError([Diagnostic(place=place, message=message, expected=expected)])
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACH).close()
        client = Client(address, timeout=REACH)
    except (OSError, ValueError, TypeError) as error:
        message = f"no scheduler answers at {address}: {error}"
        raise SpecError([Diagnostic(place=place, message=message, hint="dask scheduler starts one")]) from None
    with client:
        yield client


@contextmanager
def local(workers: int) -> "Iterator[Client]":
    """Start worker processes on this machine, one thread each, which end with this process.

    Raises SpecError where dask is not installed.
    """
    needed("--cluster")
    from distributed import Client, LocalCluster

    started = LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=True, host="127.0.0.1",
        dashboard_address="127.0.0.1:0",  # a free port: two sweeps do not get in each other's way
        silence_logs=logging.CRITICAL,  # what workers say when they are stopped is no news
    )  # fmt: skip
    with started as cluster, Client(cluster) as client:
        yield client


@contextmanager
def queued(kind: str, file: Path, tell: Callable[[str], None] = lambda _: None) -> "Iterator[Client]":
    """Hand in the jobs of a cluster's file, and connect to their scheduler, which runs in this process.

    `tell` is given a line for each job that the queueing system refuses.

    Raises SpecError: dask is not installed, mistakes of the file (`jobs.read_jobs`), a queueing system that is not
    there or refuses every job.
    """
    needed("--cluster")
    from distributed import Client

    from archsim.sweeps.jobs import SUBMIT, Submissions, queue, read_jobs

    jobs = read_jobs(file)
    command, hint = SUBMIT[kind], "--dry-run shows the script of a job"
    if shutil.which(command) is None:
        place = Place(file="--cluster", length=len(kind), text=kind)
        raise SpecError([Diagnostic(place=place, message=f"{command} is not on the PATH of this machine", hint=hint)])
    submissions = Submissions(tell)
    try:
        with queue(kind, jobs, submissions) as cluster, Client(cluster) as client:
            until = time.monotonic() + HANDED_IN
            while submissions.taken + len(submissions.refused) < jobs.jobs and time.monotonic() < until:
                time.sleep(0.05)
            if submissions.refused and not submissions.taken:
                raise _gone(f"{kind} takes no jobs: {submissions.refused[0]}", hint)
            yield client
    except (OSError, RuntimeError) as error:
        raise _gone(f"{kind} takes no jobs: {error}", hint) from None
