"""Space: the points of a sweep file. Documents and axes that are crossed, derived values, conditions, objectives."""

import json
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archsim.setting import KINDS
from archsim.sweeps.axes import SYMBOLS, Axis, dimension_of, read_axis
from einsum_cascade.document import Document, find_one
from einsum_cascade.einsum import Apply, Condition, Constant, Expression, Variable
from einsum_cascade.errors import Diagnostic, SpecError, did_you_mean
from einsum_cascade.forms import FORBID, Scalar, Text, read_form
from einsum_cascade.parse import parse_conditions, parse_expression

__all__ = ["Column", "Space", "SweepForm", "columns_json", "find_space", "read_space"]

OUTPUTS = {
    "latency_s": ("s", "latency"),
    "energy_j": ("J", "energy"),
    "area_mm2": ("mm²", "area"),
    "dram_traffic_bytes": ("B", "DRAM traffic"),
}
VERDICTS = {"feasible": "feasible", "reason": "why it is infeasible", "bottleneck": "what limits the latency"}
MINIMIZED = ["latency_s", "energy_j", "area_mm2"]
KEEP = ("all", "front")
MOST = 2**48
"""Points of one sweep: their numbers are exact in every column type."""

Indices = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class SweepForm:
    """The form of a sweep file."""

    __pydantic_config__ = FORBID
    sweep: Text
    description: Text = ""
    source: Text = ""
    documents: dict[Text, Text | list[Text]]
    axes: dict[Text, object] = field(default_factory=dict)
    zip: list[list[Text]] = field(default_factory=list)
    derived: dict[Text, Scalar] = field(default_factory=dict)
    where: list[Text] = field(default_factory=list)
    minimize: list[Text] = field(default_factory=lambda: MINIMIZED)
    per: list[Text] | None = None
    keep: Text = "all"


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of the results: `role` is input, output or verdict; `path` in a document, `unit` in SI."""

    name: str
    role: str
    path: str = ""
    unit: str = ""
    label: str = ""


@dataclass(frozen=True, kw_only=True)
class Space:
    """The points of a sweep: every combination of `dimensions`, numbered row by row, the last one fastest.

    A dimension is an axis, or several that move together. `derived` path -> expression over columns, ranks and design
    parameters, in order; points for which a condition of `where` does not hold are left out. `names` path -> column.
    `keep` front: of a chunk only its front is stored, so that a sweep of any size needs little room.
    `minimize` columns: points that agree in the axes `per` compete, those that do the same work if nothing is said.
    """

    name: str
    description: str
    dimensions: tuple[tuple[Axis, ...], ...]
    derived: Dict[str, Expression]
    where: tuple[Condition, ...]
    minimize: tuple[str, ...]
    per: tuple[str, ...]
    keep: str
    names: Dict[str, str]
    document: Document = field(compare=False, repr=False)

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of every dimension."""
        return tuple(len(d[0]) for d in self.dimensions)

    @property
    def points(self) -> int:
        """How many points there are, those that a condition leaves out included."""
        result = 1
        for length in self.shape:
            result *= length
        return result

    @property
    def axes(self) -> Iterator[Axis]:
        """Every axis, in order."""
        return (axis for dimension in self.dimensions for axis in dimension)

    @property
    def inputs(self) -> tuple[Column, ...]:
        """The columns of what goes in: the four documents, axes, derived values."""
        rest = [p for p in self.names if p not in KINDS]
        return tuple(
            Column(name=self.names[p], role="input", path=p, unit=SYMBOLS.get(dimension_of(p), ""),
                   label=" ".join(p.split(".")[1:]).replace("parameters ", "").replace("_", " ") or p)
            for p in (*KINDS, *rest)
        )  # fmt: skip

    def indices(self, points: Indices) -> list[Indices]:
        """Return the index along every dimension of points given by their numbers."""
        result: list[Indices] = []
        for length in reversed(self.shape):
            points, index = np.divmod(points, length)
            result.append(index)
        return result[::-1]

    def classes(self, points: Indices) -> Indices:
        """Return numbers that are equal for points that compete with each other."""
        code = np.zeros(len(points), dtype=np.int64)
        for dimension, along in zip(self.dimensions, self.indices(points), strict=True):
            if any(a.path in self.per for a in dimension):
                code = code * len(dimension[0]) + along
        return code


