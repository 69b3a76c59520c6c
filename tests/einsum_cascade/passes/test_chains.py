"""What forces each pass, partial reads and remarks, as data."""

import itertools

import pytest

from einsum_cascade import Cascade, load, read_cascades
from einsum_cascade.passes.chains import Chain, chains, gathers, remarks
from einsum_cascade.passes.fibers import fiber, sequence
from einsum_cascade.passes.survey import survey
from einsum_cascade.passes.sweeps import Sweeps

HEAD = "cascade: c\nranks: {K: 8, J: 2, U: 3, C: 4, I: 2}\noutputs: [Z]\n"


def sweeps(einsums: str, inputs: str = "{A: [K], B: [K]}", parts: tuple[str, ...] = ("k",)) -> Sweeps:
    lines = "".join(f"  {line}\n" for line in einsums.split("\n"))
    found = survey(read_cascades(f"{HEAD}inputs: {inputs}\neinsums: |\n{lines}")[0])
    return Sweeps(found, fiber(found, parts))


def loaded(name: str) -> Sweeps:
    found = survey(load(Cascade, name))
    along = sequence(found)
    assert along is not None
    return Sweeps(found, along)


def test_one_pass_is_forced_by_nothing() -> None:
    assert chains(sweeps("Z[k] = A[k] * B[k]")) == () == chains(loaded("attention_1pass"))


def test_each_further_pass_has_its_chain() -> None:
    found = chains(
        sweeps("Y[k] = 2 * A[k]\nS[] = Y[k]\nR[] = S[] + 1\nX[k] = A[k] * R[]\nT[] = X[k]\nZ[k] = X[k] / T[]")
    )
    assert found == (
        Chain(number=2, root="A", tensor="Y", barrier="S", again="X", revisited="A", path=("Y", "S", "R", "X")),
        Chain(number=3, root="A", tensor="X", barrier="T", again="Z", revisited="X", path=("X", "T", "Z")),
    )


@pytest.mark.parametrize("name", ["attention_3pass", "attention_2pass", "attention_naive", "mha", "spatten_layer"])
def test_chains_hang_together(name: str) -> None:
    of = loaded(name)
    found = chains(of)
    assert [c.number for c in found] == list(range(2, of.passes + 1))
    for one, two in itertools.pairwise(found):
        assert one.again == two.first
    for c in found:
        assert c.path[-1] == c.again and c.barrier in c.path and c.first == c.path[0]


@pytest.mark.parametrize(
    ("einsums", "inputs", "expected"),
    [
        ("IX[j] = A[k] :: argtopk(k, j)\nZ[j] = B[IX[j]]", "{A: [K], B: [K]}", [("Z", "B", "J/K")]),
        ("Z[k] = A[k] * B[k]", "{A: [K], B: [K]}", []),
        ("IX[] = A[k] :: argmax(k)\nZ[] = B[IX[]]", "{A: [K], B: [K]}", [("Z", "B", "1/K")]),
    ],
)
def test_gathers(einsums: str, inputs: str, expected: list[tuple[str, str, str]]) -> None:
    assert [(g.einsum, g.tensor, g.fraction) for g in gathers(sweeps(einsums, inputs), frozenset())] == expected


def test_a_fixed_place_in_each_tile_is_a_fraction() -> None:
    of = sweeps("Y[c,i] = A[c*I+i]\nX[c] = A[c*I+1]\nZ[c,i] = Y[c,i] * X[c]", "{A: [K]}", ("c", "i"))
    assert [(g.einsum, g.tensor, g.fraction) for g in gathers(of, frozenset())] == [("X", "A", "1/I")]


def test_remarks() -> None:
    (window,) = remarks(sweeps("Z[k] = A[k+u-1] * B[k]"))
    assert window.endswith(": a window of U, taken to be streamed with the fiber")
    assert remarks(sweeps("Z[k] = A[k] * B[k]")) == ()
    (other,) = remarks(sweeps("Y[k] = A[k]\nZ[k,j] = A[j] * Y[k]"))
    assert other == "Z reads A[j], which walks along k through j: not counted"
