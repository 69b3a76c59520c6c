"""Points of documents, and slices of them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.library import load
from archsim.mapping import Mapping
from archsim.slices import cutter, points
from archsim.workload import Workload
from einsum_cascade.einsum import Number
from einsum_cascade.errors import SpecError
from tests.tiny import DESIGN, WORKLOAD, changed, design, mapping

THREE = np.array([1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    "documents",
    [
        (replace(WORKLOAD, heads=THREE),),
        (replace(WORKLOAD, ranks={"M": THREE}),),
        (WORKLOAD, {"P1": THREE}),
        (design(ROWS=THREE), WORKLOAD),
        (design(ROOM=THREE), {"P1": THREE, "P2": 4}),
        (design(changed(DESIGN, ("8 GB/s", "SPEED")), SPEED=THREE),),
        (load(Mapping, "fusemax_binding", P1=THREE),),
        (design(changed(DESIGN, ("area: 9", "area: ROWS")), ROWS=THREE), replace(WORKLOAD, batch=THREE)),
    ],
)
def test_arrays_are_found_wherever_they_stand(documents: tuple[object, ...]) -> None:
    assert points(*documents) == 3


def test_numbers_are_one_point() -> None:
    assert points() == points(WORKLOAD, design(), mapping(), {"P1": 3}) == 1
    assert points(replace(WORKLOAD, batch=np.array([5.0]))) == 1


def test_different_lengths_are_refused() -> None:
    with pytest.raises(SpecError) as caught:
        points(replace(WORKLOAD, batch=THREE), {"P1": np.array([1, 2])}, design(ROWS=np.array([1] * 5)))
    assert "arrays of different lengths: 2, 3, 5\n  expected: one length, a value for each point" in str(caught.value)


@given(st.integers(0, 5), st.integers(0, 5))
def test_a_slice_of_a_workload(start: int, stop: int) -> None:
    values = np.arange(5.0)
    found = cutter(Workload(name="w", heads=values, batch=7, ranks={"L": values * 2, "X": 3}))(slice(start, stop))
    assert found.heads.tolist() == values[start:stop].tolist()
    assert found.ranks["L"].tolist() == (2 * values)[start:stop].tolist()
    assert (found.batch, found.ranks["X"]) == (7, 3)


def test_slices_put_together_are_the_whole() -> None:
    rows = np.arange(1.0, 8)
    whole = design(ROWS=rows, ROOM=rows * 10)
    parts = [cutter(whole)(slice(a, a + 3)) for a in (0, 3, 6)]
    for of in (lambda d: d.arrays["pes"].shape["rows"], lambda d: d.memories["near"].capacity,
               lambda d: d.memories["near"].charged_as, lambda d: d.parameters["ROWS"]):  # fmt: skip
        assert np.concatenate([of(p) for p in parts]).tolist() == of(whole).tolist()
    assert [points(p) for p in parts] == [3, 3, 1]


def test_what_has_no_arrays_is_shared() -> None:
    plain = design()
    assert cutter(plain)(slice(0, 1)) is plain
    assert cutter(WORKLOAD)(slice(0, 1)) is WORKLOAD
    names = {"P1": 4}
    assert cutter(names)(slice(0, 1)) is names
    many = design(ROWS=THREE)
    assert cutter(many)(slice(0, 2)).energy is many.energy


def test_a_slice_of_a_mapping_keeps_its_expressions() -> None:
    many = load(Mapping, "fusemax_binding", P1=THREE)
    found = cutter(many)(slice(1, 3))
    assert isinstance(found.parameters["P1"], Number) and found.parameters["P1"].value.tolist() == [2, 3]
    assert found.parameters["M0"] is many.parameters["M0"]
    assert found.groups is many.groups and found.given == many.given
