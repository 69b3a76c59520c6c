"""Diagnostics: what is printed where, in which order, and what a hint proposes."""

from hypothesis import given, settings
from hypothesis import strategies as st

from einsum_cascade.errors import NOWHERE, Diagnostic, Place, SpecError, did_you_mean

words = st.text(st.characters(codec="ascii", categories=["Lu", "Ll"]), min_size=1, max_size=6)
diagnostics = st.builds(
    Diagnostic,
    place=st.builds(
        Place, file=st.sampled_from(["a", "b"]), line=st.integers(1, 9), column=st.integers(1, 9), text=st.just("")
    ),
    message=st.sampled_from(["x", "y"]),
)


def test_the_whole_text_of_a_mistake() -> None:
    place = Place(file="a.yaml", line=3, column=9, length=2, text="QK[m] = RN[m]")
    text = str(Diagnostic(place=place, message="unknown tensor RN", expected="an input", hint="did you mean RM?"))
    assert text.split("\n") == [
        "a.yaml:3:9: unknown tensor RN",
        "    QK[m] = RN[m]",
        "            ^^",
        "  expected: an input",
        "  hint: did you mean RM?",
    ]


def test_without_a_text_there_is_no_caret() -> None:
    for blank in ("", "   ", "\t"):
        assert str(Diagnostic(place=Place(text=blank), message="m")) == "<text>:1:1: m"
    assert str(Diagnostic(place=NOWHERE, message="m", hint="h")) == "<text>:1:1: m\n  hint: h"


@settings(deadline=None)
@given(
    st.text(st.sampled_from("ab \tü≤"), min_size=1, max_size=20).filter(str.strip),
    st.integers(1, 30),
    st.integers(1, 30),
)
def test_carets_stand_under_the_text_and_never_beyond_its_end(text: str, column: int, length: int) -> None:
    column = min(column, len(text) + 1)
    _, shown, carets = str(
        Diagnostic(place=Place(column=column, length=length, text=text), message="m")
    ).split("\n")  # fmt: skip
    assert len(shown) == len(text) + 4 and "\t" not in shown
    assert carets.index("^") == column + 3
    assert carets.count("^") == max(1, min(length, len(text) - column + 1))
    assert len(carets) <= max(len(shown), column + 4)


@settings(deadline=None)
@given(st.lists(diagnostics, max_size=8))
def test_mistakes_come_once_each_in_the_order_of_the_file(given: list[Diagnostic]) -> None:
    error = SpecError(given)
    assert set(error.diagnostics) == set(given) and len(error.diagnostics) == len(set(given))
    order = [(d.place.file, d.place.line, d.place.column) for d in error.diagnostics]
    assert order == sorted(order)
    assert str(error) == "\n".join(map(str, error.diagnostics))


def test_mistakes_of_one_place_keep_the_order_in_which_they_were_found() -> None:
    assert str(SpecError(Diagnostic(place=NOWHERE, message=m) for m in "cab")).split() == [
        "<text>:1:1:", "c", "<text>:1:1:", "a", "<text>:1:1:", "b",
    ]  # fmt: skip


@settings(deadline=None)
@given(words, st.lists(words, max_size=15))
def test_a_hint_names_known_words_only(word: str, known: list[str]) -> None:
    hint = did_you_mean(word, known)
    if hint.startswith("did you mean "):
        named = hint.removeprefix("did you mean ").removesuffix("?").split(" or ")
        assert 1 <= len(named) <= 3
    elif hint:
        named = hint.removeprefix("known: ").split(", ")
        assert named == sorted(set(known)) and len(named) <= 12
    else:
        assert not known or len(set(known)) > 12
        return
    assert set(named) <= set(known)
    assert word not in known or named[0] == word


def test_hints() -> None:
    assert did_you_mean("MN", ["mn", "ABCDE"]) == "did you mean mn?"  # another case counts as near
    assert did_you_mean("x", []) == ""
    assert did_you_mean("zzz", [f"A{k}" for k in range(13)]) == ""
    assert did_you_mean("zzz", iter(["B", "A", "B"])) == "known: A, B"
