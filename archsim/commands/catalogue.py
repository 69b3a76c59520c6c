"""`archsim list`: what comes with archsim and can be named on the command line."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from archsim.show import echo_json, json_option, number, table, user_errors

__all__ = ["COMMANDS"]

FIELDS = {
    "workload": ("description", "batch", "heads", "kv_heads", "head_dim", "model_dim", "ffn_dim", "sequence_length"),
    "design": ("description", "clock", "energy"),
    "mapping": ("cascade", "design", "description"),
    "schedule": ("description", "layers", "heads", "tokens"),
    "suite": ("description", "benchmarks"),
    "study": ("title",),
    "sweep": ("description",),
}
PLURAL = {"study": "studies"}
NAMED = {
    "schedule": "pruning schedules: archsim pruning NAME, archsim evaluate --trace NAME",
    "suite": "suites: SUITE#BENCHMARK wherever a schedule is named",
    "study": "studies: archsim reproduce NAME -o DIR",
    "sweep": "sweeps: archsim sweep FILE -o results.duckdb",
}
"""How the documents of a kind are named where it is not by an option of their kind."""


@click.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the documents that come with archsim: cascades, workloads, designs, mappings, pruning schedules, suites of
    benchmarks, studies, and sweeps (in a checkout).

    \b
    Example:
      archsim list --json
    """
    from einsum_cascade.document import find_one
    from einsum_cascade.load import index, read_file

    with user_errors():
        cascades = [c for file in sorted(set(index().values())) for c in read_file(file)]
        found: dict[str, list[dict[str, object]]] = {}
        for kind, fields in FIELDS.items():
            entries = found.setdefault(PLURAL.get(kind, f"{kind}s"), [])
            for name, file in _files(kind):
                data = find_one(kind, file, {}, "").data
                given = {f: _shown(data.get(f)) for f in fields} if isinstance(data, dict) else {}
                entries.append({"name": name, **given})
    if as_json:
        known = [{"name": c.name, "description": c.description, "source": c.source} for c in cascades]
        echo_json({"cascades": known, **found})
        return
    rows = [[c.name, c.description, c.source] for c in cascades]
    table("cascades", ["name", "what it computes", "source"], rows)
    for kind, fields in FIELDS.items():
        entries, plural = found[PLURAL.get(kind, f"{kind}s")], PLURAL.get(kind, f"{kind}s")
        if entries:
            table(NAMED.get(kind, plural), ["name", *map(_heading, fields)], [_row(e, fields) for e in entries])


def _files(kind: str) -> Iterator[tuple[str, Path]]:
    """Yield the documents of a kind: what they are called on the command line, and their files."""
    from archsim import library
    from archsim.papers import study
    from archsim.paths import sweep_files
    from archsim.prune import schedule as pruning_schedule
    from archsim.prune import suite

    if kind == "sweep":
        here = Path.cwd()
        yield from ((str(f.relative_to(here)) if f.is_relative_to(here) else str(f), f) for f in sweep_files())
        return
    others = {"schedule": pruning_schedule.names, "suite": suite.names, "study": study.names}
    yield from (others[kind]() if kind in others else library.names(kind)).items()


def _shown(value: object) -> object:
    """Return a value as it is listed: of many members their names."""
    return list(value) if isinstance(value, dict) else value


def _heading(field: str) -> str:
    numeric = field.endswith(("batch", "heads", "dim", "length", "layers", "tokens"))
    return ">" * numeric + field.replace("_", " ")


def _row(entry: dict[str, object], fields: Sequence[str]) -> list[str]:
    values = [entry.get(f) for f in ("name", *fields)]
    return [_cell(v) for v in values]


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "-" if value is None else number(value) if isinstance(value, int) else str(value)


COMMANDS: tuple[click.Command, ...] = (list_,)
