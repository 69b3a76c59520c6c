"""Files -> frozen dataclasses: `load(Cascade, "attention_1pass")`, or a path, or `read_cascades(text)`."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from einsum_cascade import document as yaml_document
from einsum_cascade.cascade import Cascade, Expect
from einsum_cascade.check import check
from einsum_cascade.document import Document
from einsum_cascade.einsum import Einsum, Expression
from einsum_cascade.errors import Diagnostic, Place, SpecError, did_you_mean
from einsum_cascade.forms import FORBID, Flag, Integer, Real, Scalar, Text, read_form
from einsum_cascade.macro import expand
from einsum_cascade.parse import parse_conditions, parse_expression, parse_line
from einsum_cascade.teaal import is_teaal, read_teaal

FOLDER = Path(__file__).parent / "cascades"
Noun = TypeVar("Noun")


@dataclass(frozen=True, kw_only=True)
class ExpectForm:
    """The form of `expect:` in a file."""

    __pydantic_config__ = FORBID
    passes: Integer | None = None
    macs: Text | Integer | None = None
    operations: dict[Text, Scalar] = field(default_factory=dict)
    reference: Text = ""
    mask: Text = ""
    stable: Flag = False


@dataclass(frozen=True, kw_only=True)
class CascadeForm:
    """The form of a cascade document: which keys there are, and the kind of their values."""

    __pydantic_config__ = FORBID
    cascade: Text
    description: Text = ""
    source: Text = ""
    variant: Text = ""
    ranks: dict[Text, Scalar] = field(default_factory=dict)
    params: dict[Text, Scalar] = field(default_factory=dict)
    inputs: dict[Text, list[Text | Integer]]
    outputs: list[Text]
    vars: dict[Text, Text] = field(default_factory=dict)
    views: Text = ""
    init: Text = ""
    einsums: Text
    declare: dict[Text, list[Text | Integer]] = field(default_factory=dict)
    seq: list[Text] = field(default_factory=list)
    expect: ExpectForm = ExpectForm()
    density: dict[Text, Real] = field(default_factory=dict)
    stop: dict[Text, Scalar] = field(default_factory=dict)
    mapping: dict[Text, object] = field(default_factory=dict)


def load(noun: type[Noun], name: str | Path) -> Noun:
    """Return the document of kind `noun` with this name, or in this file.

    A name is looked up among the cascades of the package; a path may be followed by `#name` where the file holds
    several documents (the first one counts otherwise).

    Raises SpecError: nothing of that name, an unreadable file, or every mistake of the file at once.

    >>> load(Cascade, "attention_1pass").outputs
    ('AV',)
    """
    if noun is not Cascade:
        raise TypeError(f"load knows Cascade, not {noun.__name__}")
    path, _, wanted = str(name).partition("#")
    if path.endswith((".yaml", ".yml")) or Path(path).is_file():
        found = {c.name: c for c in read_file(Path(path))}
        result = found.get(wanted or next(iter(found), ""))
        if result is None:
            message = f"no cascade named {wanted} in this file" if wanted else "no cascade in this file"
            raise SpecError([Diagnostic(place=Place(file=path), message=message, hint=did_you_mean(wanted, found))])
        return result  # type: ignore[return-value]
    names = index()
    if path not in names:
        message = f"no cascade named {path}"
        hint = did_you_mean(path, names) or "`archsim list` shows all; a file is given by its path, ending in .yaml"
        raise SpecError([Diagnostic(place=Place(file=path), message=message, hint=hint)])
    return next(c for c in read_file(names[path]) if c.name == path)  # type: ignore[return-value]


def index() -> dict[str, Path]:
    """Return the names of the cascades of the package, each with its file, without parsing them.

    >>> index()["attention_1pass"].suffix
    '.yaml'
    """
    pattern = re.compile(r"^cascade:\s*[\"']?([\w.-]+)", re.MULTILINE)
    return {n: f for f in sorted(FOLDER.glob("*.yaml")) for n in pattern.findall(f.read_text(encoding="utf-8"))}


def read_file(path: Path) -> list[Cascade]:
    """Return the cascades of a file. Raises SpecError as `load` does."""
    return read_cascades(yaml_document.read_text(path), str(path))


def read_cascades(text: str, file: str = "<text>") -> list[Cascade]:
    """Return the cascades of a YAML text, one a document.

    Raises SpecError with every mistake of the text.

    >>> text = "cascade: dot\\ninputs: {A: [K], B: [K]}\\noutputs: [Z]\\neinsums: Z[] = A[k] * B[k]"
    >>> [c.name for c in read_cascades(text)]
    ['dot']
    """
    wrong: list[Diagnostic] = []
    cascades: list[Cascade] = []
    for document in yaml_document.read(text, file):
        try:
            cascades.append(read_teaal(document) if is_teaal(document) else _cascade(document))
        except SpecError as error:
            wrong += error.diagnostics
    if not cascades and not wrong:
        wrong.append(Diagnostic(place=Place(file=file), message="the file holds no document"))
    seen: set[str] = set()
    for cascade in cascades:
        if cascade.name in seen:
            wrong.append(Diagnostic(place=cascade.place, message=f"a second cascade named {cascade.name}"))
        seen.add(cascade.name)
    if wrong:
        raise SpecError(wrong)
    return cascades


def _cascade(document: Document) -> Cascade:
    wrong = _form_errors(document)
    form = None
    if not wrong:
        try:
            form = read_form(document, CascadeForm)
        except SpecError as error:
            wrong = list(error.diagnostics)
    unreadable = {(d.place.line, d.place.column) for d in wrong}
    collect = _Collect(document)
    statements = [
        replace(s, role=role)
        for key, role in ROLES.items()
        if (document.place(key).line, document.place(key).column) not in unreadable
        for s in collect.statements(key)
    ]
    if form is None:
        raise SpecError([*wrong, *collect.wrong])
    expect = form.expect
    if expect.mask:
        collect.attempt(parse_conditions, expect.mask, document.place("expect", "mask"))
    cascade = Cascade(
        name=form.cascade,
        description=form.description,
        source=form.source,
        variables=form.vars,
        ranks=collect.expressions("ranks", form.ranks),
        params=collect.expressions("params", form.params),
        inputs=collect.shapes("inputs", form.inputs),
        declared=collect.shapes("declare", form.declare),
        outputs=tuple(form.outputs),
        statements=tuple(statements),
        sequence=tuple(form.seq),
        density={k: float(v) for k, v in form.density.items()},
        stop=collect.expressions("stop", form.stop),
        mapping=form.mapping,
        place=document.place("cascade"),
        expect=Expect(
            passes=expect.passes,
            reference=expect.reference,
            mask=expect.mask,
            stable=expect.stable,
            macs=None if expect.macs is None else collect.expression(expect.macs, "expect", "macs"),
            operations=collect.expressions("operations", expect.operations, "expect"),
        ),
    )
    wrong = list(collect.wrong)
    try:
        cascade = expand(cascade, form.variant, document.place("variant"))
        wrong += [d for d in check(cascade, document.place) if not collect.excuses(d)]
    except SpecError as error:
        wrong += error.diagnostics
    if wrong:
        raise SpecError(wrong)
    return cascade


class _Collect:
    """Parses the texts of a document and keeps every mistake."""

    def __init__(self, document: Document) -> None:
        self.document, self.wrong = document, list[Diagnostic]()
        self.broken: set[str] = set()

    def attempt(self, parser: Callable[[str, Place], Noun], text: str, place: Place) -> Noun | None:
        try:
            return parser(text, place)
        except SpecError as error:
            self.wrong += error.diagnostics
            return None

    def statements(self, key: str) -> Iterable[Einsum]:
        if (key,) in self.document.nodes:
            for text, place in self.document.text_lines(key):
                found = self.attempt(parse_line, text, place)
                if found is None:
                    self.broken |= set(re.findall(r"[A-Z_]\w*", text.upper()))
                yield from found or ()

    def excuses(self, diagnostic: Diagnostic) -> bool:
        """Whether a mistake may follow from a line that could not be read."""
        return bool(self.broken & set(re.findall(r"\b[A-Z]\w*", diagnostic.message)))

    def expression(self, value: Scalar, *path: str | int) -> Expression:
        place = self.document.place(*path)
        quoted = place.text[place.column - 1 : place.column] in ("'", '"')
        place = replace(place, column=place.column + quoted, length=max(1, place.length - 2 * quoted))
        return self.attempt(parse_expression, str(value), place) or parse_expression("0")

    def expressions(self, key: str, values: Mapping[str, Scalar], *above: str) -> dict[str, Expression]:
        return {name: self.expression(value, *above, key, name) for name, value in values.items()}

    def shapes(self, key: str, values: Mapping[str, list[str | int]]) -> dict[str, tuple[Expression, ...]]:
        return {
            name: tuple(self.expression(d, key, name, i) for i, d in enumerate(dims)) for name, dims in values.items()
        }


ROLES = {"views": "view", "init": "initial", "einsums": "einsum"}


def _form_errors(document: Document) -> list[Diagnostic]:
    """Mistakes that deserve a better message than the form's own."""
    if not isinstance(document.data, dict):
        return [Diagnostic(place=document.place(), message="a cascade is a mapping", expected="`cascade: name`, ...")]
    wrong = []
    for key in ROLES:
        value = document.data.get(key, "")
        if isinstance(value, list | dict):
            reason = "a list of statements is not read: in `- GM[p] = QK[m,p] :: max(m)` YAML takes `: ` for a mapping"
            hint = f"write `{key}: |` and one statement a line"
            wrong.append(Diagnostic(place=document.place(key), message=reason, expected="a block of text", hint=hint))
        elif isinstance(value, str) and (key,) in document.nodes and document.folded(key):
            message = "YAML folds these lines into one, so the statements would run together"
            wrong.append(Diagnostic(place=document.place(key), message=message, hint=f"write `{key}: |`"))
    return wrong
