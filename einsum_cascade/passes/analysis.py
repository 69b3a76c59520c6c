"""How many passes over a rank a cascade forces on every mapping, which dependencies force them, what must stay live.

The graph rule of FuseMax (MICRO'24) section III: a pass is a traversal of a fiber, and
there is one more where a dependency makes an element be visited again after every other one was. The count is a lower
bound for this cascade; it does not look for an equal cascade with fewer passes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from einsum_cascade.cascade import Cascade, rank_names, shape
from einsum_cascade.constants import Value
from einsum_cascade.errors import Diagnostic, SpecError
from einsum_cascade.passes.chains import Chain, Gather, chains, gathers, remarks
from einsum_cascade.passes.fibers import along, base_ranks, named, sequence
from einsum_cascade.passes.footprint import STREAMED, footprint
from einsum_cascade.passes.streams import Fiber
from einsum_cascade.passes.survey import Survey, survey
from einsum_cascade.passes.sweeps import Sweeps
from einsum_cascade.passes.words import grows, parallel_variables, words

Plain = str | int | bool | list["Plain"] | dict[str, "Plain"]


@dataclass(frozen=True, kw_only=True)
class Spill:
    """Words written and read for one fiber of the parallel ranks if a tensor is not held from one pass to the next."""

    writes: int
    reads: int


@dataclass(frozen=True, kw_only=True)
class Passes:
    """The passes of a cascade over one rank, and what they imply for every mapping.

    `per_tensor` counts for each input along the rank (or tensor made there from other ranks); `chains` say what forces
    each further pass. `live` is the extent (1, M, M1, M0) of each tensor along the rank, `reasons` why. `live_words` is
    what must be held, in words for one fiber of the `parallel` ranks (queries, heads, batch), and `spill` what it costs
    to write or read again instead. `gathers` are partial reads, `ranks` the passes over the ranks of the inputs.
    """

    cascade: str
    rank: str
    passes: int
    per_tensor: Mapping[str, int]
    chains: tuple[Chain, ...]
    live: Mapping[str, str]
    reasons: Mapping[str, str]
    live_words: Mapping[str, int]
    spill: Mapping[str, Spill]
    parallel: tuple[str, ...]
    sequence_independent: bool
    gathers: tuple[Gather, ...]
    notes: tuple[str, ...]
    ranks: Mapping[str, int]

    def as_json(self) -> dict[str, Plain]:
        """Return the result as plain data; the first six keys are those of `archsim passes --json`.

        >>> from einsum_cascade import load, Cascade
        >>> list(passes(load(Cascade, "attention_3pass")).as_json())[:6]
        ['cascade', 'rank', 'passes', 'per_tensor', 'live_words', 'sequence_independent']
        """
        chains: list[Plain] = [
            {"pass": c.number, "first": c.first, "barrier": c.barrier, "again": c.again, "path": list(c.path)}
            for c in self.chains
        ]
        gathers: list[Plain] = [{"tensor": g.tensor, "einsum": g.einsum, "fraction": g.fraction} for g in self.gathers]
        return {
            "cascade": self.cascade, "rank": self.rank, "passes": self.passes, "per_tensor": dict(self.per_tensor),
            "live_words": dict(self.live_words), "sequence_independent": self.sequence_independent, "chains": chains,
            "live": {t: {"extent": e, "reason": self.reasons[t]} for t, e in self.live.items()},
            "spill": {t: {"writes": s.writes, "reads": s.reads} for t, s in self.spill.items()},
            "parallel": list(self.parallel), "gathers": gathers, "notes": list(self.notes), "ranks": dict(self.ranks),
        }  # fmt: skip


def passes(cascade: Cascade, rank: str | None = None, sizes: Mapping[str, Value] | None = None) -> Passes:
    """Return the passes of `cascade` over `rank` and its live footprint, lower bounds for every mapping.

    `rank` is a variable or a rank; without it the `seq` of the file, else the input rank with the most passes (of those
    the one that most Einsums reduce). `sizes` override the file's sizes; they matter for words only.

    Raises SpecError at an unknown rank, and at an index that moves along the rank in a way for which there is no rule.

    >>> from einsum_cascade import load, Cascade
    >>> result = passes(load(Cascade, "attention_1pass"), sizes={"M": 2**20})
    >>> result.rank, result.passes, dict(result.per_tensor), dict(result.live_words)
    ('m', 1, {'K': 1, 'V': 1}, {'BQK': 128, 'RM': 1, 'RD': 1, 'RNV': 64})
    >>> result = passes(load(Cascade, "attention_3pass"))
    >>> result.passes, result.live["SN"], [c.path for c in result.chains]
    (3, 'M', [('QK', 'GM', 'SN'), ('SN', 'SD', 'A')])
    """
    found = survey(cascade)
    notes: list[str] = []
    ranks: dict[str, Sweeps] = {}
    for name in base_ranks(found):
        try:
            if best := _best(found, along(found, name)):
                ranks[name] = best
        except SpecError as error:
            notes.append(f"rank {name} is not analysed: {error.diagnostics[0].message}")
    chosen = named(found, rank) if rank is not None else [f for f in [sequence(found)] if f]
    whole = _best(found, chosen) or max(ranks.values(), key=lambda s: (s.passes, _reduced(s)), default=None)
    if whole is None:
        hint = "say with --rank or `seq` which variables to look at"
        raise SpecError([Diagnostic(place=cascade.place, message=f"{cascade.name} has no rank to analyse", hint=hint)])
    counts = {name: sweeps.passes for name, sweeps in ranks.items()}
    if not whole.fiber.level:
        counts.setdefault(whole.fiber.base or whole.fiber.ranks[0], whole.passes)
    return _result(whole, counts, notes, sizes)


def _best(found: Survey, fibers: Sequence[Fiber]) -> Sweeps | None:
    """Return the analysis of the fiber with the most passes; of a rank's inner part, within one sweep over the rank."""
    analysed = []
    for fiber in fibers:
        outer = Sweeps(found, replace(fiber, level=0)) if fiber.level else None
        analysed.append(Sweeps(found, fiber, outer))
    return max(analysed, key=lambda s: (s.passes, len(s.fiber.parts), _reduced(s)), default=None)


