"""Space: the points of a sweep file. Documents and axes that are crossed, derived values, conditions, objectives."""

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archsim.setting import KINDS
from archsim.sweeps.axes import Axis, read_axis, unit_of
from archsim.sweeps.column import OUTPUTS, Column, column_names
from archsim.sweeps.formula import conditions, formula
from einsum_cascade.document import Document, find_one
from einsum_cascade.einsum import Condition, Expression
from einsum_cascade.errors import Diagnostic, SpecError, did_you_mean
from einsum_cascade.forms import FORBID, Scalar, Text, read_form

__all__ = ["Space", "SweepForm", "find_space", "read_space"]

MINIMIZED = ["latency_s", "energy_j", "area_mm2"]
KEEP = ("all", "front")
FREE_TEXT = ("source", "description")
"""Keys of every document that only people read, beside its name."""
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
        units = {a.path: a.unit for a in self.axes}
        return tuple(
            Column(name=self.names[p], role="input", path=p, unit=units.get(p, unit_of(p)),
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
    names = column_names((*KINDS, *axes, *form.derived))
    texts = {names[p] for p in (*KINDS, *axes) if p not in axes or axes[p].numbers is None}
    derived = {}
    for path, text in form.derived.items():
        if path in axes or path.partition(".")[0] not in KINDS or "." not in path:
            fail("derived", f"{path}#key", message=f"{path} is {'an axis already' if path in axes else 'no path'}",
                 expected="a document and a path in it, such as design.parameters.CAPACITY")  # fmt: skip
        try:
            derived[path] = formula(str(text), document.place("derived", path), texts)
        except SpecError as error:
            wrong += error.diagnostics
    where: list[Condition] = []
    for i, text in enumerate(form.where):
        try:
            where += conditions(text, document.place("where", i), texts)
        except SpecError as error:
            wrong += error.diagnostics
    if wrong:
        raise SpecError(wrong)
    dimensions = tuple(_zipped(document, form.zip, axes))
    per = [a for a in axes if a.partition(".")[0] == "workload"] if form.per is None else form.per
    space = Space(
        name=form.sweep, description=form.description, dimensions=dimensions, derived=derived, where=tuple(where),
        minimize=tuple(form.minimize), per=tuple(per), keep=form.keep,
        names=names, document=document,
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
            if rest == kind or rest.rpartition(".")[2] in FREE_TEXT:
                place, message = document.place(section, f"{path}#key"), f"{path} is free text: it changes no number"
                wrong.append(
                    Diagnostic(place=place, message=message, hint=f"documents: {{{kind}: [...]}} compares files")
                )
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
