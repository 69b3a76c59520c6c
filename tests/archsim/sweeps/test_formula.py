"""Conditions and derived values of a sweep file: numbers with units, and what cannot be named in them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.sweeps.axes import read_axis
from archsim.sweeps.formula import UNITS, conditions, formula
from archsim.value import compare, evaluate
from einsum_cascade.document import read
from einsum_cascade.errors import Place, SpecError
from einsum_cascade.parse import parse_conditions

HERE = Place(file="s.yaml", line=9, column=5)


def holds(text: str, **values: float) -> bool:
    found = conditions(text, HERE, ())
    return all(bool(compare(c.operator, evaluate(c.left, values), evaluate(c.right, values))) for c in found)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("64K", 65_536), ("1.5 K", 1536), ("2M + 1", 2**21 + 1), ("4 MiB", 2**22), ("1 MB", 10**6), ("8 Gbit/s", 1e9),
        ("400 GB/s / 2", 2e11), ("2 * (1K // 3)", 682), ("2**10", 1024), ("0.5 GHz", 5e8), ("1e3", 1000.0),
        ("-1K", -1024), ("4 K/2", 2048),
    ],
)  # fmt: skip
def test_numbers_carry_units(text: str, value: float) -> None:
    assert evaluate(formula(text, HERE, ()), {}) == value


@pytest.mark.parametrize("unit", sorted(UNITS))
def test_a_number_is_what_it_is_on_an_axis(unit: str) -> None:
    """A condition and the axis that it is about read the same text as the same number."""
    axis = read_axis(read(f"x: [3 {unit}]", "s.yaml")[0], "design.parameters.X", "x")
    assert axis.numbers is not None and holds(f"A == 3 {unit}", A=float(axis.numbers[0]))


@given(first=st.integers(1, 2**20), second=st.integers(1, 2**20))
def test_conditions_of_columns(first: int, second: int) -> None:
    assert holds("sequence_length > 512K", sequence_length=first) == (first > 2**19)
    assert holds("1 <= a <= b and b < 1M", a=first, b=second) == (first <= second < 2**20)
    assert holds("(a > 2K) + (b > 2K) >= 1", a=first, b=second) == (first > 2048 or second > 2048)


def test_conditions_of_arrays() -> None:
    (found,) = conditions("capacity < 1 MiB", HERE, ())
    names = {"capacity": np.array([2.0**19, 2.0**20])}
    assert compare(found.operator, evaluate(found.left, names), evaluate(found.right, names)).tolist() == [True, False]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("length > 1X", "X is no unit", ""),
        ("capacity > 1 MiBs", "MiBs is no unit", "did you mean MiB"),
        ("bandwidth > 1 GB/t", "t has no value", ""),
        ("a > 1 or a < 0", "unexpected or", "`A or B` is written (A) + (B) >= 1"),
        ("latency_s < 1", "latency_s is known only when a point has been evaluated", "--where"),
        ("utilization_array_2d > 0", "utilization_array_2d is known only", "archsim query"),
        ("feasible == 1", "feasible is known only", ""),
        ("1 + workload < 3", "workload holds texts", "leave out what you do not want"),
        ("a", "unexpected end of line", "a condition compares"),
    ],
)
def test_what_is_refused(text: str, message: str, hint: str) -> None:
    with pytest.raises(SpecError) as caught:
        evaluate(conditions(text, HERE, {"workload"})[0].right, {})
    (found,) = caught.value.diagnostics
    assert found.message.startswith(message) and hint in found.hint
    assert (found.place.file, found.place.line) == ("s.yaml", 9) and found.place.column >= 5


def test_cascades_know_no_units() -> None:
    with pytest.raises(SpecError, match="unexpected K"):
        parse_conditions("m < 64K")
