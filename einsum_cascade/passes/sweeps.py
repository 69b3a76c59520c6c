"""The graph rule along one fiber (FuseMax (MICRO'24) section III, steps 2 to 6): what must be complete before what.

A statement that walks along the fiber and reads all parts of a tensor makes a full sweep. A dependency is END if the
reader needs all of the fiber, else it streams. The paper (FuseMax, MICRO'24, section III) defines passes by such
dependencies; lineage, partitions and the distinction of prefixes are the project's extension.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

from einsum_cascade.cascade import shape
from einsum_cascade.constants import Value, evaluate, is_constant
from einsum_cascade.einsum import Access, Apply, Constant, Expression, Number
from einsum_cascade.errors import SpecError
from einsum_cascade.passes.streams import Fiber, Form, everything, form
from einsum_cascade.passes.survey import Index, Read, Statement, Survey
from einsum_cascade.plan import shift

# How much of the fiber of an earlier statement a later one needs: one coordinate, as far as it has come itself,
# everything up to where it has come (a running value), all.
POINT, STREAM, PREFIX, END = 1, 2, 3, 4


@dataclass(frozen=True)
class Visit:
    """One statement reading one tensor, and how each index moves along the fiber."""

    read: Read
    forms: tuple[Form, ...]

    @property
    def tensor(self) -> str:
        """What is read."""
        return self.read.access.tensor

    @property
    def streams(self) -> bool:
        """Whether the tensor is walked along the fiber."""
        return any(f.streams for f in self.forms)

    @property
    def parts(self) -> frozenset[int]:
        """The parts of the fiber that the access covers."""
        return frozenset().union(*(f.parts for f in self.forms))


class Sweeps:
    """The statements of a cascade in relation to one fiber. `needs[a][b]` says how much of a's fiber b waits for.

    With `outer`, the analysis of the whole rank, the fiber inside a tile is looked at within one sweep over the rank.

    >>> from einsum_cascade import load, Cascade
    >>> from einsum_cascade.passes.fibers import sequence
    >>> from einsum_cascade.passes.survey import survey
    >>> found = survey(load(Cascade, "attention_3pass"))
    >>> sweeps = Sweeps(found, sequence(found))
    >>> sweeps.passes, sweeps.counts
    (3, {'K': 3, 'V': 1})
    """

    def __init__(self, survey: Survey, fiber: Fiber, outer: "Sweeps | None" = None) -> None:
        self.survey, self.fiber = survey, fiber
        self.statements = survey.statements
        self.targets = [self._forms(s, s.target, s.einsum.target) for s in self.statements]
        self.visits = [[Visit(r, self._forms(s, r.indices, r.access)) for r in s.reads] for s in self.statements]
        self.walks = [bool(fiber.streaming & s.iterated) or any(f.kind == "prefix" for v in vs for f in v.forms)
                      for s, vs in zip(self.statements, self.visits, strict=True)]  # fmt: skip
        self.runs = [any(x in fiber.streaming and k in members for x, members in survey.loops)
                     or any(f.kind == "prefix" for v in vs for f in v.forms)
                     for k, vs in enumerate(self.visits)]  # fmt: skip
        apart = (
            {(u, v) for u, found in enumerate(outer.edges) for v, kind in found if kind > STREAM} if outer else set()
        )
        self.edges: list[list[tuple[int, int]]] = [
            [(v, kind) for v, kind in found if (u, v) not in apart] for u, found in enumerate(self._edges())
        ]
        self.needs = [self._reach(k) for k in range(len(self.statements))]

    def _forms(self, s: Statement, indices: tuple[Index, ...], access: Access) -> tuple[Form, ...]:
        return tuple(form(i, s, access, self.fiber, self.survey.cascade) for i in indices)

    @cached_property
    def names(self) -> Mapping[str, Value]:
        """Sizes, as far as the file gives them."""
        try:
            return shape(self.survey.cascade)
        except SpecError:
            return {}

    def axis(self, k: int) -> int | None:
        """Return the axis of statement k's result that walks along the fiber."""
        forms = zip(self.targets[k], self.statements[k].target, strict=True)
        return next((n for n, (f, i) in enumerate(forms) if f.streams and not i.gathers), None)

    def _edges(self) -> list[list[tuple[int, int]]]:
        """Return for each statement (reader, how much of a complete fiber it needs)."""
        edges: list[list[tuple[int, int]]] = [[] for _ in self.statements]
        for v, visits in enumerate(self.visits):
            for visit in visits:
                for u in self.survey.writers.get(visit.tensor, ()):
                    kind = self._edge(u, visit)
                    if kind and u != v and not self._carried(u, v, visit.read):
                        edges[u].append((v, kind))
        return edges

    def _edge(self, u: int, visit: Visit) -> int:
        axis = self.axis(u)
        if axis is None:
            return END if self.walks[u] else STREAM
        found = visit.forms[axis]
        if found.streams:
            return STREAM
        if found.kind == "gather":
            return END
        if found.kind == "other":
            return POINT
        return self._coordinate(u, axis, visit.read.indices[axis].expression)

    def _coordinate(self, u: int, axis: int, read: Expression) -> int:
        """A fixed coordinate: the last one (of a running value: everything), an initial value (nothing), another."""
        written = shift(self.statements[u].target[axis].expression)
        if written is None:
            return POINT
        cascade, offset = self.survey.cascade, written[1]
        for s in cascade.initial:
            if s.name == self.statements[u].name and s.target.indices[axis] == read:
                return 0
        length = cascade.stop.get(written[0], Constant(cascade.rank(written[0])))
        last = length if offset == 1 else Apply("add" if offset > 1 else "sub", (length, Number(abs(offset - 1))))
        return PREFIX if read == last or self._equal(read, last) else POINT

    def _equal(self, one: Expression, other: Expression) -> bool:
        try:
            return is_constant(one) and evaluate(one, self.names) == evaluate(other, self.names)
        except SpecError:
            return False

    def _carried(self, u: int, v: int, read: Read) -> bool:
        """Whether u's result reaches v in a later step of a recurrence over another rank, or against the order."""
        for x, members in self.survey.loops:
            if u in members and v in members:
                if x in self.fiber.streaming:
                    return False
                axes = ((k, shift(i.expression)) for k, i in enumerate(self.statements[u].target))
                axis, written = next(((k, w) for k, w in axes if w and w[0] == x), (None, None))
                if axis is not None and shift(read.indices[axis].expression) != written:
                    return True
        return self.survey.order[u] > self.survey.order[v]

    def _reach(self, source: int) -> list[int]:
        """Return how much of the source's fiber each statement needs, through any chain of dependencies."""
        needs = [0] * len(self.statements)
        work = [(source, STREAM)]
        while work:
            k, level = work.pop()
            level = PREFIX if self.runs[k] and level == STREAM else level
            for v, kind in self.edges[k]:
                found = extend(level, kind)
                if found > needs[v]:
                    needs[v] = found
                    work.append((v, found))
        return needs

    @cached_property
    def lineage(self) -> dict[str, frozenset[str]]:
        """For each tensor walked along the fiber, the inputs (or tensors made otherwise) from which it derives."""
        found: dict[str, frozenset[str]] = {}
        for visits in self.visits:
            for visit in visits:
                if visit.streams:
                    found.setdefault(visit.tensor, self._roots(visit.tensor, set()))
        return found

    def _roots(self, tensor: str, seen: set[str]) -> frozenset[str]:
        if tensor in seen:
            return frozenset()
        seen.add(tensor)
        writers = [u for u in self.survey.writers.get(tensor, ()) if self.axis(u) is not None]
        if not writers:
            return frozenset([tensor])
        operands = {v.tensor for u in writers for v in self.visits[u] if v.streams}
        return frozenset().union(*(self._roots(t, seen) for t in sorted(operands)))

    def reads(self, k: int, root: str | None = None) -> list[Visit]:
        """Return where statement k walks along all parts of a tensor (that derives from `root`)."""
        return [v for v in self.visits[k] if v.streams and v.parts >= everything(self.fiber)
                and (self.lineage[v.tensor] if root is None else root in self.lineage[v.tensor])]  # fmt: skip

    def full(self, root: str | None = None) -> list[int]:
        """Return the statements that make a full sweep (of what derives from `root`). Views cost nothing."""
        return [k for k, s in enumerate(self.statements)
                if self.walks[k] and s.einsum.role == "einsum" and self.reads(k, root)]  # fmt: skip

    @cached_property
    def counts(self) -> dict[str, int]:
        """The passes over each input (or other root of a lineage): the longest chain of full sweeps."""
        found = {}
        for root in dict.fromkeys(r for roots in self.lineage.values() for r in sorted(roots)):
            nodes = self.full(root)
            before = self.before(nodes)
            found[root] = max((before[k] + 1 for k in nodes), default=0)
        return found

    @property
    def passes(self) -> int:
        """The most passes over any of them."""
        return max(self.counts.values(), default=0)

    def ends(self, a: int, b: int) -> bool:
        """Whether statement b can begin only after a has walked along all of the fiber."""
        return self.needs[a][b] == END

    def before(self, nodes: Collection[int]) -> list[int]:
        """Return for every statement how many sweeps of `nodes`, one after the other, must be complete before it."""
        earlier = [[a for a, needs in enumerate(self.needs) if needs[b] == END] for b in range(len(self.needs))]
        return _heaviest(earlier, nodes)

    def after(self, nodes: Collection[int]) -> list[int]:
        """Return for every statement how many sweeps of `nodes`, one after the other, can begin only after it."""
        return _heaviest([[b for b, need in enumerate(needs) if need == END] for needs in self.needs], nodes)


def _heaviest(others: list[list[int]], nodes: Collection[int]) -> list[int]:
    """Return the longest chains of `nodes`; as the relation is transitive, more others come later."""
    found = [0] * len(others)
    for k in sorted(range(len(others)), key=lambda k: len(others[k])):
        found[k] = max((found[a] + 1 for a in others[k] if a in nodes), default=0)
    return found


def extend(level: int, kind: int) -> int:
    """Follow one more dependency; at a fixed coordinate (PREFIX: the last) only a running value needs everything.

    >>> extend(STREAM, END) == END, extend(STREAM, PREFIX) == POINT, extend(PREFIX, PREFIX) == END
    (True, True, True)
    """
    if level in (POINT, END):
        return level
    if kind == PREFIX:
        return END if level == PREFIX else POINT
    return level if kind == STREAM else kind
