"""Symbolic presence equals the enumeration of all points, or says where it is only an upper bound."""

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from einsum_cascade.cascade import Cascade, shape, size
from einsum_cascade.einsum import iteration_variables
from einsum_cascade.errors import SpecError
from einsum_cascade.load import read_cascades
from einsum_cascade.presence import Presence, axis, presence
from einsum_cascade.shapes import tensor_shapes
from einsum_cascade.thinning import thinning
from tests import oracle
from tests.einsum_cascade.appendix_references import Arrays
from tests.einsum_cascade.test_interpret_random import cascades

HEAD = "cascade: a\nranks: {M: 6, P: 5, J: 3}\nvars: {k: M, i: J}\nparams: {M0: 2, M1: 3, W: 2}\n"
HEAD += "inputs: {A: [M, P], B: [M], I: [P]}\noutputs: [Z]\n"


def cascade(*lines: str, more: str = "") -> Cascade:
    return read_cascades(HEAD + more + "einsums: |\n" + "".join(f"  {line}\n" for line in lines))[0]


def points(found: Presence, tensor: str) -> set[tuple[int, ...]]:
    """The present points, one by one."""
    every = itertools.product(*map(range, found.shape(tensor)))
    return {p for p in every if found.sets[tensor].contains({axis(k): c for k, c in enumerate(p)})}


def solved(made: Cascade, tensors: Arrays) -> tuple[Presence, oracle.Result]:
    sizes = {d.name: n for t, dims in made.inputs.items() for d, n in zip(dims, tensors[t].shape, strict=True)
             if hasattr(d, "name")}  # fmt: skip
    return presence(made, shape(made, sizes)), oracle.run(made, tensors)


def inputs(made: Cascade, positions: bool = False) -> Arrays:
    names, rng = shape(made), np.random.default_rng(0)
    tensors = {t: rng.normal(size=[int(names[d.name]) for d in dims]) for t, dims in made.inputs.items()}  # type: ignore[union-attr]
    if positions:
        tensors["I"] = rng.integers(0, 6, size=5).astype(float)
    return tensors


def assert_exact(made: Cascade) -> None:
    found, expected = solved(made, inputs(made))
    assert not found.bounds
    for s in made.statements:
        assert points(found, s.name) == set(expected.values.get(s.name, {})), s.name
        variables = iteration_variables(s)
        if s.role == "einsum" and len(made.definitions(s.name)) == 1:
            assert found.domain(s).count(variables) == expected.points[list(made.statements).index(s)]


@pytest.mark.parametrize(
    "lines",
    [
        # masks
        ["Z[m,p] = A[m,p] | p - W < m and m <= p"],
        ["Z[m,p] = A[m,p] | m % 2 == p % 2 and m//M0 != p//M0"],
        ["Z[m] = A[m,p] | m < p < 2*m - 3"],
        ["Z[] = A[m,p] | m > p + P"],
        ["Y[m,p] = A[m,p] | m <= p", "Z[p] = Y[m,p] :: max(m)", "X[m,p] = A[m,p] - Z[p]"],
        # merge rules
        ["X[m] = B[m] | m < 4", "Y[m] = B[m] | m > 1", "Z[m] = X[m] + Y[m]"],
        ["X[m] = B[m] | m < 4", "Y[m] = B[m] | m > 1", "Z[m] = X[m] * Y[m]"],
        ["X[m] = B[m] | m < 2", "Y[m] = B[m] | m > 3", "Z[m] = X[m] - Y[m]"],
        ["X[m] = B[m] | m < 2", "Y[m] = B[m] | m > 3", "Z[m] = max(X[m], Y[m])", "U[m] = min(exp(Y[m]), X[m] * X[m])"],
        ["X[m] = B[m] | m < 4", "Z[m,p] = where(X[m] > A[m,p], p, X[m-1])"],
        # shifts and coordinates out of range
        ["Z[m,p] = A[m-1,p+1]"],
        ["Z[m] = B[m-2] + B[m+3]"],
        ["Z[m] = B[2*m - 1]"],
        ["Z[m1,m0] = B[m1*M0 + m0 + 1]"],
        ["Z[m+2] = B[m]", "Y[m] = Z[m]"],
        ["Z[M-1-m] = B[m] | m > 1"],
        ["Z[2*m] = B[m]", "Y[m] = Z[m] + Z[m+1]"],
        ["Z[m//2] = B[m] | m < 3"],
        # pieces
        ["Z[m] = B[m] | m < 2", "Z[m] = A[m,0] | m > 3", "Y[m] = Z[m] * Z[m-1]"],
        # running ranks
        ["Z[m+1] = Z[m] + B[m]"],
        ["X[m] = B[m] | m >= 2", "R[m+1] = max(R[m], X[m])", "Z[m] = R[m+1] - R[m]"],
        ["X[m,p] = A[m,p] | m > p", "R[m+1,p] = R[m,p] + X[m,p]", "Z[p] = R[M,p]"],
        ["R[m+1,p] = R[m,p] * A[m,p]", "Z[p] = R[M,p]"],
        # recursions
        ["U[m] = B[m] - V[m]", "V[m] = A[m,0] * U[k] | k < m", "Z[m] = U[m] | m % 2 == 1"],
        ["Z[m] = B[m] + Z[m-1]"],
        # selections
        ["Z[j,p] = A[m,p] :: argtopk(m, j)"],
        ["X[m,p] = A[m,p] | m < p", "Z[j,p] = X[m,p] :: argtopk(m, j)", "Y[p] = X[m,p] :: argmax(m)"],
        ["X[m,p] = A[m,p] | m % 2 == p % 2", "Z[k,p] = X[m,p] :: argsort(m, k)"],
        ["I2[j,p] = A[m,p] :: argtopk(m, j)", "Z[j,p] = A[I2[j,p],p]"],
    ],
    ids=lambda lines: "; ".join(lines),
)  # fmt: skip
def test_presence_equals_enumeration(lines: list[str]) -> None:
    assert_exact(cascade(*lines))


