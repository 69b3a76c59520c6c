"""Data-dependent sparsity: which part of the possible points is present, by a stated density or by given tensors."""

from dataclasses import dataclass, field
from fractions import Fraction
from math import prod

from einsum_cascade.cascade import Cascade
from einsum_cascade.einsum import Access, Apply, Einsum, Expression, Variable, accesses, variables
from einsum_cascade.operators import OPERATORS

Mask = dict[str, frozenset[str]]  # source of sparsity -> the variables over which it varies


@dataclass
class Thinning:
    """`density` of every source of sparsity (the statement whose condition reads data), `masks` of every tensor.

    `measured` points per statement and words per tensor where tensors were given; `assumed` what was not stated.
    """

    density: dict[str, Fraction] = field(default_factory=dict)
    masks: dict[str, dict[str, frozenset[int]]] = field(default_factory=dict)
    inside: dict[int, Mask] = field(default_factory=dict)
    measured: dict[str, int] = field(default_factory=dict)
    measured_points: dict[int, int] = field(default_factory=dict)
    assumed: dict[str, str] = field(default_factory=dict)

    def points(self, s: Einsum, candidates: int) -> int:
        """Return how many of the candidate points of a statement are live."""
        if id(s) in self.measured_points:
            return self.measured_points[id(s)]
        live = prod((self.density[source] for source in self.inside.get(id(s), ())), start=Fraction(1))
        return round(candidates * live)

    def words(self, tensor: str, candidates: int) -> int:
        """Return how many of the coordinates of a tensor that could be present are."""
        if tensor in self.measured:
            return self.measured[tensor]
        live = prod((self.density[source] for source in self.masks.get(tensor, ())), start=Fraction(1))
        return round(candidates * live)


def thinning(cascade: Cascade) -> Thinning:
    """Return the sparsity of every statement and tensor that static presence does not know.

    >>> from einsum_cascade.load import read_cascades
    >>> text = "cascade: a\\nranks: {M: 8}\\ninputs: {A: [M]}\\noutputs: [B]\\ndensity: {B: 0.25}\\n"
    >>> cascade = read_cascades(text + "einsums: B[m] = A[m] | A[m] > 1")[0]
    >>> thin = thinning(cascade)
    >>> thin.points(cascade.einsums[0], 8)
    2
    """
    result = Thinning()
    for _ in range(2):  # twice, so that a recurrence sees what it made
        for s in cascade.statements:
            _statement(cascade, s, result)
    return result


def _statement(cascade: Cascade, s: Einsum, result: Thinning) -> None:
    mask = _mask(s.expression, result)
    for c in s.conditions:
        read = [a for side in (c.left, c.right) for a in accesses(side)]
        if read:
            stated = cascade.density.get(s.name)
            if stated is None:
                result.assumed[s.name] = "depends on data; no density is stated, so every point counts as live"
            result.density[s.name] = Fraction(str(1.0 if stated is None else stated))
            mask[s.name] = frozenset(variables(c.left, c.right)) | mask.get(s.name, frozenset())
    if mask:
        result.inside[id(s)] = mask
    kept = {i.name: k for k, i in enumerate(s.target.indices) if isinstance(i, Variable)}
    out = {source: frozenset(kept[v] for v in over) for source, over in mask.items() if over <= set(kept)}
    if out and s.role != "initial":
        result.masks[s.name] = out


def _mask(node: Expression, result: Thinning) -> Mask:
    """The sources of sparsity that a point of an expression passes; of a union only those of all operands."""
    if isinstance(node, Access):
        own = result.masks.get(node.tensor, {})
        return {source: frozenset(v for k in axes for v in variables(node.indices[k])) for source, axes in own.items()}
    if not isinstance(node, Apply):
        return {}
    parts = [_mask(a, result) for a in node.arguments]
    merge = OPERATORS[node.operator].merge
    if merge == "left":
        return parts[0]
    if merge == "union":
        return {source: over for source, over in parts[0].items() if all(source in p for p in parts)}
    return {source: over for p in parts for source, over in p.items()}
