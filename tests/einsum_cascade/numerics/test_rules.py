"""The numerics section: what a rule says, and every mistake in its place."""

import re

import pytest

from einsum_cascade import Cascade, SpecError, load
from einsum_cascade.document import read
from einsum_cascade.forms import read_form
from einsum_cascade.numerics.rules import Numerics, NumericsForm, last_operation, plain, read_numerics
from einsum_cascade.parse import parse_line

TEXT = """
source: assumed
word: bf16
block: 4
exponential: poly5
operations:
  mul+add: {output: fp32}
  exp: {input: fp32}
einsums:
  AV: {accumulate: fp16, output: word}
"""


def numerics(text: str) -> Numerics:
    document = read(text, "machine.yaml")[0]
    return read_numerics(read_form(document, NumericsForm), document)


def test_rules() -> None:
    found, cascade = numerics(TEXT), load(Cascade, "attention_3pass")
    table = {}
    for e in cascade.einsums:
        f = found.formats(e)
        table[e.name] = (f.input.name, f.accumulate and f.accumulate.name, f.output.name)
    assert table == {
        "QK": ("bf16", "fp32", "fp32"), "GM": ("bf16", "fp32", "bf16"), "SN": ("fp32", "fp32", "bf16"),
        "SD": ("bf16", "fp32", "bf16"), "A": ("bf16", "fp32", "bf16"), "AV": ("bf16", "fp16", "bf16"),
    }  # fmt: skip
    assert found.block == 4 and found.exponential.name == "poly5" and found.source == "assumed"


def test_another_word() -> None:
    found = numerics(TEXT).using("e4m3", "table64")
    assert found.formats(load(Cascade, "attention_3pass").einsums[0]).input.name == "e4m3"
    assert found.exponential.name == "table64" and found.accumulate == "fp32" and not found.double
    whole = found.using("int8")
    assert whole.double and whole.accumulate == "exact"
    narrow = found.using(accumulate="bfloat16", block=16)
    assert (narrow.accumulate, narrow.block, narrow.word.name) == ("bf16", 16, "e4m3")
    assert found.using(accumulate="exact").formats(load(Cascade, "attention_3pass").einsums[0]).accumulate is None
    with pytest.raises(SpecError, match="no number format bf1"):
        found.using(accumulate="bf1")
    assert plain("fp32").using("", "").word.name == "fp32" and not plain("fp32").double and plain("fp64").double
    assert numerics(TEXT.replace("accumulate: fp16", "accumulate: int32")).double


@pytest.mark.parametrize(("text", "operation"), [
    ("Z[p] = A[p,m] * B[m]", "mul+add"), ("Z[p,m] = A[p,m] * B[m]", "mul"), ("Z[p] = A[p,m]", "add"),
    ("Z[p] = A[p,m] :: max(m)", "max"), ("Z[m,p] = exp(A[m,p] - B[p])", "exp"), ("Z[p] = A[p]", "copy"),
    ("Z[p] = A[p,m] * B[m] / C[p]", "add"), ("Z[m+1] = max(Z[m], A[m])", "max"), ("Z[p] = A[p,m] :: sum(m)", "add"),
    ("Z[p,j] = A[p,m] :: argtopk(m, j)", "topk"),
])  # fmt: skip
def test_last_operation(text: str, operation: str) -> None:
    assert last_operation(parse_line(text)[0]) == operation


def test_every_mistake_in_its_place() -> None:
    text = TEXT.replace("word: bf16", "word: bf15").replace("block: 4", "block: 0").replace("poly5", "poly9")
    text = text.replace("mul+add", "mul+sad").replace("{input: fp32}", "{input: f32}")
    with pytest.raises(SpecError) as caught:
        numerics(text)
    found = [str(d) for d in caught.value.diagnostics]
    places = sorted(f.split(": ")[0].removeprefix("machine.yaml:") for f in found)
    assert places == ["3:7", "4:8", "5:14", "7:3", "8:16"]
    text = "\n".join(found)
    for part in ("number format bf15", "number format f32", "unknown operation mul+sad", "block is 0", "unit poly9"):
        assert part in text


def test_unknown_key() -> None:
    with pytest.raises(SpecError, match="unknown key outputs"):
        numerics(TEXT.replace("output: word", "outputs: word"))


@pytest.mark.parametrize("name", ["add+mul", "mul+mul", "mul+add+exp"])
def test_an_operation_that_no_einsum_ends_in_is_refused(name: str) -> None:
    with pytest.raises(SpecError, match=f"unknown operation {re.escape(name)}") as caught:
        numerics(TEXT.replace("mul+add", name))
    assert "did you mean mul+add" in str(caught.value) or name == "mul+mul"


def test_places_of_rules() -> None:
    place = numerics(TEXT).places["AV"]
    assert (place.file, place.line, place.column) == ("machine.yaml", 10, 3)
