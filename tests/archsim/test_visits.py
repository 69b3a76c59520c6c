"""Iterations that a mask leaves out: every count against a walk of the loops, point by point."""

from collections.abc import Collection, Iterator
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.actions import count_actions
from archsim.binding import Binding, bind
from archsim.documents import documents
from archsim.mapping import Mapping
from archsim.model import evaluate
from archsim.occupancy import occupancy
from archsim.schedule import schedule
from archsim.setting import parse
from archsim.summary import notes
from archsim.visits import Tile, Visits
from archsim.workload import Workload
from einsum_cascade.cascade import Cascade
from einsum_cascade.count import count
from einsum_cascade.errors import Place, SpecError
from einsum_cascade.load import read_cascades
from einsum_cascade.points import NotCountable, Set
from tests import tiny

MASKS = {
    "m <= p": lambda m, p: m <= p,
    "p - 3 < m <= p": lambda m, p: p - 3 < m <= p,
    "m + 2 <= 2*p": lambda m, p: m + 2 <= 2 * p,
    "m % 3 == p % 3": lambda m, p: m % 3 == p % 3,
    "m == 2*p": lambda m, p: m == 2 * p,
}
Index = dict[str, int]
sizes = st.integers(1, 9)
masks = st.sampled_from(list(MASKS))


def cascade(mask: str, m: int, p: int) -> Cascade:
    text = f"""\
cascade: masked
ranks: {{M: {m}, P: {p}, K: 2}}
inputs: {{A: [M, K], B: [K, P]}}
outputs: [Z]
einsums: |
  Y[m,p] = A[m,k] * B[k,p] | {mask}
  Z[m,p] = exp(Y[m,p])
"""
    return read_cascades(text)[0]


def points(mask: str, m: int, p: int) -> Iterator[Index]:
    """The present points of Y and Z."""
    return ({"m": i, "p": j} for i, j in product(range(m), range(p)) if MASKS[mask](i, j))


def index(loop: str, point: Index, tiles: Index, loops: Collection[str]) -> int:
    """The index of a loop at a point: m2 and m1 are the outer parts of m; m1 counts within m2, if that is a loop."""
    position = point[loop[0]]
    fine, coarse = tiles[f"{loop[0].upper()}0"], tiles[f"{loop[0].upper()}1"]
    if loop[1] == "2":
        return position // (fine * coarse)
    return position // fine % coarse if f"{loop[0]}2" in loops else position // fine


# --- the counts of a set of loops -------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(masks, sizes, sizes, st.tuples(*[st.integers(1, 4)] * 4),
       st.sets(st.sampled_from(["m2", "m1", "p2", "p1"]), min_size=1), st.sets(st.sampled_from("mp")))  # fmt: skip
def test_what_is_visited(mask: str, m: int, p: int, widths: tuple[int, ...], loops: set[str], own: set[str]) -> None:
    found = cascade(mask, m, p)
    tiles = dict(zip(("M0", "M1", "P0", "P1"), widths, strict=True))
    table: dict[str, Tile] = {}
    for v in "mp":
        fine, coarse = tiles[f"{v.upper()}0"], tiles[f"{v.upper()}1"]
        table |= {f"{v}2": Tile(v, fine * coarse), f"{v}1": Tile(v, fine, fine * coarse)}
    visits = Visits(found, found.einsums[0], {"M": m, "P": p, "K": 2}, table, Place())

    own &= {loop[0] for loop in loops}

    def seen(at: Index) -> tuple[int, ...]:
        return tuple(index(loop, at, tiles, table) for loop in sorted(loops))

    def counted(at: Index) -> tuple[int, ...]:
        return (*seen(at), *(at[v] for v in sorted(own)))

    whole = {counted({"m": i, "p": j}) for i, j in product(range(m), range(p))}
    executed = {seen(at) for at in points(mask, m, p)}
    expected = sum(at[: len(loops)] in executed for at in whole)
    assert visits.visited(len(whole), loops, own) == expected
    assert visits.visited(10 * len(whole), loops, own) == 10 * expected


def test_numbers_of_many_points_are_counted_one_by_one() -> None:
    found = cascade("m <= p", 8, 8)
    lengths, widths = np.array([4.0, 8.0, 4.0, 8.0]), np.array([2.0, 2.0, 2.0, 4.0])

    def visits(length: object, width: object) -> Visits:
        tiles = {"m1": Tile("m", width), "p1": Tile("p", width)}  # type: ignore[arg-type]
        return Visits(found, found.einsums[0], {"M": length, "P": length, "K": 2}, tiles, Place())  # type: ignore[dict-item]

    together = visits(lengths, widths).visited(100, ["m1", "p1"])
    alone = [float(visits(int(n), int(w)).visited(100, ["m1", "p1"])) for n, w in zip(lengths, widths, strict=True)]
    assert np.allclose(together, alone, rtol=1e-15) and alone == [75, 62.5, 75, 75]


