"""Every value and every key of a YAML text has its place; the traps of YAML are refused one by one."""

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from einsum_cascade.document import Document, Plain, put, read
from einsum_cascade.errors import SpecError
from einsum_cascade.load import read_cascades

names = st.text(st.sampled_from("abcXYZ_é"), min_size=1, max_size=4).filter(
    lambda n: n not in ("y", "Y", "n", "N") and n.strip("_")
)
texts = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=8)
plain = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=10,
)


def one(text: str) -> Document:
    (found,) = read(text, "f.yaml")
    return found


def message(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        read(text, "f.yaml")
    return str(caught.value)


def at(document: Document, *path: str | int) -> str:
    """The text that stands at the place of a path."""
    place = document.places[path]
    assert place.file == "f.yaml" and place.text == document.lines[place.line - 1]
    return place.text[place.column - 1 : place.column - 1 + place.length]


# --- data ------------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(plain)
def test_data_are_those_that_were_written(value: Plain) -> None:
    for style in (False, True, None):
        text = yaml.safe_dump({"data": value}, default_flow_style=style, allow_unicode=True)
        assert one(text).data == {"data": value}


@settings(deadline=None)
@given(plain, st.sampled_from(["\n", "\r\n"]))
def test_every_value_and_key_has_a_place_inside_the_text(value: Plain, newline: str) -> None:
    document = one(yaml.safe_dump({"data": value}, line_break=newline, allow_unicode=True))

    def paths(node: Plain, path: tuple[str | int, ...]) -> set[tuple[str | int, ...]]:
        own = {path}
        if isinstance(node, dict):
            own |= {(*path, f"{key}#key") for key in node}
        children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        return own.union(*(paths(child, (*path, key)) for key, child in children))

    assert set(document.places) == paths(document.data, ())
    for path, place in document.places.items():
        assert "\r" not in place.text and place.text == document.lines[place.line - 1], path
        assert 1 <= place.column <= len(place.text) + 1 and place.length >= 1
        if str(path[-1:]).endswith("#key',)"):
            assert at(document, *path).strip("'\"") == str(path[-1]).removesuffix("#key")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("64", 64), ("-3", -3), ("+3", 3), ("0", 0), ("1_000", 1000), ("1_", 1), ("0.5", 0.5), ("1.0e-6", 1e-6),
        ("1e-6", "1e-6"), ("1_0.5", 10.5), (".5", 0.5), (".inf", float("inf")), ("-.INF", float("-inf")),
        ("true", True), ("False", False), ("~", None), ("", None), ("null", None), ("'true'", "true"), ('"5"', "5"),
        ("!!str 5", "5"), ("2020-01-01", "2020-01-01"), ("08", "08"), ("M//M0", "M//M0"), ("!own x", "x"),
        ("&a 7", 7), ("[1, [], {}]", [1, [], {}]), ("9" * 30, int("9" * 30)),
    ],
)  # fmt: skip
def test_scalars(text: str, value: Plain) -> None:
    found = one(f"a: {text}").data
    assert found == {"a": value} and isinstance(found, dict) and type(found["a"]) is type(value)


def test_not_a_number() -> None:
    found = one("a: [.nan, .NaN]").data
    assert isinstance(found, dict) and str(found["a"]) == "[nan, nan]"


@pytest.mark.parametrize(
    ("text", "data"),
    [("", []), ("# only a comment\n", []), ("---\n", [None]), ("---\n---\n", [None, None]), ("5", [5]), ("a", ["a"]),
     ("a: 1\n---\nb: 2\n...\n", [{"a": 1}, {"b": 2}]), ("- 1\n- {a: 2}", [[1, {"a": 2}]]), ("\n\n", [])],
)  # fmt: skip
def test_documents(text: str, data: list[Plain]) -> None:
    assert [d.data for d in read(text, "f.yaml")] == data


# --- places ----------------------------------------------------------------------------------------------------------

