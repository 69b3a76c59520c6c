"""Scatters against a loop: which points fall on a coordinate, and how they are combined."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einsum_cascade import read_cascades
from einsum_cascade.interpret import run
from einsum_cascade.interpret.backend import scatter
from tests.einsum_cascade.interpret.helpers import XP
from tests.einsum_cascade.test_points import FEW, MANY

MEET = {"sum": sum, "prod": math.prod, "max": max, "min": min}
operations = st.sampled_from(sorted(MEET))


@given(operations, st.lists(st.integers(0, 4), max_size=9), st.integers(0, 3), st.sampled_from((float, int)))
@MANY
def test_rows_that_fall_on_one_coordinate_meet(name: str, places: list[int], width: int, dtype: type) -> None:
    rows = np.random.default_rng(len(places)).integers(-3, 4, (len(places), width)).astype(dtype)
    found = scatter(XP, name, 5, np.array(places, dtype=np.int64), rows)
    assert found.shape == (5, width) and found.dtype == rows.dtype
    for c, column in itertools.product(range(5), range(width)):
        here = [rows[n, column].item() for n, place in enumerate(places) if place == c]
        if here:
            assert found[c, column] == MEET[name](here)
    empty = [c for c in range(5) if c not in places]
    if dtype is float and width:
        identity = {"sum": 0, "prod": 1, "max": -math.inf, "min": math.inf}[name]
        assert all(found[c, 0] == identity for c in empty)


TEXT = """
cascade: scatter
ranks: {{N: 4}}
inputs: {{A: [I, J], X: [{table}]}}
outputs: [Z]
declare: {{Z: [{shape}]}}
einsums: |
  Z[{target}] = A[i,j] :: {name}({over}){condition}
"""


def ran(tensors: dict[str, np.ndarray], **parts: str) -> tuple[np.ndarray, np.ndarray]:
    cascade = read_cascades(TEXT.format(**{"condition": "", **parts}))[0]
    values, mask = run(cascade, tensors, presence=True)["Z"]
    return values, np.ones(values.shape, bool) if mask is None else mask


@given(st.data(), operations)
@FEW
def test_scatter_along_one_axis(data: st.DataObject, name: str) -> None:
    size, width = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 3))
    table = np.array(data.draw(st.lists(st.integers(-2, 5), min_size=size, max_size=size)))
    tensors = {"A": np.random.default_rng(size).integers(-3, 4, (size, width)).astype(float), "X": table}
    values, mask = ran(tensors, table="I", shape="N, J", target="X[i],j", name=name, over="i", condition=" | i != 1")
    for n, j in itertools.product(range(4), range(width)):
        here = [tensors["A"][i, j] for i in range(size) if i != 1 and table[i] == n]  # out of range: nowhere
        assert mask[n, j] == bool(here)
        assert values[n, j] == (MEET[name](here) if here else 0)


@given(st.data(), operations)
@FEW
def test_scatter_by_a_table_over_both_variables(data: st.DataObject, name: str) -> None:
    shape = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    table = np.array(data.draw(st.lists(st.integers(0, 3), min_size=math.prod(shape), max_size=math.prod(shape))))
    tensors = {"A": np.random.default_rng(1).integers(-3, 4, shape).astype(float), "X": table.reshape(shape)}
    values, mask = ran(tensors, table="I, J", shape="N", target="X[i,j]", name=name, over="i")
    for n in range(4):
        here = tensors["A"][tensors["X"] == n].tolist()
        assert mask[n] == bool(here) and values[n] == (MEET[name](here) if here else 0)


@pytest.mark.parametrize("name", MEET)
def test_computed_coordinates_beside_the_table(name: str) -> None:
    tensors = {"A": np.arange(12.0).reshape(3, 4) - 4, "X": np.array([1, 0, 1])}
    values, mask = ran(tensors, table="I", shape="N, 2", target="X[i] + 1, j // 2", name=name, over="i")
    for n, half in itertools.product(range(4), range(2)):
        here = [tensors["A"][i, j] for i in range(3) for j in range(4) if tensors["X"][i] + 1 == n and j // 2 == half]
        assert mask[n, half] == bool(here) and values[n, half] == (MEET[name](here) if here else 0)


def test_batches_scatter_apart() -> None:
    rng = np.random.default_rng(0)
    tensors = {"A": rng.normal(size=(5, 3, 2)), "X": rng.integers(0, 4, (5, 3))}
    values, _ = ran(tensors, table="I", shape="N, J", target="X[i],j", name="sum", over="i")
    expected = np.zeros((5, 4, 2))
    for b, i in itertools.product(range(5), range(3)):
        expected[b, tensors["X"][b, i]] += tensors["A"][b, i]
    np.testing.assert_allclose(values, expected, rtol=1e-15)
