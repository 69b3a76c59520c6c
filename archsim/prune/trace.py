"""A trace of a pruned run, in the table format of SpAtten's artifact (one row a head) -> Pruning."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archsim.prune.pruning import Pruning, pruning
from einsum_cascade.errors import Diagnostic, Place, SpecError, did_you_mean

__all__ = ["COLUMNS", "read_trace"]

Reals = NDArray[np.float64]

COLUMNS = {
    "iteration_id": "iteration",
    "layer_id": "layer",
    "head_id": "head",
    "embedding_length_D": "head_dim",
    "sentence_length_L": "tokens",
    "key_fetch_num": "keys",
    "quant_key_bit": "key_bits",
    "if_requant": "refetched",
    "auto_requant_incre": "low_bits",
    "value_fetch_num": "values",
    "quant_value_bit": "value_bits",
}
"""Column of the table -> field of a Pruning; further columns are not read."""

TRUTH = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}
FLAGS = ("if_requant",)
MOST_ERRORS = 20
LARGEST = 2**24
"""The largest number of a cell: the laws of top-k engines hold sums over as many keys in memory."""


def read_trace(file: Path, queries: float = 1) -> Pruning:
    """Return the points of a trace file.

    A row that is not there is a head that was pruned away: every (iteration, layer) would have as many heads as the
    largest one has. A last row of text alone, as the artifact writes, is taken for the source.

    Parameters
    ----------
    file : CSV with the columns `COLUMNS`, in any order
    queries : queries a row: 1 where text is generated token by token

    Raises
    ------
    SpecError : with file and line: a file that cannot be read, missing columns, cells that are no numbers or no
        possible counts, two rows for one head.
    """
    place = Place(file=str(file))
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a UTF-8 text file"
        raise SpecError([Diagnostic(place=place, message=f"cannot be read: {reason}")]) from None
    return parse_trace(text, str(file), queries)


def parse_trace(text: str, file: str = "<text>", queries: float = 1) -> Pruning:
    """Return the points of the text of a trace; see `read_trace`.

    >>> header = ",".join(COLUMNS)
    >>> found = parse_trace(header + "\\n0,0,0,64,100,50,8,False,4,10,8\\n0,0,1,64,100,50,8,True,4,10,8\\n")
    >>> found.refetched, round(found.elements_ratio(), 2)
    (array([0., 1.]), 3.33)
    """
    lines = text.splitlines()
    rows = [(number, row) for number, row in enumerate(csv.reader(io.StringIO(text)), 1) if any(map(str.strip, row))]
    at = _columns(rows[0][1] if rows else [], file, lines)
    source = f"trace {Path(file).name}"
    if len(rows) > 1 and not any(map(str.strip, rows[-1][1][1:])):
        source += f" ({rows.pop()[1][0].strip()})"
    wrong: list[Diagnostic] = []
    data = np.array([_cells(row, at, file, number, lines, wrong) for number, row in rows[1:]]).reshape(-1, len(at))
    if wrong:
        raise SpecError(wrong[:MOST_ERRORS])
    if not len(data):
        raise SpecError([Diagnostic(place=Place(file=file), message="the table has no rows")])
    found = {COLUMNS[name]: data[:, k] for k, name in enumerate(at)}
    _possible(found, [number for number, _ in rows[1:]], at, file, lines)
    _, group, live = np.unique(
        np.stack([found["iteration"], found["layer"]]), axis=1, return_inverse=True, return_counts=True
    )
    found["dense_heads"] = live.max() / live[np.ravel(group)]
    return pruning(Path(file).stem, source, queries=queries, **found)


def _columns(header: Sequence[str], file: str, lines: Sequence[str]) -> dict[str, int]:
    """Where the columns stand."""
    names = [name.strip() for name in header]
    place = Place(file=file, length=max(1, len(lines[0]) if lines else 1), text=lines[0] if lines else "")
    missing = [name for name in COLUMNS if name not in names]
    wrong = [
        Diagnostic(place=place, message=f"the column {name} stands twice") for name in COLUMNS if names.count(name) > 1
    ]
    if missing:
        near = [did_you_mean(name, set(names) - set(COLUMNS)) for name in missing]
        hints = [f"{name}: {hint}" for name, hint in zip(missing, near, strict=True) if hint.startswith("did")]
        message = f"the column{'s' * (len(missing) > 1)} {', '.join(missing)} {'are' if missing[1:] else 'is'} missing"
        expected = "a header line with " + ", ".join(COLUMNS)
        wrong.append(Diagnostic(place=place, message=message, expected=expected, hint="; ".join(hints)))
    if wrong:
        raise SpecError(wrong)
    return {name: names.index(name) for name in COLUMNS}


def _cells(
    row: Sequence[str], at: dict[str, int], file: str, number: int, lines: Sequence[str], wrong: list[Diagnostic]
) -> list[float]:
    """The numbers of a row; what is wrong with it goes to `wrong`."""
    needed = max(at.values()) + 1
    if len(row) < needed:
        message = f"the row has {len(row)} cell{'s' * (len(row) > 1)}"
        wrong.append(Diagnostic(place=_place(file, number, lines), message=message, expected=f"{needed} or more"))
        return [0.0] * len(at)
    result = []
    for name, k in at.items():
        cell, flag = row[k].strip(), name in FLAGS
        try:
            value = TRUTH[cell.lower()] if flag else float(cell)
            if not np.isfinite(value):
                raise ValueError
        except (KeyError, ValueError):
            expected = "True or False" if flag else "a number"
            place = _place(file, number, lines, sum(len(c) + 1 for c in row[:k]), len(row[k]))
            wrong.append(Diagnostic(place=place, message=f"{name} is {cell or 'empty'}", expected=expected))
            value = 0.0
        result.append(value)
    return result


def _place(file: str, number: int, lines: Sequence[str], start: int = 0, length: int = 0) -> Place:
    """A row, or a stretch of it."""
    text = lines[number - 1] if number <= len(lines) else ""
    return Place(file=file, line=number, column=start + 1, length=max(1, length or len(text)), text=text)


def _possible(found: dict[str, Reals], numbers: Sequence[int], at: dict[str, int], file: str,
              lines: Sequence[str]) -> None:  # fmt: skip
    """Refuse counts that cannot be: more kept than there is, negative ones, two rows for one head."""
    heads = np.stack([found["iteration"], found["layer"], found["head"]])
    _, first = np.unique(heads, axis=1, return_index=True)
    again = np.ones(len(numbers), dtype=bool)
    again[first] = False
    wrong: list[Diagnostic] = []

    def refuse(mask: NDArray[np.bool_], column: str, message: str, expected: str = "") -> None:
        for k in np.flatnonzero(mask)[:MOST_ERRORS]:
            place = _place(file, numbers[k], lines)
            if column:
                cells = next(csv.reader([place.text]))
                start, length = sum(len(c) + 1 for c in cells[: at[column]]), len(cells[at[column]])
                place = _place(file, numbers[k], lines, start, length)
            shown = message.format(f"{found[COLUMNS[column]][k]:g}" if column else "")
            wrong.append(Diagnostic(place=place, message=shown, expected=expected))

    for column, name in COLUMNS.items():
        values = found[name]
        refuse(values < 0, column, f"{column} is {{}}", "0 or more")
        refuse(values > LARGEST, column, f"{column} is {{}}", f"{LARGEST:,} at most")
        if name in ("iteration", "layer", "head", "tokens", "keys", "values"):
            refuse(values != np.floor(values), column, f"{column} is {{}}", "a whole number")
        if name in ("head_dim", "key_bits", "value_bits"):
            refuse(values == 0, column, f"{column} is 0", "a positive number")
    refuse((found["keys"] > found["tokens"]) & (found["tokens"] >= 0), "key_fetch_num", "more keys than tokens: {}")
    refuse((found["values"] > found["keys"]) & (found["keys"] >= 0), "value_fetch_num", "more values than keys: {}")
    refuse(again, "", "a second row for this iteration, layer and head")
    if wrong:
        raise SpecError(sorted(wrong, key=lambda d: (d.place.line, d.place.column))[:MOST_ERRORS])
