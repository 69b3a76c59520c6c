"""Sizes from arrays, exact messages of contradictions, types, and blocks of the batch."""

import itertools
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einsum_cascade import SpecError, read_cascades
from einsum_cascade.interpret.binding import blocks, prepared, sizes_from
from tests.einsum_cascade.interpret.helpers import XP
from tests.einsum_cascade.test_points import FEW

CASCADE = read_cascades("""
cascade: bound
ranks: {E: 9}
params: {T: M // 2, U: E + T}
inputs: {Q: [E, P], K: [E, M], B: [M + 1], S: []}
outputs: [Z]
einsums: Z[m,p] = Q[e,p] * K[e,m] + B[m+1] * S[]
""")[0]
SHAPES = {"Q": (3, 5), "K": (3, 8), "B": (9,), "S": ()}


def arrays(**changed: tuple[int, ...] | None) -> dict[str, np.ndarray]:
    shapes = {**SHAPES, **changed}
    return {name: np.ones(found) for name, found in shapes.items() if found is not None}


def test_ranks_and_parameters() -> None:
    names, batch = sizes_from(CASCADE, arrays(), {})
    assert {n: names[n] for n in ("E", "P", "M", "T", "U")} == {"E": 3, "P": 5, "M": 8, "T": 4, "U": 7}
    assert batch == ()
    assert sizes_from(CASCADE, arrays(), {"T": 6})[0]["U"] == 9  # a parameter may be overridden


@pytest.mark.parametrize(
    ("fronts", "expected"),
    [
        ({"Q": (4,)}, (4,)),
        ({"Q": (4,), "K": (7, 1)}, (7, 4)),
        ({"Q": (1, 4), "S": (2, 1, 1)}, (2, 1, 4)),
        ({"Q": (1,)}, (1,)),
        ({"Q": (4,), "K": (4,), "B": (4,), "S": (4,)}, (4,)),
    ],
)
def test_batch_axes(fronts: dict[str, tuple[int, ...]], expected: tuple[int, ...]) -> None:
    given_arrays = arrays(**{name: (*front, *SHAPES[name]) for name, front in fronts.items()})
    assert sizes_from(CASCADE, given_arrays, {})[1] == expected
    assert np.broadcast_shapes(*fronts.values()) == expected


@pytest.mark.parametrize(
    ("changed", "sizes", "lines"),
    [
        ({"K": None}, {}, ["the input K is missing", "hint: give an array of shape (E, M)"]),
        ({"S": None}, {}, ["the input S is missing", "hint: give an array of shape ()"]),
        ({"KK": (3,)}, {}, ["bound has no input KK", "hint: did you mean K?"]),
        ({"K": (8,)}, {}, ["K has 1 axis, but [E, M] needs 2", "hint: batch axes, if any, stand in front"]),
        ({"K": ()}, {}, ["K has 0 axes, but [E, M] needs 2"]),
        ({"K": (4, 8)}, {}, ["rank E has size 3 in Q and size 4 in K"]),
        ({}, {"E": 4}, ["rank E is given as 4 but has size 3 in Q", "rank E is given as 4 but has size 3 in K"]),
        ({"B": (8,)}, {}, ["axis 0 of B has size 8, not M + 1 = 9"]),
        ({"Q": (2, 3, 5), "K": (4, 3, 8)}, {}, ["batch axis -1 has size 2 in Q and size 4 in K"]),
        ({"Q": (2, 1, 3, 5), "K": (4, 1, 3, 8)}, {}, ["batch axis -2 has size 2 in Q and size 4 in K"]),
    ],
)
def test_contradictions(changed: dict[str, tuple[int, ...] | None], sizes: dict[str, int], lines: list[str]) -> None:
    with pytest.raises(SpecError) as caught:
        sizes_from(CASCADE, arrays(**changed), sizes)
    messages = [d.message for d in caught.value.diagnostics]
    hints = [f"hint: {d.hint}" for d in caught.value.diagnostics if d.hint]
    wanted = [line for line in lines if not line.startswith("hint")]
    assert messages == wanted and (not any(line.startswith("hint") for line in lines) or hints == lines[1:])


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        sizes_from(CASCADE, arrays(K=None, B=(), X=(2,)), {})
    assert len(caught.value.diagnostics) == 3


@pytest.mark.parametrize(
    ("types", "expected", "common"),
    [
        ({"a": np.float32, "b": np.float32}, {"a": np.float32, "b": np.float32}, np.float32),
        ({"a": np.float32, "b": np.float64}, {"a": np.float64, "b": np.float64}, np.float64),
        ({"a": np.float32, "b": np.int32}, {"a": np.float32, "b": np.int64}, np.float32),
        ({"a": np.int16, "b": np.uint8}, {"a": np.int64, "b": np.int64}, np.float64),
        ({"a": np.float16, "b": bool}, {"a": np.float16, "b": np.float16}, np.float16),
        ({"a": bool}, {"a": np.float64}, np.float64),
    ],
)
def test_types_meet(types: dict[str, type], expected: dict[str, type], common: type) -> None:
    found, dtype = prepared(XP, {name: np.ones(2, each) for name, each in types.items()})
    assert {name: array.dtype for name, array in found.items()} == {n: np.dtype(e) for n, e in expected.items()}
    assert dtype == np.dtype(common)


def test_what_has_the_type_is_not_copied() -> None:
    own = np.ones(3)
    assert np.shares_memory(prepared(XP, {"a": own})[0]["a"], own)
    assert prepared(XP, {"a": [1.0, 2.0]})[0]["a"].tolist() == [1.0, 2.0]  # type: ignore[dict-item]


@given(st.lists(st.integers(1, 6), max_size=4), st.integers(1, 40))
@FEW
def test_blocks_cover_the_batch_once(batch: list[int], most: int) -> None:
    found = blocks(batch, most)
    cells = [point for block in found for point in itertools.product(*(range(s.start, s.stop) for s in block))]
    assert sorted(cells) == list(itertools.product(*map(range, batch)))
    sizes = [prod(s.stop - s.start for s in block) for block in found]
    assert max(sizes) <= most
    assert len(found) == 1 or prod(batch) > most