NESTED = """# first line
a:
  - [x, yy, {z: 1}]   # comment
  - "quoted text"
  -
    - deep
é: {ü: 😀, next: [one, two]}
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_places_in_nested_lists_with_comments_and_unicode(newline: str) -> None:
    document = one(NESTED.replace("\n", newline))
    for path, text, line in (
        (("a#key",), "a", 2), (("a", 0), "[x, yy, {z: 1}]", 3), (("a", 0, 1), "yy", 3), (("a", 0, 2, "z#key"), "z", 3),
        (("a", 0, 2, "z"), "1", 3), (("a", 1), '"quoted text"', 4), (("a", 2, 0), "deep", 6), (("é#key",), "é", 7),
        (("é", "ü"), "😀", 7), (("é", "next#key"), "next", 7), (("é", "next", 1), "two", 7),
    ):  # fmt: skip
        assert at(document, *path) == text, path
        assert document.places[path].line == line


def test_a_value_over_several_lines_is_marked_to_the_end_of_its_first_line() -> None:
    document = one("a: [1,\n  2]  \nb: 'x\n  y'\n")
    assert (at(document, "a"), at(document, "a", 1), at(document, "b")) == ("[1,", "2", "'x")


def test_an_alias_has_the_place_of_its_anchor() -> None:
    document = one("a: &x [1, 2]\nb: *x\n")
    assert document.data == {"a": [1, 2], "b": [1, 2]}
    assert at(document, "b", 1) == "2" and document.places["b", 1].line == 1
    assert document.places[("b#key",)].line == 2


def test_an_anchor_that_contains_itself_is_refused() -> None:
    assert "f.yaml:1:" in message("a: &x [*x]")


def test_an_unknown_path_has_the_place_of_what_stands_above() -> None:
    document = one("x: 1\na: {b: [c]}\n")
    assert document.place("a", "b", 7) == document.places["a", "b"]
    assert document.place("a", "q", "b") == document.places["a",]
    assert document.place("nothing") == document.place() == document.places[()]
    empty = Document("f.yaml", [])
    assert (empty.place("a").line, empty.place("a").text) == (1, "")


# --- lines of statements ---------------------------------------------------------------------------------------------


def lines(text: str, *path: str | int) -> list[tuple[str, int, int]]:
    document = one(text)
    found = list(document.text_lines(*(path or ("e",))))
    for line, place in found:
        assert place.text == document.lines[place.line - 1]
        assert place.text[place.column - 1 :].startswith(line.split("\\")[0])
    return [(line, place.line, place.column) for line, place in found]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_of_a_block(newline: str) -> None:
    text = "# c\ne: |   # why\n  A[m] = B[m]  # here\n\n    C[] = D[]\n  # alone\nz: 1\n".replace("\n", newline)
    assert lines(text) == [
        ("A[m] = B[m]  # here", 3, 3), ("", 4, 1), ("C[] = D[]", 5, 5), ("# alone", 6, 3),
    ]  # fmt: skip


@pytest.mark.parametrize("header", ["|", "|-", "|+", "|2", ">", "| # note"])
@pytest.mark.parametrize("end", ["", "\n", "\n\n\n", "\nz: 1", "\n\n# c\nz: 1\n", "\n---\ne: 2", "\n..."])
def test_the_last_line_of_a_block(header: str, end: str) -> None:
    document = read(f"e: {header}\n  A\n  B{end}", "f.yaml")[0]
    found = [(t, p.line, p.column) for t, p in document.text_lines("e") if t and not t.startswith("#")]
    assert found == [("A", 2, 3), ("B", 3, 3)]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["A[] = B[]", "# c", "", "Ü"])), min_size=1, max_size=6))
def test_a_block_gives_every_line_where_it_stands(given: list[tuple[int, str]]) -> None:
    block = ["  A", *("  " + " " * indent + line if line else "" for indent, line in given)]
    found = lines("k: 1\ne: |\n" + "\n".join(block) + "\nz: 1")
    written = [(n + 3, line) for n, line in enumerate(block) if line]
    assert [(t, n, c) for t, n, c in found if t] == [
        (line.strip(), n, len(line) - len(line.lstrip()) + 1) for n, line in written
    ]


def test_a_single_line_may_be_plain_or_quoted() -> None:
    assert lines("x: 1\ne: A[m] = B[m] # why") == [("A[m] = B[m]", 2, 4)]
    assert lines("e: 'A[m] = B[m]'") == lines('e: "A[m] = B[m]"') == [("A[m] = B[m]", 1, 5)]
    assert lines("a: [x, {e: Z[]}]".replace("Z[]", "'Z[]'"), "a", 1, "e") == [("Z[]", 1, 13)]


def test_what_is_no_text_has_no_lines() -> None:
    assert lines("e: [A, B]") == [] and lines("e: |\nz: 1") == []


@pytest.mark.parametrize(
    ("text", "folded"),
    [("e: |\n  A\n  B", False), ("e: >\n  A\n", False), ("e: >\n  A\n  B\n", True), ("e: A\n  B", True),
     ("e: A", False), ("e: 'A\n  B'", True), ("e: 'A B'", False), ("e: [A,\n  B]", False)],
)  # fmt: skip
def test_folding(text: str, folded: bool) -> None:
    assert one(text).folded("e") is folded


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_mistake_in_a_statement_stands_where_it_is(newline: str) -> None:
    text = "cascade: a\ninputs: {A: [K]}\noutputs: [Z]\neinsums: |\n\n  # über ✓\n    Z[] = A[k) # !\n"
    with pytest.raises(SpecError) as caught:
        read_cascades(text.replace("\n", newline), "f.yaml")
    assert str(caught.value) == (
        "f.yaml:7:14: unexpected )\n        Z[] = A[k) # !\n                 ^\n"
        "  expected: `,` or `]` in the index list of A"
    )


# --- traps -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("? [a]\n: 1", "1:3: a key must be a name"),
        ("? {a: b}\n: 1", "1:3: a key must be a name"),
        ("<<: {a: 1}", "1:1: merge keys (<<) are not supported"),
        ("b: {a: &x {c: 1}, d: {<<: *x}}", "1:23: merge keys (<<) are not supported"),
        ("1: a", "1:1: YAML reads the key 1 as int"),
        ("1.5: a", "1:1: YAML reads the key 1.5 as float"),
        ("~: a", "1:1: YAML reads the key ~ as null"),
        ("true: a", "1:1: YAML reads the key true as bool"),
        ("2020-01-01: a", "1:1: YAML reads the key 2020-01-01 as timestamp"),
        ("a: 0x1F", "1:4: YAML reads 0x1F as a binary, octal or hexadecimal number"),
        ("a: 0b11", "1:4: YAML reads 0b11 as a binary, octal or hexadecimal number"),
        ("a: -010", "1:4: YAML reads -010 as an octal number"),
        ("a: [1, 00]", "1:8: YAML reads 00 as an octal number"),
        ("a: 190:20:30", "1:4: YAML reads 190:20:30 as a base-60 number"),
        ("a: 190:20:30.15", "1:4: YAML reads 190:20:30.15 as a base-60 number"),
    ],
)
def test_traps(text: str, expected: str) -> None:
    found = message(text)
    assert found.split("\n")[0] == f"f.yaml:{expected}"
    assert found.split("\n")[1] == f"    {text.splitlines()[0]}"
    assert "\n  expected: a " in found


@pytest.mark.parametrize("name", ["ON", "on", "Off", "NO", "yes", "No"])
def test_names_that_yaml_reads_as_booleans(name: str) -> None:
    meaning = "true" if name.lower() in ("on", "yes") else "false"
    assert message(f"a: {{{name}: 1}}") == (
        f"f.yaml:1:5: YAML reads the name {name} as the boolean {meaning}, so it would collide with others\n"
        f'    a: {{{name}: 1}}\n        {"^" * len(name)}\n  hint: rename the tensor, or quote it: "{name}"'
    )
    assert message(f"a: [x, {name}]").startswith(f"f.yaml:1:8: YAML reads the name {name} as a boolean\n")
    assert one(f'a: {{"{name}": "{name}"}}').data == {"a": {name: name}}


def test_a_key_that_stands_twice_is_named_with_its_first_line_whatever_the_depth() -> None:
    found = message("a:\n  b: {c: 1}\n  d: 2\n  b: 3\n  b: 4\n")
    assert [line for line in found.split("\n") if line.startswith("f.yaml")] == [
        "f.yaml:4:3: b stands here a second time (first in line 2)",
        "f.yaml:5:3: b stands here a second time (first in line 2)",
    ]


def test_mistakes_of_all_documents_are_told_at_once() -> None:
    found = message("a: 010\n---\nb: {ON: 1, c: 1:30}\n")
    assert [line.split(": ")[0] for line in found.split("\n") if line.startswith("f.yaml")] == [
        "f.yaml:1:4", "f.yaml:3:5", "f.yaml:3:15",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: [1", "2:1"),
        ("a: 'x", "2:1"),
        ("a: b: c", "1:5"),
        ("a: *x", "1:4"),
        ("@a: 1", "1:1"),
        ("a: {b: 1}}", "1:10"),
    ],
)
def test_broken_yaml(text: str, place: str) -> None:
    found = message(text)
    assert ": this is not YAML: " in found.split("\n")[0]
    line, column = map(int, found.split(":")[1:3])
    assert line <= text.count("\n") + 2 and column >= 1
    if place[0] == "1":
        assert found.startswith(f"f.yaml:{place}: ")


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    try:
        documents = read(text, "f.yaml")
    except SpecError as error:
        assert all(d.place.file == "f.yaml" and d.place.line >= 1 for d in error.diagnostics)
    except RecursionError:
        pytest.skip("see the anchor that contains itself")
    else:
        assert json.dumps([d.data for d in documents]) is not None


def test_aliases_of_aliases_end_soon() -> None:
    text = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
    text += "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12))
    assert "aliases repeat too many values" in message(text)
    assert one("a: &a [1, 2]\nb: [*a, *a]").data == {"a": [1, 2], "b": [[1, 2], [1, 2]]}


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a: ", "}"), ("- ", "")])
@pytest.mark.parametrize("depth", [101, 20_000])
def test_lists_inside_each_other_without_end(opening: str, closing: str, depth: int) -> None:
    assert "more than 100 lists and mappings inside each other" in message(opening * depth + "x" + closing * depth)
    assert one(opening * 50 + "x" + closing * 50).data


def test_a_hint_about_statements_only_where_there_are_any() -> None:
    assert "may have no end" in message("a: 'x\nb: 1\n") and "block scalar" not in message("a: 'x\nb: 1\n")
    assert "block scalar" in message("a: 1\neinsums: [Z[m] = A\n")


def test_put() -> None:
    data = {"a": {"b": 1, "c": 2}, "d": 3}
    put(data, ["a", "b"], 7)
    put(data, ["x", "y", "z"], [1])
    put(data, ["d"], None)
    put(data, ["nothing"], None)
    assert data == {"a": {"b": 7, "c": 2}, "x": {"y": {"z": [1]}}}
