"""Published: figures of a paper about a study as they stand there, with their sources and how far they may be off."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from archsim.papers.study import FOLDER, read_file
from einsum_cascade.document import Document
from einsum_cascade.errors import Diagnostic, SpecError, did_you_mean
from einsum_cascade.forms import FORBID, Real, Scalar, Text

__all__ = ["Published", "Quantity", "Rule", "Table", "load_published", "published_names", "published_rows"]


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A column of the study's tables, and what to multiply a published figure with to get its unit."""

    __pydantic_config__ = FORBID
    column: Text
    factor: Real = 1


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows quoted from a published table, "" where it has no figure.

    The whole of it may stand in `file` of a folder of reference figures.
    """

    __pydantic_config__ = FORBID
    file: Text
    source: Text
    columns: list[Text]
    rows: list[list[Scalar]]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How far figures may be off (relative), and why they are; no `configurations` or `lengths`: all of them.

    `where` names columns of the study's row and the values that they may have.
    """

    __pydantic_config__ = FORBID
    group: Text
    tables: list[Text]
    quantities: list[Text]
    configurations: list[Text] = field(default_factory=list)
    lengths: list[Real] = field(default_factory=list)
    where: dict[Text, list[Text]] = field(default_factory=dict)
    tolerance: Real
    why: Text = ""


@dataclass(frozen=True, kw_only=True)
class Published:
    """What a paper published about a study: tables as they stand there, and how their names and units read here."""

    __pydantic_config__ = FORBID
    published: Text
    source: Text
    names: dict[Text, Text]
    keys: dict[Text, Text]
    quantities: dict[Text, Quantity]
    tables: dict[Text, Table]
    rules: list[Rule]


def published_names() -> dict[str, Path]:
    """Return the studies of which published figures come with archsim."""
    return {f.stem: f for f in sorted((FOLDER / "published").glob("*.yaml"))}


def load_published(name: str | Path) -> Published:
    """Return the published figures of this name, or in this file. Raises SpecError with every mistake of the file."""
    published, document = read_file(Published, name, published_names(), "set of published figures")
    wrong = list(_wrong_names(published, document))
    if wrong:
        raise SpecError(wrong)
    return published


def _wrong_names(published: Published, document: Document) -> Iterator[Diagnostic]:
    known = [*published.keys, *published.quantities]
    for name, table in published.tables.items():
        for i, column in enumerate(table.columns):
            if column not in known:
                place = document.place("tables", name, "columns", i)
                yield Diagnostic(place=place, message=f"unknown column {column}", hint=did_you_mean(column, known))
        for i, row in enumerate(table.rows):
            if len(row) != len(table.columns):
                message = f"{len(row)} values for {len(table.columns)} columns"
                yield Diagnostic(place=document.place("tables", name, "rows", i), message=message)
    for i, rule in enumerate(published.rules):
        for key, given, choices in (("tables", rule.tables, published.tables),
                                    ("quantities", rule.quantities, published.quantities)):  # fmt: skip
            for j, value in enumerate(given):
                if value not in choices:
                    place = document.place("rules", i, key, j)
                    yield Diagnostic(place=place, message=f"unknown name {value}", hint=did_you_mean(value, choices))


def published_rows(published: Published, table: str) -> list[dict[str, Scalar]]:
    """Return the quoted rows of a table under the study's own names and in its units; none of an unknown table."""
    if table not in published.tables:
        return []
    given = published.tables[table]
    rows = []
    for row in given.rows:
        own: dict[str, Scalar] = {}
        for column, value in zip(given.columns, row, strict=True):
            if column in published.keys:
                own[published.keys[column]] = published.names.get(str(value), value)
            elif value != "":
                quantity = published.quantities[column]
                own[quantity.column] = float(value) * quantity.factor
        rows.append(own)
    return rows
