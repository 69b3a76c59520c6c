"""Run a tool for a limited time, and end it together with everything that it started."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Finished", "run"]


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A tool that came to an end, or was brought to it.

    Attributes
    ----------
    status
        Exit status; None where the time ran out.
    log
        What it printed, errors included.
    seconds
        CPU time, that of its children included.
    """

    status: int | None
    log: str
    seconds: float


def run(
    command: Sequence[str | Path], *, cwd: Path, limit: float, environment: Mapping[str, str] | None = None
) -> Finished:
    """Run a command in a folder; after `limit` seconds kill it and its children."""
    before = os.times()
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,  # a process group of its own, which can be killed as a whole
    ) as process:
        status: int | None
        try:
            log, _ = process.communicate(timeout=limit)
            status = process.returncode
        except BaseException as error:  # Ctrl-C too must leave no solver behind
            os.killpg(process.pid, signal.SIGKILL)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            log, _ = process.communicate()
            log, status = f"{log}\nno end after {limit:g} seconds", None
    after = os.times()
    seconds = after.children_user + after.children_system - before.children_user - before.children_system
    return Finished(status=status, log=log, seconds=seconds)
