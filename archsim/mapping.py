"""Mapping: how a cascade runs on a design. Partitioning, loop order, space and time, what is kept where, the
schedule."""

from collections.abc import Callable
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field

from einsum_cascade.document import Document
from einsum_cascade.einsum import Condition, Expression, Number
from einsum_cascade.errors import Diagnostic, Place, SpecError, did_you_mean
from einsum_cascade.forms import FORBID, Scalar, Text, read_form
from einsum_cascade.parse import parse_conditions, parse_expression

__all__ = ["Case", "Fit", "Group", "Mapping", "read_mapping"]

SCHEDULES = ("overlapped", "sequential", "auto")
TRANSFERS = ("overlapped", "serial")
NOTHING = Number(0)
Steps = list[dict[Text, list[Text | dict[Text, Scalar]]]]


@dataclass(frozen=True, kw_only=True)
class FitForm:
    """The form of one `fit` entry."""

    __pydantic_config__ = FORBID
    memory: Text
    divides: Scalar


@dataclass(frozen=True, kw_only=True)
class CaseForm:
    """The form of one `cases` entry."""

    __pydantic_config__ = FORBID
    when: Text
    choose: dict[Text, Text]


@dataclass(frozen=True, kw_only=True)
class GroupForm:
    """The form of a fusion group."""

    __pydantic_config__ = FORBID
    loops: list[Text]
    binding: dict[Text, list[Text]]
    space: dict[Text, dict[Text, Text]]
    time: dict[Text, list[Text]] = field(default_factory=dict)
    forward: dict[Text, list[Text]] = field(default_factory=dict)
    bypass: dict[Text, list[Text]] = field(default_factory=dict)
    keep: dict[Text, dict[Text, Text]] = field(default_factory=dict)
    stage: dict[Text, Text] = field(default_factory=dict)
    double: list[Text] = field(default_factory=list)
    alias: dict[Text, Text] = field(default_factory=dict)
    partitioning: dict[Text, list[Text]] = field(default_factory=dict)
    choose: dict[Text, Scalar] = field(default_factory=dict)
    spill: Text = "error"
    density: dict[Text, Scalar] = field(default_factory=dict)
    skip: Text = ""
    resident: list[Text] = field(default_factory=list)
    demand: list[Text] = field(default_factory=list)
    whole: dict[Text, Scalar] = field(default_factory=dict)
    transfers: Text = "overlapped"
    drain: Scalar = 0
    schedule: Text | dict[Text, Steps] = "overlapped"


