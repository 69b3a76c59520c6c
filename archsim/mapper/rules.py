"""Rules: parts of the space of mappings that a user fixes or restricts, read from a constraints file."""

from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from pathlib import Path

from archsim.design import Design
from archsim.mapping import SCHEDULES
from archsim.workload import Workload
from einsum_cascade.cascade import Cascade
from einsum_cascade.document import Document, find_one
from einsum_cascade.einsum import accesses, iteration_variables
from einsum_cascade.errors import Diagnostic, SpecError, did_you_mean
from einsum_cascade.forms import FORBID, Integer, Text, read_form

__all__ = ["FREE", "Rules", "read_rules"]


@dataclass(frozen=True, kw_only=True)
class RulesForm:
    """The form of a constraints file."""

    __pydantic_config__ = FORBID
    constraints: Text
    source: Text = ""
    batch: list[Text] | None = None
    groups: list[list[Text]] | None = None
    arrays: dict[Text, list[Text]] = field(default_factory=dict)
    loops: list[Text] = field(default_factory=list)
    keep: dict[Text, list[Text]] = field(default_factory=dict)
    bypass: dict[Text, list[Text]] = field(default_factory=dict)
    tiles: dict[Text, list[Integer]] = field(default_factory=dict)
    space: dict[Text, dict[Text, list[Text]]] = field(default_factory=dict)
    schedule: Text = "auto"


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What the search may choose; by default everything.

    `batch` the loops over sizes of the workload that the cascade does not name; `groups` the fusion groups; `arrays`
    Einsum -> the arrays that may run it; `loops` the variables of the first shared loops, outermost first; `keep` and
    `bypass` memory -> tensors that must, or must not, have a tile in it; `tiles` tile size -> its candidates; `space`
    array or Einsum -> {dimension: the variables that may be spread over it}; `schedule` of every group.
    """

    batch: tuple[str, ...] | None = None
    groups: tuple[frozenset[str], ...] | None = None
    arrays: Dict[str, tuple[str, ...]] = field(default_factory=dict)
    loops: tuple[str, ...] = ()
    keep: Dict[str, frozenset[str]] = field(default_factory=dict)
    bypass: Dict[str, frozenset[str]] = field(default_factory=dict)
    tiles: Dict[str, tuple[int, ...]] = field(default_factory=dict)
    space: Dict[str, Dict[str, tuple[str, ...]]] = field(default_factory=dict)
    schedule: str = "auto"

    def may_keep(self, tensor: str, memories: tuple[str, ...], near: tuple[str, ...]) -> bool:
        """Whether a tensor may have tiles in exactly `memories`, of all the `near` ones."""
        must = all(m in memories for m in near if tensor in self.keep.get(m, ()))
        return must and not any(tensor in self.bypass.get(m, ()) for m in memories)


FREE = Rules()


def read_rules(file: Path, cascade: Cascade, workload: Workload, design: Design) -> Rules:
    """Return the rules of a constraints file for the documents of a search.

    Raises SpecError with every mistake: an unknown key, and names that the documents do not have.
    """
    document = find_one("constraints", file, {}, "a constraints file is given by its path")
    form = read_form(document, RulesForm)
    wrong = _unknown(document, form, cascade, workload, design)
    if wrong:
        raise SpecError(wrong)
    return Rules(
        batch=None if form.batch is None else tuple(form.batch),
        groups=None if form.groups is None else tuple(frozenset(g) for g in form.groups),
        arrays={e: tuple(a) for e, a in form.arrays.items()}, loops=tuple(form.loops),
        keep={m: frozenset(t) for m, t in form.keep.items()}, bypass={m: frozenset(t) for m, t in form.bypass.items()},
        tiles={n: tuple(sorted(v)) for n, v in form.tiles.items()},
        space={k: {d: tuple(v) for d, v in s.items()} for k, s in form.space.items()}, schedule=form.schedule,
    )  # fmt: skip


def _unknown(
    document: Document, form: RulesForm, cascade: Cascade, workload: Workload, design: Design
) -> list[Diagnostic]:
    einsums = [s.name for s in cascade.einsums]
    loops = sorted({v for s in cascade.statements for v in iteration_variables(s)})
    batch = [rank.lower() for rank in workload.sizes()]
    tensors = sorted({a.tensor for s in cascade.einsums for a in accesses(s.expression)} | {*einsums, *cascade.inputs})
    near = list(design.memories)[1:]
    wrong: list[Diagnostic] = []

    def check(name: str, known: list[str], what: str, *path: str | int, key: bool = False) -> None:
        if name not in known:
            place = document.place(*path[:-1], f"{path[-1]}#key") if key else document.place(*path)
            hint = did_you_mean(name, known) or "known: " + ", ".join(known)
            wrong.append(Diagnostic(place=place, message=f"{what} {name}", hint=hint))

    for i, name in enumerate(form.batch or ()):
        check(name, batch, "the workload has no size for the loop", "batch", i)
    for i, group in enumerate(form.groups or ()):
        for k, name in enumerate(group):
            check(name, einsums, f"{cascade.name} has no Einsum", "groups", i, k)
    grouped = [name for group in form.groups or () for name in group]
    for name in sorted(set(einsums) - set(grouped)) if form.groups is not None else ():
        message = f"the Einsum {name} is in no group"
        wrong.append(Diagnostic(place=document.place("groups"), message=message, expected="every Einsum once"))
    for name in sorted({n for n in grouped if grouped.count(n) > 1}):
        message = f"the Einsum {name} is in two groups"
        wrong.append(Diagnostic(place=document.place("groups"), message=message, expected="every Einsum once"))
    for name, arrays in form.arrays.items():
        check(name, einsums, f"{cascade.name} has no Einsum", "arrays", name, key=True)
        for i, array in enumerate(arrays):
            check(array, list(design.arrays), f"{design.name} has no array", "arrays", name, i)
    for i, name in enumerate(form.loops):
        check(name, [*loops, *batch], f"{cascade.name} has no variable", "loops", i)
    for section, table in (("keep", form.keep), ("bypass", form.bypass)):
        for memory, members in table.items():
            check(memory, near, f"{design.name} has no near memory", section, memory, key=True)
            for i, tensor in enumerate(members):
                check(tensor, tensors, f"{cascade.name} has no tensor", section, memory, i)
    for name, sizes in form.tiles.items():
        if not sizes or min(sizes) < 1:
            message, expected = f"{name} has no positive size", "a list such as [128, 256]"
            wrong.append(Diagnostic(place=document.place("tiles", name), message=message, expected=expected))
        tiles = sorted({*cascade.params, *(f"{v.upper()}{k}" for v in loops for k in (0, 1))})
        check(name, tiles, "no tile has the size", "tiles", name, key=True)
    for key, dimensions in form.space.items():
        check(key, [*design.arrays, *einsums], "no array or Einsum", "space", key, key=True)
        shapes = [design.arrays[key].shape] if key in design.arrays else [a.shape for a in design.arrays.values()]
        for d, variables in dimensions.items():
            known = sorted({name for shape in shapes for name in shape})
            check(d, known, "no array has the dimension", "space", key, d, key=True)
            for i, variable in enumerate(variables):
                check(variable, loops, f"{cascade.name} has no variable", "space", key, d, i)
    if form.schedule not in SCHEDULES:
        place = document.place("schedule")
        message, expected = f"unknown schedule {form.schedule}", " or ".join(SCHEDULES)
        wrong.append(Diagnostic(place=place, message=message, expected=expected))
    return wrong
