"""Forms: every mistake in its place, at every depth, with the keys that would be right."""

from dataclasses import dataclass, field
from typing import Annotated

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einsum_cascade.document import read
from einsum_cascade.errors import SpecError
from einsum_cascade.forms import FORBID, Flag, Integer, Real, Scalar, Text, free_keys, keys_at, read_form


@dataclass(frozen=True, kw_only=True)
class Port:
    __pydantic_config__ = FORBID
    width: Integer
    name: Text = ""


@dataclass(frozen=True, kw_only=True)
class Array:
    __pydantic_config__ = FORBID
    rows: Integer
    ports: list[Port] = field(default_factory=list)
    by_name: dict[Text, Port] = field(default_factory=dict)
    latency: Real = 1


@dataclass(frozen=True, kw_only=True)
class Design:
    __pydantic_config__ = FORBID
    design: Text
    array: Array | None = None
    arrays: dict[Text, list[Array]] = field(default_factory=dict)
    sizes: dict[Text, Scalar] = field(default_factory=dict)
    extra: dict[Text, object] = field(default_factory=dict)
    fast: Flag = False


def made(text: str) -> Design:
    return read_form(read(text, "d.yaml")[0], Design)


def message(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        made(text)
    return str(caught.value)


def test_a_whole_document() -> None:
    found = made("""
design: a
array: {rows: 2, ports: [{width: 8}, {width: 4, name: x}], latency: 0.5}
arrays: {u: [{rows: 1}], v: []}
sizes: {M: 64, E: 1.5, W: M//2}
extra: {anything: [1, {b: ~}]}
fast: true
""")
    assert found.array == Array(rows=2, ports=[Port(width=8), Port(width=4, name="x")], latency=0.5)
    assert found.arrays == {"u": [Array(rows=1)], "v": []}
    assert found.sizes == {"M": 64, "E": 1.5, "W": "M//2"} and isinstance(found.sizes["M"], int)
    assert found.extra == {"anything": [1, {"b": None}]} and found.fast is True


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from("ABCD"), st.one_of(st.integers(), st.floats(-1e6, 1e6, width=32))))
def test_numbers_keep_their_kind(sizes: dict[str, float]) -> None:
    text = "{" + ", ".join(f"{k}: {float(v):.20f}" if isinstance(v, float) else f"{k}: {v}" for k, v in sizes.items())
    found = made(f"design: a\nsizes: {text}}}").sizes
    assert {k: type(v) for k, v in found.items()} == {k: type(v) for k, v in sizes.items()}


@pytest.mark.parametrize(
    ("text", "place", "key", "hint"),
    [
        ("design: a\narry: 1", "2:1", "arry", "did you mean array or arrays?"),
        ("design: a\narray: {rows: 1, row: 2}", "2:18", "row", "did you mean rows?"),
        ("design: a\narray: {rows: 1, ports: [{width: 1, nam: x}]}", "2:37", "nam", "did you mean name?"),
        ("design: a\narrays: {u: [{rows: 1, q: 2}]}", "2:24", "q", "known: by_name, latency, ports, rows"),
        (
            "design: a\narrays: {u: [{rows: 1, by_name: {p: {width: 1, widht: 2}}}]}",
            "2:48",
            "widht",
            "did you mean width?",
        ),
    ],
)
def test_an_unknown_key_at_every_depth(text: str, place: str, key: str, hint: str) -> None:
    lines = message(text).split("\n")
    column = int(place.split(":")[1])
    assert lines == [
        f"d.yaml:{place}: unknown key {key}",
        "    " + text.split("\n")[1],
        " " * (column + 3) + "^" * len(key),
        f"  hint: {hint}",
    ]


@pytest.mark.parametrize(
    ("text", "place", "key", "needed"),
    [
        ("fast: true", "1:1", "design", "design"),
        ("design: a\narray: {}", "2:8", "rows", "rows"),
        ("design: a\narray: {rows: 1, ports: [{width: 1}, {name: x}]}", "2:38", "width", "width"),
        ("design: a\narrays:\n  u:\n    - rows: 1\n      by_name:\n        p: {}", "6:12", "width", "width"),
    ],
)
def test_a_missing_key_at_every_depth(text: str, place: str, key: str, needed: str) -> None:
    lines = message(text).split("\n")
    assert lines[0] == f"d.yaml:{place}: the key {key} is missing" and lines[-1] == f"  hint: needed here: {needed}"