def find_space(file: str | Path) -> Space:
    """Return what a sweep file says. Raises SpecError with every mistake of the file."""
    return read_space(find_one("sweep", file, {}, "a sweep is given by the path of its .yaml file"))


def read_space(document: Document) -> Space:
    """Return what a sweep file says.

    Raises SpecError: a mistake of the form, a path that begins with no document, values that are none, axes that are
    zipped and differ in length, an expression that cannot be read, an objective that is no column.

    >>> from einsum_cascade.document import read
    >>> text = "sweep: s\\ndocuments: {mapping: unfused, workload: [bert, xlm]}\\naxes: {workload.batch: [1, 8]}"
    >>> space = read_space(read(text, "s.yaml")[0])
    >>> space.points, [i.tolist() for i in space.indices(np.arange(4))]
    (4, [[0, 0, 0, 0], [0, 0, 1, 1], [0, 1, 0, 1]])
    """
    form = read_form(document, SweepForm)
    wrong: list[Diagnostic] = []

    def fail(*at: str | int, message: str, hint: str = "", expected: str = "") -> None:
        wrong.append(Diagnostic(place=document.place(*at), message=message, hint=hint, expected=expected))

    for kind in ("mapping", "workload"):
        if kind not in form.documents:
            fail("documents", message=f"no {kind} is named", expected=f"{kind}: NAME, or a list of names")
    axes = _axes(document, form, wrong)
    derived = {}
    for path, text in form.derived.items():
        if path in axes or path.partition(".")[0] not in KINDS or "." not in path:
            fail("derived", f"{path}#key", message=f"{path} is {'an axis already' if path in axes else 'no path'}",
                 expected="a document and a path in it, such as design.parameters.CAPACITY")  # fmt: skip
        try:
            derived[path] = _constants(parse_expression(str(text), document.place("derived", path)))
        except SpecError as error:
            wrong += error.diagnostics
    where: list[Condition] = []
    for i, text in enumerate(form.where):
        try:
            found = parse_conditions(text, document.place("where", i))
            where += [Condition(_constants(c.left), c.operator, _constants(c.right), c.place) for c in found]
        except SpecError as error:
            wrong += error.diagnostics
    if wrong:
        raise SpecError(wrong)
    dimensions = tuple(_zipped(document, form.zip, axes))
    per = [a for a in axes if a.partition(".")[0] == "workload"] if form.per is None else form.per
    space = Space(
        name=form.sweep, description=form.description, dimensions=dimensions, derived=derived, where=tuple(where),
        minimize=tuple(form.minimize), per=tuple(per), keep=form.keep,
        names=_column_names((*KINDS, *axes, *derived)), document=document,
    )  # fmt: skip
    if space.points > MOST:
        message = f"{space.points:,} points"
        raise SpecError([Diagnostic(place=document.place("axes"), message=message, expected=f"at most {MOST:,}")])
    _check_objectives(space)
    return space


def _axes(document: Document, form: SweepForm, wrong: list[Diagnostic]) -> dict[str, Axis]:
    """Return what varies, documents first, by its path; mistakes are added to `wrong`."""
    axes: dict[str, Axis] = {}
    for section, paths in (("documents", form.documents), ("axes", form.axes)):
        for path in paths:
            kind, _, rest = path.partition(".")
            if kind not in KINDS or bool(rest) != (section == "axes"):
                known = KINDS if section == "documents" else [f"{k}." for k in KINDS]
                message = f"{path} is no {'document' if section == 'documents' else 'path'}"
                expected = "one of " + ", ".join(known) if section == "documents" else (
                    "a document and a path in it, such as design.parameters.SIDE")  # fmt: skip
                place = document.place(section, f"{path}#key")
                wrong.append(Diagnostic(place=place, message=message, expected=expected))
                continue
            try:
                axes[path] = read_axis(document, path, section, path)
            except SpecError as error:
                wrong += error.diagnostics
    return axes


