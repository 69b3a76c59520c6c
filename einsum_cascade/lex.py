"""Text of a statement -> tokens, each with its place."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from einsum_cascade.errors import Diagnostic, Place, SpecError, did_you_mean

TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<comment>#.*)"
    r"|(?P<number>(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<upper>[A-Z][A-Za-z0-9_]*)|(?P<lower>[a-z][A-Za-z0-9_]*)"
    r"|(?P<symbol>\*\*|//|::|<=|>=|==|!=|&&|\|\||[-+*/%<>=()\[\],;:|])"
)
MEANT = {"≤": "<=", "≥": ">=", "≠": "!=", "×": "*", "·": "*", "−": "-", "&&": "and", "||": "a second statement"}


@dataclass(frozen=True)
class Token:
    """`kind` is number, upper, lower, symbol or end."""

    kind: str
    text: str
    place: Place


def tokenize(text: str, at: Place) -> list[Token]:
    """Return the tokens of one line; `at` is the place of its first character. Ends with a token of kind "end".

    Raises SpecError at a character that the language does not have.

    >>> [t.text for t in tokenize("QK[m] = exp(A) # why", Place())]
    ['QK', '[', 'm', ']', '=', 'exp', '(', 'A', ')', '']
    """
    tokens: list[Token] = []
    position, end = 0, len(text.rstrip())

    def place(start: int, length: int) -> Place:
        return Place(file=at.file, line=at.line, column=at.column + start, length=length, text=at.text or text)

    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None or match.group() in MEANT:
            bad = match.group() if match else text[position]
            hint = f"write {MEANT[bad]}" if bad in MEANT else ""
            raise SpecError(
                [Diagnostic(place=place(position, len(bad)), message=f"unexpected character {bad}", hint=hint)]
            )
        kind = match.lastgroup or ""
        if kind == "comment":
            end = len(text[:position].rstrip())
            break
        if kind != "space":
            tokens.append(Token(kind, match.group(), place(position, len(match.group()))))
        position = match.end()
    return [*tokens, Token("end", "", place(end, 1))]


def scaled(tokens: Sequence[Token], units: Mapping[str, float]) -> list[Token]:
    """Return tokens in which a number and the unit behind it (`64K`, `400 GB/s`) are one number.

    Raises SpecError at a name behind a number that is no unit: no expression goes on so.

    >>> [t.text for t in scaled(tokenize("A < 2K + 3 B/s", Place()), {"K": 1024, "B/s": 1})]
    ['A', '<', '2048', '+', '3', '']
    """
    result: list[Token] = []
    rest = list(tokens)
    while rest:
        token = rest.pop(0)
        if token.kind == "number" and rest[0].kind in ("upper", "lower") and rest[0].text not in ("and", "or"):
            taken = next((n for n in (3, 1) if len(rest) > n and "".join(t.text for t in rest[:n]) in units), 0)
            if not taken:
                message = f"{rest[0].text} is no unit"
                expected = f"an operator, or a unit such as {', '.join([*units][:6])}"
                hint = did_you_mean(rest[0].text, units)
                raise SpecError([Diagnostic(place=rest[0].place, message=message, expected=expected, hint=hint)])
            value = float(token.text) * units["".join(t.text for t in rest[:taken])]
            last = rest[taken - 1].place
            place = replace(token.place, length=last.column + last.length - token.place.column)
            token = Token("number", f"{value:.0f}" if value.is_integer() else repr(value), place)
            del rest[:taken]
        result.append(token)
    return result
