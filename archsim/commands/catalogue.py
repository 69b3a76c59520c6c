"""`archsim list`: the documents that come with archsim."""

from collections.abc import Sequence

import click

from archsim.show import echo_json, json_option, number, table, user_errors

__all__ = ["COMMANDS"]

FIELDS = {
    "workload": ("description", "batch", "heads", "kv_heads", "head_dim", "model_dim", "ffn_dim", "sequence_length"),
    "design": ("description", "clock", "energy"),
    "mapping": ("cascade", "design", "description"),
}


@click.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the cascades, workloads, designs and mappings that come with archsim.

    \b
    Example:
      archsim list --json
    """
    from archsim.library import find, names
    from einsum_cascade.load import index, read_file

    with user_errors():
        cascades = [c for file in sorted(set(index().values())) for c in read_file(file)]
        found: dict[str, list[dict[str, object]]] = {}
        for kind, fields in FIELDS.items():
            entries = found.setdefault(f"{kind}s", [])
            for name in names(kind):
                data = find(kind, name).data
                entries.append({"name": name, **{f: data.get(f) for f in fields}} if isinstance(data, dict) else {})
    if as_json:
        known = [{"name": c.name, "description": c.description, "source": c.source} for c in cascades]
        echo_json({"cascades": known, **found})
        return
    rows = [[c.name, c.description, c.source] for c in cascades]
    table("cascades", ["name", "what it computes", "source"], rows)
    for kind, fields in FIELDS.items():
        table(f"{kind}s", ["name", *map(_heading, fields)], [_row(e, fields) for e in found[f"{kind}s"]])


def _heading(field: str) -> str:
    numeric = field.endswith(("batch", "heads", "dim", "length"))
    return ">" * numeric + field.replace("_", " ")


def _row(entry: dict[str, object], fields: Sequence[str]) -> list[str]:
    values = [entry.get(f) for f in ("name", *fields)]
    return ["-" if v is None else number(v) if isinstance(v, int) else str(v) for v in values]


COMMANDS: tuple[click.Command, ...] = (list_,)
