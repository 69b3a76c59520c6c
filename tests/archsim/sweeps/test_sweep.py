"""Sweeps: every point equals one evaluation of it; conditions, derived values, structures, what is infeasible."""

import pickle
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import archsim.sweeps.sweep as engine
from archsim.documents import documents
from archsim.laws import LAWS
from archsim.limits import bottleneck
from archsim.model import evaluate
from archsim.setting import parse
from archsim.sweeps.chunk import Chunk, Columns, Order, order, run_chunk, space_of
from archsim.sweeps.contents import query
from archsim.sweeps.sweep import chunks, in_threads, sweep
from einsum_cascade.errors import SpecError

STUDIES = Path(__file__).parents[3] / "notebooks" / "studies"


def ordered(text: str, file: str = "s.yaml") -> Order:
    return Order(text=f"sweep: s\n{text}", file=file)


def run(text: str, file: str = "s.yaml") -> Columns:
    given = ordered(text, file)
    engine.check(given)
    return run_chunk(given, Chunk(number=0, first=0, count=space_of(given).points))


def alone(row: dict[str, object], paths: dict[str, str], **texts: str) -> dict[str, object]:
    """Evaluate the point of a row by itself, as `archsim evaluate --set` does."""
    units = {"capacity": " B", "bandwidth": " B/s", "clock": " Hz"}
    settings = []
    for name, path in paths.items():
        value = row[name]
        if not isinstance(value, str):
            value = int(value) if float(value).is_integer() else float(value)
            value = f"{value!r}{units.get(path.rpartition('.')[2], '') if 'parameters' not in path else ''}"
        settings.append(parse(f"{path}={value}"))
    named = {k: str(row[k]) for k in ("cascade", "workload", "mapping", "design")}
    found = documents(**named, settings=settings)
    report = evaluate(found.cascade, found.workload, found.mapping, found.design, found.values)
    outputs = {n: getattr(report, n) for n in ("latency_s", "energy_j", "area_mm2", "dram_traffic_bytes")}
    outputs |= {f"utilization_{a}": u for a, u in report.utilization.items()}
    strict = any("cannot run" in s.helps for s in report.shortfalls)
    return {**outputs, "feasible": not strict, "bottleneck": bottleneck(report)}


def check_against_single(columns: Columns, paths: dict[str, str], some: int) -> None:
    number = len(columns["point"])
    for k in np.random.default_rng(0).choice(number, min(some, number), replace=False):
        row = {n: c[k] for n, c in columns.items()}
        for name, value in alone(row, paths).items():
            if isinstance(value, str | bool):
                assert row[name] == value, (row, name)
            else:
                assert row[name] == pytest.approx(value, rel=1e-12), (row, name)


FOUR = """\
documents:
  {mapping: [fusemax_binding, fusemax_cascade, unfused], workload: [bert, xlm], design: [fusemax, fusemax_banked]}
axes:
  workload.sequence_length: {powers_of_two: [256, 4K]}
  design.memories.buffer.capacity: {log: [16 KiB, 8 MiB, 5], multiple_of: 1 KiB}
  design.parameters.SIDE: [32, 96]
  design.clock: [500 MHz, 1 GHz]
zip: [[design.clock, design.parameters.SIDE]]
"""


def test_every_point_equals_one_evaluation_of_it() -> None:
    columns = run(FOUR)
    assert len(columns["point"]) == 12 * 5 * 5 * 2 and columns["point"].tolist() == list(range(600))
    paths = {
        "sequence_length": "workload.sequence_length", "capacity": "design.memories.buffer.capacity",
        "SIDE": "design.parameters.SIDE", "clock": "design.clock",
    }  # fmt: skip
    assert {False, True} == set(columns["feasible"].tolist())
    check_against_single(columns, paths, 40)


def test_parameters_choices_and_cases() -> None:
    """FLAT: the points fall into cases of the mapping; a choice and a schedule are structures."""
    columns = run(
        "documents: {mapping: flat, workload: [bert, xlm]}\n"
        "axes: {workload.sequence_length: [1K, 16K, 256K], design.parameters.SIDE: [64, 256]}"
    )
    check_against_single(columns, {"sequence_length": "workload.sequence_length", "SIDE": "design.parameters.SIDE"}, 12)


def test_a_structure_may_be_any_value_of_a_document() -> None:
    columns = run(
        "documents: {mapping: fusemax_binding, workload: bert}\n"
        "axes: {mapping.parameters.P1: [1, 2, 4], mapping.groups.attention.schedule: [auto, overlapped],"
        " design.energy: [fusemax_physical, fusemax_paper]}"
    )
    paths = {
        "P1": "mapping.parameters.P1", "schedule": "mapping.groups.attention.schedule", "energy": "design.energy",
    }  # fmt: skip
    assert len(columns["point"]) == 12
    check_against_single(columns, paths, 12)


