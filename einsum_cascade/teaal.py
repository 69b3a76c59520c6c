"""TeAAL files (MICRO'23): `einsum: {declaration: ..., expressions: [...]}`, where they fall in the common subset."""

from collections.abc import Mapping
from pathlib import Path

from einsum_cascade.cascade import Cascade
from einsum_cascade.check import check
from einsum_cascade.document import Document, Plain
from einsum_cascade.einsum import Einsum, Expression, read_accesses
from einsum_cascade.errors import Diagnostic, Place, SpecError
from einsum_cascade.parse import parse_expression, parse_line


def is_teaal(document: Document) -> bool:
    """Return whether a document has TeAAL's top-level key.

    >>> from einsum_cascade.document import read
    >>> is_teaal(read("einsum: {declaration: {A: [K]}}", "a.yaml")[0])
    True
    """
    return isinstance(document.data, dict) and "einsum" in document.data and "cascade" not in document.data


def read_teaal(document: Document) -> Cascade:
    """Return the cascade of a TeAAL document: inputs are never written, outputs never read.

    Raises SpecError at what is not in the common subset, saying what is not supported.

    >>> from einsum_cascade.document import read
    >>> text = "einsum: {declaration: {A: [K], B: [K], Z: []}, expressions: ['Z[] = A[k] * B[k]']}"
    >>> read_teaal(read(text, "dot.yaml")[0]).outputs
    ('Z',)
    """
    data = document.data
    assert isinstance(data, dict)
    wrong = _sections(document, data)
    body, mapping = data["einsum"], data.get("mapping")
    declaration = body.get("declaration") if isinstance(body, dict) else None
    expressions = body.get("expressions") if isinstance(body, dict) else None
    if not isinstance(declaration, dict) or not isinstance(expressions, list):
        message = "TeAAL's `einsum` needs `declaration` (tensor: [ranks]) and `expressions` (a list)"
        raise SpecError([*wrong, Diagnostic(place=document.place("einsum"), message=message)])
    shapes = _shapes(document, declaration, wrong)
    statements = _statements(document, expressions, wrong)
    if wrong:
        raise SpecError(wrong)
    written = {s.name for s in statements}
    read = {a.tensor for s in statements for a in read_accesses(s)}
    cascade = Cascade(
        name=Path(document.file).stem, description="from a TeAAL file", statements=tuple(statements),
        inputs={t: s for t, s in shapes.items() if t not in written},
        declared={t: s for t, s in shapes.items() if t in written},
        outputs=tuple(dict.fromkeys(s.name for s in statements if s.name not in read)),
        mapping=mapping if isinstance(mapping, dict) else {}, place=document.place("einsum"),
    )  # fmt: skip

    def place_of(*path: str | int) -> Place:
        declared = path[0] in ("inputs", "declare")
        return document.place(*(("einsum", "declaration", *path[1:]) if declared else path))

    wrong = check(cascade, place_of)
    if wrong:
        raise SpecError(wrong)
    return cascade


def _sections(document: Document, data: Mapping[str, Plain]) -> list[Diagnostic]:
    hint = "only `einsum` and `mapping` are read here; a machine is described in a design file"
    return [
        Diagnostic(
            place=document.places[(f"{key}#key",)],
            message=f"TeAAL's section {key} is not supported in a cascade file",
            hint=hint,
        )
        for key in data
        if key not in ("einsum", "mapping")
    ]


def _shapes(
    document: Document, declaration: Mapping[str, Plain], wrong: list[Diagnostic]
) -> dict[str, tuple[Expression, ...]]:
    shapes: dict[str, tuple[Expression, ...]] = {}
    for tensor, dimensions in declaration.items():
        at = ("einsum", "declaration", tensor)
        if isinstance(dimensions, list):
            places = [document.place(*at, i) for i in range(len(dimensions))]
            shapes[tensor] = tuple(parse_expression(str(d), p) for d, p in zip(dimensions, places, strict=True))
        else:
            message = f"the declaration of {tensor} is not a list"
            wrong.append(Diagnostic(place=document.place(*at), message=message, expected="a list of ranks"))
    return shapes


def _statements(document: Document, expressions: list[Plain], wrong: list[Diagnostic]) -> list[Einsum]:
    statements: list[Einsum] = []
    for i, text in enumerate(expressions):
        place = document.place("einsum", "expressions", i)
        if not isinstance(text, str):
            message = "this list item is not a text (YAML takes `: ` for a mapping)"
            wrong.append(Diagnostic(place=place, message=message, hint="quote it"))
        elif "take(" in text or "dot(" in text:
            wrong.append(
                Diagnostic(
                    place=place,
                    message="TeAAL's take() and dot() are not supported",
                    hint="write a product, and a condition for what is to be kept",
                )
            )
        else:
            try:
                for line, at in document.text_lines("einsum", "expressions", i):
                    statements += parse_line(line, at)
            except SpecError as error:
                wrong += error.diagnostics
    return statements
