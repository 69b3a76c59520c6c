"""Batch loops: what the cascade does not name counts as if every tensor had it, in time, spread or in parts."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.report import Report
from einsum_cascade.errors import SpecError
from tests.tiny import CASCADE, DESIGN, MAPPING, WORKLOAD, changed, run

NAMED = """\
cascade: tiny
source: made up
ranks: {H: 12, M: 8, K: 6}
inputs: {A: [H, M, K], B: [H, K]}
outputs: [Z]
einsums: |
  Y[h,m] = A[h,m,k] * B[h,k]
  X[h,m] = exp(Y[h,m])
  Z[h,m] = X[h,m] + Y[h,m]
"""
PLACES = {  # how h runs: loops, what pes and vec spread, partitioning; pes and vec are 4 x 3 and 2 x 3 lanes
    "in time": ("[h, m1]", "m0", "m0", ""),
    "inside": ("[m1, h]", "m0", "m0", ""),
    "spread": ("[m1]", "m0, heads: h", "m0, heads: h", ""),
    "spread over one array": ("[m1]", "m0, heads: h", "m0", ""),
    "in parts": ("[h1, m1]", "m0, heads: h0", "m0", "h: [h1, h0], "),
    "in parts, both in time": ("[h1, m1, h0]", "m0", "m0", "h: [h1, h0], "),
}


def heads(place: str, number: object, part: int, of: str) -> Report:
    loops, pes, vec, parts = PLACES[place]
    scope = "B: h1" if "h1" in loops else "B: m1"
    text = changed(MAPPING, ("loops: [m1]", f"loops: {loops}"), ("{rows: m0}", f"{{rows: {pes}}}"),
                   ("{lanes: m0}", f"{{lanes: {vec}}}"), ("{m: [m1", f"{{{parts}m: [m1"),
                   ("keep: {near: {B: m1}}", f"keep: {{near: {{{scope}}}}}"),
                   ("{M0: ROWS}", f"{{M0: ROWS, H0: {part}}}"))  # fmt: skip
    machine = changed(DESIGN, ("rows: ROWS", "rows: ROWS, heads: 3"), ("lanes: LANES", "lanes: LANES, heads: 3"))
    return run(text, of, machine, workload=replace(WORKLOAD, ranks={**WORKLOAD.ranks, "H": number}))  # type: ignore[dict-item]


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=12, deadline=None)
@given(st.integers(1, 14), st.integers(1, 9))
def test_a_batch_is_a_variable_of_every_tensor(place: str, number: int, part: int) -> None:
    batch, named = heads(place, number, part, CASCADE), heads(place, number, part, NAMED)
    assert batch.latency_s == named.latency_s and batch.energy_j == named.energy_j
    assert batch.traffic_bytes == named.traffic_bytes and batch.timeline == named.timeline
    assert batch.binding.groups[0].placed[0].points == 48 * number


def test_no_head_vanishes_where_the_parts_are_ragged() -> None:
    report = heads("in parts", 12, 8, CASCADE)
    assert [p.points for p in report.binding.groups[0].placed] == [576, 96, 96]
    # Heads 0 to 7 take three passes over 3 columns, heads 8 to 11 two; each pass 2 tiles of m and 6 steps of k.
    assert report.timeline.groups[0].busy["Y"] == 5 * 2 * 6


def test_of_many_points() -> None:
    numbers = np.array([1, 4, 7, 12])
    many = heads("in parts", numbers, 8, CASCADE)
    alone = [heads("in parts", int(n), 8, CASCADE) for n in numbers]
    np.testing.assert_allclose(many.latency_s, [r.latency_s for r in alone])
    np.testing.assert_allclose(many.energy_j, [r.energy_j for r in alone])


def test_a_spread_that_nothing_gives_a_size_is_refused() -> None:
    text = changed(MAPPING, ("space: {pes: {rows: m0}", "space: {pes: {rows: mm}"))
    with pytest.raises(SpecError, match="nothing gives a size to the loop mm"):
        run(text)
