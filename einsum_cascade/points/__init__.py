"""Sets of integer points given by quasi-affine constraints: algebra and counting, exact, whatever the sizes."""

from einsum_cascade.points.lattice_count import Unbounded
from einsum_cascade.points.quasi import Affine, NotCountable, affine, number, var
from einsum_cascade.points.sets import Set, box, empty, everything, where

__all__ = [
    "Affine",
    "NotCountable",
    "Set",
    "Unbounded",
    "affine",
    "box",
    "empty",
    "everything",
    "number",
    "var",
    "where",
]
