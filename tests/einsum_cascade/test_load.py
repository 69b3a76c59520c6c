"""Files, several documents, names, TeAAL, and the traps of YAML that are no mistakes."""

from pathlib import Path

import pytest

from einsum_cascade.cascade import Cascade, graph, rank_names, shape
from einsum_cascade.constants import evaluate
from einsum_cascade.errors import SpecError
from einsum_cascade.load import index, load, read_cascades
from einsum_cascade.parse import parse_expression

DOT = "cascade: dot\nranks: {K: 8}\ninputs: {A: [K], B: [K]}\noutputs: [Z]\neinsums: Z[] = A[k] * B[k]\n"


def test_every_shipped_cascade_loads_by_name() -> None:
    for name in index():
        assert load(Cascade, name).name == name


def test_several_documents(tmp_path: Path) -> None:
    file = tmp_path / "two.yaml"
    file.write_text(DOT + "---\n" + DOT.replace("dot", "dot2"))
    assert load(Cascade, file).name == "dot"
    assert load(Cascade, f"{file}#dot2").name == "dot2"
    with pytest.raises(SpecError, match="did you mean dot or dot2"):
        load(Cascade, f"{file}#dot3")


def test_an_unknown_name_lists_the_near_ones() -> None:
    with pytest.raises(SpecError, match="attention_1pass"):
        load(Cascade, "attention_pass1")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b""])
def test_unreadable_files(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(content)
    with pytest.raises(SpecError, match=r"a\.yaml:1:1"):
        load(Cascade, file)
    with pytest.raises(SpecError, match="cannot be read: No such file"):
        load(Cascade, tmp_path / "none.yaml")


def test_yaml_floats_without_a_dot_are_numbers_here() -> None:
    cascade = read_cascades(DOT + "params: {EPS: 1e-6, HALF: 1/2, W: K//2}\n")[0]
    assert shape(cascade) == {"K": 8, "EPS": 1e-6, "HALF": 0.5, "W": 4}


def test_a_quoted_boolean_name_is_a_name() -> None:
    text = DOT.replace("A: [K]", '"NO": [K]').replace("A[k]", "NO[k]")
    assert set(read_cascades(text)[0].inputs) == {"NO", "B"}


def test_sizes_are_derived_in_order_and_overridden() -> None:
    text = DOT.replace("ranks: {K: 8}", "ranks: {K: 8}\nparams: {M0: 3, M1: (K + M0 - 1) // M0, C: 2*M1}")
    cascade = read_cascades(text)[0]
    assert shape(cascade) == {"K": 8, "M0": 3, "M1": 3, "C": 6}
    assert shape(cascade, {"K": 100, "M0": 10})["C"] == 20
    assert shape(cascade, {"C": 5})["C"] == 5
    assert rank_names(cascade) == ("K",)


@pytest.mark.parametrize("size", [0, -1, 2.5, True])
def test_a_rank_is_a_positive_integer(size: float) -> None:
    with pytest.raises(SpecError, match="a positive integer"):
        shape(read_cascades(DOT)[0], {"K": size})


def test_an_override_that_names_nothing() -> None:
    with pytest.raises(SpecError, match="dot has no rank or parameter KK"):
        shape(read_cascades(DOT)[0], {"KK": 4})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("sqrt(64)", 8),
        ("7//2 + 2**3", 11),
        ("2**-1", 0.5),
        ("-7 % 3", 2),
        ("8/4", 2),
        ("(2**80 + 1) // 3", (2**80 + 1) // 3),
    ],
)
def test_constants_are_exact(text: str, value: float) -> None:
    result = evaluate(parse_expression(text), {})
    assert result == value and type(result) is type(value)


@pytest.mark.parametrize("text", ["1 // 0", "sqrt(0 - 1)", "N", "A[k]", "gelu(1)"])
def test_impossible_constants(text: str) -> None:
    with pytest.raises(SpecError):
        evaluate(parse_expression(text), {})


def test_teaal() -> None:
    text = """
einsum:
  declaration:
    A: [K, M]
    B: [K, N]
    T: [M, N]
    Z: [M]
  expressions:
    - T[m, n] = A[k, m] * B[k, n]
    - Z[m] = T[m, n]
mapping:
  rank-order: {A: [K, M]}
"""
    cascade = read_cascades(text, "gemm.yaml")[0]
    assert (cascade.name, set(cascade.inputs), cascade.outputs) == ("gemm", {"A", "B"}, ("Z",))
    assert "rank-order" in cascade.mapping
    assert list(graph(cascade).edges) == [("A", "T"), ("B", "T"), ("T", "Z")]
