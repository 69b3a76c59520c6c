"""Many measurements: cascades, formats, exponential units and lengths side by side."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from archsim.numerics.inputs import Tensors
from archsim.numerics.measure import Measurement, Platform, check_cascade, measure
from einsum_cascade.cascade import Cascade
from einsum_cascade.errors import NOWHERE, Diagnostic, SpecError, did_you_mean
from einsum_cascade.load import index, load
from einsum_cascade.numerics.rules import Numerics

__all__ = ["Campaign", "check_rules", "chosen", "run_campaign"]


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """What is measured: every cascade with every `numerics` (a word and an exponential unit each) on every input.

    `inputs` gives the tensors of a length (None: as long as they are); `rows`: see `measure`.
    """

    cascades: tuple[Cascade, ...]
    numerics: tuple[Numerics, ...]
    lengths: tuple[int | None, ...]
    inputs: Callable[[int | None], Tensors]
    rows: int = 16
    place: Platform = field(default_factory=Platform)

    @property
    def size(self) -> int:
        """How many measurements it is."""
        return len(self.cascades) * len(self.numerics) * len(self.lengths)


def chosen(patterns: Sequence[str]) -> tuple[Cascade, ...]:
    """Return the cascades with these names, of these files, or, where a name has * or ?, all that can be measured.

    Raises SpecError: no such cascade, or one that cannot be measured; a pattern without any.

    >>> [c.name for c in chosen(["attention_1pass", "attention_[13]pass*_causal"])]
    ['attention_1pass', 'attention_1pass_causal', 'attention_3pass_causal']
    """
    found: dict[str, Cascade] = {}
    for pattern in patterns:
        fitting = [load(Cascade, n) for n in index() if set(pattern) & set("*?") and fnmatchcase(n, pattern)]
        fitting = [c for c in fitting if _measurable(c)]
        for cascade in fitting or [load(Cascade, pattern)]:
            check_cascade(cascade)
            found.setdefault(cascade.name, cascade)
    return tuple(found.values())


def _measurable(cascade: Cascade) -> bool:
    try:
        check_cascade(cascade)
    except SpecError:
        return False
    return True


def check_rules(numerics: Numerics, cascades: Sequence[Cascade]) -> None:
    """Raise SpecError where numerics have a rule for an Einsum that neither these cascades nor any known one has.

    A machine may well have rules for the Einsums of cascades that are not measured now.
    """

    def missing(some: Iterable[Cascade]) -> list[str]:
        known = {e.name for c in some for e in c.einsums}
        return [name for name in numerics.einsums if name not in known]

    wrong = missing(cascades)
    if wrong:
        wrong = missing([*cascades, *(load(Cascade, name) for name in index())])
    names = {e.name for c in cascades for e in c.einsums}
    if wrong:
        raise SpecError([
            Diagnostic(place=numerics.places.get(name, NOWHERE), message=f"no cascade has an Einsum {name}",
                       hint=did_you_mean(name, names)) for name in wrong
        ])  # fmt: skip


def run_campaign(campaign: Campaign, progress: Callable[[str, int, int], None] | None = None) -> list[Measurement]:
    """Return all measurements, by length, then cascade, then numerics. Raises SpecError as `measure` does."""
    result: list[Measurement] = []
    for length in campaign.lengths:
        tensors = campaign.inputs(length)
        label = f"{tensors['K'].shape[1]} keys, {tensors['Q'].shape[1]} queries"
        for cascade in campaign.cascades:
            what, total = f"{label}, {cascade.name}", len(campaign.numerics)
            for done, numerics in enumerate(campaign.numerics):
                if progress is not None:
                    progress(what, done, total)
                result.append(measure(cascade, numerics, tensors, place=campaign.place, rows=campaign.rows))
            if progress is not None:
                progress(what, total, total)
    return result
