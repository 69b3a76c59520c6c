"""Which variables walk along a rank: the sequence of the file, a rank by name, or the ranks of the inputs."""

from collections.abc import Iterator
from dataclasses import replace

from einsum_cascade.cascade import rank_names
from einsum_cascade.einsum import Constant
from einsum_cascade.errors import Diagnostic, SpecError, did_you_mean
from einsum_cascade.passes.streams import Fiber
from einsum_cascade.passes.survey import Index, Survey


def base_ranks(survey: Survey) -> tuple[str, ...]:
    """Return the ranks of the inputs, in the order of the file.

    >>> from einsum_cascade import load, Cascade
    >>> from einsum_cascade.passes.survey import survey
    >>> base_ranks(survey(load(Cascade, "attention_1pass")))
    ('E', 'P', 'M', 'F')
    """
    dimensions = [d for dims in survey.cascade.inputs.values() for d in dims]
    return tuple(dict.fromkeys(d.name for d in dimensions if isinstance(d, Constant)))


def sequence(survey: Survey) -> Fiber | None:
    """Return the fiber that `seq` of the file names.

    >>> from einsum_cascade import load, Cascade
    >>> from einsum_cascade.passes.survey import survey
    >>> found = sequence(survey(load(Cascade, "attention_1pass")))
    >>> found.name, found.parts, found.base
    ('m', ('m1', 'm0'), 'M')
    """
    parts = survey.cascade.sequence
    return fiber(survey, parts) if parts else None


def fiber(survey: Survey, parts: tuple[str, ...]) -> Fiber:
    """Return the fiber along the variables `parts`, outermost first.

    Several parts that meet in one index, K[e,m1*M0+m0], make up the rank of that axis; a variable that walks along such
    an axis as a whole (S[m,p] read as S[m1*M0+m0,p]) streams along the same fiber.

    >>> from einsum_cascade import load, Cascade
    >>> from einsum_cascade.passes.survey import survey
    >>> fiber(survey(load(Cascade, "attention_1pass")), ("m1", "m0")).base
    'M'
    """
    cascade = survey.cascade
    ranks = tuple(cascade.rank(v) for v in parts)
    if len(parts) == 1:
        return Fiber(parts=parts, ranks=ranks)
    meeting = [(tensor, k, _together(survey, index, parts)) for tensor, k, index in _indices(survey)]
    spans = max((found for *_, found in meeting), key=len)
    axes = {(tensor, k) for tensor, k, found in meeting if len(found) > 1}
    bases: dict[str, None] = {}
    whole: set[str] = set()
    for tensor, k, index in _indices(survey):
        plain = next(iter(index.direct)) if index.direct and len(index.direct) == 1 else ""
        if (tensor, k) in axes and plain and plain not in parts and cascade.rank(plain) not in ranks:
            whole.add(plain)
            bases[cascade.rank(plain)] = None
    for tensor, k, index in _indices(survey):
        dimension = cascade.inputs[tensor][k] if (tensor, k) in axes and tensor in cascade.inputs else None
        inside = all(cascade.rank(v) in ranks for v in index.direct or ())
        if isinstance(dimension, Constant) and inside and len(index.direct or ()) > 1:
            bases = {dimension.name: None, **bases}
    base = next(iter(bases), "")
    whole |= {v for s in survey.statements for v in s.iterated if v == base.lower() and v not in parts}
    whole = {v for v in whole if not any(v in s.iterated and parts[0] in s.iterated for s in survey.statements)}
    return Fiber(parts=parts, ranks=ranks, spans=spans, whole=frozenset(whole), base=base)


def along(survey: Survey, rank: str) -> list[Fiber]:
    """Return every fiber along the rank `rank`: the sequence if it is that rank, partitions of it, single variables.

    >>> from einsum_cascade import load, Cascade
    >>> from einsum_cascade.passes.survey import survey
    >>> [f.parts for f in along(survey(load(Cascade, "agent_attention")), "P")]
    [('a', 'r'), ('p',)]
    """
    cascade = survey.cascade
    found: list[Fiber] = []
    given = sequence(survey)
    if given and rank in (given.base, given.ranks[0] if len(given.parts) == 1 else None):
        found.append(given)
    for tensor, k, index in _indices(survey):
        dimensions = cascade.inputs.get(tensor)
        if dimensions and dimensions[k] == Constant(rank) and (parts := _partition(index)):
            candidate = fiber(survey, parts)
            if all(candidate.parts[0] != f.parts[0] for f in found):
                found.append(candidate)
    taken = {v for f in found for v in (*f.parts, *f.whole)}
    for v in dict.fromkeys(v for s in survey.statements for v in sorted(s.iterated)):
        if cascade.rank(v) == rank and v not in taken:
            found.append(fiber(survey, (v,)))
    return found


def named(survey: Survey, rank: str) -> list[Fiber]:
    """Return the fibers that a user may mean by `rank`: a variable, or a rank in either case.

    Raises SpecError at a name that the cascade does not have.

    >>> from einsum_cascade import load, Cascade
    >>> from einsum_cascade.passes.survey import survey
    >>> [(f.name, f.level) for f in named(survey(load(Cascade, "attention_1pass")), "M0")]
    [('m0', 1)]
    """
    cascade = survey.cascade
    used = {v for s in survey.statements for v in s.iterated}
    given = sequence(survey)
    if given and (
        inner := [k for k, names in enumerate(zip(given.parts, given.ranks, strict=True)) if k and rank in names]
    ):
        return [replace(given, level=inner[0])]
    if rank in used:
        if given and (rank == given.parts[0] or rank in given.whole):
            return [given]
        return [f for f in along(survey, cascade.rank(rank)) if rank in f.whole] or [fiber(survey, (rank,))]
    if given and rank.lower() == given.name:
        return [given]
    found = along(survey, rank) or along(survey, rank.upper())
    if not found:
        known = {*used, *(r for r in rank_names(cascade) if along(survey, r))}
        message = f"no Einsum of {cascade.name} runs over {rank}"
        raise SpecError([Diagnostic(place=cascade.place, message=message, expected="a rank or one of its variables",
                                    hint=did_you_mean(rank, known))])  # fmt: skip
    return found


def _indices(survey: Survey) -> Iterator[tuple[str, int, Index]]:
    """Yield (tensor, axis, index) of everything that is written or read."""
    for s in survey.statements:
        for k, index in enumerate(s.target):
            yield s.name, k, index
        for read in s.reads:
            for k, index in enumerate(read.indices):
                yield read.access.tensor, k, index


def _together(survey: Survey, index: Index, parts: tuple[str, ...]) -> frozenset[int]:
    """Return which parts meet in an index with the first; for the inner ones any variable of the rank will do."""
    if not index.direct or parts[0] not in index.direct:
        return frozenset()
    rank = survey.cascade.rank
    ranks = {rank(v) for v in index.direct}
    return frozenset(k for k, v in enumerate(parts) if v in index.direct or (k and rank(v) in ranks))


def _partition(index: Index) -> tuple[str, ...]:
    """Return the variables of m1*M0+m0, outermost first; none where the index is no partition."""
    moving = index.direct or {}
    inner = [v for v, c in moving.items() if c == "1"]
    outer = [v for v, c in moving.items() if c not in ("1", "-1")]
    return (*outer, *inner) if len(inner) == 1 and outer and len(moving) == len(inner) + len(outer) else ()
