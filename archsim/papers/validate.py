"""Validate: every published figure that archsim compares against, how far it is off, and why."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from archsim.papers.published import Published, Rule, load_published, published_names
from archsim.papers.reproduce import Result
from archsim.papers.study import Row
from einsum_cascade.errors import Diagnostic, Place, SpecError, did_you_mean
from einsum_cascade.forms import Scalar

__all__ = ["Check", "Group", "Published", "load_published", "published_names", "validate"]


@dataclass(frozen=True)
class Check:
    """One published figure and what the model gives for it."""

    group: str
    where: str
    published: float
    computed: float
    tolerance: float

    @property
    def deviation(self) -> float:
        """Computed over published, less one."""
        return self.computed / self.published - 1


@dataclass(frozen=True)
class Group:
    """Figures with one tolerance and one reason."""

    name: str
    why: str
    checks: tuple[Check, ...]

    @property
    def worst(self) -> Check:
        """The figure that is farthest off, measured by its tolerance."""
        return max(self.checks, key=lambda c: abs(c.deviation) / c.tolerance)

    @property
    def ok(self) -> bool:
        """Whether every figure is within its tolerance."""
        return abs(self.worst.deviation) <= self.worst.tolerance


def validate(result: Result, published: Published, reference: Path | None = None) -> list[Group]:
    """Compare the headlines of a study and its published figures with what the model gives, by groups.

    `reference`: a folder with the published tables in full, of which every row is compared too.

    Raises SpecError: a reference file that cannot be read or has columns, names or numbers that are not known.
    """
    if reference is not None and not any((reference / t.file).exists() for t in published.tables.values()):
        expected = " or ".join(t.file for t in published.tables.values())
        place = Place(file=str(reference))
        raise SpecError([Diagnostic(place=place, message="holds no published table", expected=expected)])
    computed = result.tables[result.study.accounting]
    checks: dict[str, list[Check]] = {}
    for name, table in published.tables.items():
        rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        sources = [(rows, table.source)]
        if reference is not None and (reference / table.file).exists():
            sources.append((_read_csv(reference / table.file), str(reference / table.file)))
        for given, source in sources:
            index = _index(computed[name], given, published)
            for row in given:
                for check in _compare(published, name, row, index, source):
                    checks.setdefault(check.group, []).append(check)
    why = {rule.group: rule.why for rule in published.rules}
    groups = [Group(g, why[g], tuple(dict.fromkeys(checks[g]))) for g in why if g in checks]
    return [*_headlines(result), *groups]


def _headlines(result: Result) -> Iterator[Group]:
    """One group a headline: each has its own reason."""
    for h in result.headlines:
        name, computed = f"headline, {h['headline']}", float(h["computed"])
        checks = [Check(name, str(h["mean"]), float(h["published"]), computed, float(h["tolerance"]))]
        if h["expected"]:
            where = f"{h['mean']}, corrected"
            checks.append(Check(name, where, float(h["expected"]), computed, float(h["expected_tolerance"])))
        yield Group(name, str(h["why"]), tuple(checks))


def _index(computed: list[Row], given: list[dict[str, Scalar]], published: Published) -> Mapping[tuple[str, ...], Row]:
    """The study's rows by the keys that the published rows have."""
    keys = [published.keys[c] for c in (given[0] if given else {}) if c in published.keys]
    return {tuple(str(row[k]) for k in keys): row for row in computed}


def _compare(published: Published, name: str, row: Mapping[str, Scalar], index: Mapping[tuple[str, ...], Row],
             source: str) -> Iterator[Check]:  # fmt: skip
    shown = {c: str(v) for c, v in row.items() if c in published.keys}
    at = tuple(published.names.get(v, v) for v in shown.values())
    where = ", ".join(shown.values())
    if at not in index:
        message = f"{name}: the study has no point {where}"
        raise SpecError([Diagnostic(place=Place(file=source), message=message)])
    for column, value in row.items():
        if column in published.keys or value == "":
            continue
        quantity = published.quantities.get(column)
        rule = _rule(published, name, column, index[at])
        if quantity is None or rule is None:
            hint = did_you_mean(column, published.quantities)
            raise SpecError([Diagnostic(place=Place(file=source), message=f"no rule for {column}", hint=hint)])
        try:
            figure = float(value) * quantity.factor
        except ValueError:
            message = f"{where}: {column} is {value}"
            raise SpecError([Diagnostic(place=Place(file=source), message=message, expected="a number")]) from None
        yield Check(rule.group, f"{where}: {column}", figure, float(index[at][quantity.column]), float(rule.tolerance))


def _rule(published: Published, name: str, column: str, row: Row) -> Rule | None:
    for rule in published.rules:
        if name not in rule.tables or column not in rule.quantities:
            continue
        if rule.configurations and row.get("configuration") not in rule.configurations:
            continue
        if any(str(row.get(c)) not in values for c, values in rule.where.items()):
            continue
        if not rule.lengths or row["sequence_length"] in rule.lengths:
            return rule
    return None


def _read_csv(path: Path) -> list[dict[str, Scalar]]:
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            return [dict(row) for row in csv.DictReader(stream)]
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a UTF-8 text file"
        raise SpecError([Diagnostic(place=Place(file=str(path)), message=f"cannot be read: {reason}")]) from None