def _zipped(document: Document, zipped: Sequence[Sequence[str]], axes: Dict[str, Axis]) -> Iterator[tuple[Axis, ...]]:
    """Yield the dimensions: axes that are zipped stand where the first of them stands."""
    wrong: list[Diagnostic] = []
    group: dict[str, int] = {}
    for i, paths in enumerate(zipped):
        lengths = {len(axes[p]) for p in paths if p in axes}
        for j, path in enumerate(paths):
            message = ""
            if path not in axes:
                message = f"{path} is no axis"
            elif path in group:
                message = f"{path} is zipped already"
            elif len(lengths) > 1:
                message = f"{path} has {len(axes[path])} values, {paths[0]} has {len(axes[paths[0]])}" * (j > 0)
            if message:
                hint = did_you_mean(path, axes) if path not in axes else ""
                wrong.append(Diagnostic(place=document.place("zip", i, j), message=message, hint=hint))
            group[path] = i
    if wrong:
        raise SpecError(wrong)
    seen: set[int] = set()
    for path, axis in axes.items():
        if path not in group:
            yield (axis,)
        elif group[path] not in seen:
            seen.add(group[path])
            yield tuple(axes[p] for p in zipped[group[path]])


def _column_names(paths: Sequence[str]) -> dict[str, str]:
    """Return path -> column: the last component, with as many before it as are needed to tell them apart.

    SQL does not tell upper from lower case.
    """
    taken = {"point", *OUTPUTS, *VERDICTS}
    depth = dict.fromkeys(paths, 1)
    while True:
        names = {p: "_".join(p.split(".")[-depth[p] :]) for p in paths}
        lower = [n.lower() for n in names.values()]
        clash = [p for p in paths if lower.count(names[p].lower()) > 1 or names[p].lower() in taken
                 or names[p].lower().startswith("utilization_")]  # fmt: skip
        longer = [p for p in clash if depth[p] < p.count(".") + 1]
        if not longer:
            return names
        for p in longer:
            depth[p] += 1


def _check_objectives(space: Space) -> None:
    numeric = {a.path for a in space.axes if a.numbers is not None} | set(space.derived)
    known = [*OUTPUTS, *(space.names[p] for p in numeric)]
    wrong = [
        Diagnostic(place=space.document.place("minimize", i), message=f"{n} is no column of numbers",
                   hint=did_you_mean(n, known))
        for i, n in enumerate(space.minimize)
        if n not in known and not n.startswith("utilization_")
    ]  # fmt: skip
    paths = [a.path for a in space.axes]
    wrong += [
        Diagnostic(place=space.document.place("per", i), message=f"{p} is no axis", hint=did_you_mean(p, paths))
        for i, p in enumerate(space.per)
        if p not in paths
    ]
    if space.keep not in KEEP:
        wrong.append(Diagnostic(place=space.document.place("keep"), message=f"{space.keep} is no part of the points",
                                expected=" or ".join(KEEP)))  # fmt: skip
    if not space.minimize:
        wrong.append(Diagnostic(place=space.document.place("minimize"), message="nothing is minimized",
                                expected="columns such as latency_s"))  # fmt: skip
    if wrong:
        raise SpecError(wrong)


def _constants(node: Expression) -> Expression:
    """Return an expression in which a lower-case name is the name of a column, not of a rank variable."""
    if isinstance(node, Variable):
        return Constant(node.name, node.place)
    if isinstance(node, Apply):
        return Apply(node.operator, tuple(_constants(a) for a in node.arguments), node.place)
    return node


def columns_json(columns: Sequence[Column]) -> str:
    """Return columns as the JSON that stands in the results."""
    return json.dumps([{k: getattr(c, k) for k in ("name", "role", "path", "unit", "label")} for c in columns])
