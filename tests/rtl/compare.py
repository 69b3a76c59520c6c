"""Compare what a kernel gave with what its model says, bit for bit."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike


def equal(name: str, found: Sequence[int], expected: ArrayLike, operands: Mapping[str, ArrayLike]) -> None:
    """Assert equality; a failure shows the operands of the first few."""
    want = np.asarray(expected).astype(np.int64)
    got = np.asarray(found, dtype=np.int64)
    assert got.shape == want.shape, f"{name}: {got.shape} results, {want.shape} expected"
    wrong = np.flatnonzero(got != want)
    shown = [
        ", ".join(f"{k} {int(np.asarray(v)[i]):08x}" for k, v in operands.items())
        + f": {got[i]:08x}, not {want[i]:08x}"
        for i in wrong[:5]
    ]
    assert not wrong.size, f"{name}: {wrong.size} of {want.size} wrong: " + "; ".join(shown)
