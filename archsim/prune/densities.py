"""Densities of a cascade's data-dependent Einsums, measured on tensors: A3's candidates, skipped values, low bits."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from archsim.prune.pruning import Pruning, pruning
from einsum_cascade.cascade import Cascade
from einsum_cascade.constants import Value
from einsum_cascade.count import Counts, count
from einsum_cascade.einsum import accesses
from einsum_cascade.interpret.binding import sizes_from

__all__ = ["densities", "measured"]

Tensors = Mapping[str, NDArray[np.float64]]


def densities(cascade: Cascade, tensors: Tensors, sizes: Mapping[str, Value] | None = None) -> dict[str, float]:
    """Return the live fraction of the iteration space of every Einsum with a condition on data.

    All conditions before it are included: of A3's SN it is the kept keys over all keys, where the file states their
    fraction of the candidates. Pieces of one tensor are taken together. Raises SpecError as `run` does.

    >>> from einsum_cascade import load
    >>> from einsum_cascade.reference import make_inputs
    >>> cascade, sizes = load(Cascade, "a3"), {"M": 64, "P": 8, "E": 16, "F": 4}
    >>> found = densities(cascade, make_inputs(cascade, sizes), sizes)
    >>> 0 < found["SN"] < found["QK"] <= 0.5
    True
    """
    conditional = {
        s.name for s in cascade.einsums if any(accesses(side) for c in s.conditions for side in (c.left, c.right))
    }
    live = count(cascade, sizes, tensors)
    whole = _points(count(replace(cascade, density=dict.fromkeys(conditional, 1.0)), live.shape))
    found = _points(live)
    return {name: sum(found[name]) / max(whole[name]) for name in found if name in conditional}


def _points(counts: Counts) -> dict[str, list[int]]:
    result: dict[str, list[int]] = {}
    for e in counts.einsums:
        result.setdefault(e.einsum, []).append(e.points)
    return result


def measured(
    name: str, source: str, cascade: Cascade, points: Sequence[Tensors], sizes: Mapping[str, Value] | None = None, *,
    used: str, scored: str = "", **given: object,
) -> Pruning:  # fmt: skip
    """Return what a cascade that loads all keys and values scores and uses of them, measured on tensors.

    Parameters
    ----------
    points : the input tensors of each point (a layer, a head)
    used, scored : the Einsums whose live fraction is that of the values, and of the keys that are scored (all of them)
    given : further fields of the points, such as `heads` or `key_bits`

    Keys and values are shared: fetched once for all queries of a point, all of them.

    >>> from einsum_cascade import load
    >>> from einsum_cascade.reference import make_inputs
    >>> cascade, sizes = load(Cascade, "mnnfast_zero_skip"), {"M": 40, "P": 8, "E": 16, "F": 4, "TH": 0}
    >>> measured("all", "drawn", cascade, [make_inputs(cascade, sizes)], sizes, used="NV").values
    array([40.])
    """
    found = [densities(cascade, tensors, sizes) for tensors in points]
    shapes = [sizes_from(cascade, tensors, sizes or {})[0] for tensors in points]
    keys = np.array([float(s["M"]) for s in shapes])
    queries = np.array([float(s["P"]) for s in shapes])
    share = np.array([[f.get(scored, 1.0), f[used]] for f in found])
    fields = {
        "layer": np.arange(len(points)),
        "queries": queries,
        "shared": 1,
        "head_dim": [float(s["E"]) for s in shapes],
    }
    return pruning(name, source, tokens=keys, candidates=share[:, 0], values=keys * share[:, 1], **{**fields, **given})
