"""What waits for what along a fiber: reach, lineage and passes."""

import itertools

import pytest

from einsum_cascade import Cascade, load, read_cascades
from einsum_cascade.passes.fibers import fiber, sequence
from einsum_cascade.passes.survey import survey
from einsum_cascade.passes.sweeps import END, POINT, PREFIX, STREAM, Sweeps, extend

HEAD = "cascade: s\nranks: {K: 8}\ninputs: {A: [K], B: [K]}\noutputs: [Z]\n"


def sweeps(einsums: str, more: str = "") -> Sweeps:
    lines = "".join(f"  {line}\n" for line in einsums.split("\n"))
    found = survey(read_cascades(f"{HEAD}{more}einsums: |\n{lines}")[0])
    return Sweeps(found, fiber(found, ("k",)))


def need(of: Sweeps, first: str, last: str) -> int:
    names = [s.name for s in of.statements]
    return of.needs[names.index(first)][names.index(last)]


@pytest.mark.parametrize(
    ("level", "kind", "expected"),
    [
        (STREAM, STREAM, STREAM), (STREAM, PREFIX, POINT), (STREAM, POINT, POINT), (STREAM, END, END),
        (PREFIX, STREAM, PREFIX), (PREFIX, PREFIX, END), (PREFIX, POINT, POINT), (PREFIX, END, END),
        *((POINT, kind, POINT) for kind in (POINT, STREAM, PREFIX, END)),
        *((END, kind, END) for kind in (POINT, STREAM, PREFIX, END)),
    ],
)  # fmt: skip
def test_dependencies_in_sequence(level: int, kind: int, expected: int) -> None:
    assert extend(level, kind) == expected


@pytest.mark.parametrize(
    ("einsums", "expected"),
    [
        ("Y[k] = A[k]\nZ[k] = Y[k]", STREAM),
        ("Y[k] = A[k]\nZ[k] = Y[k+1]", STREAM),
        ("Y[] = A[k]\nZ[k] = B[k] * Y[]", END),
        ("Y[] = A[k] :: max(k)\nX[] = Y[] * 2\nZ[k] = B[k] * X[]", END),  # through a scalar
        ("Y[] = A[k]\nX[k] = Y[] * B[k]\nZ[k] = X[k]", END),  # further through streams
        ("Y[k] = A[k]\nX[] = Y[k]\nZ[k] = B[k] * X[]", END),
        ("Y[k] = A[k]\nZ[k] = B[k] * Y[3]", POINT),
        ("Y[k] = A[k]\nZ[k] = B[k] * Y[K-1]", POINT),  # a map: its last element may be made first
        ("Y[k+1] = Y[k] + A[k]\nZ[k] = B[k] * Y[K]", END),
        ("Y[k+1] = Y[k] + A[k]\nZ[k] = B[k] * Y[8]", END),  # the same by its value
        ("Y[k+1] = Y[k] + A[k]\nZ[k] = B[k] * Y[7]", POINT),
        ("Y[k+1] = Y[k] + A[k]\nZ[k] = B[k] * Y[k]", PREFIX),
        ("Y[k] = A[k]\nZ[k] = B[k]", 0),
        ("Y[] = B[0]\nZ[k] = A[k] * Y[]", STREAM),  # no walk along the rank
    ],
)
def test_how_much_the_last_needs_of_the_first(einsums: str, expected: int) -> None:
    found = sweeps(einsums)
    assert need(found, "Y", "Z") == expected
    assert found.ends(0, len(found.statements) - 1) == (expected == END)


def test_needs_are_transitive_where_they_are_complete() -> None:
    for name in ("attention_3pass", "attention_2pass", "attention_1pass", "mha", "spatten_layer", "gqa"):
        found = survey(load(Cascade, name))
        along = sequence(found)
        assert along is not None
        needs = Sweeps(found, along).needs
        for a, b, c in itertools.product(range(len(needs)), repeat=3):
            assert not (needs[a][b] == END and needs[b][c] == END) or needs[a][c] == END


@pytest.mark.parametrize(
    ("einsums", "lineage"),
    [
        ("Y[k] = A[k] * B[k]\nZ[k] = Y[k]", {"A": "A", "B": "B", "Y": "AB"}),
        ("S[] = B[k]\nY[k] = A[k] * S[]\nZ[k] = Y[k]", {"A": "A", "B": "B", "Y": "A"}),  # statistics carry nothing
        ("Y[k+1] = Y[k] + A[k]\nZ[k] = Y[k]", {"A": "A", "Y": "A"}),
        ("Y[k] = k * 2\nZ[k] = Y[k] * A[k]", {"A": "A", "Y": ""}),  # addressing derives from no input
    ],
)
def test_lineage(einsums: str, lineage: dict[str, str]) -> None:
    assert {t: "".join(sorted(roots)) for t, roots in sweeps(einsums).lineage.items()} == lineage


@pytest.mark.parametrize(
    ("einsums", "expected"),
    [
        ("Z[k] = A[k] * B[k]", {"A": 1, "B": 1}),
        ("S[] = A[k]\nT[] = A[k] * S[]\nZ[k] = A[k] * T[]", {"A": 3}),
        ("S[] = A[k]\nT[] = B[k]\nZ[k] = A[k] * B[k] * S[] * T[]", {"A": 2, "B": 2}),
        ("S[] = A[k]\nZ[k] = B[k] * S[]", {"A": 1, "B": 1}),
        ("S[] = A[k]\nT[] = B[k] * S[]\nZ[k] = A[k] * T[]", {"A": 2, "B": 1}),
        ("S[] = A[k]\nT[] = B[k]\nZ[] = A[k] * T[]", {"A": 1, "B": 1}),  # T need not wait for S
        ("Z[] = A[3]", {}),
    ],
)
def test_passes(einsums: str, expected: dict[str, int]) -> None:
    found = sweeps(einsums)
    assert found.counts == expected and found.passes == max(expected.values(), default=0)


def test_chains_of_sweeps_before_and_after() -> None:
    found = sweeps("S[] = A[k]\nT[] = A[k] * S[]\nZ[k] = A[k] * T[]")
    full = found.full("A")
    assert [found.statements[k].name for k in full] == ["S", "T", "Z"]
    assert found.before(full) == [0, 1, 2] and found.after(full) == [2, 1, 0]


def test_a_tile_is_looked_at_within_one_sweep() -> None:
    found = survey(load(Cascade, "attention_2pass"))
    along = sequence(found)
    assert along is not None
    inner = fiber(found, along.parts).__class__(**{
        "parts": along.parts, "ranks": along.ranks, "spans": along.spans, "base": along.base, "level": 1,
    })  # fmt: skip
    whole = Sweeps(found, along)
    assert Sweeps(found, inner, whole).passes == 2  # the tile's own maximum
    assert Sweeps(found, inner).passes >= 2
