"""Study: which configurations run on which workloads, what is drawn and compared; one YAML file a paper."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from einsum_cascade.document import Document, find_one
from einsum_cascade.errors import Diagnostic, SpecError, did_you_mean
from einsum_cascade.forms import FORBID, Flag, Form, Integer, Real, Scalar, Text, read_form

__all__ = [
    "FOLDER", "Changes", "Figure", "Headline", "Row", "Run", "Study", "Sweep", "Tables", "Variant", "load_study",
    "names", "read_file",
]  # fmt: skip

FOLDER = Path(__file__).parent / "studies"
FIGURES = ("bars", "einsums", "curve", "beside", "roofline")
ASPECTS = ("tokens", "heads", "values", "widths", "low_bits")
MEANS = ("arithmetic", "geometric", "harmonic", "of sums")

Changes = dict[Text, Scalar | None]
Row = dict[str, str | float]
Tables = dict[str, list[Row]]


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """One bar of every figure: how it is called, in short too, and its colour."""

    __pydantic_config__ = FORBID
    label: Text
    short: Text
    colour: Text


@dataclass(frozen=True, kw_only=True)
class Run:
    """A mapping on one of the study's machines; `changes` path -> value of its design.

    Of a suite's benchmarks: `keep` what is left of their pruning (`suite.ASPECTS`; nothing: dense), stored in words of
    `word_bits`, keys and values as wide as the pruning says if widths are kept; `family` those that are run, `values`
    parameters and `choices` options of the mapping.
    """

    __pydantic_config__ = FORBID
    mapping: Text
    machine: Text
    changes: Changes = field(default_factory=dict)
    keep: list[Text] = field(default_factory=list)
    word_bits: Real = 16
    family: Text = ""
    values: dict[Text, Scalar] = field(default_factory=dict)
    choices: dict[Text, Text] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Series:
    """Workloads, and the parameters of the design at each point."""

    __pydantic_config__ = FORBID
    workloads: list[Text]
    points: list[dict[Text, Integer]]


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """One mapping at one length over designs whose parameters vary; `changes` path -> value of the design.

    Of a suite's benchmarks `length` is their own, and `keep` and `word_bits` are as of a `Run`.
    """

    __pydantic_config__ = FORBID
    mapping: Text
    machine: Text
    length: Integer = 0
    series: list[Series]
    changes: Changes = field(default_factory=dict)
    keep: list[Text] = field(default_factory=list)
    word_bits: Real = 16


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """A column of a table of ratios: `quantity` of one configuration over that of another, benchmark by benchmark."""

    __pydantic_config__ = FORBID
    table: Text
    quantity: Text
    numerator: Text
    denominator: Text


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Means over the benchmarks of each family and of all, a row a configuration; times `relative` to one of them."""

    __pydantic_config__ = FORBID
    table: Text
    relative: Text


@dataclass(frozen=True, kw_only=True)
class Breakdown:
    """Area and mean power of a configuration, part by part: `parts` component or action -> part."""

    __pydantic_config__ = FORBID
    table: Text
    configuration: Text
    parts: dict[Text, Text]