@dataclass(frozen=True, kw_only=True)
class MappingForm:
    """The form of a mapping file."""

    __pydantic_config__ = FORBID
    mapping: Text
    description: Text = ""
    source: Text = ""
    cascade: Text
    design: Text
    parameters: dict[Text, Scalar] = field(default_factory=dict)
    fit: dict[Text, FitForm] = field(default_factory=dict)
    partitioning: dict[Text, list[Text]] = field(default_factory=dict)
    groups: dict[Text, GroupForm]
    options: dict[Text, dict[Text, dict[Text, object]]] = field(default_factory=dict)
    choices: dict[Text, Text] = field(default_factory=dict)
    cases: list[CaseForm] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A parameter that becomes the largest divisor of `divides` with which everything kept in `memory` fits."""

    memory: str
    divides: Expression


@dataclass(frozen=True, kw_only=True)
class Step:
    """One phase: per array the Einsums that run one after another, and `stall` cycles per innermost iteration."""

    tracks: Dict[str, tuple[str, ...]]
    stalls: Dict[str, Expression]


@dataclass(frozen=True, kw_only=True)
class Group:
    """A fusion group: Einsums that share `loops` (temporal, outermost first); groups run one after another.

    `binding` array -> Einsums in order; `space` array or Einsum -> {array dimension: variable}; `time` Einsum -> its
    own temporal loops inside the shared ones; `forward` Einsum -> operands that it gets from the array that makes them;
    `bypass` Einsum -> tensors that it moves past the near memories; `keep` memory -> {tensor: the loop inside which its
    tile lives}; `stage` tensors that bypass the buffer but pass through a tile in it; `double` what is double-buffered;
    `alias` tensors that take the place of another; `choose` tile sizes -> what they divide (least traffic wins);
    `spill` "error" or "proportional"; `density` Einsum -> the fraction of its points that the data leave (0 to 1);
    `skip` an Einsum: iterations of the shared loops in which it has no point are not executed; `resident` tensors that
    other parts of the chip hold, so that they move no words to or from the far memory; `demand` tensors of which only
    what the data ask for is fetched; `whole` tensor -> words, in whole multiples of which its tiles come and lie;
    `transfers` "overlapped" with compute or "serial", before it; `drain` cycles after the last iteration.
    """

    name: str
    loops: tuple[str, ...]
    binding: Dict[str, tuple[str, ...]]
    space: Dict[str, Dict[str, str]] = field(default_factory=dict)
    time: Dict[str, tuple[str, ...]] = field(default_factory=dict)
    forward: Dict[str, tuple[str, ...]] = field(default_factory=dict)
    bypass: Dict[str, tuple[str, ...]] = field(default_factory=dict)
    keep: Dict[str, Dict[str, str]] = field(default_factory=dict)
    stage: Dict[str, str] = field(default_factory=dict)
    double: tuple[str, ...] = ()
    alias: Dict[str, str] = field(default_factory=dict)
    partitioning: Dict[str, tuple[str, ...]] = field(default_factory=dict)
    choose: Dict[str, Expression] = field(default_factory=dict)
    spill: str = "error"
    density: Dict[str, Expression] = field(default_factory=dict)
    skip: str = ""
    resident: tuple[str, ...] = ()
    demand: tuple[str, ...] = ()
    whole: Dict[str, Expression] = field(default_factory=dict)
    transfers: str = "overlapped"
    drain: Expression = NOTHING
    schedule: str = "overlapped"
    steps: tuple[Step, ...] = ()
    place: Place = field(compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class Case:
    """Choices among the options of a mapping that hold where all conditions do."""

    when: tuple[Condition, ...]
    choices: Dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """How a cascade runs on a design; names parameters and ranks, no numbers of one chip.

    `given` the parameters that a caller replaced, `variants` the mapping under choices that were asked for already.
    """

    name: str
    description: str
    source: str
    cascade: str
    design: str
    parameters: Dict[str, Expression]
    fit: Dict[str, Fit]
    groups: tuple[Group, ...]
    cases: tuple[Case, ...]
    choices: Dict[str, str]
    pinned: frozenset[str] = frozenset()
    given: frozenset[str] = frozenset()
    variants: dict[tuple[tuple[str, str], ...], "Mapping"] = field(default_factory=dict, compare=False, repr=False)
    document: Document = field(compare=False, repr=False)
    place: Place = field(compare=False, repr=False)


def read_mapping(document: Document) -> Mapping:
    """Return the mapping of a YAML document.

    Raises SpecError with every mistake of the document.
    """
    form = read_form(document, MappingForm)
    wrong: list[Diagnostic] = []

    def expression(value: Scalar, *path: str | int) -> Expression:
        try:
            return parse_expression(str(value), document.place(*path))
        except SpecError as error:
            wrong.extend(error.diagnostics)
            return parse_expression("1")

    groups = [_group(document, name, g, form.partitioning, expression, wrong) for name, g in form.groups.items()]
    cases = []
    for i, case in enumerate(form.cases):
        try:
            when = parse_conditions(case.when, document.place("cases", i, "when"))
            cases.append(Case(when=when, choices=case.choose))
            _known_choices(document, form, case.choose, ("cases", i, "choose"), wrong)
        except SpecError as error:
            wrong += error.diagnostics
    _known_choices(document, form, form.choices, ("choices",), wrong)
    result = Mapping(
        name=form.mapping, description=form.description, source=form.source, cascade=form.cascade, design=form.design,
        parameters={n: expression(v, "parameters", n) for n, v in form.parameters.items()},
        fit={n: Fit(memory=f.memory, divides=expression(f.divides, "fit", n, "divides")) for n, f in form.fit.items()},
        groups=tuple(groups), cases=tuple(cases),
        choices=form.choices, document=document, place=document.place("mapping"),
    )  # fmt: skip
    if wrong:
        raise SpecError(wrong)
    return result


def _group(document: Document, name: str, form: GroupForm, partitioning: Dict[str, list[str]],
           expression: Callable[..., Expression], wrong: list[Diagnostic]) -> Group:  # fmt: skip
    at = ("groups", name)
    steps: list[Step] = []
    if isinstance(form.schedule, str):
        schedule = form.schedule
        if schedule not in SCHEDULES:
            place = document.place(*at, "schedule")
            expected = ", ".join(SCHEDULES) + " or a list of phases"
            wrong.append(Diagnostic(place=place, message=f"unknown schedule {schedule}", expected=expected))
    else:
        schedule = "phases"
        for i, step in enumerate(form.schedule.get("phases", [])):
            tracks = {a: tuple(e for e in entries if isinstance(e, str)) for a, entries in step.items()}
            stalls = {
                a: expression(e["stall"], *at, "schedule", "phases", i, a)
                for a, entries in step.items()
                for e in entries
                if isinstance(e, dict) and "stall" in e
            }
            steps.append(Step(tracks=tracks, stalls=stalls))
    if form.spill not in ("error", "proportional"):
        place = document.place(*at, "spill")
        wrong.append(Diagnostic(place=place, message=f"spill is {form.spill}", expected="error or proportional"))
    if form.transfers not in TRANSFERS:
        place = document.place(*at, "transfers")
        wrong.append(Diagnostic(place=place, message=f"transfers is {form.transfers}", expected=" or ".join(TRANSFERS)))
    parts = {**partitioning, **form.partitioning}
    return Group(
        name=name, loops=tuple(form.loops), binding={a: tuple(e) for a, e in form.binding.items()}, space=form.space,
        time={e: tuple(v) for e, v in form.time.items()}, forward={e: tuple(t) for e, t in form.forward.items()},
        bypass={e: tuple(t) for e, t in form.bypass.items()}, keep=form.keep, stage=form.stage,
        double=tuple(form.double), alias=form.alias, partitioning={v: tuple(p) for v, p in parts.items()},
        choose={n: expression(e, *at, "choose", n) for n, e in form.choose.items()}, spill=form.spill,
        density={e: expression(v, *at, "density", e) for e, v in form.density.items()},
        skip=form.skip, resident=tuple(form.resident), demand=tuple(form.demand), transfers=form.transfers,
        whole={t: expression(v, *at, "whole", t) for t, v in form.whole.items()},
        drain=expression(form.drain, *at, "drain"), schedule=schedule, steps=tuple(steps), place=document.place(*at),
    )  # fmt: skip


def _known_choices(
    document: Document, form: MappingForm, choices: Dict[str, str], at: tuple[str | int, ...], wrong: list[Diagnostic]
) -> None:
    for option, choice in choices.items():
        known = form.options.get(option)
        if known is None:
            place, hint = document.place(*at, f"{option}#key"), did_you_mean(option, form.options)
            wrong.append(Diagnostic(place=place, message=f"no option {option}", hint=hint))
        elif choice not in known:
            place, hint = document.place(*at, option), did_you_mean(choice, known)
            wrong.append(Diagnostic(place=place, message=f"option {option} has no choice {choice}", hint=hint))
