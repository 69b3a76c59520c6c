"""Structures: what the points of a sweep share that differ in numbers alone, and the documents that numbers make."""

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field, replace
from pathlib import Path

from archsim.design import Design, read_design
from archsim.documents import Documents, default, documents
from archsim.library import FORMS, changed, energy_tables, find
from archsim.paths import data_folder
from archsim.setting import KINDS, Setting, applicable
from archsim.sweeps.axes import SYMBOLS, Axis, dimension_of
from archsim.sweeps.space import Space
from archsim.value import Value, evaluate
from archsim.workload import Workload
from einsum_cascade.document import Document, Plain, read_text
from einsum_cascade.errors import Diagnostic, SpecError
from einsum_cascade.load import index
from einsum_cascade.parse import parse_expression

__all__ = ["Structure", "completed", "fingerprints", "structure", "structures"]


@dataclass(frozen=True, kw_only=True)
class Structure:
    """The documents of points that differ in numbers alone, at the first value of every axis of numbers.

    `texts` path -> the value of each axis that is no number, as text; `names` kind -> the document as it was named;
    `design` the text of the design with a name in the place of every number that varies: path -> name in `stands_for`.
    """

    found: Documents
    names: Dict[str, str]
    texts: Dict[str, str]
    design: Document = field(repr=False)
    stands_for: Dict[str, str]

    def machine(self, values: Dict[str, Value]) -> Design:
        """Return the design with numbers by path, each one or an array of shape (n,). Raises SpecError."""
        given = {self.stands_for.get(p, p.rpartition(".")[2]): v for p, v in values.items() if p.startswith("design.")}
        return read_design(self.design, energy_tables(), given) if given else self.found.design

    def constants(self, values: Dict[str, Value]) -> dict[str, Value]:
        """Return the parameters of the design with numbers by path, whatever comes of them. Raises SpecError."""
        found = {p.removeprefix("design.parameters."): v for p, v in values.items() if _parameter(p)}
        data = self.design.data
        given = data.get("parameters") if isinstance(data, dict) else None
        for name, text in given.items() if isinstance(given, dict) else ():
            if name not in found:
                place = self.design.place("parameters", name)
                found[name] = evaluate(parse_expression(str(text), place), found)
        return found

    def sizes(self, values: Dict[str, Value]) -> Workload:
        """Return the workload with numbers by path."""
        workload = self.found.workload
        fields = {p.partition(".")[2]: v for p, v in values.items() if p.startswith("workload.")}
        ranks = {n.removeprefix("ranks."): v for n, v in fields.items() if n.startswith("ranks.")}
        given: dict[str, Value] = {n: v for n, v in fields.items() if not n.startswith("ranks.")}
        result: Workload = replace(workload, **given)  # type: ignore[arg-type]
        return replace(result, ranks={**workload.ranks, **ranks}) if ranks else result

    def parameters(self, values: Dict[str, Value]) -> dict[str, Value]:
        """Return what fixes parameters of the mapping and of the cascade by name."""
        own = {p.rpartition(".")[2]: v for p, v in values.items() if p.startswith(("mapping.", "cascade."))}
        return {**self.found.values, **own}


def structures(space: Space) -> Iterator[tuple[int, ...]]:
    """Yield positions along every dimension that show all documents and all values that are no numbers.

    Every combination of documents; the other structures one by one, with the first of the others.
    """
    lengths = [len(d[0]) if any(a.numbers is None for a in d) else 1 for d in space.dimensions]
    named = [any(a.path in KINDS for a in d) for d in space.dimensions]
    yield from itertools.product(*(range(n if own else 1) for n, own in zip(lengths, named, strict=True)))
    for k, (length, own) in enumerate(zip(lengths, named, strict=True)):
        for i in range(1, 1 if own else length):
            yield tuple(i if j == k else 0 for j in range(len(lengths)))


def structure(space: Space, at: tuple[int, ...]) -> Structure:
    """Return the structure at a position along every dimension.

    Raises SpecError, in the sweep file where a value of it is wrong.
    """
    chosen = {a.path: (a, i if a.numbers is None else 0) for d, i in zip(space.dimensions, at, strict=True) for a in d}
    names = {kind: _beside(space, a.text(i)) for kind, (a, i) in chosen.items() if kind in KINDS}
    settings = {p: _setting(a, i) for p, (a, i) in chosen.items() if p not in KINDS}
    settings |= {p: _one(p) for p in space.derived}
    varying = [p for p, (a, _) in chosen.items() if a.numbers is not None] + list(space.derived)
    # Numbers need not make sense together at every point: of those that vary only new ranks are there from the start.
    fixed = [s for p, s in settings.items() if p not in varying or p.startswith(("cascade.", "workload.ranks."))]
    try:
        found = documents(**names, settings=fixed)  # type: ignore[arg-type]
        machine = names.get("design") or default(found.mapping, "design")
        design = find("design", machine)
        _check_paths({**names, "design": machine}, [settings[p] for p in varying])
        stands_for = {p: f"SWEPT_{i}" for i, p in enumerate(varying) if p.startswith("design.") and not _parameter(p)}
        for path, setting in settings.items():
            if path.startswith("design.") and (path not in varying or path in stands_for):
                design = changed(design, "design", setting.path, stands_for.get(path, setting.value))
    except SpecError as error:
        positions = {p: i for p, (_, i) in chosen.items()}
        raise SpecError(_moved(space, d, settings, positions) for d in error.diagnostics) from None
    defaults = {kind: str(getattr(found.mapping, kind)) for kind in ("design", "cascade")}
    return Structure(
        found=found, names={**defaults, **{k: chosen[k][0].text(chosen[k][1]) for k in names}}, design=design,
        texts={p: a.text(i) for p, (a, i) in chosen.items() if a.numbers is None and p not in KINDS},
        stands_for=stands_for,
    )  # fmt: skip


