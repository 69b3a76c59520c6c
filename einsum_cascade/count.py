"""Exact counts: operations, present points and unique words, for any sizes at the cost of the smallest.

Every operator of an Einsum is counted once per present point of its iteration space (a union counts the operation also
where one operand is absent), a reduction once per point that it reduces. Names are never lumped: `operators.COST_CLASS`
says what belongs together. Constant sub-expressions are folded first; views and initial values cost nothing.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from einsum_cascade.cascade import Cascade, shape
from einsum_cascade.constants import Value
from einsum_cascade.einsum import (
    Access,
    Einsum,
    accesses,
    iteration_variables,
    read_accesses,
    reduced_variables,
    variables,
)
from einsum_cascade.fold import fold, multiplies, operations
from einsum_cascade.operators import REDUCTION_OPERATION
from einsum_cascade.plan import resolve_views
from einsum_cascade.points import Set, box
from einsum_cascade.presence import Presence, axis, presence
from einsum_cascade.thinning import Thinning, thinning

if TYPE_CHECKING:
    from einsum_cascade.interpret import Shaped


@dataclass(frozen=True, kw_only=True)
class EinsumCount:
    """One statement: present `points` of its space, `operations` by name, `macs`: points of summed products."""

    einsum: str
    points: int
    operations: Mapping[str, int]
    macs: int


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What a cascade costs, whatever the machine.

    `einsums` in the order of the text; `words` distinct present (inputs: distinct read) words per tensor; `bounds`
    tells for which names a number is an upper bound or rests on an assumption, and why; empty means exact.
    """

    cascade: str
    shape: Mapping[str, Value]
    einsums: tuple[EinsumCount, ...]
    words: Mapping[str, int]
    bounds: Mapping[str, str]
    external: tuple[str, ...]

    @property
    def operations(self) -> dict[str, int]:
        """The histogram over all Einsums."""
        return dict(sum((Counter(e.operations) for e in self.einsums), Counter()))

    @property
    def macs(self) -> int:
        """Multiply-accumulate points over all Einsums."""
        return sum(e.macs for e in self.einsums)

    @property
    def unique_words(self) -> int:
        """Words of inputs read and outputs written: the compulsory traffic, in words."""
        return sum(self.words[t] for t in self.external)

    def as_json(self) -> dict[str, object]:
        """Return plain data for `archsim count --json`."""
        einsums = [
            {"einsum": e.einsum, "points": e.points, "operations": dict(e.operations), "macs": e.macs}
            for e in self.einsums
        ]
        return {
            "cascade": self.cascade,
            "shape": dict(self.shape),
            "einsums": einsums,
            "operations": self.operations,
            "macs": self.macs,
            "words": dict(self.words),
            "unique_words": self.unique_words,
            "exact": not self.bounds,
            "bounds": dict(self.bounds),
        }


def count(
    cascade: Cascade, sizes: Mapping[str, Value] | None = None, tensors: Mapping[str, "Shaped"] | None = None
) -> Counts:
    """Count the operations, points and words of `cascade`.

    Parameters
    ----------
    sizes : ranks and parameters that differ from the file's defaults; integers of any size.
    tensors : input tensors; with them data-dependent Einsums are counted exactly, otherwise by the stated `density`
        (or as if every point were live, which `bounds` then says).

    Raises
    ------
    SpecError : a size is missing, is not positive, or names nothing.

    Examples
    --------
    >>> from einsum_cascade import Cascade, load
    >>> result = count(load(Cascade, "attention_1pass"), {"M": 2**40, "P": 2**40})
    >>> result.operations["exp"] == 2**80 + 2**73
    True
    """
    if tensors is not None:
        from einsum_cascade.interpret.binding import sizes_from

        sizes = sizes_from(cascade, tensors, sizes or {})[0]
    names = shape(cascade, sizes)
    present = presence(cascade, names)
    thin = thinning(cascade)
    if tensors is not None and (thin.inside or present.bounds):
        from einsum_cascade.live import measure

        measure(cascade, tensors, names, present, thin)
    einsums = tuple(_einsum(s, present, thin, names) for s in cascade.einsums)
    bounds = {**present.bounds, **thin.assumed}
    if tensors is not None:
        bounds = {k: v for k, v in bounds.items() if k not in thin.measured}
    words = _words(cascade, present, thin, bounds)
    external = tuple(t for t in words if t in cascade.inputs) + tuple(
        t for t in cascade.outputs if t not in cascade.inputs
    )
    return Counts(cascade=cascade.name, shape=names, einsums=einsums, words=words, bounds=bounds, external=external)


