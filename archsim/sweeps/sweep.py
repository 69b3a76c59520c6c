"""Sweeps: the points of a sweep file evaluated in chunks, side by side, and stored chunk by chunk."""

import hashlib
import json
import os
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

import numpy as np

from archsim.choices import concrete
from archsim.plan import plan
from archsim.sweeps.chunk import Chunk, Columns, Order, order, output_columns, run_chunk, space_of, structure_of
from archsim.sweeps.column import Column, columns_json
from archsim.sweeps.header import Header
from archsim.sweeps.store import Store
from archsim.sweeps.structure import completed, fingerprints, structures
from archsim.value import evaluate
from archsim.version import __version__
from einsum_cascade.errors import Diagnostic, SpecError

__all__ = [
    "CHUNK",
    "Chunk",
    "Columns",
    "Done",
    "Order",
    "Runner",
    "check",
    "chunks",
    "in_threads",
    "order",
    "run_chunk",
    "sweep",
]

CHUNK = 122_880
"""Points of a chunk: one row group of the results."""

Done = tuple[Chunk, Columns, float]
"""A chunk, its columns, and the seconds that it took."""

Runner = Callable[[Order, Iterable[Chunk]], Iterator[Done]]
"""Evaluates chunks with `run_chunk` and yields them, in any order: the one place where execution is decided."""


def _timed(given: Order, chunk: Chunk) -> Done:
    start = time.perf_counter()
    return chunk, run_chunk(given, chunk), time.perf_counter() - start


def in_threads(given: Order, chunks: Iterable[Chunk], workers: int = 0) -> Iterator[Done]:
    """Evaluate chunks in threads (`workers`; 0: one a core), a few ahead; yield them in order. A `Runner`."""
    from concurrent.futures import Future, ThreadPoolExecutor

    workers = workers or len(os.sched_getaffinity(0))
    pending: deque[Future[Done]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for chunk in chunks:
                pending.append(pool.submit(_timed, given, chunk))
                if len(pending) > workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def check(given: Order) -> None:
    """See whether every structure of a sweep can be read and evaluated, at its first point.

    Raises SpecError with the mistakes of a document, or where no structure at all goes together.
    """
    space = space_of(given)
    refused: list[SpecError] = []
    number = 0
    for at in structures(space):
        own = structure_of(given, at)
        number += 1
        first = {a.path: float(a.numbers[0]) for a in space.axes if a.numbers is not None}
        with np.errstate(all="ignore"):
            _, names = completed(space, own, first)
            for c in space.where:
                evaluate(c.left, names), evaluate(c.right, names)
        try:
            found = own.found
            names = {**found.workload.sizes(), **found.design.parameters, **found.values}
            plan(found.cascade, concrete(found.mapping, names), found.design)
        except SpecError as error:
            refused.append(error)
    if refused and len(refused) == number:
        raise refused[0]
    known = [c.name for c in (*space.inputs, *output_columns(given))]
    for i, name in enumerate(space.minimize):
        if name not in known:
            place = space.document.place("minimize", i)
            raise SpecError([Diagnostic(place=place, message=f"{name} is no column", expected=", ".join(known))])


def header(given: Order, command: str = "") -> Header:
    """Return what is stored about a sweep beside its points. Raises SpecError."""
    space = space_of(given)
    found = fingerprints(space)
    data = space.document.data
    assert isinstance(data, dict)
    told = {k: v for k, v in data.items() if k not in ("description", "source")}
    digest = hashlib.sha256(json.dumps([told, found, __version__, CHUNK]).encode()).hexdigest()
    point = Column(name="point", role="input", label="number of the point")
    return Header(
        name=space.name, description=space.description, yaml=given.text, digest=digest, version=__version__,
        documents=found, columns=columns_json((point, *space.inputs, *output_columns(given))),
        objectives=space.minimize, per=[space.names[p] for p in space.per], total=space.points,
        chunk_points=CHUNK, command=command,
    )  # fmt: skip


def chunks(points: int, done: Collection[int] = (), size: int = CHUNK) -> Iterator[Chunk]:
    """Yield the chunks of a number of points that are not done.

    >>> [(c.first, c.count) for c in chunks(250, done={1}, size=100)]
    [(0, 100), (200, 50)]
    """
    for number, first in enumerate(range(0, points, size)):
        if number not in done:
            yield Chunk(number=number, first=first, count=min(size, points - first))


def sweep(given: Order, file: Path, runner: Runner = in_threads, command: str = "",
          progress: Callable[[int, int], None] = lambda done, total: None) -> int:  # fmt: skip
    """Evaluate what is missing of a sweep and store it in a file; return how many points were there before.

    Parameters
    ----------
    runner : evaluates the chunks; by default in threads of this process.
    progress : called with the points that are done and all there are, first with those that were there before.

    Raises
    ------
    SpecError : a mistake in the sweep file or a document, or a file that cannot be used (`store.Store.opened`).
    """
    check(given)
    with Store.opened(file, header(given, command), space_of(given).classes) as store:
        total = store.header.total
        before = done = sum(c.count for c in chunks(total, size=CHUNK) if c.number in store.done)
        progress(done, total)
        for chunk, columns, seconds in runner(given, chunks(total, frozenset(store.done), CHUNK)):
            store.add(chunk.number, chunk.first, chunk.count, seconds, columns)
            done += chunk.count
            progress(done, total)
        store.finish()
    return before
