"""What a wrong file gets: every mistake at once, each with its place, a caret, what was expected and a hint."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Place:
    """A stretch of one line of a text: `line` and `column` count from 1, `length` is at least 1."""

    file: str = "<text>"
    line: int = 1
    column: int = 1
    length: int = 1
    text: str = ""


NOWHERE = Place()


@dataclass(frozen=True, kw_only=True)
class Diagnostic:
    """One mistake: where it stands, what it is, what was expected there, and what might have been meant.

    >>> place = Place(file="a.yaml", line=3, column=5, length=2, text="QK = RN")
    >>> print(Diagnostic(place=place, message="unknown tensor RN", hint="did you mean RM?"))
    a.yaml:3:5: unknown tensor RN
        QK = RN
            ^^
      hint: did you mean RM?
    """

    place: Place
    message: str
    expected: str = ""
    hint: str = ""

    def __str__(self) -> str:
        place = self.place
        lines = [f"{place.file}:{place.line}:{place.column}: {self.message}"]
        if place.text.strip():
            shown = place.text.expandtabs(1)
            room = max(1, min(place.length, len(shown) - place.column + 1))
            lines += ["    " + shown, "    " + " " * (place.column - 1) + "^" * room]
        if self.expected:
            lines.append(f"  expected: {self.expected}")
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)


class SpecError(Exception):
    """A document that cannot be used. `diagnostics` holds every mistake found, in the order of the file.

    >>> print(SpecError([Diagnostic(place=Place(file="a.yaml"), message="empty file")]))
    a.yaml:1:1: empty file
    """

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        unique = dict.fromkeys(diagnostics)
        self.diagnostics = tuple(sorted(unique, key=lambda d: (d.place.file, d.place.line, d.place.column)))
        super().__init__("\n".join(str(d) for d in self.diagnostics))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint naming the known words nearest to `word`, or all of them where few are known.

    >>> did_you_mean("RN", ["RM", "RNV", "QK"])
    'did you mean RNV or RM?'
    >>> did_you_mean("zz", ["sum", "max"])
    'known: max, sum'
    """
    words = sorted(set(known))
    near = difflib.get_close_matches(word, words, n=3, cutoff=0.5)
    near = near or [w for w in words if w.lower() == word.lower()]
    if near:
        return "did you mean " + " or ".join(near) + "?"
    if words and len(words) <= 12:
        return "known: " + ", ".join(words)
    return ""
