"""What there is to say about the passes along a fiber: the dependencies that force them, partial reads, remarks."""

from collections.abc import Iterator
from dataclasses import dataclass

from einsum_cascade.einsum import accesses, selection, show
from einsum_cascade.passes.streams import Form, everything
from einsum_cascade.passes.survey import Index
from einsum_cascade.passes.sweeps import END, PREFIX, STREAM, Sweeps, Visit, extend
from einsum_cascade.passes.words import is_window


@dataclass(frozen=True, kw_only=True)
class Chain:
    """What forces pass number `number` over `root`: `barrier` needs all of `tensor` before `again` reads `revisited`.

    `path` are the Einsums from the first that walks along the rank to `again`.
    """

    number: int
    root: str
    tensor: str
    barrier: str
    again: str
    revisited: str
    path: tuple[str, ...]

    @property
    def first(self) -> str:
        """The Einsum that walks along the rank before the barrier."""
        return self.path[0]


@dataclass(frozen=True, kw_only=True)
class Gather:
    """`einsum` reads only a part of `tensor` along the rank: `fraction` of it, as a text (J/M)."""

    tensor: str
    einsum: str
    fraction: str


def chains(sweeps: Sweeps) -> tuple[Chain, ...]:
    """Return what forces each pass but the first over the tensor with the most passes.

    >>> from einsum_cascade import load, Cascade
    >>> from einsum_cascade.passes.fibers import sequence
    >>> from einsum_cascade.passes.survey import survey
    >>> found = survey(load(Cascade, "attention_3pass"))
    >>> [(c.barrier, c.again) for c in chains(Sweeps(found, sequence(found)))]
    [('GM', 'SN'), ('SD', 'A')]
    """
    if sweeps.passes < 2:
        return ()
    root = max(sweeps.counts, key=lambda t: (sweeps.counts[t], t in sweeps.survey.cascade.inputs))
    nodes = sweeps.full(root)
    before = sweeps.before(nodes)
    found: list[Chain] = []
    last = next(k for k in nodes if before[k] == sweeps.counts[root] - 1)
    while before[last]:
        first = next(k for k in nodes if before[k] == before[last] - 1 and sweeps.ends(k, last))
        found.append(_chain(sweeps, root, first, last, before[last] + 1))
        last = first
    return tuple(reversed(found))


def _chain(sweeps: Sweeps, root: str, first: int, last: int, number: int) -> Chain:
    steps = _shortest(sweeps, first, last)
    at = next(n for n, (_, level) in enumerate(steps) if level == END)
    path = [k for k, _ in steps]
    barrier = path[at - 1]
    walked = [v.tensor for v in sweeps.visits[barrier] if v.streams]
    known = [v for v in sweeps.visits[barrier] if v.streams and root in sweeps.lineage[v.tensor]]
    tensor = next((v.tensor for v in known if v.parts >= everything(sweeps.fiber)), (walked or [root])[0])
    again = [v.tensor for v in sweeps.reads(last, root)]
    name = [s.name for s in sweeps.statements]
    return Chain(number=number, root=root, tensor=tensor, barrier=name[barrier], again=name[last],
                 revisited=tensor if tensor in again else again[0], path=tuple(name[k] for k in path))  # fmt: skip


def _shortest(sweeps: Sweeps, first: int, last: int) -> list[tuple[int, int]]:
    """Return the shortest chain after which `last` needs all of `first`'s fiber: (statement, how much it needs)."""
    work: list[list[tuple[int, int]]] = [[(first, STREAM)]]
    seen: set[tuple[int, int]] = set()
    for steps in work:
        k, level = steps[-1]
        if (k, level) == (last, END):
            return steps
        level = PREFIX if sweeps.runs[k] and level == STREAM else level
        for step in ((v, extend(level, kind)) for v, kind in sweeps.edges[k]):
            if step not in seen:
                seen.add(step)
                work.append([*steps, step])
    raise AssertionError("ends(first, last) holds")


def gathers(sweeps: Sweeps, parallel: frozenset[str]) -> tuple[Gather, ...]:
    """Return the accesses that read only a part of a tensor along the fiber: gathers, and fixed places in each tile.

    >>> from einsum_cascade import load, Cascade
    >>> from einsum_cascade.passes.fibers import sequence
    >>> from einsum_cascade.passes.survey import survey
    >>> found = survey(load(Cascade, "spatten_layer"))
    >>> sweeps = Sweeps(found, sequence(found))
    >>> [(g.einsum, g.tensor, g.fraction) for g in gathers(sweeps, frozenset("hp"))]
    [('AT', 'A', 'T/J'), ('AV', 'V', 'T/J')]
    """
    found: dict[Gather, None] = {}
    for s, visits in zip(sweeps.statements, sweeps.visits, strict=True):
        for visit in visits:
            for axis, (form, index) in enumerate(zip(visit.forms, visit.read.indices, strict=True)):
                if index.gathers and form.kind == "gather" and _is_along(sweeps, visit, axis):
                    fraction = _fraction(sweeps, visit, index, parallel)
                elif form.streams and (step := _stride(sweeps, index)):
                    fraction = f"1/{step}"
                else:
                    continue
                found[Gather(tensor=visit.read.around.tensor, einsum=s.name, fraction=fraction)] = None
    return tuple(found)


