"""Cascades of extended Einsums: what an attention algorithm computes, and what follows from that alone."""

from einsum_cascade.cascade import Cascade, graph, shape
from einsum_cascade.errors import Diagnostic, SpecError
from einsum_cascade.load import load, read_cascades

__all__ = ["Cascade", "Diagnostic", "SpecError", "graph", "load", "read_cascades", "shape"]
