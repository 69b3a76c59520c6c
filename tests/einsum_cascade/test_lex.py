"""Tokens cover the text and say where they stand; foreign characters are refused with what to write instead."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einsum_cascade.errors import Place, SpecError
from einsum_cascade.lex import MEANT, tokenize

PIECES = {
    "number": ["0", "12", "0.5", ".5", "3.", "1e5", "2.5E-3"],
    "upper": ["A", "M0", "QK_2"],
    "lower": ["m", "m0", "exp", "byindex"],
    "symbol": ["**", "//", "::", "<=", ">=", "==", "!=", "+", "-", "*", "/", "%", "<", ">", "=", *"()[],;:|"],
}
pieces = st.sampled_from([(kind, text) for kind, texts in PIECES.items() for text in texts])
spaces = st.sampled_from([" ", "  ", "\t", " \t "])


def message(text: str, at: Place | None = None) -> str:
    with pytest.raises(SpecError) as caught:
        tokenize(text, at or Place())
    return str(caught.value)


@settings(deadline=None)
@given(st.lists(st.tuples(pieces, spaces), max_size=12), st.integers(1, 40))
def test_tokens_stand_where_they_say(given: list[tuple[tuple[str, str], str]], column: int) -> None:
    text = "".join(piece + space for (_, piece), space in given)
    line = "." * (column - 1) + text
    tokens = tokenize(text, Place(file="f", line=3, column=column, text=line))
    assert [(t.kind, t.text) for t in tokens[:-1]] == [piece for piece, _ in given]
    for t in tokens:
        assert (t.place.file, t.place.line, t.place.text) == ("f", 3, line)
        assert line[t.place.column - 1 : t.place.column - 1 + t.place.length] == t.text or t.kind == "end"
    assert tokens[-1].kind == "end" and tokens[-1].place.column == column + len(text.rstrip())


@settings(deadline=None)
@given(st.lists(pieces, max_size=6), st.text(max_size=10).filter(lambda c: "\n" not in c))
def test_a_comment_changes_nothing(given: list[tuple[str, str]], comment: str) -> None:
    text = " ".join(piece for _, piece in given)
    plain, commented = tokenize(text, Place(text="x")), tokenize(f"{text}   # {comment}", Place(text="x"))
    assert commented == plain


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("a***b", ["a", "**", "*", "b"]),  # the longest symbol first
        ("m<=p<q", ["m", "<=", "p", "<", "q"]),
        ("A:::b", ["A", "::", ":", "b"]),
        ("1.5.2", ["1.5", ".2"]),
        ("M1//M0", ["M1", "//", "M0"]),
        ("2m", ["2", "m"]),
        ("1e-6", ["1e-6"]),
        ("1e-x", ["1", "e", "-", "x"]),
        ("3.e1", ["3.e1"]),
        ("== =", ["==", "="]),
        ("\u00a0m\r", ["m"]),  # a no-break space and the end of a Windows line
        ("#", []),
        ("", []),
    ],
)
def test_boundaries(text: str, tokens: list[str]) -> None:
    assert [t.text for t in tokenize(text, Place())][:-1] == tokens


@pytest.mark.parametrize("bad", ["≤", "≥", "≠", "×", "·", "−", "&&", "||"])
def test_what_was_meant(bad: str) -> None:
    carets = "^" * len(bad)
    expected = f"<text>:1:3: unexpected character {bad}\n    m {bad} p\n      {carets}\n  hint: write {MEANT[bad]}"
    assert message(f"m {bad} p") == expected


@pytest.mark.parametrize("bad", ["$", "@", "!", "&", "_", "{", "'", '"', "\\", "?", "ä", "∑", "😀", "`"])
def test_other_characters_are_refused_without_a_guess(bad: str) -> None:
    assert message(f"A {bad}", Place(file="f", line=2, column=5, text=f"    A {bad}")) == (
        f"f:2:7: unexpected character {bad}\n        A {bad}\n          ^"
    )


def test_a_comment_hides_foreign_characters() -> None:
    assert [t.text for t in tokenize("A # ≤ $", Place())] == ["A", ""]
    assert re.match("<text>:1:1: unexpected character ≤", message("≤ # A"))
