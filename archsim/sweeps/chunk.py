"""Chunks: the points of a sweep file that are evaluated together, as columns; plain data in, plain data out."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archsim.setting import KINDS
from archsim.sweeps import pareto
from archsim.sweeps.axes import dimension_of
from archsim.sweeps.column import OUTPUTS, VERDICTS, Column
from archsim.sweeps.outcome import outcome
from archsim.sweeps.space import Space, find_space, read_space
from archsim.sweeps.structure import Structure, completed, structure, structures
from archsim.value import Value, compare, evaluate
from einsum_cascade.document import read

__all__ = ["Chunk", "Columns", "Order", "order", "output_columns", "run_chunk", "space_of", "structure_of"]

Columns = dict[str, NDArray[np.generic]]

PIECE = 16_384
"""Points that are evaluated at once: intermediate arrays take more memory than results, in every thread."""


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


def order(file: str | Path) -> Order:
    """Return the order of a sweep file. Raises SpecError with every mistake of the file."""
    space = find_space(file)
    return Order(text="\n".join(space.document.lines), file=str(file))


@lru_cache(maxsize=8)
def space_of(given: Order) -> Space:
    """Return what a sweep file says, read once. Raises SpecError."""
    return read_space(read(given.text, given.file)[0])


@lru_cache(maxsize=256)
def structure_of(given: Order, at: tuple[int, ...]) -> Structure:
    """Return a structure of a sweep, made once (`structure.structure`). Raises SpecError."""
    return structure(space_of(given), at)


@lru_cache(maxsize=8)
def output_columns(given: Order) -> tuple[Column, ...]:
    """Return the columns of what comes out: the arrays are those of all designs."""
    arrays = dict.fromkeys(a for at in structures(space_of(given)) for a in structure_of(given, at).found.design.arrays)
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
        for which the conditions of the sweep hold; of those the front, if that is all that the sweep keeps.
    """
    space = space_of(given)
    points = np.arange(chunk.first, chunk.first + chunk.count)
    index = space.indices(points)
    code = np.zeros(chunk.count, dtype=np.int64)
    structural = [any(a.numbers is None for a in d) for d in space.dimensions]
    for own, length, differs in zip(index, space.shape, structural, strict=True):
        code = code * length + own if differs else code
    first = np.unique(code, return_index=True)[1]
    parts: list[Columns] = []
    for one in first:
        position = tuple(int(i[one]) if s else 0 for i, s in zip(index, structural, strict=True))
        alike = np.flatnonzero(code == code[one])
        for start in range(0, len(alike), PIECE):
            at = alike[start : start + PIECE]
            parts.append(_part(given, space, position, [i[at] for i in index], points[at]))
    del index, code
    columns = _joined(parts)
    objectives = {n: np.where(columns["feasible"], columns[n].astype(np.float64), np.nan) for n in space.minimize}
    columns["front"] = pareto.front(objectives, space.classes(columns["point"].astype(np.int64)))
    if space.keep == "front":
        columns = {name: column[columns["front"]] for name, column in columns.items()}
    return columns


def _part(given: Order, space: Space, position: tuple[int, ...], index: list[NDArray[np.int64]],
          points: NDArray[np.int64]) -> Columns:  # fmt: skip
    """Return the columns of those points of a chunk that share their structure."""
    with np.errstate(all="ignore"):  # what comes of impossible numbers is found afterwards
        return _columns(given, space, structure_of(given, position), index, points)


def _columns(given: Order, space: Space, own: Structure, index: list[NDArray[np.int64]],
             points: NDArray[np.int64]) -> Columns:  # fmt: skip
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
        column = np.empty(len(points), dtype=object)
        column.fill(value)  # one text for all; np.full makes a copy for each
        return column
    counted = dimension_of(path) in ("", "bytes")
    integral = counted and any(a.integral for a in space.axes if a.path == path)
    return np.broadcast_to(np.asarray(value, dtype=np.int64 if integral else np.float64), len(points))


def _joined(parts: list[Columns]) -> Columns:
    """Return the columns of several parts, in the order of the points."""
    whole: Columns = {}
    for name in list(parts[0]):  # one column at a time, and gone where it came from: half the memory
        whole[name] = np.concatenate([p.pop(name) for p in parts]) if len(parts) > 1 else parts[0][name]
    if np.any(np.diff(whole["point"]) < 0):
        at = np.argsort(whole["point"], kind="stable")
        for name in whole:
            whole[name] = whole[name][at]
    return whole
