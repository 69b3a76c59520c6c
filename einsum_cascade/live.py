"""Exact counts of data-dependent statements, by running the cascade on given tensors and counting present points.

For every such statement the cascade gets one more Einsum, which sums 1 over the present points of its iteration space.
"""

from collections.abc import Mapping
from dataclasses import replace
from math import prod

import numpy

from einsum_cascade.cascade import Cascade, size
from einsum_cascade.constants import Value, is_static
from einsum_cascade.einsum import (
    Access,
    Apply,
    Einsum,
    Expression,
    Number,
    iteration_variables,
    read_accesses,
    variables,
)
from einsum_cascade.interpret import run
from einsum_cascade.interpret.backend import Shaped
from einsum_cascade.operators import OPERATORS
from einsum_cascade.presence import Presence
from einsum_cascade.thinning import Thinning


def measure(
    cascade: Cascade, tensors: Mapping[str, Shaped], names: Mapping[str, Value], present: Presence, result: Thinning
) -> None:
    """Fill `result.measured` (words by tensor) and `result.measured_points` (by statement) from the given tensors.

    Only what depends on data is measured; the rest is exact already. Raises SpecError as `run` does.
    """
    uncertain = {s.name for s in cascade.einsums if id(s) in result.inside} | set(present.bounds) | set(result.masks)
    while further := {s.name for s in cascade.statements if _reads(s, uncertain)} - uncertain:
        uncertain |= further
    chosen = [s for s in cascade.einsums if s.name in uncertain]
    added = {f"LIVE{k}": s for k, s in enumerate(chosen)}
    counting = tuple(_indicator(name, s) for name, s in added.items())
    extended = replace(cascade, statements=(*cascade.statements, *counting), outputs=tuple(added))
    written = {s.name for s in cascade.einsums}
    kept = sorted(uncertain & written)
    found = run(extended, tensors, sizes=names, keep=kept, presence=True)
    for name, s in added.items():
        free = [v for v in iteration_variables(s) if v not in _inside(s)]
        live = round(float(numpy.asarray(found[name][0]).sum()))
        result.measured_points[id(s)] = live * prod(size(cascade, v, names) for v in free)
    for name in kept:
        values, mask = found[name]
        whole = numpy.asarray(values)
        result.measured[name] = (
            whole.size if mask is None else int(numpy.broadcast_to(numpy.asarray(mask), whole.shape).sum())
        )


def _reads(s: Einsum, tensors: set[str]) -> bool:
    return any(a.tensor in tensors for a in read_accesses(s))


def _indicator(name: str, s: Einsum) -> Einsum:
    """The Einsum that sums 1 over the present points of `s`."""
    inside = _present(s.expression)
    for index in s.target.indices:
        if not is_static(index):  # a scatter happens where its coordinate is present
            inside = Apply("mul", (inside, _present(index)))
    return Einsum(target=Access(name, ()), expression=inside, conditions=s.conditions)


def _present(node: Expression) -> Expression:
    """1 where `node` is present: products stay products, so that they are contracted and not spread out."""
    if is_static(node):
        return Number(1)
    if not isinstance(node, Apply):
        return Apply("present", (node,))
    merge = OPERATORS[node.operator].merge
    if merge == "left":
        return _present(node.arguments[0])
    parts = [_present(a) for a in node.arguments]
    joined = parts[0]
    for part in parts[1:]:
        joined = Apply("max" if merge == "union" else "mul", (joined, part))
    return joined


def _inside(s: Einsum) -> set[str]:
    sides = [side for c in s.conditions for side in (c.left, c.right)]
    scattered = [i for i in s.target.indices if not is_static(i)]
    return set(variables(_present(s.expression), *sides, *scattered))
