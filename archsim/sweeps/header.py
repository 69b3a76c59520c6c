"""Header: what a sweep is, as its results say it, and how two of them differ."""

import json
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Dict
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from einsum_cascade.document import Plain, read

if TYPE_CHECKING:
    import duckdb

__all__ = ["Header", "changes_of", "listed", "read_header"]

SHOWN = 6
"""Changes that a message lists."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a sweep is, as it stands in the table `study`.

    `yaml` the text of the sweep file, `documents` kind/name -> SHA-256, `columns` what they are, as JSON, `objectives`
    the columns that are minimized, among the points that agree in the columns `per`; `total` points of `chunk_points`
    a chunk, `command` what was typed.
    """

    name: str
    description: str
    yaml: str
    digest: str
    version: str
    documents: Dict[str, str]
    columns: str
    objectives: Sequence[str]
    per: Sequence[str]
    total: int
    chunk_points: int
    command: str


def read_header(connection: "duckdb.DuckDBPyConnection") -> Header:
    """Return the header of the results that are open."""
    names = [f.name for f in fields(Header)]
    row = connection.execute(f"SELECT {', '.join(names)} FROM study").fetchone()
    assert row is not None
    found = dict(zip(names, row, strict=True))
    found |= {n: json.loads(found[n]) for n in ("documents", "objectives", "per")}
    return Header(**found)


def listed(changes: Sequence[str]) -> str:
    """Return changes as one text; of many, the first."""
    more = f"; and {len(changes) - SHOWN} more" if len(changes) > SHOWN else ""
    return "; ".join(changes[:SHOWN]) + more


def changes_of(old: Header, new: Header) -> Iterator[str]:
    """Yield what differs between two sweeps, in words; a description may change."""
    if old.digest == new.digest:
        return
    if old.version != new.version:
        yield f"archsim was {old.version}, is {new.version}"
    for name in dict.fromkeys((*old.documents, *new.documents)):
        was, now = old.documents.get(name), new.documents.get(name)
        if was != now:
            verb = "is new" if was is None else "is gone" if now is None else "has changed"
            yield f"{name} {verb}"
    yield from _differences(read(old.yaml, old.name)[0].data, read(new.yaml, new.name)[0].data, "")


def _differences(was: Plain, now: Plain, at: str) -> Iterator[str]:
    if isinstance(was, dict) and isinstance(now, dict):
        for key in dict.fromkeys((*was, *now)):
            if at or key not in ("description", "source"):
                yield from _differences(was.get(key), now.get(key), f"{at}.{key}" if at else key)
        order = [k for k in was if k in now]
        if at in ("axes", "documents", "derived") and order != [k for k in now if k in was]:
            yield f"the order of {at} was {', '.join(was)}"
    elif was != now:
        old, new = json.dumps(was), json.dumps(now)
        yield f"{at} is gone" if now is None else f"{at} is new" if was is None else f"{at} was {old}, is {new}"
