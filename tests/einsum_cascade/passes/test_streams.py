"""How indices move along a fiber, form by form."""

import pytest

from einsum_cascade import SpecError, read_cascades
from einsum_cascade.passes.fibers import fiber
from einsum_cascade.passes.streams import Fiber, Form, everything, form
from einsum_cascade.passes.survey import survey

HEAD = "cascade: s\nranks: {M: 8, P: 4, J: 2, M1: 4, M0: 2, U: 3}\nvars: {k: M}\noutputs: [Z]\n"
INPUTS = "inputs: {A: [M], B: [M, P], IX: [J], IM: [M]}\n"


def kind(einsum: str, tensor: str, parts: tuple[str, ...] = ("m",), axis: int = 0) -> Form:
    found = survey(read_cascades(f"{HEAD}{INPUTS}einsums: |\n  {einsum}\n")[0])
    (statement,) = found.statements
    read = next(r for r in statement.reads if r.access.tensor == tensor)
    return form(read.indices[axis], statement, read.access, fiber(found, parts), found.cascade)


@pytest.mark.parametrize(
    ("einsum", "expected"),
    [
        ("Z[m] = A[m]", "stream"),
        ("Z[m] = A[m+1]", "stream"),
        ("Z[m] = A[m-2]", "stream"),
        ("Z[m] = A[7-m]", "stream"),
        ("Z[p,m] = A[p-m]", "stream"),
        ("Z[p,m] = A[m*P+p]", "stream"),
        ("Z[m] = A[IM[m]]", "stream"),  # a permutation of the whole rank
        ("Z[m] = A[k] * A[m] | k <= m", "prefix"),
        ("Z[m] = A[k] * A[m] | k < m", "prefix"),
        ("Z[m] = A[k] * A[m] | m >= k", "prefix"),
        ("Z[m] = A[k] * A[m] | k > m", "other"),
        ("Z[m,k] = A[k] * A[m] | k <= m", "other"),  # not reduced
        ("Z[m] = A[IX[j]] * IM[m] :: sum(j)", "gather"),
        ("Z[m] = A[3] * IM[m]", "constant"),
        ("Z[m] = A[M-1] * IM[m]", "constant"),
        ("Z[m,p] = A[p] * IM[m]", "other"),
    ],
)
def test_forms(einsum: str, expected: str) -> None:
    found = kind(einsum, "A")
    assert found.kind == expected
    assert found.streams == (expected in ("stream", "prefix"))


@pytest.mark.parametrize("index", ["m//2", "m%2", "m*m", "m+m", "m*p"])
def test_unknown_forms_are_refused(index: str) -> None:
    with pytest.raises(SpecError) as caught:
        kind(f"Z[m,p] = A[{index}] * B[m,p]", "A")
    (found,) = caught.value.diagnostics
    assert found.message.replace(" ", "") == f"A[{index}]movesalongrankMthrough{index},forwhichthereisnopassrule"
    assert found.expected == (
        "m, m+1, m*X+y with a constant X, a prefix k <= m with k reduced, a constant coordinate, or a gather"
    )
    assert found.hint == "write the index as a view over the parts of the rank, or analyse another rank"


def test_an_offset_beside_a_gather_is_refused_where_it_moves() -> None:
    with pytest.raises(SpecError, match="no pass rule"):
        kind("Z[m,j] = A[IX[j]+m]", "A")
    assert kind("Z[m,j] = A[IX[j]+1] * IM[m]", "A").kind == "gather"


@pytest.mark.parametrize(
    ("einsum", "expected"),
    [
        ("Z[m1,m0] = A[m1*M0+m0]", {0, 1}),
        ("Z[m1] = A[m1*M0+1]", {0}),
        ("Z[m1,m0] = A[m0+M0*m1]", {0, 1}),
    ],
)
def test_the_parts_that_an_index_covers(einsum: str, expected: set[int]) -> None:
    found = kind(einsum, "A", ("m1", "m0"))
    assert (found.kind, found.parts) == ("stream", expected)


@pytest.mark.parametrize(
    ("made", "name", "extents"),
    [
        (Fiber(parts=("m",), ranks=("M",)), "m", {(0,): "M", (): "1"}),
        (
            Fiber(parts=("m1", "m0"), ranks=("M1", "M0"), spans=frozenset({0, 1}), base="M"),
            "m", {(0, 1): "M", (0,): "M1", (1,): "M0", (): "1"},
        ),
        (
            Fiber(parts=("m1", "m0"), ranks=("M1", "M0"), spans=frozenset({0, 1}), base="M", level=1),
            "m0", {(0, 1): "M0", (1,): "M0", (0,): "1"},
        ),
        (Fiber(parts=("t", "i"), ranks=("T", "I"), spans=frozenset({0})), "t", {(0, 1): "T*I", (1,): "I"}),
    ],
)  # fmt: skip
def test_names_and_extents_of_fibers(made: Fiber, name: str, extents: dict[tuple[int, ...], str]) -> None:
    assert made.name == name
    assert {parts: made.extent(frozenset(parts)) for parts in extents} == extents
    assert everything(made) == frozenset(range(made.level, len(made.parts)))
    assert made.streaming == {made.parts[made.level]} | made.whole
