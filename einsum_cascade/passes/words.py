"""The live footprint in words, for one fiber of the parallel variables; whether it grows with the sequence."""

from collections.abc import Collection, Mapping, Sequence
from math import prod

from einsum_cascade.cascade import size
from einsum_cascade.constants import Value, evaluate
from einsum_cascade.einsum import Constant
from einsum_cascade.passes.footprint import Live, axis_forms
from einsum_cascade.passes.streams import Form, length_name
from einsum_cascade.passes.survey import Index
from einsum_cascade.passes.sweeps import Sweeps


def parallel_variables(sweeps: Sweeps, lives: Collection[Live]) -> frozenset[str]:
    """Return the variables whose fibers are independent: queries, heads, batch. Words are counted for one of them.

    All live tensors made from the inputs along the fiber carry such a variable (or add it up: SpAtten's importance),
    and of those inputs all or none do: where only some do (e and f of a state K[e,m]*V[f,m]), reading each input once
    means to hold all of the rank. A rank of the outputs and of other inputs (a bias B[m,p]) is parallel in any case,
    the new rank of a selection never.

    >>> from einsum_cascade import load, Cascade
    >>> from einsum_cascade.passes.fibers import sequence
    >>> from einsum_cascade.passes.survey import survey
    >>> found = survey(load(Cascade, "gqa"))
    >>> sweeps = Sweeps(found, sequence(found))
    >>> from einsum_cascade.passes.footprint import footprint
    >>> sorted(parallel_variables(sweeps, [live for live in footprint(sweeps, []).values() if live.held]))
    ['hk', 'p', 'r']
    """
    cascade, survey = sweeps.survey.cascade, sweeps.survey
    streamed = [t for t in cascade.inputs if t in sweeps.lineage]
    made = [live.tensor for live in lives if live.tensor not in cascade.inputs]
    made = [t for t in made if t not in sweeps.lineage or sweeps.lineage[t] - {t}]
    inputs = [_variables(axis_forms(sweeps, t)) for t in streamed]
    own = [_variables(axis_forms(sweeps, t)) for t in made]
    carried = [o | _summed(sweeps, t) for o, t in zip(own, made, strict=True)]
    rest = [dims for t, dims in cascade.inputs.items() if t not in streamed]
    others = {d.name for dims in rest for d in dims if isinstance(d, Constant)}
    written = {v for s in survey.statements if s.name in cascade.outputs for i in s.target for v in i.moving}
    chosen = {r.into for s in survey.statements for r in s.einsum.reductions}
    common = frozenset.intersection(*(carried or inputs or [frozenset()])) & frozenset().union(*own or inputs) - chosen
    uniform = {v for v in common if len({v in own for own in inputs}) < 2}
    return frozenset(uniform | {v for v in common & written if cascade.rank(v) in others})


def _summed(sweeps: Sweeps, tensor: str) -> frozenset[str]:
    """The variables over which a tensor adds up, without those of the fiber."""
    writers = [sweeps.statements[u] for u in sweeps.survey.writers[tensor]]
    prefixes = {k for s in writers for k, i in s.below if i in sweeps.fiber.streaming}
    return frozenset(v for s in writers for v in s.reduced) - {*sweeps.fiber.parts, *sweeps.fiber.whole, *prefixes}


def _variables(axes: Sequence[tuple[Form, Index]]) -> frozenset[str]:
    return frozenset(v for f, i in axes if not f.streams and not f.parts for v in i.moving)


