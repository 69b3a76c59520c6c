"""The jobs of a cluster's queueing system (Slurm, LSF) in which the workers of a sweep run: one YAML file a cluster."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsim.units import quantity
from einsum_cascade.document import find_one
from einsum_cascade.errors import Diagnostic, Place, SpecError
from einsum_cascade.forms import FORBID, Integer, Real, Text, read_form

if TYPE_CHECKING:
    from dask_jobqueue import JobQueueCluster

__all__ = ["SUBMIT", "Jobs", "Submissions", "advice", "job_script", "queue", "read_jobs"]

SUBMIT = {"slurm": "sbatch", "lsf": "bsub"}
"""Queueing system -> the command that hands a job in."""
LIST = {"slurm": "squeue --me", "lsf": "bjobs"}
"""Queueing system -> the command that lists one's jobs."""
PLACEHOLDER = "tcp://ADDRESS-OF-THE-SCHEDULER"


@dataclass(frozen=True, kw_only=True)
class Jobs:
    """How many `jobs` are asked for, and what each of them is given.

    `cores`, and `memory` such as "64 GiB", of one job; `processes` (workers) in it, by default as many as cores;
    `walltime` as the queueing system writes it; `queue` (Slurm: partition), `account` (LSF: project); `interface`, the
    network between workers and scheduler (ib0); `python` on the nodes, by default this one; `directives`, further lines
    of the job's header; `prologue`, shell lines before the worker starts; `scratch` and `logs`, folders.
    """

    __pydantic_config__ = FORBID
    jobs: Integer
    cores: Integer
    memory: Text
    walltime: Text
    processes: Integer = 0
    queue: Text | None = None
    account: Text | None = None
    interface: Text | None = None
    python: Text | None = None
    scratch: Text | None = None
    logs: Text | None = None
    directives: list[Text] = field(default_factory=list)
    prologue: list[Text] = field(default_factory=list)
    patience_s: Real = 600


def read_jobs(file: Path) -> Jobs:
    """Return what a cluster's file says.

    Raises SpecError: an unreadable file, and every unknown or missing key or number that cannot be, in its place.
    """
    document = find_one("cluster", file, {}, "a file is given by its path, which ends in .yaml")
    found = read_form(document, Jobs)
    wrong = [
        Diagnostic(place=document.place(name), message=f"{name} is {value}", expected="at least 1")
        for name, value in (("jobs", found.jobs), ("cores", found.cores))
        if value < 1
    ]
    if not 0 <= found.processes <= max(found.cores, 1):
        message = f"{found.processes} processes on {found.cores} cores"
        wrong.append(Diagnostic(place=document.place("processes"), message=message, expected="at most one a core"))
    try:
        quantity(found.memory, "bytes", document.place("memory"))
    except SpecError as error:
        wrong += error.diagnostics
    if wrong:
        raise SpecError(wrong)
    return found


def _given(jobs: Jobs, kind: str) -> dict[str, Any]:
    """Return the arguments of a dask-jobqueue class."""
    return {
        "cores": jobs.cores,
        "processes": jobs.processes or jobs.cores,
        "memory": f"{quantity(jobs.memory, 'bytes', Place()):.0f}B",
        "walltime": jobs.walltime,
        "queue": jobs.queue,
        "project" if kind == "lsf" else "account": jobs.account,
        "interface": jobs.interface,
        "python": jobs.python,
        "local_directory": jobs.scratch,
        "log_directory": jobs.logs,
        "job_extra_directives": jobs.directives,
        "job_script_prologue": jobs.prologue,
        "death_timeout": jobs.patience_s,
        "job_name": "archsim",
    }


def job_script(kind: str, jobs: Jobs) -> str:
    """Return the script of one job as it would be handed in; the scheduler's address is known only then."""
    from dask_jobqueue.lsf import LSFJob
    from dask_jobqueue.slurm import SLURMJob

    form = {"slurm": SLURMJob, "lsf": LSFJob}[kind]
    script: str = form(scheduler=PLACEHOLDER, name="archsim", **_given(jobs, kind)).job_script()
    return script


def advice(kind: str, jobs: Jobs) -> str:
    """Return where to look when no worker comes.

    >>> advice("slurm", Jobs(jobs=1, cores=1, memory="1 GiB", walltime="1", logs="/scratch/logs"))
    '`squeue --me` lists the jobs; if they end at once, their logs in /scratch/logs say why'
    """
    logs = jobs.logs or "the folder in which this was started"
    return f"`{LIST[kind]}` lists the jobs; if they end at once, their logs in {logs} say why"


class Submissions:
    """What became of the jobs that were handed in: how many were `taken`, and why others were `refused`."""

    def __init__(self, tell: Callable[[str], None] = lambda _: None) -> None:
        self.tell, self.taken = tell, 0
        self.refused: list[str] = []

    def refuse(self, error: Exception) -> None:
        """Note why a job was refused: what the queueing system says, the last line of its command's output."""
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = lines[-1] if lines else type(error).__name__
        reason = f"its answer names no job: {reason}" if isinstance(error, ValueError) else reason
        if reason not in self.refused:
            self.tell(f"a job was refused: {reason}")
        self.refused.append(reason)


def queue(kind: str, jobs: Jobs, submissions: Submissions) -> "JobQueueCluster":
    """Return a scheduler in this process whose jobs are handed in, and handed in again when their workers are lost.

    A job that is refused is noted, and not tried again.
    """
    from dask_jobqueue import LSFCluster, SLURMCluster
    from distributed.deploy.spec import ProcessInterface

    system = {"slurm": SLURMCluster, "lsf": LSFCluster}[kind]

    class Job(system.job_cls):  # type: ignore[misc, name-defined]
        async def start(self) -> None:
            try:
                await super().start()
                submissions.taken += 1
            except (OSError, RuntimeError, ValueError) as error:
                submissions.refuse(error)
                await ProcessInterface.start(self)

    options = {"dashboard_address": ":0"}
    cluster: JobQueueCluster = system(job_cls=Job, scheduler_options=options, **_given(jobs, kind))
    cluster.adapt(minimum_jobs=jobs.jobs, maximum_jobs=jobs.jobs)
    return cluster
