"""Bounds of indices hold for every point, are attained where that is promised, and shapes follow from them."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from einsum_cascade.cascade import Cascade, shape
from einsum_cascade.constants import evaluate
from einsum_cascade.einsum import Apply, Constant, Expression, Number, Variable, variables, walk
from einsum_cascade.errors import SpecError
from einsum_cascade.interpret import run
from einsum_cascade.load import index, load, read_cascades
from einsum_cascade.parse import parse_expression
from einsum_cascade.reference import make_inputs
from einsum_cascade.shapes import bounds, tensor_shapes

HEAD = "cascade: a\nranks: {M: 7, P: 4, J: 3}\nparams: {M0: 3, M1: 3}\ninputs: {A: [M, P], B: [M]}\n"
SIZES = {"i": 4, "j": 3, "k": 2}
NAMES = {"I": 4, "J": 3, "K": 2, "M0": 3}
BOX = read_cascades("cascade: b\nranks: {I: 4, J: 3, K: 2}\ninputs: {A: [I]}\noutputs: [Z]\neinsums: Z[] = A[i]")[0]
leaves = st.one_of(
    st.integers(-2, 4).map(Number), st.sampled_from("ijk").map(Variable), st.sampled_from(["M0", "J"]).map(Constant)
)
OPERATORS = ["add", "sub", "mul", "floordiv", "mod", "max", "min", "pow"]
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(OPERATORS), st.tuples(inner, inner)).map(lambda t: Apply(*t)),
        st.tuples(st.just("neg"), st.tuples(inner)).map(lambda t: Apply(*t)),
    ),
    max_leaves=5,
)


def values(node: Expression, fixed: dict[str, int]) -> list[float]:
    """The value at every point."""
    free = [v for v in variables(node) if v not in fixed]
    points = itertools.product(*(range(SIZES[v]) for v in free))
    return [evaluate(node, {**NAMES, **fixed, **dict(zip(free, p, strict=True))}) for p in points]


def shapes(*lines: str, more: str = "", **sizes: int) -> dict[str, tuple[int, ...]]:
    text = HEAD + "outputs: [Z]\n" + more + "einsums: |\n" + "".join(f"  {line}\n" for line in lines)
    cascade = read_cascades(text)[0]
    return tensor_shapes(cascade, shape(cascade, sizes))


@settings(deadline=None)
@given(trees, st.dictionaries(st.sampled_from("ij"), st.integers(0, 2), max_size=1))
def test_no_point_is_outside_the_bounds(node: Expression, fixed: dict[str, int]) -> None:
    try:
        found = values(node, fixed)
    except (SpecError, OverflowError):
        assume(False)
    limits = bounds(node, BOX, NAMES, fixed)
    assert limits is None or (limits[0] <= min(found) and max(found) <= limits[1])


@settings(deadline=None)
@given(trees)
def test_bounds_of_affine_expressions_are_attained(node: Expression) -> None:
    names = [n.name for n in walk(node) if isinstance(n, Variable)]
    assume(len(names) == len(set(names)))
    for n in walk(node):
        if isinstance(n, Apply):
            assume(n.operator in ("add", "sub", "neg", "mul"))
            assume(n.operator != "mul" or not all(variables(a) for a in n.arguments))
    assert bounds(node, BOX, NAMES) == (min(values(node, {})), max(values(node, {})))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("i//2", (0, 1)), ("(i-3)//2", (-2, 0)), ("i%2", (0, 1)), ("i%9", (0, 3)), ("(i-1)%4", (0, 3)),
        ("i-j", (-2, 3)),
        ("max(i, 2)", (2, 3)), ("min(i, j)", (0, 2)), ("2**i", None), ("(i+1)**2", (1, 16)), ("J", (3, 3)),
        ("max(i, j, k)", None), ("i % (j - 1)", None), ("i // (k - 1)", None), ("abs(i)", None), ("A[i]", None),
    ],
)  # fmt: skip
def test_bounds(text: str, expected: tuple[int, int] | None) -> None:
    found = bounds(parse_expression(text), BOX, NAMES)
    assert found == ((1, 8) if text == "2**i" else expected)


def test_a_bound_variable_has_its_value() -> None:
    assert bounds(parse_expression("i*10 + j"), BOX, NAMES, {"i": 2}) == (20, 22)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Z[m,p] = A[m,p]", (7, 4)),
        ("Z[] = A[m,p]", ()),
        ("Z[m+1] = B[m]", (8,)),
        ("Z[m1*M0+m0] = B[m1*M0+m0]", (9,)),
        ("Z[m//2,m%2] = B[m]", (4, 2)),
        ("Z[m-p] = A[m,p]", (7,)),
        ("Z[p-m] = A[m,p]", (4,)),
        ("Z[0-m] = B[m]", (1,)),
        ("Z[M-1-m,5] = B[m]", (7, 6)),
        ("Z[j,p] = A[m,p] :: argtopk(m, j)", (3, 4)),
        ("Z[p] = A[m,p] :: argmax(m)", (4,)),
    ],
)
def test_a_shape_reaches_to_the_last_coordinate_written(line: str, expected: tuple[int, ...]) -> None:
    assert shapes(line)["Z"] == expected


def test_pieces_running_ranks_and_initial_values() -> None:
    assert shapes("Z[m] = B[m] | m < 2", "Z[m+p] = A[m,p] | m >= 2 and p > 0")["Z"] == (10,)
    assert shapes("Z[m+1,p] = Z[m,p] + A[m,p]", more="init: Z[0,p] = 0\n")["Z"] == (8, 4)
    assert shapes("Z[m1,p] = A[m1,p]", more="vars: {m1: J}\n")["Z"] == (3, 4)
    assert shapes("Z[m+1] = Z[m] + B[m]", more="stop: {m: J-1}\n")["Z"] == (3,)
    assert shapes("Z[m] = B[m]", M=100)["Z"] == (100,)


def test_inputs_and_declarations_win() -> None:
    found = shapes("Z[m] = B[m]", "Y[m] = B[m]", more="declare: {Z: [M + 5]}\n")
    assert found == {"A": (7, 4), "B": (7,), "Z": (12,), "Y": (7,)}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["I[j] = B[m] :: argtopk(m, j)", "Z[I[j]] = B[j] :: sum(j)"], (7,)),  # as long as the rank selected from
        (["I[p] = A[m,p] :: argmax(m)", "Z[I[p]] = A[0,p] :: max(p)"], (7,)),
        (["I[p] = p + 2", "Z[I[p]] = A[m,p] :: sum(p)"], (6,)),
        (["I[m] = m", "K[p] = I[m] :: max(m) | m <= p", "Z[K[p]] = A[0,p] :: sum(p)"], (7,)),
        (["Z[B[m]] = B[m] :: sum(m)", "Y[j] = Z[j]"], (3,)),  # by the rank that reads it
    ],
)
def test_scattered_tensors(lines: list[str], expected: tuple[int, ...]) -> None:
    assert shapes(*lines)["Z"] == expected


@pytest.mark.parametrize("lines", [["Z[B[m]] = B[m] :: sum(m)"], ["I[p] = A[m,p]", "Z[I[p]] = B[p] :: sum(p)"]])
def test_a_scattered_tensor_whose_size_follows_from_nothing(lines: list[str]) -> None:
    with pytest.raises(SpecError) as caught:
        shapes(*lines)
    assert "nothing gives the size of axis 0 of Z" in str(caught.value)
    assert str(caught.value).endswith("hint: declare: {Z: [...]}")
    assert shapes(*lines, more="declare: {Z: [P]}\n")["Z"] == (4,)


def test_a_coordinate_without_a_bound() -> None:
    with pytest.raises(SpecError) as caught:
        shapes("Z[abs(m-3)] = B[m]")
    assert "the largest coordinate of axis 0 of Z cannot be told" in str(caught.value)
    assert "hint: declare: {Z: [...]}" in str(caught.value)


@pytest.mark.parametrize("name", sorted(index())[::5])
def test_shapes_are_those_of_the_arrays(name: str) -> None:
    cascade = load(Cascade, name)
    small = {
        n: v for n, v in {"M": 6, "P": 6, "E": 2, "F": 2, "M0": 4}.items() if n in {*cascade.ranks, *cascade.params}
    }
    names = shape(cascade, small)
    kept = [s.name for s in cascade.statements]
    found = run(cascade, make_inputs(cascade, small, 0), sizes=small, keep=kept)
    expected = tensor_shapes(cascade, names)
    assert {t: np.shape(found[t]) for t in kept} == {t: expected[t] for t in kept}


def test_a_size_is_a_whole_number() -> None:
    text = "cascade: a\nranks: {I: 6}\nparams: {N: I/4}\ninputs: {A: [I]}\noutputs: [X]\ndeclare: {X: [N]}\n"
    (made,) = read_cascades(text + "einsums: X[i] = A[i]\n")
    with pytest.raises(SpecError, match=r"a size of 1\.5"):
        tensor_shapes(made, shape(made))