def words(sweeps: Sweeps, live: Live, parallel: frozenset[str], names: Mapping[str, Value]) -> int:
    """Return how many words `live` is for one fiber of the parallel variables; `sweeps` is the analysis of its level.

    Raises SpecError where a size is missing.

    >>> from einsum_cascade import load, Cascade
    >>> from einsum_cascade.passes.fibers import sequence
    >>> from einsum_cascade.passes.survey import survey
    >>> found = survey(load(Cascade, "attention_3pass"))
    >>> sweeps = Sweeps(found, sequence(found))
    >>> from einsum_cascade.passes.footprint import footprint
    >>> lives, names = footprint(sweeps, []), {"M": 100, "P": 10, "F": 4}
    >>> [words(sweeps, lives[t], frozenset("p"), names) for t in ("QK", "GM", "AV")]
    [100, 1, 4]
    """
    cascade, fiber = sweeps.survey.cascade, sweeps.fiber
    dimensions = {**cascade.inputs, **cascade.declared}
    left, factors = set(live.parts), [_length(sweeps, live.parts, names)]
    for n, (form, index) in enumerate(axis_forms(sweeps, live.tensor)):
        scattered = index.gathers and live.tensor in sweeps.survey.writers
        along = (form.streams and not scattered) or bool(form.parts & left)
        left -= form.parts
        others = {v for v in index.moving if v not in parallel and v not in fiber.parts[: fiber.level]}
        if along or not others:
            continue
        if live.tensor in dimensions:
            factors.append(int(evaluate(dimensions[live.tensor][n], names)))
        else:
            factors += [size(cascade, v, names) for v in sorted(others)]
    return prod(factors)


def _length(sweeps: Sweeps, parts: frozenset[int], names: Mapping[str, Value]) -> int:
    fiber, cascade = sweeps.fiber, sweeps.survey.cascade
    own = {fiber.ranks[k]: fiber.parts[k] for k in parts}
    factors = fiber.factors(parts)
    if any(r not in names and r not in own for r in factors):
        return prod(size(cascade, fiber.parts[k], names) for k in parts)
    length = {r: size(cascade, own[r], names) if r in own else int(names[r]) for r in factors}
    tile = [r for r in factors if r in {fiber.ranks[k] for k in parts & fiber.spans}]
    held = prod(length.pop(r) for r in tile)
    if tile and fiber.base in names:
        held = min(held, int(names[fiber.base]))  # a tile may be longer than the rank
    return held * prod(length.values())


def grows(sweeps: Sweeps, lives: Sequence[Live], parallel: frozenset[str]) -> bool:
    """Return whether something held grows with the fiber; a window of fixed length does not grow with the sequence.

    >>> from einsum_cascade import load, Cascade
    >>> from einsum_cascade.passes.fibers import sequence
    >>> from einsum_cascade.passes.survey import survey
    >>> found = survey(load(Cascade, "attention_3pass"))
    >>> sweeps = Sweeps(found, sequence(found))
    >>> from einsum_cascade.passes.footprint import footprint
    >>> grows(sweeps, list(footprint(sweeps, []).values()), frozenset("p"))
    True
    """
    cascade, fiber = sweeps.survey.cascade, sweeps.fiber
    whole = {length_name(cascade, r) for r in (fiber.base, fiber.ranks[0])}
    for live in lives:
        if live.held and live.level == 0:
            axes = axis_forms(sweeps, live.tensor)
            ranks = {v for v in _variables(axes) - parallel if length_name(cascade, cascade.rank(v)) in whole}
            if ranks or (live.parts and not is_window(sweeps)):
                return True
    return False


def is_window(sweeps: Sweeps) -> bool:
    """Return whether the fiber slides along the inputs (K[e,p-w]), so that its length is not theirs.

    >>> from einsum_cascade import load, Cascade
    >>> from einsum_cascade.passes.fibers import sequence
    >>> from einsum_cascade.passes.survey import survey
    >>> found = survey(load(Cascade, "sliding_window"))
    >>> sweeps = Sweeps(found, sequence(found))
    >>> is_window(sweeps)
    True
    """
    cascade, fiber = sweeps.survey.cascade, sweeps.fiber
    streamed = [t for t in cascade.inputs if t in sweeps.lineage]
    lengths = {length_name(cascade, d.name) for t in streamed for d in cascade.inputs[t] if isinstance(d, Constant)}
    if not streamed or length_name(cascade, fiber.ranks[0]) in lengths:
        return False
    own = [(f, i.direct or {}) for t in streamed for f, i in axis_forms(sweeps, t) if f.streams]
    names = {*fiber.parts, *fiber.whole}
    return all(moving.keys() - names and {moving.get(v) for v in names} & {"1", "-1"} for _, moving in own)
