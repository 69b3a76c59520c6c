"""Pareto fronts of any number of objectives, chunk by chunk, and their hypervolume (both with moocore)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Front", "box_share", "front", "fronts", "hypervolume", "nadir", "reference_of"]

Columns = Mapping[str, NDArray[np.generic]]
Objectives = Mapping[str, bool]
"""Name of a column -> whether more of it is better."""

MARGIN = 0.1
"""How far behind the nadir the reference point lies by default, as a part of the nadir (assumed)."""


@dataclass(frozen=True, kw_only=True)
class Front:
    """The points that no other point of the same `group` beats.

    `points` of shape (n,) are their numbers, `values` of shape (n, objectives) what they reach, ordered by the first
    objective; `seen` is the number of points that were compared.
    """

    group: tuple[object, ...]
    points: NDArray[np.int64]
    values: NDArray[np.float64]
    seen: int


def front(columns: Mapping[str, NDArray[np.float64]], classes: NDArray[np.int64] | None = None) -> NDArray[np.bool_]:
    """Return which of n points are on the Pareto front; every objective is minimized.

    Of points that are equal in all objectives the first one is on the front. A point with an objective that is not a
    finite number is not.

    Parameters
    ----------
    columns : objective -> its value at every point, shape (n,).
    classes : shape (n,); only points of the same class compete, each class has a front of its own (default: one).

    Returns
    -------
    ndarray, shape (n,), bool

    Examples
    --------
    >>> front({"latency_s": np.array([3.0, 1.0, 2.0, 2.0]), "area_mm2": np.array([1.0, 3.0, 3.0, 2.0])}).tolist()
    [True, True, False, True]
    """
    from moocore import is_nondominated

    values = np.column_stack([np.asarray(column, dtype=np.float64) for column in columns.values()])
    result: NDArray[np.bool_] = np.all(np.isfinite(values), axis=1)
    at = np.flatnonzero(result)
    if classes is not None:
        at = at[np.argsort(classes[at], kind="stable")]
        several = np.split(at, np.flatnonzero(np.diff(classes[at])) + 1)
    else:
        several = [at]
    for own in several:
        if len(own):
            result[own] = is_nondominated(values[own])
    return result


def fronts(chunks: Iterable[Columns], objectives: Objectives, group_by: Collection[str] = ()) -> list[Front]:
    """Return the front of every group of points, in order of the groups.

    The front of a union is the front of the union of the fronts, so that of the points seen only the fronts are held:
    memory for one chunk and the fronts. Of points that are equal in all objectives the first is on the front.

    Parameters
    ----------
    chunks : `point` (its number), the objectives and the columns to group by, each an array of shape (n,).
    objectives : name -> whether more is better.
    """
    held: dict[tuple[object, ...], Front] = {}
    signs = _signs(objectives)
    for chunk in chunks:
        points = np.asarray(chunk["point"], dtype=np.int64)
        values = np.column_stack([np.asarray(chunk[name], dtype=float) for name in objectives])
        for group, own in _groups([np.asarray(chunk[name]) for name in group_by], len(points)):
            before = held.get(group)
            new_points, new_values, seen = points[own], values[own], len(own)
            if before is not None:
                new_points = np.concatenate([before.points, new_points])
                new_values = np.concatenate([before.values, new_values])
                seen += before.seen
            mask = front(dict(zip(objectives, (new_values * signs).T, strict=True)))
            held[group] = Front(group=group, points=new_points[mask], values=new_values[mask], seen=seen)
    return [_sorted(held[g], signs) for g in sorted(held, key=lambda g: [(type(v).__name__, v) for v in g])]


def _groups(keys: list[NDArray[np.generic]], number: int) -> Iterable[tuple[tuple[object, ...], NDArray[np.intp]]]:
    """Yield (values, indices) of the groups of a chunk."""
    if not keys or not number:
        return [((), np.arange(number))] if number else []
    codes = [np.unique(k, return_inverse=True) for k in keys]
    whole = np.column_stack([inverse for _, inverse in codes])
    groups, which = np.unique(whole, axis=0, return_inverse=True)
    known = [values.tolist() for values, _ in codes]
    return [
        (tuple(values[i] for values, i in zip(known, group, strict=True)), np.flatnonzero(which.ravel() == n))
        for n, group in enumerate(groups)
    ]


def _sorted(found: Front, signs: NDArray[np.float64]) -> Front:
    order = np.lexsort([found.points, *(found.values * signs).T[::-1]])
    return Front(group=found.group, points=found.points[order], values=found.values[order], seen=found.seen)


def nadir(found: Iterable[Front], objectives: Objectives) -> NDArray[np.float64]:
    """Return the worst value of each objective on the fronts, shape (objectives,)."""
    values = np.concatenate([f.values for f in found])
    signs = _signs(objectives)
    worst: NDArray[np.float64] = (values * signs).max(axis=0) * signs
    return worst


def reference_of(worst: NDArray[np.float64], objectives: Objectives) -> NDArray[np.float64]:
    """Return the reference point that lies `MARGIN` behind a nadir: 1.1 times it, 0.9 times where more is better.

    >>> reference_of(np.array([2.0, 10.0]), {"latency_s": False, "utilization": True}).tolist()
    [2.2, 9.0]
    """
    behind: NDArray[np.float64] = worst + MARGIN * np.abs(worst) * _signs(objectives)
    return behind


def _signs(objectives: Objectives) -> NDArray[np.float64]:
    return np.array([-1.0 if more else 1.0 for more in objectives.values()])


def hypervolume(values: NDArray[np.float64], reference: NDArray[np.float64], objectives: Objectives) -> float:
    """Return the volume that a front dominates before a reference point, in the product of the objectives' units.

    Points that are not better than the reference everywhere add nothing.

    >>> hypervolume(np.array([[1.0, 2.0], [2.0, 1.0]]), np.array([3.0, 3.0]), {"a": False, "b": False})
    3.0
    """
    from moocore import hypervolume as volume

    return float(volume(values, ref=reference, maximise=list(objectives.values())))


def box_share(values: NDArray[np.float64], reference: NDArray[np.float64], ideal: NDArray[np.float64],
              objectives: Objectives) -> float:  # fmt: skip
    """Return the part (0 to 1) of the box between an ideal point and the reference that a front dominates.

    Parameters
    ----------
    ideal : shape (objectives,), the best value of each objective.

    Examples
    --------
    >>> box_share(
    ...     np.array([[1.0, 2.0], [2.0, 1.0]]), np.array([3.0, 3.0]), np.array([1.0, 1.0]), {"a": False, "b": False}
    ... )
    0.75
    """
    box = float(np.prod(np.abs(reference - ideal)))
    return hypervolume(values, reference, objectives) / box if box else 0.0
