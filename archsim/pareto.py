"""Pareto fronts: the points that no other point beats in every objective."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

__all__ = ["front"]


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