def test_derived_values_are_computed_in_order() -> None:
    columns = run(
        "documents: {mapping: fusemax_binding, workload: [bert, xlm]}\n"
        "axes: {design.parameters.SIDE: [64, 128], workload.batch: [1, 2]}\n"
        "derived:\n"
        "  design.parameters.HEAD: E\n"
        "  design.parameters.CAPACITY: 16 * SIDE * HEAD * max(1, TILES // 2) * batch\n"
        "  design.memories.dram.bandwidth: CAPACITY * 10**6\n"
    )
    expected = []
    for head in (64, 128):
        expected += [16 * side * head * max(1, max(1, side // head)) * b for side in (64, 128) for b in (1, 2)]
    assert columns["CAPACITY"].tolist() == expected
    assert columns["bandwidth"].tolist() == [c * 10**6 for c in expected]
    paths = {
        "SIDE": "design.parameters.SIDE", "batch": "workload.batch", "HEAD": "design.parameters.HEAD",
        "CAPACITY": "design.parameters.CAPACITY", "bandwidth": "design.memories.dram.bandwidth",
    }  # fmt: skip
    check_against_single(columns, paths, 8)


def test_conditions_leave_points_out_and_numbers_stay() -> None:
    text = (
        "documents: {mapping: fusemax_binding, workload: bert}\n"
        "axes: {design.parameters.SIDE: [32, 64, 128], workload.sequence_length: [1K, 2K]}\n"
    )
    whole = run(text)
    some = run(text + "where: [SIDE > 32 and sequence_length * 64 <= 2**10 * SIDE, P >= 1]")
    assert some["point"].tolist() == [2, 4, 5]
    for name in set(whole) - {"front"}:
        assert some[name].tolist() == whole[name][[2, 4, 5]].tolist(), name
    assert run(text + "where: [SIDE > 10**6]")["point"].tolist() == []


def test_numbers_without_sense_are_kept_with_their_reason() -> None:
    columns = run(
        "documents: {mapping: fusemax_binding, workload: bert}\n"
        "axes: {design.parameters.SIDE: [64, 128], workload.heads: [6, 8]}\n"
        "derived: {design.parameters.CAPACITY: (SIDE - 64) * 2**20, workload.kv_heads: heads / 4}"
    )
    assert columns["feasible"].tolist() == [False, False, False, True]
    assert columns["reason"].tolist() == [
        "design.parameters.CAPACITY is not a positive number", "design.parameters.CAPACITY is not a positive number",
        "workload.kv_heads is not a whole number", None,
    ]  # fmt: skip
    assert np.isnan(columns["latency_s"][:3].astype(float)).all() and columns["latency_s"][3] > 0
    assert columns["bottleneck"].tolist()[:3] == [None] * 3


def test_heads_that_cannot_be_shared() -> None:
    columns = run("documents: {mapping: fusemax_gqa, workload: llama3_8b}\naxes: {workload.heads: [32, 20]}")
    assert columns["reason"].tolist() == [None, "the key-value heads do not divide the heads"]


def test_documents_that_do_not_go_together_are_infeasible_beside_those_that_do() -> None:
    columns = run("documents: {mapping: fusemax_binding, workload: bert, design: [flat_cloud, fusemax]}")
    assert columns["feasible"].tolist() == [False, True]
    assert columns["reason"].tolist()[0] == "group attention: array_2d cannot do max, which LM needs"
    with pytest.raises(SpecError, match="cannot do max"):
        run("documents: {mapping: fusemax_binding, workload: bert, design: [flat_cloud]}")


def test_what_follows_from_a_number_may_make_no_sense() -> None:
    """A line of no words: found by the design's reader, at some of the points."""
    columns = run(
        "documents: {mapping: fusemax_binding, workload: bert}\n"
        "axes: {design.parameters.SIDE: [16, 32, 64, 128], design.memories.buffer.line: [SIDE // 64]}"
    )
    assert columns["feasible"].tolist() == [False, False, True, True]
    assert columns["reason"].tolist()[:2] == ["line is 0", "line is 0"]


def test_files_of_documents_stand_beside_the_sweep(tmp_path: Path) -> None:
    text = Path(documents(mapping="unfused", workload="bert").mapping.document.file).read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    columns = run("documents: {mapping: [mine.yaml, unfused], workload: bert}", str(tmp_path / "s.yaml"))
    assert columns["mapping"].tolist() == ["mine.yaml", "unfused"]
    assert columns["latency_s"][0] == columns["latency_s"][1]


def test_a_chunk_is_a_part_of_the_whole() -> None:
    given = ordered(FOUR)
    whole = run_chunk(given, Chunk(number=0, first=0, count=600))
    parts = [run_chunk(pickle.loads(pickle.dumps(given)), c) for c in chunks(600, size=77)]
    for name in set(whole) - {"front"}:
        joined = np.concatenate([p[name] for p in parts])
        if joined.dtype == np.float64:
            np.testing.assert_allclose(joined, whole[name].astype(float), rtol=1e-12, err_msg=name)
        else:
            assert joined.tolist() == whole[name].tolist(), name


def test_pieces_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    given = ordered(FOUR)
    whole = run_chunk(given, Chunk(number=0, first=0, count=600))
    monkeypatch.setattr("archsim.model.CHUNK", 7)
    small = run_chunk(given, Chunk(number=0, first=0, count=600))
    np.testing.assert_allclose(small["latency_s"].astype(float), whole["latency_s"].astype(float), rtol=1e-12)
    assert small["bottleneck"].tolist() == whole["bottleneck"].tolist()


def test_threads_yield_in_order() -> None:
    given = ordered(FOUR)
    found = list(in_threads(given, chunks(600, size=100), workers=3))
    assert [c.number for c, _, _ in found] == [0, 1, 2, 3, 4, 5]
    assert all(seconds > 0 and len(columns["point"]) == 100 for _, columns, seconds in found)


def test_a_runner_of_ones_own_in_any_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a cluster does it: chunks come back when they are ready."""
    monkeypatch.setattr(engine, "CHUNK", 100)

    def backwards(given: Order, todo: Iterable[Chunk]) -> Iterator[engine.Done]:
        for chunk in reversed(list(todo)):
            yield chunk, run_chunk(given, chunk), 0.0

    seen: list[tuple[int, int]] = []
    given = ordered(FOUR)
    sweep(given, tmp_path / "a.duckdb", backwards, progress=lambda *at: seen.append(at))
    sweep(given, tmp_path / "b.duckdb")
    assert seen == [(n, 600) for n in range(0, 700, 100)]
    for table in ("points", "front"):
        a, b = (list(query(tmp_path / f"{n}.duckdb", f"FROM {table} ORDER BY point")[1]) for n in "ab")
        assert a == b and a


def test_the_study_of_fusemax() -> None:
    """At least two million points; some of them, and the published machine among those around it."""
    given = order(STUDIES / "fusemax_design_space.yaml")
    space = space_of(given)
    assert space.points >= 2_000_000
    points = np.arange(space.points)[:: space.points // 300]
    index = [i[:5] for i in space.indices(points)]
    assert [len(i) for i in index] == [5] * len(space.shape)
    columns = run_chunk(given, Chunk(number=0, first=1_000_000, count=500))
    paths = {
        "sequence_length": "workload.sequence_length", "SIDE": "design.parameters.SIDE",
        "CAPACITY": "design.parameters.CAPACITY", "bandwidth": "design.memories.dram.bandwidth",
        "HEAD": "design.parameters.HEAD",
    }  # fmt: skip
    check_against_single(columns, paths, 10)


def test_the_study_of_topk_engines() -> None:
    """Every point is the slowest of memory, engine and multipliers, counted by hand, and says which."""
    given = order(STUDIES / "spatten_topk.yaml")
    found = run_chunk(given, Chunk(number=0, first=0, count=space_of(given).points))
    keys, values, channels = (found[n].astype(float) for n in ("M", "T", "CHANNELS"))
    bursts = (2 * keys + 2 * values + 2 + 2) / channels  # of 32 bytes; a query and a result too
    scores = np.floor(found["MULTIPLIERS"].astype(float) / 64)  # that come a cycle
    laws = ("quick_select", "quick_select_codes", "radix_select")
    engines = [LAWS[law].cycles(keys, values, {"lanes": found["TOPK"].astype(int), "overhead": 3}) for law in laws]
    cycles = {
        "dram": found["REQUEST"].astype(float) + found["SLOWDOWN"].astype(float) * bursts,
        "qk": np.ceil(keys / scores),
        "topk": np.ceil(keys / scores) + np.select([found["law"] == law for law in laws], engines),
    }
    slowest = np.max(list(cycles.values()), axis=0)
    assert np.allclose(found["latency_s"].astype(float) * 1e9, 12 * slowest, rtol=1e-9)
    assert set(found["bottleneck"]) == set(cycles) and found["feasible"].all()
    for name, own in cycles.items():
        assert np.allclose(own[found["bottleneck"] == name], slowest[found["bottleneck"] == name])


def test_order_reads_the_file_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text("sweep: s  # why\ndocuments: {mapping: unfused, workload: bert}\n", encoding="utf-8")
    assert order(file).text.startswith("sweep: s  # why\n") and order(file).file == str(file)
    assert replace(order(file)) == order(file)


def test_the_sweep_of_the_readme() -> None:
    text = (STUDIES.parents[1] / "README.md").read_text(encoding="utf-8")
    block = next(b for b in text.split("```yaml\n") if b.startswith("sweep:")).partition("```")[0]
    given = Order(text=block, file="README.md")
    engine.check(given)
    assert space_of(given).points == 2 * 11 * 3 * 50 * 10
    assert run_chunk(given, Chunk(number=0, first=30_000, count=100))["feasible"].any()