@pytest.mark.parametrize(
    ("text", "place", "where", "expected"),
    [
        ("design: 5", "1:9", "design", "a valid string"),
        ("design: a\nfast: 1", "2:7", "fast", "a valid boolean"),
        ("design: a\nfast: 'true'", "2:7", "fast", "a valid boolean"),
        ("design: a\nsizes: {M: true}", "2:12", "sizes.M", "a valid integer or a valid number or a valid string"),
        ("design: a\nsizes: [1]", "2:8", "sizes", "a valid dictionary"),
        ("design: a\narray: {rows: 2.0}", "2:15", "array.rows", "a valid integer"),
        ("design: a\narray: {rows: 1, latency: x}", "2:27", "array.latency", "a valid integer or a valid number"),
        ("design: a\narray: {rows: 1, ports: {}}", "2:25", "array.ports", "a valid list"),
        (
            "design: a\narrays: {u: [{rows: 1, ports: [{width: '8'}]}]}",
            "2:40",
            "arrays.u.0.ports.0.width",
            "a valid integer",
        ),
        ("design: a\narrays: {u: [{rows: ~}]}", "2:21", "arrays.u.0.rows", "a valid integer"),
    ],
)
def test_a_value_of_the_wrong_kind_at_every_depth(text: str, place: str, where: str, expected: str) -> None:
    lines = message(text).split("\n")
    assert lines[0] == f"d.yaml:{place}: {where} has the wrong kind of value"
    assert lines[-1] == f"  expected: {expected}"


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    found = message("design: 1\nfastt: true\narray:\n  rows: x\n  ports: [{}]\nsizes: {M: []}")
    assert [line.removeprefix("d.yaml:") for line in found.split("\n") if line.startswith("d.yaml")] == [
        "1:9: design has the wrong kind of value",
        "2:1: unknown key fastt",
        "4:9: array.rows has the wrong kind of value",
        "5:11: the key width is missing",
        "6:12: sizes.M has the wrong kind of value",
    ]


def test_what_is_no_mapping_has_no_keys() -> None:
    assert message("- 1").startswith("d.yaml:1:1: ")


Union = Annotated[Port | Array | None, "note"]


@pytest.mark.parametrize(
    ("form", "path", "keys", "required"),
    [
        (Design, (), ["design", "array", "arrays", "sizes", "extra", "fast"], ["design"]),
        (Design, ("array",), ["rows", "ports", "by_name", "latency"], ["rows"]),
        (Design, ("array", "ports", 3), ["width", "name"], ["width"]),
        (Design, ("arrays", "any", 0, "by_name", "x"), ["width", "name"], ["width"]),
        (Design, ("arrays", "any"), [], []),
        (Design, ("design",), [], []),
        (Design, ("nothing", "here"), [], []),
        (Union, (), ["width", "name", "rows", "ports", "by_name", "latency"], ["width", "rows"]),
        (list[Union], (0, "ports", 1), ["width", "name"], ["width"]),
        (dict[str, int], ("a",), [], []),
        (int, ("a", "b"), [], []),
    ],
)
def test_keys(form: object, path: tuple[str | int, ...], keys: list[str], required: list[str]) -> None:
    assert keys_at(form, path) == keys
    assert keys_at(form, path, required=True) == required


@pytest.mark.parametrize(
    ("form", "path", "free"),
    [
        (Design, (), False), (Design, ("sizes",), True), (Design, ("sizes", "M"), False),
        (Design, ("extra", "x"), True),
        (Design, ("extra", "x", "y", 0), True), (Design, ("arrays",), True), (Design, ("arrays", "u"), False),
        (Design, ("arrays", "u", 0), False), (Design, ("arrays", "u", 0, "by_name"), True), (Design, ("none",), False),
        (dict[str, int] | None, (), True), (Annotated[dict[str, Port], ""], ("a",), False), (object, (), True),
        (list[dict[str, int]], (), False), (list[dict[str, int]], (0,), True),
    ],
)  # fmt: skip
def test_free_keys(form: object, path: tuple[str | int, ...], free: bool) -> None:
    assert free_keys(form, path) is free
