"""Workloads: the sizes of ranks, what is left out, and mistakes in their place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.library import load
from archsim.workload import Workload, read_workload
from einsum_cascade.document import read
from einsum_cascade.errors import SpecError

TEXT = "workload: w\nsource: made up\nheads: 12\nhead_dim: 64\n"


def parsed(text: str) -> Workload:
    return read_workload(read(text, "w.yaml")[0])


def test_what_is_left_out_follows_from_the_rest() -> None:
    sizes = parsed(TEXT).sizes()
    assert sizes == {
        "B": 1, "H": 12, "HK": 12, "R": 1, "E": 64, "F": 64, "D": 768, "G": 768, "S": 3072, "M": 1024, "P": 1024,
        "T": 1024, "N": 1024, "A": 768,
    }  # fmt: skip


def test_what_is_stated_wins() -> None:
    text = (
        TEXT
        + "batch: 3\nkv_heads: 4\nvalue_dim: 32\nmodel_dim: 100\nffn_dim: 50\nsequence_length: 10\nquery_length: 2\n"
    )
    sizes = parsed(text).sizes()
    assert [sizes[n] for n in ("B", "HK", "R", "F", "D", "S", "M", "P", "N", "A")] == [
        3, 4, 3, 32, 100, 50, 10, 2, 6, 768,
    ]  # fmt: skip


def test_further_ranks_are_added_and_may_replace() -> None:
    sizes = parsed(TEXT + "ranks: {L: 512, M: 7}\n").sizes()
    assert (sizes["L"], sizes["M"], sizes["P"]) == (512, 7, 1024)


@given(st.integers(1, 64), st.integers(1, 8), st.integers(1, 256), st.integers(1, 99), st.integers(1, 9999))
def test_laws(shared: int, queries: int, head: int, batch: int, length: int) -> None:
    sizes = Workload(name="w", batch=batch, heads=shared * queries, kv_heads=shared, head_dim=head,
                     sequence_length=length).sizes()  # fmt: skip
    assert sizes["HK"] * sizes["R"] == sizes["H"]
    assert sizes["A"] == sizes["H"] * sizes["E"] == sizes["D"]
    assert sizes["N"] == sizes["B"] * sizes["P"]
    assert sizes["S"] == 4 * sizes["D"]


def test_arrays_of_sizes() -> None:
    lengths, heads = np.array([1024, 2048]), np.array([8, 16])
    sizes = Workload(name="w", heads=heads, sequence_length=lengths, batch=2).sizes()
    assert sizes["N"].tolist() == [2048, 4096]
    assert sizes["D"].tolist() == [512, 1024]
    assert sizes["R"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("name", "model", "head", "heads", "hidden"),
    [("bert", 768, 64, 12, 3072), ("trxl", 1024, 64, 16, 4096), ("t5", 512, 64, 8, 2048), ("xlm", 2048, 128, 16, 8192)],
)
def test_published_models(name: str, model: int, head: int, heads: int, hidden: int) -> None:
    """FuseMax: batch 64."""
    sizes = load(Workload, name).sizes()
    assert [sizes[n] for n in "BDEFHS"] == [64, model, head, head, heads, hidden]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TEXT.replace("12", "0"), "w.yaml:3:8: heads is 0\n    heads: 0\n           ^\n  expected: a positive number"),
        (TEXT + "word_bits: 0\n", "w.yaml:5:12: word_bits is 0"),
        (TEXT + "word_bits: -0.5\n", "word_bits is -0.5"),
        (TEXT + "query_length: 0\n", "query_length is 0"),
        (TEXT + "kv_heads: 5\n", "w.yaml:5:11: 5 key-value heads do not divide 12 heads"),
        (TEXT + "kv_heads: 24\n", "24 key-value heads do not divide 12 heads"),
        (TEXT + "batch: 1.5\n", "batch has the wrong kind of value"),
        (TEXT + "batch: yes\n", "w.yaml:5:8: YAML reads the name yes as a boolean"),
        (TEXT + "ranks: {L: many}\n", "ranks.L has the wrong kind of value"),
        (TEXT + "hedas: 3\n", "w.yaml:5:1: unknown key hedas\n    hedas: 3\n    ^^^^^\n  hint: did you mean heads"),
        ("workload: w\nsource: s\nheads: 1\n", "the key head_dim is missing"),
    ],
)
def test_mistakes_stand_in_their_place(text: str, expected: str) -> None:
    with pytest.raises(SpecError) as caught:
        parsed(text)
    assert expected in str(caught.value)


def test_all_mistakes_come_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        parsed(TEXT + "batch: 0\nword_bits: 0\nkv_heads: 7\n")
    assert [d.place.line for d in caught.value.diagnostics] == [5, 6, 7]