def _reduced(sweeps: Sweeps) -> int:
    return sum(bool(sweeps.fiber.streaming & s.reduced) for s in sweeps.statements)


def _result(whole: Sweeps, ranks: Mapping[str, int], notes: list[str], sizes: Mapping[str, Value] | None) -> Passes:
    cascade, fiber = whole.survey.cascade, whole.fiber
    tiles = [Sweeps(whole.survey, replace(fiber, level=k), whole) for k in range(fiber.level + 1, len(fiber.parts))]
    lives = footprint(whole, tiles)
    held = {t: live for t, live in lives.items() if live.held}
    by_level = {s.fiber.level: s for s in (whole, *tiles)} | {0: whole}
    parallel = parallel_variables(whole, held.values())
    live_words: dict[str, int] = {}
    try:
        names = shape(cascade, sizes)
        live_words = {t: words(by_level[live.level], live, parallel, names) for t, live in held.items()}
    except SpecError as error:
        notes.append(f"no words: {error.diagnostics[0].message}")
    spilled = {t: live for t, live in held.items() if live.sweeps > 1 and live.level == fiber.level and t in live_words}
    counts = whole.counts
    return Passes(
        cascade=cascade.name, rank=fiber.name, passes=whole.passes, chains=chains(whole),
        per_tensor={t: counts[t] for t in (*cascade.inputs, *counts) if t in counts},
        live={t: live.extent for t, live in lives.items()}, reasons={t: live.reason for t, live in lives.items()},
        live_words=live_words, parallel=tuple(r for r in rank_names(cascade) if r in map(cascade.rank, parallel)),
        spill={t: Spill(writes=0 if t in cascade.inputs else live_words[t], reads=live_words[t] * (live.sweeps - 1))
               for t, live in spilled.items()},
        sequence_independent=not grows(whole, list(lives.values()), parallel),
        gathers=gathers(whole, parallel), notes=(*remarks(whole), *notes), ranks=ranks,
    )  # fmt: skip


def explain(result: Passes) -> list[str]:
    """Return sentences: what forces each pass, what must be held and why, what was not counted.

    >>> from einsum_cascade import load, Cascade
    >>> for line in explain(passes(load(Cascade, "attention_2pass_deferred"))):
    ...     print(line)
    2 passes over m, whatever the mapping: K 2, V 1
    pass 2: GM needs all of QK before SN reads QK again (QK -> GM -> SN)
    QK keeps M: revisited; 1,024 words, or else 1,024 written and 1,024 read
    GM, SD, NV keep one element along m: reduction; 66 words
    words are for one fiber of P
    what must be held grows with the sequence
    """
    m, count = result.rank, result.passes
    per = ", ".join(f"{t} {n}" for t, n in result.per_tensor.items())
    lines = [f"{count} pass{'es' * (count != 1)} over {m}, whatever the mapping" + (f": {per}" if per else "")]
    for c in result.chains:
        again = c.revisited + (" again" if c.revisited == c.tensor else f", made from {c.root},")
        lines.append(f"pass {c.number}: {c.barrier} needs all of {c.tensor} before {c.again} reads {again} "
                     f"({' -> '.join(c.path)})")  # fmt: skip
    for reason in dict.fromkeys(result.reasons.values()):
        lines += _held(result, reason)
    if result.parallel and result.live_words:
        lines.append(f"words are for one fiber of {', '.join(result.parallel)}")
    grow = "does not grow" if result.sequence_independent else "grows"
    lines.append(f"what must be held {grow} with the sequence")
    lines += [f"{g.einsum} reads only {g.fraction} of {g.tensor}: no pass" for g in result.gathers]
    return lines + list(result.notes)


def _held(result: Passes, reason: str) -> list[str]:
    """The lines about what is held for one reason: one for each tensor that keeps a fiber, one for the others."""
    own = [t for t, r in result.reasons.items() if r == reason != STREAMED]
    lines = []
    for t in own:
        if result.live[t] != "1":
            text = f"{t} keeps {result.live[t]}: {reason}"
            text += f"; {result.live_words[t]:,} words" if t in result.live_words else ""
            if t in result.spill:
                spill = result.spill[t]
                text += ", or else " + f"{spill.writes:,} written and " * (spill.writes > 0) + f"{spill.reads:,} read"
            lines.append(text)
    single = [t for t in own if result.live[t] == "1"]
    if single:
        text = f"{', '.join(single)} keep{'s' * (len(single) == 1)} one element along {result.rank}: {reason}"
        total = sum(result.live_words.get(t, 0) for t in single)
        lines.append(text + (f"; {total:,} words" if total else ""))
    return lines
