"""Which number formats a machine uses where: the `numerics:` section of a design file.

    numerics:
      source: assumed
      word: bf16                       # inputs, and what stands between Einsums
      accumulate: fp32                 # sums; `exact`: rounded only when the sum is finished
      block: 1                         # products that are added up before the accumulator is rounded
      exponential: poly5               # see `exponential`
      operations:                      # by the last operation of an Einsum
        mul+add: {output: fp32}
        div: {input: fp32, output: word}
      einsums:                         # by name, before the rule of the operation
        QK: {accumulate: fp32}

A rule says `input`, `accumulate` and `output`; what it leaves open is `word`, the `accumulate` above, and `word`. The
name `word` stands for whatever the word is, so that a design can be run in another format.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from einsum_cascade.document import Document
from einsum_cascade.einsum import Apply, Einsum, reduced_variables
from einsum_cascade.errors import Diagnostic, Place, SpecError, did_you_mean
from einsum_cascade.forms import FORBID, Flag, Integer, Text
from einsum_cascade.numerics.exponential import EXACT, Exponential, exponential
from einsum_cascade.numerics.formats import Format, number_format
from einsum_cascade.operators import COST_CLASS, REDUCTION_OPERATION

__all__ = ["Formats", "Numerics", "NumericsForm", "last_operation", "plain", "read_numerics"]


@dataclass(frozen=True, kw_only=True)
class RuleForm:
    """The formats of some Einsums in a file."""

    __pydantic_config__ = FORBID
    input: Text = "word"
    accumulate: Text | None = None
    output: Text = "word"


@dataclass(frozen=True, kw_only=True)
class NumericsForm:
    """The form of a `numerics:` section."""

    __pydantic_config__ = FORBID
    source: Text
    word: Text
    accumulate: Text = "fp32"
    block: Integer = 1
    exponential: Text = "exact"
    saturate: Flag | None = None
    operations: dict[Text, RuleForm] = field(default_factory=dict)
    einsums: dict[Text, RuleForm] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Formats:
    """The formats of an Einsum: of its operands, of its sums (None: exact until finished), of its result."""

    input: Format
    accumulate: Format | None
    output: Format


@dataclass(frozen=True, kw_only=True)
class Numerics:
    """The arithmetic of a machine. In `operations` and `einsums` the name "word" stands for the word.

    `places`: Einsum -> where its rule stands.
    """

    word: Format
    accumulate: str = "fp32"
    block: int = 1
    exponential: Exponential = EXACT
    saturate: bool | None = None
    operations: Mapping[str, RuleForm] = field(default_factory=dict)
    einsums: Mapping[str, RuleForm] = field(default_factory=dict)
    source: str = ""
    places: Mapping[str, Place] = field(default_factory=dict, compare=False)

    @property
    def double(self) -> bool:
        """Whether float64 is needed to hold the values: fixed point, whose sums are exact, and fp64."""
        names = {self.accumulate, *(t for r in self._rules for t in (r.input, r.output, r.accumulate or ""))}
        return self.word.fixed or any(n.startswith(("int", "q", "fp64")) for n in names) or self.word.fraction > 23

    @property
    def _rules(self) -> list[RuleForm]:
        return [*self.operations.values(), *self.einsums.values()]

    def formats(self, einsum: Einsum) -> Formats:
        """Return the formats of an Einsum."""
        rule = self.einsums.get(einsum.name) or self.operations.get(last_operation(einsum)) or RuleForm()
        total = rule.accumulate or self.accumulate
        accumulate = None if total == "exact" else self._format(total)
        return Formats(input=self._format(rule.input), accumulate=accumulate, output=self._format(rule.output))

    def _format(self, name: str) -> Format:
        return self.word if name == "word" else number_format(name, self.saturate)

    def using(self, word: str = "", exponential_unit: str = "", accumulate: str = "", block: int = 0) -> "Numerics":
        """Return these numerics with another word, exponential unit, format of sums, or block of products.

        A fixed-point word brings exact sums, which integer accumulators of twice its width and more have. Rules that
        state their own format of sums keep it.

        Raises SpecError at an unknown name.

        >>> plain("bf16").using("int8", "poly5").accumulate
        'exact'
        """
        result = self
        if word:
            given = number_format(word, self.saturate)
            result = replace(result, word=given, accumulate="exact" if given.fixed else result.accumulate)
        if accumulate:
            name = accumulate if accumulate == "exact" else number_format(accumulate, self.saturate).name
            result = replace(result, accumulate=name)
        if exponential_unit:
            result = replace(result, exponential=exponential(exponential_unit))
        return replace(result, block=block) if block else result


def plain(word: str, accumulate: str = "fp32") -> Numerics:
    """Return numerics with one word everywhere and exact functions.

    >>> plain("bf16").word.bits
    16
    """
    return Numerics(word=number_format(word), accumulate=accumulate)


def last_operation(einsum: Einsum) -> str:
    """Return the operation by which an Einsum's result comes about, as designs name it.

    >>> from einsum_cascade.parse import parse_line
    >>> text = "Q[m,p] = A[e,p] * B[e,m] ; G[p] = Q[m,p] :: max(m) ; S[m,p] = exp(Q[m,p] - G[p]) ; D[p] = S[m,p]"
    >>> [last_operation(e) for e in parse_line(text)]
    ['mul+add', 'max', 'exp', 'add']
    """
    root = einsum.expression.operator if isinstance(einsum.expression, Apply) else "copy"
    if einsum.reductions:
        operation = REDUCTION_OPERATION[einsum.reductions[-1].operator]
    elif reduced_variables(einsum):
        operation = "add"
    else:
        return root
    return "mul+add" if (operation, root) == ("add", "mul") else operation


def read_numerics(form: NumericsForm, document: Document, *path: str) -> Numerics:
    """Return the numerics of a section that stands at `path` of a document. Raises SpecError with every mistake."""
    wrong: list[Diagnostic] = []

    def checked(name: str, *at: str, words: tuple[str, ...] = ()) -> Format | None:
        if name in words:
            return None
        try:
            return number_format(name, form.saturate, document.place(*path, *at))
        except SpecError as error:
            wrong.extend(error.diagnostics)
            return None

    word = checked(form.word, "word")
    checked(form.accumulate, "accumulate", words=("exact",))
    for kind, rules in (("operations", form.operations), ("einsums", form.einsums)):
        for name, rule in rules.items():
            checked(rule.input, kind, name, "input", words=("word",))
            checked(rule.output, kind, name, "output", words=("word",))
            checked(rule.accumulate or "exact", kind, name, "accumulate", words=("exact",))
    known = [*COST_CLASS, "copy", "mul+add"]
    for name in form.operations:
        if name not in known:
            place = document.places.get((*path, "operations", f"{name}#key"), document.place(*path, "operations"))
            hint = did_you_mean("mul+add" if sorted(name.split("+")) == ["add", "mul"] else name, known)
            message, expected = f"unknown operation {name}", "an operation of the cascade language, or mul+add"
            wrong.append(Diagnostic(place=place, message=message, expected=expected, hint=hint))
    if form.block < 1:
        place = document.place(*path, "block")
        wrong.append(Diagnostic(place=place, message=f"block is {form.block}", expected="a positive whole number"))
    unit = EXACT
    try:
        unit = exponential(form.exponential, document.place(*path, "exponential"))
    except SpecError as error:
        wrong.extend(error.diagnostics)
    if wrong or word is None:
        raise SpecError(wrong)
    places = {
        name: document.places.get((*path, "einsums", f"{name}#key"), document.place(*path)) for name in form.einsums
    }
    return Numerics(
        word=word, accumulate=form.accumulate, block=form.block, exponential=unit, source=form.source,
        saturate=form.saturate, operations=form.operations, einsums=form.einsums, places=places,
    )  # fmt: skip
