"""How statements walk along one rank: the index forms of the graph rule (FuseMax (MICRO'24) section III, step 1).

A `Fiber` is a rank to analyse, in one or several parts (m1*M0+m0: parts m1, m0); `form` says how an index moves along
it: it streams (m, m+1, m1*M0+m0, p-w, IX[m]), gathers (IX[j]), stays at a constant coordinate, or belongs to other
variables. A prefix `k <= i` streams in i.
"""

from dataclasses import dataclass

from einsum_cascade.cascade import Cascade
from einsum_cascade.einsum import (
    Access,
    Constant,
    show,
)
from einsum_cascade.errors import Diagnostic, SpecError
from einsum_cascade.passes.survey import Index, Statement


@dataclass(frozen=True, kw_only=True)
class Fiber:
    """A rank to analyse. `parts` are its variables, outermost first, over `ranks`.

    The parts `spans` meet in one index (m1*M0+m0) and make up the rank `base` ("" where there is none); the variables
    `whole` run over all of these at once. `level` is the part that is analysed: 0 for the rank itself, more for the
    fiber inside one tile.
    """

    parts: tuple[str, ...]
    ranks: tuple[str, ...]
    spans: frozenset[int] = frozenset()
    whole: frozenset[str] = frozenset()
    base: str = ""
    level: int = 0

    @property
    def name(self) -> str:
        """The rank as users call it: m."""
        return self.parts[self.level] if self.level else (self.base or self.parts[0]).lower()

    @property
    def streaming(self) -> frozenset[str]:
        """The variables that walk along the analysed part."""
        return self.whole | {self.parts[self.level]}

    def factors(self, covered: frozenset[int]) -> list[str]:
        """Return the ranks whose sizes multiply to the length of the parts `covered`: the base, or single parts."""
        kept = [k for k in sorted(covered) if k >= self.level]
        together = bool(self.base) and not self.level and self.spans <= covered
        return [self.base] * together + [self.ranks[k] for k in kept if not (together and k in self.spans)]

    def extent(self, covered: frozenset[int]) -> str:
        """Name the length of the parts `covered`: M, M1, M0, 1."""
        return "*".join(self.factors(covered)) or "1"


@dataclass(frozen=True)
class Form:
    """How one index moves along a fiber: kind "stream", "prefix", "gather", "constant" or "other"; parts it covers."""

    kind: str
    parts: frozenset[int] = frozenset()

    @property
    def streams(self) -> bool:
        """Whether the index walks along the fiber."""
        return self.kind in ("stream", "prefix")


def form(index: Index, statement: Statement, access: Access, fiber: Fiber, cascade: Cascade) -> Form:
    """Return how `index` of `access` in `statement` moves along `fiber`.

    Raises SpecError where it moves with the fiber's own variables in a way that the rule does not know.

    >>> from einsum_cascade import load, Cascade
    >>> from einsum_cascade.passes.fibers import sequence
    >>> from einsum_cascade.passes.survey import survey
    >>> cascade = load(Cascade, "attention_1pass")
    >>> found = survey(cascade)
    >>> last, read = found.statements[-1], found.statements[-1].reads[1]
    >>> form(read.indices[0], last, read.access, sequence(found), cascade).kind
    'constant'
    """
    own = fiber.streaming & index.moving
    shifted = index.direct is not None and index.gathers and not fiber.level and own & index.direct.keys()
    if index.direct is None or len(own) > 1 or shifted:
        if own:
            raise SpecError([_unknown(index, access, fiber)])
        return Form("gather" if index.gathers else "other")
    if own:
        parts = everything(fiber) & fiber.spans if own <= fiber.whole else _parts(index, fiber, cascade) | {fiber.level}
        return Form("stream", parts)
    for k in index.direct:
        steps = {i for low, i in statement.below if low == k} & fiber.streaming
        if k in statement.reduced and any(_same_rank(cascade, k, i) for i in steps):
            return Form("prefix", everything(fiber))
    if index.gathers:
        return Form("gather", _parts(index, fiber, cascade))
    return Form("other" if index.moving else "constant", _parts(index, fiber, cascade))


def everything(fiber: Fiber) -> frozenset[int]:
    """Return all parts of a fiber, from its level on.

    >>> sorted(everything(Fiber(parts=("m1", "m0"), ranks=("M1", "M0"))))
    [0, 1]
    """
    return frozenset(range(fiber.level, len(fiber.parts)))


def _parts(index: Index, fiber: Fiber, cascade: Cascade) -> frozenset[int]:
    """The inner parts that an index covers; another variable over the same rank counts too: c*I+i beside c*I+j."""
    moving = index.direct or {}
    inner = [(k, fiber.ranks[k]) for k in range(fiber.level + 1, len(fiber.parts))]
    return frozenset(k for k, rank in inner if any(cascade.rank(v) == rank for v in moving))


def _same_rank(cascade: Cascade, one: str, other: str) -> bool:
    return length_name(cascade, cascade.rank(one)) == length_name(cascade, cascade.rank(other))


def length_name(cascade: Cascade, rank: str) -> str:
    """Follow `ranks: {I: K}`, where a rank is said to be as long as another.

    >>> length_name(Cascade(name="a", ranks={"I": Constant("K")}), "I")
    'K'
    """
    seen = {rank}
    while isinstance(found := {**cascade.ranks, **cascade.params}.get(rank), Constant) and found.name not in seen:
        rank = found.name
        seen.add(rank)
    return rank


def _unknown(index: Index, access: Access, fiber: Fiber) -> Diagnostic:
    m = fiber.parts[fiber.level]
    return Diagnostic(
        place=index.expression.place if index.expression.place.text else access.place,
        message=f"{show(access)} moves along rank {fiber.name.upper()} through {show(index.expression)}, "
        "for which there is no pass rule",
        expected=f"{m}, {m}+1, {m}*X+y with a constant X, a prefix k <= {m} with k reduced, "
        "a constant coordinate, or a gather",
        hint="write the index as a view over the parts of the rank, or analyse another rank",
    )