def test_what_cannot_be_counted_says_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise NotCountable

    found = cascade("m <= p", 8, 8)
    visits = Visits(
        found, found.einsums[0], {"M": 8, "P": 8, "K": 2}, {"m1": Tile("m", 2)}, Place(file="a.yaml", line=7)
    )
    monkeypatch.setattr(Set, "count", refuse)
    with pytest.raises(SpecError) as caught:
        visits.visited(4, ["m1"])
    assert str(caught.value).startswith("a.yaml:7:1: the iterations in which Y has points have no closed form")


# --- a group of a mapping ---------------------------------------------------------------------------------------------

LOOPS = [*sorted(permutations(("m1", "p1"))), ("m2", "p1", "m1"), ("p2", "m1", "p1"), ("m1",), ("p1", "m2", "m1")]


def group(loops: tuple[str, ...], keep: dict[str, str], skip: str = "Y", density: str = "") -> Mapping:
    parts = {v: [x for x in (f"{v}2", f"{v}1") if x in loops] + [f"{v}0"] for v in "mp"}
    parts = {v: p if len(p) > 1 else [v] for v, p in parts.items()}
    kept = ", ".join(f"{t}: {scope}" for t, scope in keep.items())
    return tiny.mapping(f"""\
mapping: masked
cascade: masked
design: small
parameters: {{M0: 2, M1: 2, P0: 2, P1: 2}}
partitioning: {{{", ".join(f"{v}: [{', '.join(p)}]" for v, p in parts.items() if len(p) > 1)}}}
groups:
  all:
    loops: [{", ".join(loops)}]
    binding: {{pes: [Y], vec: [Z]}}
    space: {{vec: {{lanes: {parts["m"][-1]}}}}}
    keep: {{near: {{{kept}}}}}
    skip: {skip}
{density}""")


def bound(mask: str, m: int, p: int, mapping: Mapping) -> Binding:
    workload = Workload(name="w", ranks={"M": m, "P": p, "K": 2})
    return bind(cascade(mask, m, p), workload, mapping, tiny.design())


@settings(deadline=None, max_examples=60)
@given(masks, sizes | st.just(8), sizes | st.just(8), st.sampled_from(LOOPS), st.data())
def test_a_group_against_a_walk(mask: str, m: int, p: int, loops: tuple[str, ...], data: st.DataObject) -> None:
    axes = {"A": "mk", "B": "kp", "Z": "mp"}
    keep = {t: data.draw(st.sampled_from(loops), label=t) for t in axes}
    binding = bound(mask, m, p, group(loops, keep))
    (placed, last) = binding.groups[0].placed
    tiles = {"M0": 2, "M1": 2, "P0": 2, "P1": 2}
    space = [{"m": i, "p": j} for i, j in product(range(m), range(p))]

    def at(point: Index, some: tuple[str, ...]) -> tuple[int, ...]:
        return tuple(index(loop, point, tiles, loops) for loop in some)

    executed = {at(x, loops) for x in points(mask, m, p)}
    inside = [x for x in space if at(x, loops) in executed]
    assert placed.points == 2 * len(inside) and last.points == len(inside)
    assert placed.nest.trips(loops) == len(executed)
    unskipped = bound(mask, m, p, group(loops, keep, skip="''"))
    counts, whole = (count_actions(b, occupancy(b)) for b in (binding, unskipped))
    for tensor, scope in keep.items():
        prefix = loops[: loops.index(scope) + 1]
        # A tile moves with the loops of its variables that have several iterations; those inside change nothing.
        extents = {loop: len({index(loop, x, tiles, loops) for x in space}) for loop in prefix}
        moving = [k for k, loop in enumerate(prefix) if loop[0] in axes[tensor] and extents[loop] > 1]
        prefix = prefix[: moving[-1] + 1] if moving else ()
        every = {(at(x, prefix), *(x[v] for v in axes[tensor] if v != "k")) for x in space}
        words = {w for w in every if w[0] in {e[: len(prefix)] for e in executed}} if moving else every
        action, factor = ("write", 1) if tensor == "Z" else ("read", 2)
        dense, found = (c.moved("far", tensor=tensor, action=action) for c in (whole, counts))
        assert found == pytest.approx(dense * len(words) / len(every), rel=1e-15), (tensor, scope)
        if m % 4 == p % 4 == 0:  # all tiles are full, so that what is stationary is so in each of them
            assert found == factor * len(words), (tensor, scope)
            assert factor * held(mask, m, p, loops, axes[tensor], scope) <= found


def test_stalls_come_with_the_iterations_that_are_executed() -> None:
    loops, keep = ("p1", "m1"), {"A": "m1", "B": "p1", "Z": "m1"}
    phases = "    schedule: {phases: [{pes: [Y, {stall: 1000}], vec: [Z]}]}\n"
    cycles = {}
    for skip in ("Y", "''"):
        binding = bound("m <= p", 8, 8, group(loops, keep, skip=skip, density=phases))
        [time] = schedule(binding, count_actions(binding, occupancy(binding))).groups
        cycles[skip] = time.cycles
        assert time.iterations == (10 if skip == "Y" else 16)
    assert cycles["Y"] * 16 == cycles["''"] * 10 > 10 * 16 * 1000


