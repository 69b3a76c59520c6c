"""Where a sweep runs: the options of `archsim sweep` that say so, and the runner that they mean."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from archsim.sweeps.sweep import Runner

__all__ = ["Where", "place_options"]

Function = TypeVar("Function", bound=Callable[..., object])
QUEUES = ("slurm", "lsf")


@dataclass(frozen=True, kw_only=True)
class Where:
    """Threads of this process, unless a `scheduler` (its address) or a `cluster` (local, slurm, lsf) is given."""

    scheduler: str | None = None
    cluster: str | None = None
    workers: int | None = None
    config: Path | None = None

    def __post_init__(self) -> None:
        if self.scheduler and self.cluster:
            raise click.UsageError("give --scheduler or --cluster, not both")
        if self.workers and (self.scheduler or self.cluster in QUEUES):
            there = f"--cluster {self.cluster}: its file says how many jobs" if self.cluster else "--scheduler"
            raise click.UsageError(f"-n does not go with {there}")
        if (self.cluster in QUEUES) != (self.config is not None):
            message = "--cluster slurm and --cluster lsf need --cluster-config FILE" if self.cluster in QUEUES else (
                "--cluster-config goes with --cluster slurm or --cluster lsf")  # fmt: skip
            raise click.UsageError(message)

    @contextmanager
    def runner(self) -> "Iterator[Runner]":
        """Start or find the workers. Raises SpecError, as `cluster.connected`, `local` and `queued`."""
        from archsim.sweeps.sweep import in_threads

        if not self.scheduler and not self.cluster:
            yield partial(in_threads, workers=self.workers or 0)
            return
        from archsim.sweeps.cluster import connected, local, queued, runner

        def tell(line: str) -> None:
            click.echo(line, err=True)

        advice = ""
        if self.scheduler:
            client, advice = connected(self.scheduler), f"`dask worker {self.scheduler}` starts one"
        elif self.config is not None:
            from archsim.sweeps.jobs import advice as advice_of
            from archsim.sweeps.jobs import read_jobs

            client = queued(str(self.cluster), self.config, tell)
            advice = advice_of(str(self.cluster), read_jobs(self.config))
        else:
            client = local(self.workers or _cores())
        with client as found:
            yield runner(found, tell, advice)

    def told(self) -> str:
        """Return what would be done: the script of a job, or a sentence. Raises SpecError at mistakes of the file."""
        if self.config is not None:
            from archsim.sweeps.cluster import needed
            from archsim.sweeps.jobs import job_script, read_jobs

            needed("--cluster")
            jobs = read_jobs(self.config)
            return f"{jobs.jobs} jobs with this script:\n\n{job_script(str(self.cluster), jobs)}"
        if self.scheduler:
            return f"on the workers of {self.scheduler}"
        kind = "processes" if self.cluster else "threads"
        return f"in {self.workers or _cores()} {kind} on this machine"


def _cores() -> int:
    import os

    return len(os.sched_getaffinity(0))


def place_options(function: Function) -> Function:
    """Add the options that make a `Where`: scheduler, cluster, workers, config."""
    options = [
        click.option("--scheduler", metavar="ADDRESS",
                     help="Evaluate on the workers of this dask scheduler, HOST:PORT."),
        click.option("--cluster", type=click.Choice(["local", *QUEUES]),
                     help="Start workers: as processes here, or as jobs of a queueing system."),
        click.option("-n", "--workers", type=click.IntRange(1, 4096), metavar="N",
                     help="Threads, or with --cluster local processes; by default one a core."),
        click.option("--cluster-config", "config", type=click.Path(path_type=Path), metavar="FILE",
                     help="What a job is given; archsim/README.md lists the keys."),
    ]  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function
