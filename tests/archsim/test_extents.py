"""How long loops are, against a walk of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.extents import Extents
from tests.nest_oracle import Walk

small = st.integers(1, 9)
PARTS = ("p2", "p1", "p0")


@given(small, small, st.integers(1, 4), st.integers(1, 4), st.sets(st.sampled_from([*PARTS, "m"])))
def test_trips_of_any_loops(p: int, m: int, middle: int, inner: int, chosen: set[str]) -> None:
    extents = Extents({"p": p, "m": m}, {"p": PARTS}, {"p1": middle, "p0": inner})
    loops = tuple(sorted(chosen, reverse=True))
    walk = Walk({"p": (p, PARTS, (middle, inner)), "m": (m, ("m",), ())}, loops, 0)
    assert extents.trips(loops) == len(list(walk.iterations(loops)))
    for loop in loops:
        assert extents.extent(loop) == extents.trips([loop])


@given(st.lists(st.tuples(small, st.integers(1, 4)), min_size=1, max_size=5))
def test_many_at_once(points: list[tuple[int, int]]) -> None:
    sizes, tiles = (np.array(column, float) for column in zip(*points, strict=True))
    together = Extents({"p": sizes}, {"p": ("p1", "p0")}, {"p0": tiles})
    for loops in (["p1"], ["p0"], ["p1", "p0"]):
        alone = [float(Extents({"p": n}, {"p": ("p1", "p0")}, {"p0": t}).trips(loops)) for n, t in points]
        assert np.array_equal(np.broadcast_to(together.trips(loops), len(points)), alone)


def test_the_parts_of_a_folded_variable() -> None:
    extents = Extents({"p": 10, "e": 4}, {"p": ("p1", "p0")}, {"p0": 8})
    folded = extents.folded({"lanes": "p0", "rows": "e"}, {"lanes": 3, "rows": 4})
    assert folded.folds == {"p0": 3}  # e is no longer than its dimension
    assert folded.split("p") == ("p1", "p0", "p0 lanes") and folded.split("e") == ("e",)
    assert [folded.base(loop) for loop in ("p1", "p0", "p0 lanes", "e", "b")] == ["p", "p", "p", "e", "b"]
    assert extents.folded({"rows": "e"}, {"rows": 4}) is extents


@pytest.mark.parametrize(("points", "coarse", "both"), [(12, 3, 12), (10, 3, 10), (9, 3, 9)])
def test_two_variables_of_one_axis(points: int, coarse: int, both: int) -> None:
    """m1*4+m0 over `points`: the last tile of 4 may be ragged; taken apart it counts as a full one."""
    extents = Extents({"m1": 3, "m0": 4, "p": 2}, {}, {}, ((("m1", "m0"), points),))
    assert extents.trips(["m1"]) == coarse and extents.trips(["m1", "m0"]) == both
    assert extents.apart.trips(["m1", "m0"]) == 12
    assert len(extents.touched(["m1", "m0", "p"])) == 2