def _check_paths(names: Dict[str, str], settings: Sequence[Setting]) -> None:
    wrong: list[Diagnostic] = []
    for setting in settings:
        try:
            if setting.kind in FORMS:
                applicable(setting.kind, names[setting.kind], [setting])
        except SpecError as error:
            wrong += error.diagnostics
    if wrong:
        raise SpecError(wrong)


def _parameter(path: str) -> bool:
    return path.startswith("design.parameters.")


def _beside(space: Space, name: str) -> str:
    """Return the path of a document that is named by a path: beside the sweep file."""
    path = Path(name.partition("#")[0])
    return str(Path(space.document.file).parent / name) if path.suffix in (".yaml", ".yml") else name


def _setting(axis: Axis, i: int) -> Setting:
    kind, _, path = axis.path.partition(".")
    value: Plain = axis.values[i] if axis.numbers is None else _plain(axis.path, float(axis.numbers[i]))
    return Setting(kind=kind, path=path, value=value, text=f"{axis.path}={value}")


def _one(path: str) -> Setting:
    """Return a setting of a derived value to anything, to see whether its path exists."""
    kind, _, rest = path.partition(".")
    value = _plain(path, 1.0)
    return Setting(kind=kind, path=rest, value=value, text=f"{path}={value}")


def _plain(path: str, number: float) -> Plain:
    if dimension_of(path):
        return f"{number!r} {SYMBOLS[dimension_of(path)]}"
    return int(number) if number.is_integer() else number


def _moved(space: Space, d: Diagnostic, settings: Dict[str, Setting], positions: Dict[str, int]) -> Diagnostic:
    """Return a mistake in the place of the sweep file that it comes from."""
    document = space.document
    for path, setting in settings.items():
        if d.place.file == "--set" and d.place.text == setting.text:
            section = "derived" if path in space.derived else "axes"
            at_key = d.place.column == setting.place.column
            item = document.place(section, path, positions.get(path, 0))
            return replace(d, place=document.places[section, f"{path}#key"] if at_key else item)
    for axis in space.axes:  # a document that does not exist
        for i, value in enumerate(axis.values):
            named = axis.path in KINDS and d.place.file in (value, _beside(space, str(value)))
            if named and d.message.startswith(("no ", "cannot be read")):
                return replace(d, place=document.place("documents", axis.path, i))
    return d


def completed(space: Space, own: Structure, values: Dict[str, Value]) -> tuple[dict[str, Value], dict[str, Value]]:
    """Return the values by path with the derived ones, and what expressions may name.

    Derived values are computed in order; each may name columns, derived values before it, ranks of the workload and
    parameters of the design as they are then.

    Raises SpecError at a name that nothing gives.
    """
    values = dict(values)
    for path, expression in space.derived.items():
        values[path] = evaluate(expression, _names(space, own, values))
    return values, _names(space, own, values) if space.where else {}


def _names(space: Space, own: Structure, values: Dict[str, Value]) -> dict[str, Value]:
    named = {space.names[p]: v for p, v in values.items()}
    return {**own.sizes(values).sizes(), **own.constants(values), **named}


def fingerprints(space: Space) -> dict[str, str]:
    """Return kind/name -> SHA-256 of every file that the points depend on. Raises SpecError, as `structure`."""
    result: dict[str, str] = {}
    for at in structures(space):
        own = structure(space, at)
        cascade = own.names["cascade"].partition("#")[0]
        files = {"mapping": own.found.mapping.document.file, "design": own.design.file}
        files["workload"] = find("workload", _beside(space, own.names["workload"])).file
        files["cascade"] = str(index().get(cascade, _beside(space, cascade)))
        for kind, file in files.items():
            result[f"{kind}/{own.names[kind]}"] = _digest(file)
        table = own.found.design.energy.name
        result[f"energy/{table}"] = _digest(str(data_folder("designs") / "energy" / f"{table}.yaml"))
    return dict(sorted(result.items()))


def _digest(file: str) -> str:
    return hashlib.sha256(read_text(Path(file)).encode()).hexdigest()
