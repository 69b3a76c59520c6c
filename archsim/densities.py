"""Densities of a cascade's data-dependent Einsums, measured on tensors: A3's candidates, skipped values, low bits."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from einsum_cascade.cascade import Cascade
from einsum_cascade.constants import Value
from einsum_cascade.einsum import accesses
from einsum_cascade.interpret import run

__all__ = ["densities"]


def densities(
    cascade: Cascade, tensors: Mapping[str, NDArray[np.float64]], sizes: Mapping[str, Value] | None = None
) -> dict[str, float]:
    """Return the fraction of the points that is present in every Einsum with a condition on data.

    It is that of the tensor, all conditions before it included: of A3's SN it is kept keys over all keys. Raises
    SpecError as `run` does.

    >>> from einsum_cascade import load
    >>> from einsum_cascade.reference import make_inputs
    >>> cascade, sizes = load(Cascade, "a3"), {"M": 64, "P": 8, "E": 16, "F": 4}
    >>> found = densities(cascade, make_inputs(cascade, sizes), sizes)
    >>> 0 < found["SN"] < found["QK"] <= 0.5
    True
    """
    names = [s.name for s in cascade.einsums if any(accesses(side) for c in s.conditions for side in (c.left, c.right))]
    # A sum over a reduced variable hides what was left out of it: its rows are present if one term is.
    found = run(cascade, tensors, sizes=sizes, keep=names, presence=True)
    result = {}
    for name in dict.fromkeys(names):
        values, mask = found[name]
        whole = np.shape(values)
        result[name] = 1.0 if mask is None else float(np.broadcast_to(np.asarray(mask), whole).mean())
    return result
