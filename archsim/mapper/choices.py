"""Choices: one way to run an Einsum and one place for a tensor, with their costs at n points (tile sizes)."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from archsim.loopnest import LoopNest
from archsim.value import Array

__all__ = ["EinsumChoice", "Mask", "TensorChoice"]

Mask = NDArray[np.bool_]


@dataclass(eq=False)
class EinsumChoice:
    """An Einsum on an array: what is spread over its dimensions, its own loops, and seconds and joules of its work.

    `cycles` of the array; `reads` and `writes` tensor -> words on the side of the array.
    """

    einsum: str
    array: str
    space: dict[str, str]
    time: tuple[str, ...]
    nest: LoopNest
    cycles: Array
    joules: Array
    reads: dict[str, Array] = field(default_factory=dict)
    writes: dict[str, Array] = field(default_factory=dict)


@dataclass(eq=False)
class TensorChoice:
    """Where a tensor is kept: `chain` of (memory, scope) from far to near; `near` the memory that serves the arrays.

    `free` where the tensor goes from array to array instead, and costs nothing; elsewhere `bytes` by memory, `joules`
    and `words` by memory for its way between memories.
    """

    tensor: str
    chain: tuple[tuple[str, str], ...]
    near: str
    free: Mask
    bytes: dict[str, Array]
    joules: Array
    words: dict[str, Array]