def held(mask: str, m: int, p: int, loops: tuple[str, ...], axes: str, scope: str) -> int:
    """Words that a machine fetches that executes the visited iterations in order, and keeps a tile while it stays."""
    tiles = {"M0": 2, "M1": 2, "P0": 2, "P1": 2}
    prefix = loops[: loops.index(scope) + 1]
    by: dict[tuple[int, ...], set[tuple[int, ...]]] = {}
    for i, j in product(range(m), range(p)):
        point = {"m": i, "p": j}
        own = tuple(point[v] for v in axes if v != "k")
        by.setdefault(tuple(index(loop, point, tiles, loops) for loop in prefix), set()).add(own)
    visited = {tuple(index(loop, x, tiles, loops) for loop in prefix) for x in points(mask, m, p)}
    total, before = 0, set[tuple[int, ...]]()
    for now in sorted(visited):
        total += len(by[now]) if by[now] != before else 0
        before = by[now]
    return total


def test_without_skip_and_without_a_mask_nothing_changes() -> None:
    keep = {"A": "m1", "B": "p1"}
    dense = bound("m <= p", 8, 8, group(("p1", "m1"), keep, skip="''"))
    assert dense.groups[0].placed[0].nest.visits is None
    assert dense.groups[0].placed[0].points == 128
    found = bound("m <= p", 8, 8, group(("p1", "m1"), keep))
    assert found.groups[0].placed[0].points == 2 * (8 * 9 // 2 + 4)  # half of the 4 tiles on the diagonal too much


def test_what_the_data_leave_is_a_part_of_what_is_executed() -> None:
    keep = {"A": "m1", "B": "p1"}
    found = bound("m <= p", 8, 8, group(("p1", "m1"), keep, density="    density: {Z: 0.5}\n"))
    assert [x.points for x in found.groups[0].placed] == [80, 20]


# --- attention --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1024, 65_536, 2**20])
def test_causal_attention_takes_half_the_time(length: int) -> None:
    found = documents(
        mapping="fusemax_binding", workload="bert", cascade="attention_1pass_causal",
        lengths={"sequence_length": length}, settings=[parse("mapping.groups.attention.skip=BQK")],
    )  # fmt: skip
    whole = documents(mapping="fusemax_binding", workload="bert", lengths={"sequence_length": length})
    reports = [evaluate(d.cascade, d.workload, d.mapping, d.design, d.values) for d in (found, whole)]
    causal, dense = ({p.name: p.points for b in r.binding.groups for p in b.placed} for r in reports)
    tiles = length // 256  # 256 x 256 scores a tile, of which those on and below the diagonal are executed
    part = (tiles + 1) / (2 * tiles)
    for name in ("BQK", "SLN", "SLNV", "RNV", "PRM"):
        assert causal[name] == dense[name] * part, name
    assert causal["AV"] == dense["AV"]
    exact = {e.einsum: e.points for e in count(found.cascade, {"M": length, "P": length, "M0": 256}).einsums}
    heads = found.workload.batch * found.workload.heads
    assert 1 <= causal["BQK"] / (heads * exact["BQK"]) <= 1 + 256 / length
    assert reports[0].latency_s == pytest.approx(float(reports[1].latency_s) * part, rel=2e-3 + 256 / length / 2)
    (note,) = notes(reports[0])
    assert note == (
        f"group attention executes {part:.1%} of its iterations, those where BQK has points; "
        "in the others RM, PRM, SPD, RD, SPNV, RNV must change nothing"
    )
    assert reports[0].shortfalls == () == reports[1].shortfalls


def test_many_lengths_at_once() -> None:
    found = documents(mapping="fusemax_binding", workload="bert", cascade="attention_1pass_causal",
                      settings=[parse("mapping.groups.attention.skip=BQK")])  # fmt: skip
    lengths = np.array([1024, 4096, 4096, 16_384])

    def run(length: object) -> np.ndarray:
        workload = Workload(name="w", batch=2, heads=3, sequence_length=length)  # type: ignore[arg-type]
        report = evaluate(found.cascade, workload, found.mapping, found.design)
        return np.array([report.latency_s, report.energy_j, report.dram_traffic_bytes])

    assert np.allclose(run(lengths), np.stack([run(int(n)) for n in lengths], axis=1), rtol=1e-12)


def test_windows_move_only_the_keys_that_are_seen() -> None:
    """Queries in tiles of 256, a window of 128: two tiles of keys for each but the first."""
    settings = [parse(f"mapping.groups.{g}.skip={e}") for g, e in (("qk", "QK"), ("av", "AV"))]
    found = documents(mapping="unfused", workload="bert", cascade="sliding_window_masked",
                      lengths={"sequence_length": 65_536},
                      settings=[*settings, parse("mapping.parameters.P1=1")])  # fmt: skip
    report = evaluate(found.cascade, found.workload, found.mapping, found.design, found.values)
    heads = found.workload.batch * found.workload.heads
    tile = 256 * 64 * 2
    assert report.traffic_bytes["dram", "K", "read"] == heads * (2 * 256 - 1) * tile
    assert report.traffic_bytes["dram", "V", "read"] == heads * (2 * 256 - 1) * tile
