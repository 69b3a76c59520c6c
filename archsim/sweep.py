"""Sweeps: the points of a sweep file evaluated in chunks, side by side, and stored chunk by chunk."""

import hashlib
import json
import os
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archsim import pareto
from archsim.mapping import compare
from archsim.outcome import outcome
from archsim.plan import plan
from archsim.setting import KINDS
from archsim.space import OUTPUTS, VERDICTS, Column, Space, columns_json, find_space, read_space
from archsim.store import Header, Store
from archsim.structure import MOST_CHECKED, Structure, completed, fingerprints, structure, structures
from archsim.value import Value, evaluate
from archsim.version import __version__
from einsum_cascade.document import read
from einsum_cascade.errors import Diagnostic, SpecError

__all__ = ["CHUNK", "Chunk", "Columns", "Done", "Order", "Runner", "in_threads", "order", "run_chunk", "sweep"]

CHUNK = 122_880
"""Points of a chunk: one row group of the results."""

Columns = dict[str, NDArray[np.generic]]


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """`count` points from the point `first` on."""

    number: int
    first: int
    count: int


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a chunk is evaluated for: the text of a sweep file and its path (documents named by a path stand beside it).

    Plain text, so that it can be sent to another process or machine; what follows from it is made there, once.
    """

    text: str
    file: str


Done = tuple[Chunk, Columns, float]
"""A chunk, its columns, and the seconds that it took."""

Runner = Callable[[Order, Iterable[Chunk]], Iterator[Done]]
"""Evaluates chunks with `run_chunk` and yields them, in any order: the one place where execution is decided."""


def order(file: str | Path) -> Order:
    """Return the order of a sweep file. Raises SpecError with every mistake of the file."""
    space = find_space(file)
    return Order(text="\n".join(space.document.lines), file=str(file))


@lru_cache(maxsize=8)
def _space(given: Order) -> Space:
    return read_space(read(given.text, given.file)[0])


@lru_cache(maxsize=256)
def _structure(given: Order, at: tuple[int, ...]) -> Structure:
    return structure(_space(given), at)


@lru_cache(maxsize=8)
def output_columns(given: Order) -> tuple[Column, ...]:
    """Return the columns of what comes out: the arrays are those of all designs."""
    checked = islice(structures(_space(given)), MOST_CHECKED)
    arrays = dict.fromkeys(a for at in checked for a in _structure(given, at).found.design.arrays)
    return (
        *(Column(name=n, role="output", unit=unit, label=label) for n, (unit, label) in OUTPUTS.items()),
        *(Column(name=f"utilization_{a}", role="output", label=f"utilization of {a}") for a in arrays),
        *(Column(name=n, role="verdict", label=label) for n, label in VERDICTS.items()),
    )  # fmt: skip


def run_chunk(given: Order, chunk: Chunk) -> Columns:
    """Evaluate the points of a chunk; a pure function of its arguments and of the documents that they name.

    Returns
    -------
    dict : column -> array of shape (n,), in the order of the points: `point`, inputs, outputs, `feasible`, `reason`,
        `bottleneck`, and `front`, whether a point is on the front of this chunk. The n points are those of the chunk
        for which the conditions of the sweep hold.
    """
    space = _space(given)
    points = np.arange(chunk.first, chunk.first + chunk.count)
    index = space.indices(points)
    code = np.zeros(chunk.count, dtype=np.int64)
    structural = [any(a.numbers is None for a in d) for d in space.dimensions]
    for own, length, differs in zip(index, space.shape, structural, strict=True):
        code = code * length + own if differs else code
    first = np.unique(code, return_index=True)[1]
    parts: list[Columns] = []
    with np.errstate(all="ignore"):  # what comes of impossible numbers is found afterwards
        for one in first:
            at = np.flatnonzero(code == code[one]) if len(first) > 1 else np.arange(chunk.count)
            position = tuple(int(i[one]) if s else 0 for i, s in zip(index, structural, strict=True))
            parts.append(_part(given, space, position, [i[at] if len(first) > 1 else i for i in index], points[at]))
    columns = _joined(parts)
    objectives = {n: np.where(columns["feasible"], columns[n].astype(np.float64), np.nan) for n in space.minimize}
    columns["front"] = pareto.front(objectives, space.classes(columns["point"].astype(np.int64)))
    return columns


def _part(given: Order, space: Space, position: tuple[int, ...], index: list[NDArray[np.int64]],
          points: NDArray[np.int64]) -> Columns:  # fmt: skip
    """Return the columns of those points of a chunk that share their structure."""
    own = _structure(given, position)
    values: dict[str, Value] = {}
    for dimension, along in zip(space.dimensions, index, strict=True):
        for axis in dimension:
            if axis.numbers is not None:
                same = len(along) and along[0] == along[-1] and np.all(along == along[0])
                values[axis.path] = float(axis.numbers[along[0]]) if same else axis.numbers[along]
    values, names = completed(space, own, values)
    keep = np.ones(len(points), dtype=bool)
    for c in space.where:
        keep &= np.asarray(compare(c.operator, evaluate(c.left, names), evaluate(c.right, names)))
    if not keep.all():
        values = {p: v[keep] if isinstance(v, np.ndarray) else v for p, v in values.items()}
        points = points[keep]
    outputs = tuple(c.name for c in output_columns(given) if c.role == "output")
    result = outcome(own, values, len(points), outputs)
    columns: Columns = {"point": points}
    texts = {**{k: own.names[k] for k in KINDS}, **own.texts}
    for column in space.inputs:
        columns[column.name] = _column(space, column.path, values.get(column.path, texts.get(column.path, "")), points)
    columns |= result.outputs
    columns["feasible"] = result.reason.none
    columns["reason"], columns["bottleneck"] = result.reason.texts(), result.bottleneck.texts()
    return columns


def _column(space: Space, path: str, value: Value | str, points: NDArray[np.int64]) -> NDArray[np.generic]:
    if isinstance(value, str):
        return np.full(len(points), value, dtype=object)
    integral = any(a.integral for a in space.axes if a.path == path)
    return np.broadcast_to(np.asarray(value, dtype=np.int64 if integral else np.float64), len(points))


def _joined(parts: list[Columns]) -> Columns:
    """Return the columns of several parts, in the order of the points."""
    if len(parts) == 1:
        return parts[0]
    whole = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    at = np.argsort(whole["point"], kind="stable")
    return {name: column[at] for name, column in whole.items()}


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
    space = _space(given)
    refused: list[SpecError] = []
    number = 0
    for at in islice(structures(space), MOST_CHECKED):
        own = _structure(given, at)
        number += 1
        first = {a.path: float(a.numbers[0]) for a in space.axes if a.numbers is not None}
        with np.errstate(all="ignore"):
            _, names = completed(space, own, first)
            for c in space.where:
                evaluate(c.left, names), evaluate(c.right, names)
        try:
            plan(own.found.cascade, own.found.mapping, own.found.design)
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
    space = _space(given)
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
    with Store.opened(file, header(given, command), _space(given).classes) as store:
        total = store.header.total
        before = done = sum(c.count for c in chunks(total) if c.number in store.done)
        progress(done, total)
        for chunk, columns, seconds in runner(given, chunks(total, frozenset(store.done))):
            store.add(chunk.number, chunk.first, chunk.count, seconds, columns)
            done += chunk.count
            progress(done, total)
        store.finish()
    return before
