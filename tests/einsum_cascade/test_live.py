"""With tensors, data-dependent statements are counted exactly: as a walk over all points counts them."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from einsum_cascade.cascade import Cascade
from einsum_cascade.count import Counts, count
from einsum_cascade.einsum import accesses
from einsum_cascade.errors import SpecError
from einsum_cascade.load import read_cascades
from tests import oracle
from tests.einsum_cascade.appendix_references import Arrays
from tests.einsum_cascade.test_interpret_random import cascades

HEAD = "cascade: a\nranks: {M: 6, P: 4, J: 3}\ninputs: {A: [M, P], B: [M], I: [P]}\noutputs: [Z]\n"
LINES = {
    "condition": ["X[m,p] = A[m,p] | A[m,p] > 0", "Z[p] = X[m,p] * B[m]"],
    "two conditions": ["X[m,p] = A[m,p] | A[m,p] > 0 and B[m] < 1 and m <= p", "Z[m] = X[m,p] :: max(p)"],
    "reduced condition": ["Z[m] = B[m] | A[m,p] > 1"],
    "union": ["X[m] = B[m] | B[m] > 0", "Y[m] = B[m] | B[m] < 1", "Z[m] = X[m] + Y[m]", "U[m] = max(X[m], Y[m])"],
    "left": ["X[m] = B[m] | B[m] > 0", "Z[m,p] = A[m,p] - X[m]", "Y[m,p] = X[m] - A[m,p]"],
    "free variable": ["X[m] = B[m] | B[m] > 0", "Z[m,p] = X[m] * p"],
    "gather": ["X[m] = B[m] | m < 3", "Z[p] = X[I[p]]"],
    "gather out of range": ["Z[p] = B[I[p] - 2] + B[I[p] + 2]"],
    "scatter": ["Z[I[p]] = B[p] :: sum(p)", "Y[m] = Z[m] * B[m]"],
    "scatter where": ["Z[I[p]] = A[m,p] :: max(p) | A[m,p] > 0", "Y[m] = Z[m]"],
    "selection": ["X[m,p] = A[m,p] | A[m,p] > 0", "T[j,p] = X[m,p] :: argtopk(m, j)", "Z[j,p] = A[T[j,p],p]"],
    "selection twice": ["T[j] = B[m] :: argtopk(m, j) | B[m] > 0", "Z[p] = A[T[j],p] | A[T[j],p] < 1"],
    "argmax": ["X[m,p] = A[m,p] | A[m,p] > 1", "T[p] = X[m,p] :: argmax(m)", "Z[p] = B[T[p]]"],
    "where": ["X[m] = B[m] | B[m] > 0", "Z[m,p] = where(A[m,p] > 0, X[m], A[m,p])"],
    "recurrence": ["R[m+1] = R[m] + B[m] | B[m] > 0", "Z[m] = R[m] * B[m]"],
    "recursion": ["Z[m] = B[m] + Z[m-1] * 2 | B[m] > 0"],
    "downstream": ["X[m] = B[m] | m < 3", "Y[p] = X[I[p]]", "Z[p] = Y[p] * 2", "U[m,p] = Z[p] * A[m,p]"],
}
whole = st.integers(-3, 3).map(float)


def cascade(lines: list[str], more: str = "") -> Cascade:
    return read_cascades(HEAD + more + "einsums: |\n" + "".join(f"  {line}\n" for line in lines))[0]


@st.composite
def tensors(draw: st.DrawFn) -> Arrays:
    numbers = draw(st.lists(whole, min_size=30, max_size=30))
    index = draw(st.lists(st.integers(0, 5), min_size=4, max_size=4))
    return {"A": np.reshape(numbers[:24], (6, 4)), "B": np.array(numbers[24:]), "I": np.array(index, float)}


def compared(made: Cascade, given: Arrays) -> tuple[Counts, oracle.Result]:
    with np.errstate(all="ignore"):
        return count(made, None, given), oracle.run(made, given)


def assert_counted(made: Cascade, given: Arrays) -> None:
    found, expected = compared(made, given)
    points = [expected.points[k] for k, s in enumerate(made.statements) if s.role == "einsum"]
    for s, counted, walked in zip(made.einsums, found.einsums, points, strict=True):
        if any(accesses(i) for i in s.target.indices):  # the walk counts also what lands nowhere
            assert counted.points <= walked, s.name
        else:
            assert counted.points == walked, s.name
    written = {s.name for s in made.einsums}
    assert {t: found.words[t] for t in written} == {t: len(expected.values.get(t, ())) for t in written}
    assert not set(found.bounds) & written


@pytest.mark.parametrize("name", LINES)
@settings(max_examples=12, deadline=None)
@given(given=tensors())
def test_counts_equal_the_walk(name: str, given: Arrays) -> None:
    assert_counted(cascade(LINES[name]), given)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(cascades())
def test_random_cascades(case: tuple[str, Arrays]) -> None:
    text, given = case
    assume("-inf" not in text and text.count("X0[i,j] =") < 2)
    try:
        made = read_cascades(text)[0]
    except SpecError:
        assume(False)
    event("data" if any(c in text for c in ("arg", "] <", "] >", "] ==", "] !=")) else "static")
    assert_counted(made, given)


def test_operations_follow_the_live_points() -> None:
    made = cascade(["X[m,p] = exp(A[m,p] * B[m]) | A[m,p] > 0 and m <= p", "Z[p] = X[m,p]"])
    given = {"A": np.array([[1.0, -1, 1, 1]] * 6), "B": np.ones(6), "I": np.zeros(4)}
    first, second = count(made, None, given).einsums
    assert (first.points, second.points) == (8, 8)  # columns 0, 2, 3 down to the diagonal: 1 + 3 + 4
    assert first.operations == {"mul": 8, "exp": 8, "cmp": 10} and second.operations == {"add": 8}


def test_static_statements_stay_as_they_are_and_a_density_gives_way() -> None:
    made = cascade(["X[m,p] = A[m,p] | A[m,p] > 5", "Y[m] = B[m]", "Z[p] = X[m,p]"], "density: {X: 0.5}\n")
    given = {"A": np.zeros((6, 4)), "B": np.ones(6), "I": np.zeros(4)}
    assert [e.points for e in count(made).einsums] == [12, 6, 12]
    found = count(made, None, given)
    assert [e.points for e in found.einsums] == [0, 6, 0]
    assert (found.words["X"], found.words["Y"], found.words["Z"]) == (0, 6, 0)
