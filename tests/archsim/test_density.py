"""What the data leave of an Einsum: `density` of a group, tensors fetched on demand, gathers along single axes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.report import Report
from archsim.workload import Workload
from einsum_cascade.errors import SpecError
from tests.tiny import CASCADE, MAPPING, changed, run


def thinned(density: str, extra: str = "", *changes: tuple[str, str], **values: object) -> Report:
    text = changed(MAPPING, ("keep:", f"density: {{{density}}}\n    {extra}keep:"), *changes)
    return run(text, CASCADE, values=values)  # type: ignore[arg-type]


@settings(max_examples=15, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1))
def test_work_and_words_follow_the_density(y: float, x: float) -> None:
    whole, part = run(), thinned(f"Y: {y!r}, X: {x!r}")
    for name, d in (("Y", y), ("X", x), ("Z", 1.0)):
        before, after = whole.timeline.groups[0].busy[name], part.timeline.groups[0].busy[name]
        assert after == pytest.approx(float(before) * d)
    assert part.traffic_bytes["far", "A", "read"] == pytest.approx(96 * y)
    assert part.traffic_bytes["far", "B", "read"] == 12  # a whole tile, before anyone knows
    assert part.traffic_bytes["near", "B", "read"] == pytest.approx(24 * y)
    assert float(part.latency_s) <= float(whole.latency_s) + 1e-18
    assert float(part.energy_j) <= float(whole.energy_j) + 1e-18


def test_on_demand_only_what_is_asked_for_comes() -> None:
    assert thinned("Y: 0.25", "demand: [B]\n    ").traffic_bytes["far", "B", "read"] == 3
    assert thinned("Y: 0", "demand: [B]\n    ").traffic_bytes["far", "B", "read"] == 0


def test_a_density_of_an_array() -> None:
    share = np.array([0.0, 0.5, 1.0])
    report = thinned("Y: SHARE", "", ("{M0: ROWS}", "{M0: ROWS, SHARE: 1}"), SHARE=share)
    assert report.points == 3
    np.testing.assert_allclose(report.timeline.groups[0].busy["Y"], 12 * share)
    np.testing.assert_allclose(report.timeline.groups[0].latency_s, 16e-9)


@pytest.mark.parametrize("density", ["1.5", "0 - 1"])
def test_a_density_is_a_fraction(density: str) -> None:
    with pytest.raises(SpecError, match="the density of Y is"):
        thinned(f"Y: {density}")


def test_of_an_einsum_of_the_group() -> None:
    with pytest.raises(SpecError, match="YY is not an Einsum of the group"):
        thinned("YY: 1")


GATHER = """\
cascade: tiny
source: made up
ranks: {H: 4, P: 2, M: 16, J: 3, F: 5}
inputs: {V: [H, F, M], S: [H, M, P]}
outputs: [Z]
einsums: |
  IV[h,p,j] = S[h,m,p] :: argtopk(m, j)
  Z[h,f,p]  = V[h,f,IV[h,p,j]]
"""
MACHINE = """\
design: small
source: made up
clock: 1 GHz
memories: {far: {bandwidth: 8 GB/s}, near: {capacity: 1 MiB}}
arrays: {all: {shape: {lanes: 1}, operations: {topk: {law: stream}, add: mac}}}
energy: tiny
"""
HOW = """\
mapping: tiny
source: made up
cascade: tiny
design: small
groups:
  all: {loops: [h], binding: {all: [IV, Z]}, space: {}, keep: {near: {V: h, IV: h}}}
"""


@pytest.mark.parametrize(("queries", "keys", "words"), [(1, 16, 4 * 3 * 5), (2, 16, 4 * 6 * 5), (8, 16, 4 * 16 * 5)])
def test_a_gather_reaches_at_most_its_axis_in_every_head(queries: int, keys: int, words: int) -> None:
    """3 values of 16 a query and head, until all 16 of a head are there."""
    sizes = Workload(name="w", word_bits=8, ranks={"H": 4, "P": queries, "M": keys, "J": 3, "F": 5})
    report = run(HOW, GATHER, MACHINE, None, sizes)
    assert report.traffic_bytes["far", "V", "read"] == words
