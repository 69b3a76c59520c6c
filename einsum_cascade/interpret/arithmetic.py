"""What a machine computes instead of real numbers: the places at which `run` lets an arithmetic step in."""

from types import ModuleType
from typing import Protocol

from einsum_cascade.einsum import Einsum
from einsum_cascade.interpret.backend import Array
from einsum_cascade.interpret.functions import Function

__all__ = ["Adder", "Arithmetic"]


class Adder(Protocol):
    """How an Einsum adds up."""

    def matmul(self, xp: ModuleType, a: Array, b: Array) -> Array:
        """Return the stack of matrix products of `a` (..., i, k) and `b` (..., k, j)."""

    def sum(self, xp: ModuleType, values: Array, axis: tuple[int, ...]) -> Array:
        """Return the sum over some axes."""


class Arithmetic(Protocol):
    """A machine's arithmetic. Values stay in the real type of the inputs; what it does is round them there."""

    def given(self, xp: ModuleType, tensor: str, values: Array) -> Array:
        """Return an input tensor as the machine stores it. Called once a run."""

    def loaded(self, xp: ModuleType, einsum: str, tensor: str, values: Array, mask: Array | None) -> Array:
        """Return an operand as the Einsum reads it; `values` itself, which is not to be changed, where it is exact."""

    def stored(self, xp: ModuleType, einsum: Einsum, values: Array, mask: Array | None) -> Array:
        """Return the result of an Einsum as it is stored; `mask`, which broadcasts to it, is where it is present."""

    def function(self, name: str) -> Function | None:
        """Return what computes a function of the language, None for the array library's."""

    def adder(self, einsum: str) -> Adder | None:
        """Return how an Einsum adds up, None for the array library's sums and matrix products."""