def _einsum(s: Einsum, present: Presence, thin: Thinning, names: Mapping[str, Value]) -> EinsumCount:
    domain = present.domain(s)
    candidates = domain.count(iteration_variables(s))
    points = thin.points(s, candidates)
    expression = fold(s.expression, names)
    histogram = Counter({name: n * points for name, n in operations(expression).items()})
    for condition in s.conditions:
        read = [a for side in (condition.left, condition.right) for a in accesses(side)]
        if read:  # the test itself is made at every candidate, once per coordinate that it depends on
            tested = set(variables(condition.left, condition.right))
            histogram["cmp"] += _projected(domain, tested)
    if any(accesses(i) for i in s.target.indices):
        histogram["scatter"] += points
    macs = _reduce(s, domain, points, histogram)
    counted = {name: n for name, n in histogram.items() if n}
    return EinsumCount(einsum=s.name, points=points, operations=counted, macs=points if macs and multiplies(s) else 0)


def _projected(domain: Set, kept: set[str]) -> int:
    return domain.project([v for v in domain.variables if v not in kept]).count()


def _reduce(s: Einsum, domain: Set, points: int, histogram: Counter[str]) -> bool:
    """Add the operations of the reductions, unstated sums first; return whether there is a sum."""
    stated = {r.variable for r in s.reductions}
    gone = [v for v in reduced_variables(s) if v not in stated]
    scattered = any(accesses(i) for i in s.target.indices)
    if scattered and s.reductions:
        histogram[REDUCTION_OPERATION[s.reductions[0].operator]] += points
        return s.reductions[0].operator == "sum"
    if gone:
        histogram["add"] += points
    left = domain.project(gone) if gone else domain
    at: dict[str, list[str]] = {}
    for r in s.reductions:
        at.setdefault(r.operator, []).append(r.variable)
    for operator, reduced in at.items():
        whole = left is domain
        histogram[REDUCTION_OPERATION[operator]] += points if whole else left.count()
        left = left.project(reduced)
    return bool(gone) or "sum" in at


def _words(cascade: Cascade, present: Presence, thin: Thinning, bounds: dict[str, str]) -> dict[str, int]:
    views = {s.name for s in cascade.views}
    words: dict[str, int] = {}
    for tensor in cascade.inputs:
        touched, gathered = _touched(cascade, present, tensor)
        whole = present.sets[tensor].count()
        if touched is None and not gathered:
            continue
        words[tensor] = min(whole, (touched.count() if touched is not None else 0) + gathered)
        if gathered and words[tensor] < whole:
            bounds.setdefault(tensor, "gathered coordinates are taken to be distinct")
    for s in cascade.statements:
        if s.name not in views:
            words[s.name] = thin.words(s.name, present.sets[s.name].count())
    return words


def _touched(cascade: Cascade, present: Presence, tensor: str) -> tuple[Set | None, int]:
    """The coordinates of an input that are read, seen through views, and how many more are gathered."""
    plain = {v.name: v for v in cascade.views if isinstance(v.expression, Access) and not v.conditions}
    seen: Set | None = None
    gathered = 0
    for s in cascade.statements:
        found = [a for a in read_accesses(resolve_views(s, plain)) if a.tensor == tensor] if s.name not in plain else []
        domain = present.domain(s) if found else None
        for a in dict.fromkeys(found):
            assert domain is not None
            forms = [present.affine(i) for i in a.indices]
            if any(f is None for f in forms):
                gathered += _projected(domain, set(variables(a)))
            else:
                image = domain.image({axis(k): f for k, f in enumerate(forms) if f is not None})
                image &= box({axis(k): n for k, n in enumerate(present.shape(tensor))})
                seen = image if seen is None else seen | image
    return seen, gathered
