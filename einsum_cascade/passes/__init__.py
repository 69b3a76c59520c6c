"""How many passes over a rank every mapping must make, which dependences force them, and what must stay live."""

from einsum_cascade.passes.analysis import Passes, explain, passes
from einsum_cascade.passes.chains import Chain, Gather

__all__ = ["Chain", "Gather", "Passes", "explain", "passes"]
