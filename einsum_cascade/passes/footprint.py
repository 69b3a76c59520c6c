"""The live footprint along a fiber (FuseMax (MICRO'24) section III, step 7): what every mapping has to hold, and why.

A tensor that is touched in two sweeps keeps its fiber (or is spilled and read again), anything else one element. Beyond
the paper: tensors handed from one sweep to a later one when no more sweeps are made than the count, tiles, and states.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from einsum_cascade.passes.streams import Form
from einsum_cascade.passes.survey import Index
from einsum_cascade.passes.sweeps import Sweeps

REVISITED, HANDED, DERIVED = "revisited", "handed over", "or what it derives from"
TILE, RUNNING, REDUCED, STREAMED = "in one tile", "running value", "reduction", "streamed"


@dataclass(frozen=True, kw_only=True)
class Live:
    """What a tensor keeps along the fiber: `extent` (1, M, M1, M0), for which `reason`, touched in how many `sweeps`.

    `level` 0 is the whole fiber, more a tile; `parts` those of the fiber that are kept.
    """

    tensor: str
    extent: str
    reason: str
    sweeps: int = 1
    level: int = 0
    parts: frozenset[int] = frozenset()

    @property
    def held(self) -> bool:
        """Whether it must be held from one step to the next, be it one element."""
        return self.reason != STREAMED


def footprint(whole: Sweeps, tiles: Sequence[Sweeps]) -> dict[str, Live]:
    """Return for each tensor along the fiber what it keeps; `tiles` are the analyses of the inner parts.

    >>> from einsum_cascade import load, Cascade
    >>> from einsum_cascade.passes.fibers import sequence
    >>> from einsum_cascade.passes.survey import survey
    >>> found = survey(load(Cascade, "attention_3pass"))
    >>> {t: live.extent for t, live in footprint(Sweeps(found, sequence(found)), []).items()}
    {'K': '1', 'QK': 'M', 'GM': '1', 'SN': 'M', 'SD': '1', 'A': '1', 'V': '1', 'AV': '1'}
    """
    found: dict[str, Live] = {}
    for live in (live for part in (*map(_kept, (whole, *tiles)), _states(whole)) for live in part):
        found.setdefault(live.tensor, live)
    for tensor in whole.lineage:
        found.setdefault(tensor, Live(tensor=tensor, extent="1", reason=STREAMED))
    order = dict.fromkeys(t for s in whole.statements for t in (*(r.access.tensor for r in s.reads), s.name))
    return {t: found[t] for t in order if t in found}


class _Times:
    """In which sweep a statement can be: the full ones have even numbers, what lies between them odd ones."""

    def __init__(self, sweeps: Sweeps) -> None:
        self.sweeps = sweeps
        full = set(sweeps.full())
        before, after = sweeps.before(full), sweeps.after(full)
        last = max((before[k] + 1 for k in full), default=0)
        self.earliest = [2 * b + 2 if k in full else 2 * b + 1 for k, b in enumerate(before)]
        self.latest = [2 * (last - a) if k in full else 2 * (last - a) + 1 for k, a in enumerate(after)]

    def reason(self, a: int, b: int, made: bool) -> str:
        """Return why a and b touch a tensor (`made` by the cascade) in different sweeps, "" if they need not."""
        if self.sweeps.ends(a, b):
            return REVISITED
        return HANDED if made and self.latest[a] < self.earliest[b] else ""


def _kept(sweeps: Sweeps) -> Iterator[Live]:
    """Yield the tensors that keep their part of the fiber."""
    times, touches = _Times(sweeps), _touches(sweeps)
    flagged: set[str] = set()
    for tensor, at in touches.items():
        made = tensor in sweeps.survey.writers
        pairs = {(a, b): why for a in at for b in at if a != b and (why := times.reason(a, b, made))}
        if pairs:
            flagged.add(tensor)
            reason = REVISITED if REVISITED in pairs.values() else HANDED
            yield _live(sweeps, tensor, reason, _longest(at, pairs))
    for root in dict.fromkeys(r for roots in sweeps.lineage.values() for r in sorted(roots)):
        yield from _derived(sweeps, times, touches, root, flagged)


def _derived(
    sweeps: Sweeps, times: _Times, touches: Mapping[str, list[int]], root: str, flagged: set[str]
) -> Iterator[Live]:
    """Yield the cheapest tensor of a lineage for every further pass over `root` that no tensor itself is touched in."""
    nodes = sweeps.full(root)
    before = sweeps.before(nodes)
    own = [t for t in touches if root in sweeps.lineage[t]]
    for done in range(1, max((before[k] + 1 for k in nodes), default=0)):
        spans = (
            times.reason(a, b, t in sweeps.survey.writers)
            for t in own if t in flagged for a in touches[t] for b in touches[t]
            if a != b and before[a] < done <= before[b]
        )  # fmt: skip
        if not any(spans):
            later = {v.tensor for k in nodes if before[k] >= done for v in sweeps.reads(k, root)}
            sources = [t for t in own if t in later or t == root or any(t in _operands(sweeps, o) for o in later)]
            whole = [t for t in sources if _parts(sweeps, t) == max(_parts(sweeps, o) for o in sources)]
            cheapest = min(whole, key=lambda t: (_breadth(sweeps, t), t in sweeps.survey.writers, t))
            flagged.add(cheapest)
            yield _live(sweeps, cheapest, DERIVED, 2)


def _operands(sweeps: Sweeps, tensor: str) -> set[str]:
    """Return the tensors along the fiber from which `tensor` is made element by element."""
    found: set[str] = set()
    work = [tensor]
    while work:
        for u in sweeps.survey.writers.get(work.pop(), ()):
            new = {v.tensor for v in sweeps.visits[u] if v.streams} - found
            found |= new
            work += new
    return found


def _touches(sweeps: Sweeps) -> dict[str, list[int]]:
    """Return for each tensor along the fiber the statements that make it or read it there."""
    found: dict[str, list[int]] = {t: [] for t in sweeps.lineage}
    for k, visits in enumerate(sweeps.visits):
        made = {sweeps.statements[k].name} if sweeps.axis(k) is not None else set()
        for tensor in made | {v.tensor for v in visits if v.streams}:
            if tensor in found:
                found[tensor].append(k)
    return found


def _states(sweeps: Sweeps) -> Iterator[Live]:
    """Yield the running values and the results of reductions: one element along the fiber."""
    for k, s in enumerate(sweeps.statements):
        if _runs(sweeps, k):
            yield Live(tensor=s.name, extent="1", reason=RUNNING)
        elif sweeps.walks[k] and sweeps.axis(k) is None and s.einsum.role == "einsum":
            yield Live(tensor=s.name, extent="1", reason=REDUCED)


def _runs(sweeps: Sweeps, k: int) -> bool:
    """Whether a later step reads what statement k writes, or k adds up a prefix."""
    axis, name = sweeps.axis(k), sweeps.statements[k].name
    if axis is None or not sweeps.runs[k]:
        return False
    written = sweeps.statements[k].target[axis].expression
    members = {m for x, group in sweeps.survey.loops if x in sweeps.fiber.streaming and k in group for m in group}
    earlier = (
        v.read.indices[axis].expression != written for m in members for v in sweeps.visits[m] if v.tensor == name
    )
    return any(earlier) or any(f.kind == "prefix" for v in sweeps.visits[k] for f in v.forms)


def _live(sweeps: Sweeps, tensor: str, reason: str, count: int) -> Live:
    level, parts = sweeps.fiber.level, _parts(sweeps, tensor)
    return Live(tensor=tensor, extent=sweeps.fiber.extent(frozenset(parts)), reason=TILE if level else reason,
                sweeps=count, level=level, parts=frozenset(parts))  # fmt: skip


def _parts(sweeps: Sweeps, tensor: str) -> tuple[int, ...]:
    return tuple(sorted({p for form in axis_forms(sweeps, tensor) for p in form[0].parts}))


def axis_forms(sweeps: Sweeps, tensor: str) -> list[tuple[Form, Index]]:
    """Return form and index of each axis, where the tensor is made or else where it is first walked."""
    for u in sweeps.survey.writers.get(tensor, ()):
        if sweeps.axis(u) is not None or tensor not in sweeps.lineage:
            return list(zip(sweeps.targets[u], sweeps.statements[u].target, strict=True))
    visit = next(v for visits in sweeps.visits for v in visits if v.tensor == tensor and v.streams)
    return list(zip(visit.forms, visit.read.indices, strict=True))


def _breadth(sweeps: Sweeps, tensor: str) -> int:
    return sum(not form.streams and not form.parts for form, _ in axis_forms(sweeps, tensor))


def _longest(nodes: Sequence[int], pairs: Collection[tuple[int, int]]) -> int:
    return max((1 + _longest([b for b in nodes if (a, b) in pairs], pairs) for a in nodes), default=0)
