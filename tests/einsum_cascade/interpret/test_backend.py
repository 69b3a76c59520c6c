"""What the array-API standard lacks, and the questions about types."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einsum_cascade.interpret.backend import (
    best_first,
    device_of,
    identity,
    is_boolean,
    is_floating,
    namespace,
    on_cpu,
)
from tests.einsum_cascade.interpret.helpers import XP
from tests.einsum_cascade.test_points import MANY


def test_namespaces() -> None:
    assert namespace("numpy", []) is XP and namespace(None, []) is XP
    assert namespace(None, [np.ones(2), 3, "text"]) is XP  # what is no array does not count
    assert namespace(np, []) is XP and namespace(XP, []) is XP
    with pytest.raises(ModuleNotFoundError, match="nosuchlibrary"):
        namespace("nosuchlibrary", [])


@pytest.mark.parametrize(
    ("value", "floating", "boolean"),
    [
        (True, False, True),
        (2, False, False),
        (2.0, True, False),
        (np.ones(2, np.float32), True, False),
        (np.ones(2, np.int64), False, False),
        (np.ones(2, bool), False, True),
    ],
)
def test_types(value: object, floating: bool, boolean: bool) -> None:
    assert is_floating(XP, value) is floating and is_boolean(XP, value) is boolean  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.int32])
@pytest.mark.parametrize("name", ["sum", "prod", "max", "min"])
def test_an_identity_changes_nothing(name: str, dtype: type) -> None:
    limits = np.iinfo(dtype) if np.issubdtype(dtype, np.integer) else np.finfo(dtype)
    for value in (limits.min, -1, 0, 3, limits.max):
        array = np.array([value], dtype=dtype)
        both = np.concatenate([array, np.array([identity(XP, name, array)], dtype=dtype)])
        assert getattr(np, name)(both) == array[0]
    assert identity(XP, name, 3.0) == {"sum": 0, "prod": 1, "max": -math.inf, "min": math.inf}[name]


@given(
    st.lists(st.tuples(st.integers(-2, 2), st.booleans()), min_size=12, max_size=12), st.booleans(), st.booleans(),
    st.sampled_from(((12,), (1, 12), (3, 4), (2, 3, 2))),
)  # fmt: skip
@MANY
def test_orders_are_stable_with_absent_points_last(
    cells: list[tuple[int, bool]], descending: bool, masked: bool, shape: tuple[int, ...]
) -> None:
    values = np.array([float(v) for v, _ in cells]).reshape(shape)
    there = np.array([flag for _, flag in cells]).reshape(shape) if masked else None
    order = best_first(XP, values, there, descending)
    for row, flags, found in zip(
        values.reshape(-1, shape[-1]),
        (np.ones(shape, bool) if there is None else there).reshape(-1, shape[-1]),
        order.reshape(-1, shape[-1]),
        strict=True,
    ):
        key = [(not flags[k], -row[k] if descending else row[k], k) for k in range(shape[-1])]
        assert found.tolist() == sorted(range(shape[-1]), key=key.__getitem__)


def test_devices() -> None:
    assert device_of(np.ones(1)) == "cpu" and on_cpu(np.ones(1))
