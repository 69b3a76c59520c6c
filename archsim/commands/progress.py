"""Progress on the error stream: a bar that changes on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from archsim.show import number

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

    from archsim.mapper.search import Coverage

__all__ = ["points_shown", "search_shown", "stages_shown"]

SECONDS = 5.0
"""Between two plain lines about the same thing."""


@contextmanager
def stages_shown() -> Iterator[Callable[[str, int, int], None]]:
    """Show work in stages, called with (what, done, total): a bar each, or a line at its start and now and then."""
    if not sys.stderr.isatty():
        yield _stage_lines()
        return
    from rich.progress import Progress

    with _bar(*Progress.get_default_columns()) as bar:
        tasks = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done)

        yield show


def _stage_lines() -> Callable[[str, int, int], None]:
    last = time.perf_counter()

    def show(what: str, done: int, total: int) -> None:
        nonlocal last
        now = time.perf_counter()
        if done and (done == total or now - last < SECONDS):
            return
        last = now
        click.echo(f"{what}: {number(done)} of {number(total)}" if done else f"{what}: {number(total)}", err=True)

    return show


@contextmanager
def points_shown() -> Iterator[Callable[[int, int], None]]:
    """Show a sweep, called with (done, total): points a second and the time left, too."""
    if not sys.stderr.isatty():
        yield _point_lines()
        return
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

    start, first = time.perf_counter(), -1
    rates = TextColumn("{task.fields[rate]} points/s")
    with _bar(BarColumn(), TaskProgressColumn(), rates, TimeRemainingColumn()) as bar:
        task = bar.add_task("sweep", total=None, rate="")

        def show(done: int, total: int) -> None:
            nonlocal first, start
            if first < 0:
                first, start = done, time.perf_counter()
            rate = (done - first) / max(time.perf_counter() - start, 1e-9)
            bar.update(task, completed=done, total=total, rate=number(round(rate)))

        yield show


def _point_lines() -> Callable[[int, int], None]:
    start, last, first = time.perf_counter(), 0.0, -1

    def show(done: int, total: int) -> None:
        nonlocal start, last, first
        now = time.perf_counter()
        if first < 0:
            first, start = done, now
        elif now - last < SECONDS and done < total:
            return
        last = now
        rate = (done - first) / max(now - start, 1e-9)
        left = f", {number(round(rate))} points/s, {(total - done) / rate:.0f} s left" if rate else ""
        click.echo(f"{number(done)} of {number(total)} points{left}", err=True)

    return show


@contextmanager
def search_shown() -> "Iterator[Callable[[str, Coverage], None]]":
    """Show a search whose end is not known, called with (what is searched now, what is covered so far)."""
    if not sys.stderr.isatty():
        yield _search_lines()
        return
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

    with _bar(BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn()) as bar:
        task = bar.add_task("searching", total=None)
        yield lambda text, c: bar.update(task, description=f"{number(c.evaluated)} mappings evaluated; {text}"[:100])


def _search_lines() -> "Callable[[str, Coverage], None]":
    start = last = time.perf_counter()

    def show(text: str, c: "Coverage") -> None:
        nonlocal last
        if time.perf_counter() - last > SECONDS:
            last = time.perf_counter()
            click.echo(f"{last - start:.0f} s: {number(c.evaluated)} mappings evaluated; now {text}", err=True)

    return show


@contextmanager
def _bar(*columns: "str | ProgressColumn") -> "Iterator[Progress]":
    from rich.console import Console
    from rich.progress import Progress

    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield bar
