"""The documents that come with archsim, by name, or the user's own, by path; with values replaced."""

import copy
from collections.abc import Collection, Iterator
from collections.abc import Mapping as Dict
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TypeVar

from archsim.design import Design, DesignForm, read_design
from archsim.energy import EnergyTable, read_energy
from archsim.mapping import Mapping, MappingForm, read_mapping
from archsim.paths import data_folder
from archsim.value import Value
from archsim.workload import Workload, WorkloadForm, read_workload
from einsum_cascade.cascade import Cascade
from einsum_cascade.document import Document, Plain, find_one, put, read, read_text
from einsum_cascade.einsum import Number
from einsum_cascade.errors import Diagnostic, Place, SpecError, did_you_mean
from einsum_cascade.forms import free_keys, keys_at
from einsum_cascade.load import load as cascades

__all__ = ["KINDS", "changed", "energy_tables", "find", "load", "names"]

Noun = TypeVar("Noun", Cascade, Workload, Design, Mapping)


def _folder(kind: str) -> Path:
    return Path(__file__).parent / "workloads" if kind == "workload" else data_folder(f"{kind}s")


FORMS: dict[str, type] = {"workload": WorkloadForm, "design": DesignForm, "mapping": MappingForm}
KINDS = tuple(FORMS)
CLOSED = ("parameters", "choices", "memories", "arrays", "groups")
"""Mappings in which only what the file has can be replaced: a new member would be a slip of the pen."""


def names(kind: str) -> dict[str, Path]:
    """Return the documents of a kind that come with archsim, with their files.

    >>> "bert" in names("workload")
    True
    """
    return {f.stem: f for f in sorted(_folder(kind).glob("*.yaml"))}


def find(kind: str, name: str | Path) -> Document:
    """Return the document of a kind with this name, or in this file.

    Raises SpecError: nothing of that name, an unreadable file, not exactly one document.

    >>> find("workload", "bert").data["heads"]
    12
    """
    return find_one(kind, name, names(kind), "`archsim list` shows all; a file is given by its path")


@cache
def energy_tables() -> Dict[str, EnergyTable]:
    """Return the energy tables that come with archsim.

    >>> "fusemax_physical" in energy_tables()
    True
    """
    files = sorted((data_folder("designs") / "energy").glob("*.yaml"))
    return {f.stem: read_energy(read(read_text(f), str(f))[0]) for f in files}


def _tables_for(document: Document) -> Dict[str, EnergyTable]:
    """Return the energy tables that a design may name: those of archsim, and the file that it gives by path."""
    named = document.data.get("energy") if isinstance(document.data, dict) else None
    if not isinstance(named, str) or not named.endswith((".yaml", ".yml")):
        return energy_tables()
    own = find_one("energy", Path(document.file).parent / named, {}, "a file is given by its path")
    return {**energy_tables(), named: read_energy(own)}


def load(noun: type[Noun], name: str | Path, changes: Dict[str, Plain] | None = None, **values: Value) -> Noun:
    """Return the document of a kind with this name or in this file.

    Parameters
    ----------
    noun : Cascade, Workload, Design or Mapping.
    changes : dotted path -> value, replaced in the document before it is read, as `--set` does.
    values : fields of a workload, parameters of a design or a mapping; numbers, or arrays of shape (n,).

    Raises
    ------
    SpecError : nothing of that name, an unknown path, or every mistake of the document at once.

    Examples
    --------
    >>> load(Workload, "bert", sequence_length=65_536).sequence_length
    65536
    >>> load(Design, "fusemax", {"clock": "1 GHz"}, SIDE=128).arrays["array_1d"].lanes
    128
    """
    if noun is Cascade:
        return cascades(Cascade, name)
    kind = noun.__name__.lower()
    document = find(kind, name)
    for path, value in (changes or {}).items():
        document = changed(document, kind, path, value)
    if noun is Workload:
        _known_names(kind, str(name), values, Workload.__dataclass_fields__)
        return replace(read_workload(document), **values)  # type: ignore[arg-type]
    if noun is Design:
        return read_design(document, _tables_for(document), values)
    mapping: Mapping = read_mapping(document)
    _known_names(kind, str(name), values, {*mapping.parameters, *mapping.fit})
    given = {n: _literal(v) for n, v in values.items()}
    return replace(mapping, parameters={**mapping.parameters, **given}, given=frozenset(given))  # type: ignore[return-value]


def _known_names(kind: str, name: str, values: Dict[str, Value], known: Collection[str]) -> None:
    """Refuse values for what the document does not have."""
    place = Place(file=f"{kind} {name}")
    wrong = [
        Diagnostic(place=place, message=f"{name} has no parameter {v}", hint=did_you_mean(v, known))
        for v in values
        if v not in known
    ]
    if wrong:
        raise SpecError(wrong)


def _literal(value: Value) -> Number:
    return Number(value)  # type: ignore[arg-type]


def changed(document: Document, kind: str, path: str, value: Plain, place: Place | None = None) -> Document:
    """Return the document of a kind with the value at a dotted path replaced; None removes it.

    Raises SpecError at `place` if the path has a key that the document does not have, naming the near ones, or one
    below a plain value.

    >>> changed(find("workload", "bert"), "workload", "head_dim", 96).data["head_dim"]
    96
    """
    keys = path.split(".")
    _check(document, kind, keys, place or Place(file=f"--set {path}", column=1, length=len(path), text=path))
    data = copy.deepcopy(document.data)
    put(data, keys, value)
    return replace(document, data=data)


def _check(document: Document, kind: str, keys: list[str], place: Place) -> None:
    form, here = FORMS[kind], document.data
    assert isinstance(here, dict)
    name = f"{kind} {here.get(kind, document.file)}"
    for depth, key in enumerate(keys):
        above = ".".join(keys[:depth])
        if not isinstance(here, dict):
            message = f"{above} of {name} is {'a list' if isinstance(here, list) else here}, it has no {key}"
            raise SpecError([Diagnostic(place=place, message=message)])
        known = [*here, *keys_at(form, tuple(keys[:depth])), *_also(document.data, above)]
        open_ended = depth > 0 and keys[depth - 1] not in CLOSED and free_keys(form, tuple(keys[:depth]))
        if key not in known and not open_ended:
            hint = did_you_mean(key, known) or ("known: " + ", ".join(sorted(set(known))) if known else "")
            message = f"{name} has no {key}" + f" in {above}" * bool(above)
            raise SpecError([Diagnostic(place=place, message=message, hint=hint)])
        here = here.get(key, {})


def _also(data: Plain, path: str) -> Iterator[str]:
    """Yield what may be set at a path of a mapping although it does not stand there: parameters that it chooses."""
    if not isinstance(data, dict):
        return
    fit, options = data.get("fit"), data.get("options")
    if path == "parameters" and isinstance(fit, dict):
        yield from fit
    if path == "choices" and isinstance(options, dict):
        yield from options
