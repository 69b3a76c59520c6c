"""The four documents of an evaluation: by name or path, with defaults filled in and `--set` applied."""

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from archsim.design import Design
from archsim.library import load, names
from archsim.mapping import Mapping
from archsim.setting import KINDS, Setting, applicable, blamed, parameters
from archsim.value import Value
from archsim.workload import Workload
from einsum_cascade.cascade import Cascade, rank_names
from einsum_cascade.document import Plain
from einsum_cascade.errors import Diagnostic, SpecError, did_you_mean

__all__ = ["Documents", "default", "documents", "unmapped"]

FIELDS = {
    "B": "batch", "H": "heads", "HK": "kv_heads", "R": "kv_heads", "E": "head_dim", "F": "value_dim", "D": "model_dim",
    "G": "model_dim", "S": "ffn_dim", "M": "sequence_length", "P": "query_length", "T": "sequence_length",
    "N": "batch", "A": "heads",
}  # fmt: skip
"""Rank -> the field of a workload that gives its size."""

Noun = TypeVar("Noun", Workload, Design, Mapping)


@dataclass(frozen=True, kw_only=True)
class Documents:
    """What `model.evaluate` takes; `values` fixes parameters of the mapping by name; `settings` what was changed."""

    cascade: Cascade
    workload: Workload
    mapping: Mapping
    design: Design
    values: Dict[str, Value]
    settings: Sequence[Setting] = field(default=())

    def names(self) -> dict[str, str]:
        """Return the names of the four."""
        return {kind: str(getattr(self, kind).name) for kind in ("cascade", "workload", "mapping", "design")}


def documents(
    *,
    mapping: str,
    workload: str,
    design: str | None = None,
    cascade: str | None = None,
    lengths: Dict[str, int] | None = None,
    settings: Sequence[Setting] = (),
) -> Documents:
    """Return the documents of an evaluation.

    Parameters
    ----------
    mapping, workload, design, cascade : names or paths of .yaml files; the last two default to those of the mapping.
    lengths : fields of the workload that replace its own.
    settings : values that `--set` replaces, see `setting.parse`.

    Raises
    ------
    SpecError : an unknown name or path, every mistake of a document, a setting that has no effect.

    Examples
    --------
    >>> documents(mapping="unfused", workload="bert", lengths={"sequence_length": 4096}).cascade.name
    'attention_3pass'
    """
    given = {kind: [s for s in settings if s.kind == kind] for kind in KINDS}
    sizes: dict[str, Plain] = dict(lengths or {})
    loaded_workload = _load(Workload, workload, given["workload"], sizes)
    loaded_mapping = _load(Mapping, mapping, given["mapping"])
    pinned, own = (frozenset(s.keys[-1] for s in given["mapping"] if s.keys[0] == k) for k in ("choices", "parameters"))
    loaded_mapping = replace(loaded_mapping, pinned=pinned, given=own)
    parameters(given["design"])
    loaded_design = _load(Design, design or default(loaded_mapping, "design"), given["design"])
    loaded_cascade = load(Cascade, cascade or default(loaded_mapping, "cascade"))
    result = Documents(
        cascade=_cascade(loaded_cascade, given["cascade"]), workload=loaded_workload, mapping=loaded_mapping,
        design=loaded_design, values=parameters(given["mapping"]), settings=tuple(settings),
    )  # fmt: skip
    wrong = list(_without_effect(result, given))
    if wrong:
        raise SpecError(wrong)
    return result


def unmapped(
    *, cascade: str, workload: str, design: str, lengths: Dict[str, int], settings: Sequence[Setting]
) -> tuple[Cascade, Workload, Design]:
    """Return the documents for which a mapping is to be found, by name or path, with values replaced.

    Raises SpecError: an unknown name or path, every mistake of a document, a setting of the mapping.

    >>> unmapped(cascade="attention_1pass", workload="bert", design="fusemax", lengths={}, settings=())[2].name
    'fusemax'
    """
    given = {kind: [s for s in settings if s.kind == kind] for kind in KINDS}
    for setting in given["mapping"]:
        message, hint = "there is no mapping to set a value in", "a constraints file fixes parts of a mapping"
        raise SpecError([Diagnostic(place=setting.place, message=message, hint=hint)])
    sizes: dict[str, Plain] = dict(lengths)
    parameters(given["design"])
    return (
        _cascade(load(Cascade, cascade), given["cascade"]),
        _load(Workload, workload, given["workload"], sizes),
        _load(Design, design, given["design"]),
    )


def _load(noun: type[Noun], name: str, settings: Sequence[Setting], more: Dict[str, Plain] | None = None) -> Noun:
    changes = {**(more or {}), **applicable(noun.__name__.lower(), name, settings)}
    if not changes:
        return load(noun, name)
    load(noun, name)  # the mistakes of the file itself come first
    with blamed(noun.__name__.lower(), name, settings):
        return load(noun, name, changes)


def default(mapping: Mapping, kind: str) -> str:
    """Return the design or cascade (`kind`) that a mapping names: beside its file if it is a path.

    Raises SpecError at a design that does not exist.
    """
    name = str(getattr(mapping, kind))
    if name.endswith((".yaml", ".yml")):
        return str(Path(mapping.document.file).parent / name)
    if kind == "design" and name not in names("design"):
        message = f"no design named {name}"
        place = mapping.document.place(kind)
        hint = did_you_mean(name, names("design")) or "`archsim list` shows all; a file is given by its path"
        raise SpecError([Diagnostic(place=place, message=message, hint=hint)])
    return name


def _cascade(cascade: Cascade, settings: Sequence[Setting]) -> Cascade:
    """Return the cascade with ranks and parameters replaced; nothing else of a cascade is a number."""
    for setting in settings:
        known: dict[str, Sequence[str]] = {"ranks": [*cascade.ranks], "params": [*cascade.params]}
        paths = [f"{part}.{name}" for part, members in known.items() for name in members]
        part, _, name = setting.path.partition(".")
        if name not in known.get(part, ()):
            hint = did_you_mean(setting.path, paths) or "known: " + ", ".join(paths)
            raise SpecError(
                [Diagnostic(place=setting.place, message=f"{cascade.name} has no {setting.path}", hint=hint)]
            )
        if part == "ranks":
            cascade = replace(cascade, ranks={**cascade.ranks, name: setting.expression()})
        else:
            cascade = replace(cascade, params={**cascade.params, name: setting.expression()})
    return cascade


def _without_effect(found: Documents, given: Dict[str, list[Setting]]) -> Iterator[Diagnostic]:
    """Yield a mistake for every setting of a size that another document decides."""
    mapping, sizes = {**found.mapping.parameters, **found.mapping.fit}, found.workload.sizes()
    for setting in given["cascade"]:
        name = setting.keys[-1]
        if name in sizes or name in mapping or name in found.design.parameters:
            owner = "mapping" if name in mapping else "workload" if name in sizes else "design"
            message = f"{setting.path} has no effect: the {owner} gives {name}"
            field = FIELDS.get(name, f"ranks.{name}") if owner == "workload" else f"parameters.{name}"
            hint = f"set {owner}.{field}"
            yield Diagnostic(place=setting.place, message=message, hint=hint)
    known = {*rank_names(found.cascade), *found.cascade.ranks, *found.cascade.params}
    for setting in given["workload"]:
        if setting.keys[0] == "ranks" and setting.keys[-1] not in known:
            message = f"{found.cascade.name} has no rank {setting.keys[-1]}"
            yield Diagnostic(place=setting.place, message=message, hint=did_you_mean(setting.keys[-1], known))