@dataclass(frozen=True, kw_only=True)
class Headline:
    """A mean over workloads and lengths of `quantity` of one configuration over that of another.

    `stated` is the paper's wording, `published` the same mean of its raw results; `expected` what they give once
    an error in them is put right. Tolerances are relative.
    """

    __pydantic_config__ = FORBID
    name: Text
    table: Text
    quantity: Text
    numerator: Text
    denominator: Text
    stated: Text
    published: Real
    tolerance: Real
    expected: Real | None = None
    expected_tolerance: Real = 0.0025
    mean: Text = "arithmetic"
    lengths: list[Integer] = field(default_factory=list)
    family: Text = ""
    why: Text = ""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What to do otherwise, to see what a headline hangs on: `changes` machine -> path -> value of its design."""

    __pydantic_config__ = FORBID
    name: Text
    mean: Text = ""
    accounting: Text = ""
    changes: dict[Text, Changes] = field(default_factory=dict)
    expected: dict[Text, Real] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure: `bars` over workloads and lengths, `einsums` shares of an array's time, or a `curve` of a sweep.

    `beside`: rows of a table `across` one of its columns (those of one `series` alone, column=value; `across_label`
    below it), computed beside published, with a line at what is `stated` of a quantity for all of them; `roofline`:
    operations per second over operations per byte, under the roofs of the machines.

    `quantities` column -> label of the axis; `relative` the configuration to divide by (`inverse`: to divide);
    `parts_at` the length at which bars are split into components; `names` Einsum or component -> name in the legend.
    """

    __pydantic_config__ = FORBID
    kind: Text
    title: Text
    table: Text
    quantities: dict[Text, Text]
    caption: Text
    relative: Text = ""
    inverse: Flag = False
    parts_at: Integer = 0
    array: Text = ""
    workload: Text = ""
    names: dict[Text, Text] = field(default_factory=dict)
    across: Text = ""
    across_label: Text = ""
    stated: dict[Text, Real] = field(default_factory=dict)
    series: Text = ""
    log: Flag = False


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study: everything by name.

    `workloads` name -> label; `accountings` name -> description, the first is the one that is compared; `machines` name
    -> accounting -> design; `layers` layer -> configuration -> run; `totals` table -> layers that it adds up. A study
    of a `suite` runs its benchmarks instead of workloads and lengths; `families` the start of their family -> label.
    """

    __pydantic_config__ = FORBID
    study: Text
    title: Text
    source: Text
    description: Text = ""
    suite: Text = ""
    families: dict[Text, Text] = field(default_factory=dict)
    workloads: dict[Text, Text] = field(default_factory=dict)
    lengths: list[Integer] = field(default_factory=list)
    accountings: dict[Text, Text]
    machines: dict[Text, dict[Text, Text]]
    configurations: dict[Text, Configuration]
    layers: dict[Text, dict[Text, Run]]
    totals: dict[Text, list[Text]] = field(default_factory=dict)
    sweeps: dict[Text, Sweep] = field(default_factory=dict)
    ratios: dict[Text, dict[Text, Ratio]] = field(default_factory=dict)
    summaries: dict[Text, Summary] = field(default_factory=dict)
    breakdowns: dict[Text, Breakdown] = field(default_factory=dict)
    headlines: list[Headline] = field(default_factory=list)
    variants: list[Variant] = field(default_factory=list)
    figures: dict[Text, Figure] = field(default_factory=dict)

    @property
    def accounting(self) -> str:
        """The accounting in which the paper published."""
        return next(iter(self.accountings))


def names() -> dict[str, Path]:
    """Return the studies that come with archsim, with their files."""
    return {f.stem: f for f in sorted(FOLDER.glob("*.yaml"))}


def load_study(name: str | Path) -> Study:
    """Return the study of this name, or in this file.

    Raises SpecError: nothing of that name, or every mistake of the file at once.
    """
    study, document = read_file(Study, name, names(), "study")
    wrong = list(_wrong_names(study, document))
    if wrong:
        raise SpecError(wrong)
    return study


def read_file(form: type[Form], name: str | Path, known: dict[str, Path], kind: str) -> tuple[Form, Document]:
    """Return what a file of one document holds, and the document; `known` are the files that have a name.

    Raises SpecError: nothing of that name, an unreadable file, not one document, or every mistake of its form.
    """
    document = find_one(kind, name, known, "a file is given by its path")
    return read_form(document, form), document


def _wrong_names(study: Study, document: Document) -> Iterator[Diagnostic]:
    """Names that the study uses and does not have, and choices that do not exist."""
    tables = [
        *study.layers, *study.totals, *study.sweeps, *study.ratios, *study.summaries, *study.breakdowns
    ]  # fmt: skip
    for known, what, path, name in _uses(study):
        choices = tables if known == "tables" else known
        if name not in choices:
            yield Diagnostic(
                place=document.place(*path), message=f"no {what} named {name}", hint=did_you_mean(name, choices)
            )


def _uses(study: Study) -> Iterator[tuple[Iterable[str], str, tuple[str | int, ...], str]]:
    for m, designs in study.machines.items():
        yield from (
            (designs, f"design of the machine {m} for the accounting", ("machines", m), a) for a in study.accountings
        )
    for layer, runs in study.layers.items():
        for c, run in runs.items():
            yield study.configurations, "configuration", ("layers", layer, f"{c}#key"), c
            yield study.machines, "machine", ("layers", layer, c, "machine"), run.machine
            yield from ((ASPECTS, "aspect", ("layers", layer, c, "keep", i), a) for i, a in enumerate(run.keep))
    for total, layers in study.totals.items():
        yield from ((study.layers, "layer", ("totals", total, i), n) for i, n in enumerate(layers))
    for s, sweep in study.sweeps.items():
        yield study.machines, "machine", ("sweeps", s, "machine"), sweep.machine
        yield from ((ASPECTS, "aspect", ("sweeps", s, "keep", i), a) for i, a in enumerate(sweep.keep))
    for name, columns in study.ratios.items():
        for c, ratio in columns.items():
            yield "tables", "table", ("ratios", name, c, "table"), ratio.table
            yield study.configurations, "configuration", ("ratios", name, c, "numerator"), ratio.numerator
            yield study.configurations, "configuration", ("ratios", name, c, "denominator"), ratio.denominator
    for name, summary in study.summaries.items():
        yield "tables", "table", ("summaries", name, "table"), summary.table
        yield study.configurations, "configuration", ("summaries", name, "relative"), summary.relative
    for name, breakdown in study.breakdowns.items():
        yield "tables", "table", ("breakdowns", name, "table"), breakdown.table
        yield study.configurations, "configuration", ("breakdowns", name, "configuration"), breakdown.configuration
    for i, h in enumerate(study.headlines):
        yield "tables", "table", ("headlines", i, "table"), h.table
        yield study.configurations, "configuration", ("headlines", i, "numerator"), h.numerator
        yield study.configurations, "configuration", ("headlines", i, "denominator"), h.denominator
        yield MEANS, "mean", ("headlines", i, "mean"), h.mean
        yield ("", *study.families), "family", ("headlines", i, "family"), h.family
    for i, v in enumerate(study.variants):
        yield ("", *MEANS), "mean", ("variants", i, "mean"), v.mean
        yield ("", *study.accountings), "accounting", ("variants", i, "accounting"), v.accounting
        yield from ((study.machines, "machine", ("variants", i, "changes", f"{m}#key"), m) for m in v.changes)
        headlines = [h.name for h in study.headlines]
        yield from ((headlines, "headline", ("variants", i, "expected", f"{h}#key"), h) for h in v.expected)
    for f, figure in study.figures.items():
        yield FIGURES, "kind of figure", ("figures", f, "kind"), figure.kind
        yield "tables", "table", ("figures", f, "table"), figure.table
        yield ("", *study.configurations), "configuration", ("figures", f, "relative"), figure.relative
        yield from ((figure.quantities, "quantity", ("figures", f, "stated", f"{q}#key"), q) for q in figure.stated)
        yield ("", *study.workloads), "workload", ("figures", f, "workload"), figure.workload