@pytest.mark.parametrize("start", ["R[0,p] = 0", "R[0,p] = 0 | p > 1", "R[0,0] = 1"])
def test_initial_values(start: str) -> None:
    assert_exact(cascade("R[m+1,p] = R[m,p] * A[m,p]", "Z[p] = R[M,p]", more=f"init: {start}\n"))


def test_views_and_constant_tables() -> None:
    views = "views: |\n  ST[j] = 2**j\n  BB[m1,m0] = B[m1*M0+m0]\n"
    assert_exact(cascade("Z[j,m] = B[m - ST[j]]", "Y[m1] = BB[m1,m0] + BB[m1,m0-1]", more=views))


def test_a_declared_shape_cuts_what_is_written() -> None:
    assert_exact(cascade("Z[m+2] = B[m]", more="declare: {Z: [4]}\n"))


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(cascades())
def test_random_cascades(case: tuple[str, Arrays]) -> None:
    text, tensors = case
    assume("-inf" not in text)
    try:
        made = read_cascades(text)[0]
    except SpecError:
        assume(False)
    with np.errstate(all="ignore"):
        found, expected = solved(made, tensors)
    exact = not found.bounds and not thinning(made).inside
    for tensor in {s.name for s in made.statements}:
        seen, right = points(found, tensor), set(expected.values.get(tensor, {}))
        assert right <= seen, tensor
        assert not exact or right == seen, tensor


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(-4, 4), st.integers(1, 4))
def test_a_band_at_any_size(m: int, p: int, offset: int, width: int) -> None:
    made = cascade(f"X[m,p] = A[m,p] | p - {width} < m + {offset} <= p", "Z[p] = X[m,p] :: max(m)")
    found = presence(made, shape(made, {"M": m, "P": p}))
    inside = {(a, b) for a in range(m) for b in range(p) if b - width < a + offset <= b}
    assert points(found, "X") == inside and points(found, "Z") == {(b,) for _, b in inside}


@pytest.mark.parametrize(
    ("lines", "tensor", "reason"),
    [
        (["X[m] = B[m] | m < 2", "Z[p] = X[I[p]]"], "Z", "X is read where the data say, and is not present everywhere"),
        (["Z[p] = B[I[p] + 1]"], "Z", "B is read where the data say, and is not present everywhere"),
        (["Z[I[p]] = B[p] :: sum(p)", "Y[m] = Z[m]"], "Z", "it is scattered to where the data say"),
    ],
)
def test_upper_bounds_say_so_and_hold(lines: list[str], tensor: str, reason: str) -> None:
    made = cascade(*lines)
    found, expected = solved(made, inputs(made, positions=True))
    assert found.bounds == {tensor: reason}
    assert set(expected.values.get(tensor, {})) <= points(found, tensor)


def test_sizes_beyond_any_enumeration() -> None:
    made = cascade("X[m,p] = A[m,p] | m <= p", "Y[m+1,p] = Y[m,p] + X[m,p]", "Z[p] = Y[M,p]")
    found = presence(made, shape(made, {"M": 10**30, "P": 10**30}))
    n = 10**30
    assert (found.sets["X"].count(), found.sets["Y"].count(), found.sets["Z"].count()) == (
        n * (n + 1) // 2, n * n, n,
    )  # fmt: skip
    assert tensor_shapes(made, found.names)["Y"] == (n + 1, n) and size(made, "m", found.names) == n


def test_a_recurrence_without_a_closed_form_is_bounded_from_above() -> None:
    """A diagonal: present are (i, 2i) only, which no step maps to itself."""
    text = """\
cascade: diagonal
ranks: {I: 5, J: 12}
inputs: {A: [I, J]}
outputs: [X]
declare: {X: [I+1, J+2]}
init: X[0,0] = 1
einsums: X[i+1,j+2] = X[i,j] * A[i,j]
"""
    (made,) = read_cascades(text)
    found = presence(made, shape(made))
    assert found.bounds == {"X": "the recurrence's presence has no closed form"}
    assert {(i, 2 * i) for i in range(6)} <= points(found, "X")