def _is_along(sweeps: Sweeps, visit: Visit, axis: int) -> bool:
    """Whether an axis is the fiber's: by its rank, by its other uses, or as the coordinates were chosen there."""
    dimensions = sweeps.survey.cascade.inputs.get(visit.tensor, ())
    if sweeps.fiber.base and any(show(d) == sweeps.fiber.base for d in dimensions[axis : axis + 1]):
        return True
    if visit.tensor in sweeps.lineage and axis in _axes(sweeps, visit.tensor):
        return True
    chosen = [a.tensor for a in accesses(visit.read.indices[axis].expression)][:1]
    makers = [sweeps.statements[u].einsum for t in chosen for u in sweeps.survey.writers.get(t, ())]
    own = {*sweeps.fiber.streaming, *sweeps.fiber.parts[sweeps.fiber.level :]}
    return any((made := selection(e)) is not None and made.variable in own for e in makers)


def _axes(sweeps: Sweeps, tensor: str) -> set[int]:
    """Return the axes on which a tensor is walked along the fiber, by its makers and readers."""
    return {n for forms in _uses(sweeps, tensor) for n, form in enumerate(forms) if form.streams}


def _uses(sweeps: Sweeps, tensor: str) -> list[tuple[Form, ...]]:
    """Return how each reader and maker moves along the axes of a tensor."""
    found = [v.forms for visits in sweeps.visits for v in visits if v.tensor == tensor]
    return found + [sweeps.targets[u] for u in sweeps.survey.writers.get(tensor, ())]


def _fraction(sweeps: Sweeps, visit: Visit, index: Index, parallel: frozenset[str]) -> str:
    cascade, fiber = sweeps.survey.cascade, sweeps.fiber
    beside = {v for other in visit.read.indices if other is not index for v in other.moving}
    inside = [v for v in sorted(index.moving) if v not in beside and v not in (index.direct or {})]
    ranks = [cascade.rank(v) for v in inside if v not in parallel]
    axis = visit.read.indices.index(index)
    walked = frozenset().union(*(forms[axis].parts for forms in _uses(sweeps, visit.tensor) if forms[axis].streams))
    covered = frozenset([fiber.level]) if index.direct else walked or everything(fiber)
    return f"{'*'.join(ranks) or '1'}/{fiber.extent(covered)}"


def _stride(sweeps: Sweeps, index: Index) -> str:
    """Return X where an index stands at a fixed place of each tile, b*X+c without the inner parts; else nothing."""
    steps = [c for v, c in (index.direct or {}).items() if v in sweeps.fiber.streaming]
    inner = sweeps.fiber.level + 1 < len(sweeps.fiber.parts)
    return steps[0] if inner and len(index.moving) == 1 and steps and steps[0] not in ("1", "-1") else ""


def remarks(sweeps: Sweeps) -> tuple[str, ...]:
    """Return what the count leaves out: an axis of the fiber that other variables use, windows.

    >>> from einsum_cascade import load, Cascade
    >>> from einsum_cascade.passes.fibers import sequence
    >>> from einsum_cascade.passes.survey import survey
    >>> found = survey(load(Cascade, "sliding_window"))
    >>> sweeps = Sweeps(found, sequence(found))
    >>> remarks(sweeps)
    ('w is a window that slides along the inputs: it does not grow with them',)
    """
    found: dict[str, None] = {}
    if is_window(sweeps):
        found[f"{sweeps.fiber.name} is a window that slides along the inputs: it does not grow with them"] = None
    for s, visits in zip(sweeps.statements, sweeps.visits, strict=True):
        for visit in visits:
            if visit.tensor in sweeps.lineage:
                found |= dict.fromkeys(_remarks(sweeps, s.name, visit))
    return tuple(found)


def _remarks(sweeps: Sweeps, einsum: str, visit: Visit) -> Iterator[str]:
    own = _axes(sweeps, visit.tensor)
    for n, (form, index) in enumerate(zip(visit.forms, visit.read.indices, strict=True)):
        moving = index.direct or {}
        units = [v for v in moving if v not in sweeps.fiber.streaming and moving[v] in ("1", "-1")]
        text = f"{einsum} reads {show(visit.read.access)}"
        if n in own and form.kind == "other" and not form.parts:
            through = ", ".join(sorted(index.moving))
            yield f"{text}, which walks along {sweeps.fiber.name} through {through}: not counted"
        steps = [c for v, c in moving.items() if v in sweeps.fiber.streaming]
        if form.kind == "stream" and units and steps == ["1"] and not is_window(sweeps):
            window = "*".join(sweeps.survey.cascade.rank(v) for v in units)
            yield f"{text}: a window of {window}, taken to be streamed with the fiber"
