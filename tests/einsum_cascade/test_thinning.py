"""Stated densities scale what depends on data, once per source, and nothing else."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einsum_cascade.cascade import Cascade
from einsum_cascade.load import read_cascades
from einsum_cascade.thinning import Thinning, thinning

HEAD = "cascade: a\nranks: {M: 8, P: 4}\ninputs: {A: [M, P], B: [M]}\noutputs: [Z]\n"


def thin(*lines: str, **density: object) -> tuple[Cascade, Thinning]:
    stated = f"density: {density}\n".replace("'", "") if density else ""
    made = read_cascades(HEAD + stated + "einsums: |\n" + "".join(f"  {line}\n" for line in lines))[0]
    return made, thinning(made)


def live(*lines: str, **density: object) -> list[tuple[int, int]]:
    """Live points of every statement, and words of its tensor, out of 1000 each."""
    made, found = thin(*lines, **density)
    return [(found.points(s, 1000), found.words(s.name, 1000)) for s in made.statements]


TESTED = "X[m,p] = A[m,p] | A[m,p] > 0"


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(0, 10**12))
def test_a_density_scales_points_and_words(permille: int, candidates: int) -> None:
    made, found = thin(TESTED, "Z[p] = X[m,p]", X=permille / 1000)
    expected = round(candidates * Fraction(permille, 1000))
    assert found.points(made.einsums[0], candidates) == found.words("X", candidates) == expected
    assert found.points(made.einsums[1], candidates) == expected and found.words("Z", candidates) == candidates
    assert found.words("A", candidates) == candidates and not found.assumed


def test_without_data_everything_is_live() -> None:
    made, found = thin("X[m,p] = A[m,p] | m <= p", "Z[p] = X[m,p]")
    assert found == Thinning() and found.points(made.einsums[0], 7) == 7


@pytest.mark.parametrize(
    ("line", "points", "words"),
    [
        ("Z[m,p] = exp(X[m,p])", 500, 500),
        ("Z[p,m] = X[m,p] * B[m]", 500, 500),
        ("Z[m,p] = X[m,p] + B[m]", 1000, 1000),  # the other operand may be there
        ("Z[m,p] = X[m,p] - B[m]", 500, 500),
        ("Z[m,p] = B[m] - X[m,p]", 1000, 1000),
        ("Z[m,p] = max(X[m,p], B[m])", 1000, 1000),
        ("Z[m,p] = X[m,p] + 2 * X[m,p]", 500, 500),
        ("Z[m,p] = where(B[m] > 0, X[m,p], 0)", 500, 500),
        ("Z[m,p] = X[m,p] * X[m,p]", 500, 500),  # one source counts once
        ("Z[m] = X[m,p]", 500, 1000),
        ("Z[] = X[m,p] :: max(m), max(p)", 500, 1000),
        ("Z[m+1,p] = X[m,p]", 500, 1000),
    ],
)
def test_how_a_density_spreads(line: str, points: int, words: int) -> None:
    assert live(TESTED, line, X=0.5) == [(500, 500), (points, words)]


def test_two_sources_multiply() -> None:
    lines = [TESTED, "Y[m] = B[m] | B[m] > 1", "Z[m,p] = X[m,p] * Y[m]", "U[m,p] = X[m,p] + Y[m]"]
    assert live(*lines, X=0.5, Y=0.1) == [(500, 500), (100, 100), (50, 50), (1000, 1000)]


def test_a_condition_on_something_thin_adds_to_it() -> None:
    assert live(TESTED, "Z[m,p] = X[m,p] | B[m] > 0", X=0.5, Z=0.5)[1] == (250, 250)


def test_a_recurrence_sees_its_own_source() -> None:
    made, found = thin("Z[m] = B[m] + Z[m-1] | B[m] > 0", Z=0.25)
    assert found.points(made.einsums[0], 100) == 25


def test_what_is_not_stated_is_assumed_live_and_said() -> None:
    made, found = thin(TESTED, "Z[m,p] = X[m,p] | X[m,p] < 3", Z=0.5)
    assert found.assumed == {"X": "depends on data; no density is stated, so every point counts as live"}
    assert [found.points(s, 100) for s in made.einsums] == [100, 50]


def test_a_static_condition_is_no_source_even_if_a_density_is_stated() -> None:
    assert live("Z[m] = B[m] | m < 3", Z=0.5) == [(1000, 1000)]


@pytest.mark.parametrize(
    ("text", "exact"), [("0.1", Fraction(1, 10)), ("1", Fraction(1)), ("1.0e-6", Fraction(1, 10**6))]
)
def test_densities_are_taken_as_written(text: str, exact: Fraction) -> None:
    assert thin(TESTED, "Z[p] = X[m,p]", X=text)[1].density == {"X": exact}


def test_measured_numbers_win() -> None:
    made, found = thin(TESTED, "Z[p] = X[m,p]", X=0.5)
    found.measured["X"] = 3
    found.measured_points[id(made.einsums[0])] = 5
    assert (found.words("X", 100), found.points(made.einsums[0], 100)) == (3, 5)
    assert found.points(made.einsums[1], 100) == 50
