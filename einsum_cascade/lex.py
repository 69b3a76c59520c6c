"""Text of a statement -> tokens, each with its place."""

import re
from dataclasses import dataclass

from einsum_cascade.errors import Diagnostic, Place, SpecError

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
