"""Which variables walk along a rank: partitions are inferred from the indices."""

import pytest

from einsum_cascade import Cascade, SpecError, load, read_cascades
from einsum_cascade.passes.fibers import along, base_ranks, fiber, named, sequence
from einsum_cascade.passes.survey import Survey, survey


def made(einsums: str, inputs: str = "{A: [M], B: [M, P]}", more: str = "") -> Survey:
    lines = "".join(f"  {line}\n" for line in einsums.split("\n"))
    head = "cascade: f\nranks: {M: 8, P: 4, M2: 2, M1: 2, M0: 2}\n"
    return survey(read_cascades(f"{head}inputs: {inputs}\noutputs: [Z]\n{more}einsums: |\n{lines}")[0])


@pytest.mark.parametrize(
    ("einsums", "expected"),
    [
        ("Z[m] = A[m]", [("m",)]),
        ("Z[m1,m0] = A[m1*M0+m0]", [("m1", "m0")]),
        ("Z[m1,m0] = A[m0+m1*M0]", [("m1", "m0")]),  # whatever the order of the text
        ("Z[m2,m1,m0] = A[m2*4+m1*M0+m0]", [("m2", "m1", "m0")]),
        ("Z[p] = A[p]", []),
        ("Z[m1,m0] = A[m1+m0]", []),  # a window, no partition
        ("Z[m1,m0] = A[m1*M0-m0]", []),
        ("X[m1,m0] = A[m1*M0+m0]\nZ[m,p] = B[m,p] * X[0,0]", [("m1", "m0")]),  # m is the whole of m1, m0
    ],
)
def test_partitions_are_inferred(einsums: str, expected: list[tuple[str, ...]]) -> None:
    assert [f.parts for f in along(made(einsums), "M")] == expected


def test_a_partition_has_the_base_of_its_axis() -> None:
    found = fiber(made("Z[m1,m0] = A[m1*M0+m0]"), ("m1", "m0"))
    assert (found.base, found.spans, found.whole, found.name) == ("M", {0, 1}, frozenset(), "m")
    loose = fiber(made("Z[m1,m0] = A[m1] * A[m0]"), ("m1", "m0"))
    assert (loose.base, loose.name) == ("", "m1")


def test_a_variable_over_the_whole_rank_walks_along() -> None:
    both = made("S[m,p] = B[m,p]\nZ[m1,m0,p] = S[m1*M0+m0,p]")
    assert fiber(both, ("m1", "m0")).whole == {"m"}
    assert fiber(both, ("m1", "m0")).streaming == {"m", "m1"}


def test_the_sequence_of_the_file() -> None:
    assert sequence(made("Z[m] = A[m]")) is None
    found = sequence(made("Z[m] = A[m]", more="seq: [m]\n"))
    assert found is not None and (found.parts, found.base) == (("m",), "")
    chunks = sequence(survey(load(Cascade, "lightning_chunked")))
    assert chunks is not None and len(chunks.parts) == 2 and chunks.name == chunks.base.lower()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("attention_3pass", ("E", "P", "M", "F")),
        ("gqa", ("HK", "R", "E", "P", "M", "F")),
    ],
)
def test_ranks_of_the_inputs_in_the_order_of_the_file(name: str, expected: tuple[str, ...]) -> None:
    assert base_ranks(survey(load(Cascade, name))) == expected


@pytest.mark.parametrize(
    ("rank", "parts", "level"),
    [("m", ("m1", "m0"), 0), ("M", ("m1", "m0"), 0), ("m1", ("m1", "m0"), 0), ("m0", ("m1", "m0"), 1),
     ("M0", ("m1", "m0"), 1), ("p", ("p",), 0), ("P", ("p",), 0), ("f", ("f",), 0)],
)  # fmt: skip
def test_names_that_users_give(rank: str, parts: tuple[str, ...], level: int) -> None:
    (found,) = named(survey(load(Cascade, "attention_1pass")), rank)
    assert (found.parts, found.level) == (parts, level)


def test_an_unknown_name() -> None:
    with pytest.raises(SpecError) as caught:
        named(survey(load(Cascade, "attention_1pass")), "M2")
    (found,) = caught.value.diagnostics
    assert found.message == "no Einsum of attention_1pass runs over M2"
    assert found.expected == "a rank or one of its variables" and found.hint.startswith("did you mean ")
