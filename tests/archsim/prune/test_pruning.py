"""Pruning: hand-computed bytes, bounds that hold for any counts, points as sizes of one evaluation, the command."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.cli import main
from archsim.design import Design
from archsim.library import load
from archsim.mapping import Mapping
from archsim.model import evaluate
from archsim.prune.pruning import pruning
from archsim.prune.schedule import find_schedule
from archsim.workload import Workload
from einsum_cascade import Cascade

COUNTS = st.lists(
    st.tuples(st.integers(1, 64), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.integers(1, 4)),
    min_size=1,
    max_size=8,
)


def test_by_hand() -> None:
    """Two heads of 64 words; 10 of 40 keys at 6+4 bits with every fourth row refetched, 5 values at 8."""
    found = pruning(
        "hand", "made up", tokens=40, keys=10, values=5, heads=2, dense_heads=4, key_bits=6, low_bits=4, value_bits=8,
        refetched=0.25, queries=3,
    )  # fmt: skip
    assert found.fetched_bytes == 3 * 2 * 64 * (10 * 7 + 5 * 8) / 8
    assert found.dense_bytes(16) == 3 * 4 * 64 * 80 * 2
    assert found.elements_ratio() == 4 * 80 / (2 * 15)
    assert found.score_macs == 3 * 2 * 64 * 10 * 1.25 and found.value_macs == 3 * 2 * 64 * 5
    assert (found.refetched_rows, found.refetched_keys) == (0.25, 0.25)
    assert len(found) == 1


def test_queries_that_share_a_fetch() -> None:
    """An encoder fetches each live key and value once; low bits if one of its queries needs them."""
    found = pruning(
        "encoder", "made up", tokens=8, keys=4, values=1, queries=4, dense_queries=8, shared=1, key_bits=8, low_bits=4,
        value_bits=8, refetched=0.5, head_dim=2,
    )  # fmt: skip
    assert found.fetched_bytes == 2 * (4 * (8 + (1 - 0.5**4) * 4) + 4 * 8) / 8
    assert found.dense_bytes(8) == 2 * 16 and found.elements_ratio() == 2
    assert found.dense_macs == 8 * 8 * 2 and found.value_macs == 4 * 1 * 2


@settings(deadline=None)
@given(points=COUNTS, queries=st.integers(1, 5), shared=st.booleans())
def test_bounds(points: list[tuple[int, float, float, float, int]], queries: int, shared: bool) -> None:
    """Bytes between those of the high bits and all bits; scores once to twice; never more than dense."""
    tokens, keep, value, low, heads = np.array(points, dtype=float).T
    keys = np.ceil(tokens * keep)
    found = pruning(
        "any", "drawn", tokens=tokens, keys=keys, values=np.floor(keys * value), heads=heads, dense_heads=4, key_bits=6,
        low_bits=4, value_bits=8, refetched=low, queries=queries, shared=shared,
    )  # fmt: skip
    fetches, values = found.fetches, found.fetched_values
    least = fetches * 64 * (keys * 6 + values * 8) / 8
    slack = 1e-9 * (1 + least)
    assert (found.fetched_bytes >= least - slack).all()
    assert (found.fetched_bytes <= least + fetches * 64 * keys * 4 / 8 + slack).all()
    once = queries * heads * 64 * keys
    assert (once <= found.score_macs).all() and (found.score_macs <= 2 * once).all()
    assert (found.words <= found.dense_words).all() and (found.value_macs <= found.dense_macs).all()
    assert (found.fetched_bytes <= found.dense_bytes(10) + slack).all()
    if found.words.sum():
        assert found.elements_ratio() >= 1
    rows = found.by_layer()
    assert sum(r["fetched_bytes"] for r in rows) == pytest.approx(found.fetched_bytes.sum())
    assert len(rows) == len(points)


def test_points_of_a_layer_are_averaged() -> None:
    found = pruning(
        "trace", "made up", iteration=[0, 0, 1], layer=[2, 2, 2], head=[0, 1, 0], tokens=[9, 9, 10], keys=[3, 5, 10],
        dense_heads=[1, 1, 2], refetched=[0, 0, 1],
    )  # fmt: skip
    (row,) = found.by_layer(32)
    assert row["keys"] == 6 and row["heads"] == 1.5 and row["dense_heads"] == 2
    assert row["refetched"] == pytest.approx(1 / 3)
    assert row["dense_bytes"] == 64 * 2 * (9 + 9 + 20) * 4
    assert found.refetched_keys == 10 / 18


def test_points_are_sizes_of_one_evaluation() -> None:
    """The workload of a trace has arrays of n points where a single one has numbers."""
    found = pruning("two", "made up", tokens=[100, 90], keys=[50, 20], values=[10, 4], heads=[12, 9], refetched=[1, 0])
    sizes = found.workload(load(Workload, "gpt2_small")).sizes()
    for name, expected in {
        "M": [50, 20],
        "J": [50, 20],
        "T": [10, 4],
        "H": [12, 9],
        "P": [1, 1],
        "E": [64, 64],
    }.items():
        assert np.array_equal(sizes[name], expected)
    assert all(np.array_equal(found.sizes()[n], sizes[n]) for n in ("M", "T", "H", "HL", "P", "E", "F"))
    assert found.sizes()["LSB"].tolist() == [1, 0]
    assert found.bits()["K"].tolist() == [16, 16] and found.take(np.array([1])).values == 4


def archsim(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["pruning", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_command_lists_the_schedules() -> None:
    listed = json.loads(archsim("--json"))["schedules"]
    assert {"gpt2_small_wikitext2", "gpt2_medium_wikitext2"} <= {s["name"] for s in listed}
    assert "gpt2_small_wikitext2" in archsim()


def test_command_prints_the_layers_and_names_the_baseline(tmp_path: Path) -> None:
    printed = archsim("gpt2_medium_wikitext2", "--bits", "32", "--plot", str(tmp_path / "kept.svg"))
    assert "less than dense 32-bit" in printed and "10 of 16" in printed
    assert "x fewer than dense 16-bit words" in printed and "x fewer than dense 32-bit words" in printed
    assert "source: SpAtten" in printed
    assert (tmp_path / "kept.svg").read_text(encoding="utf-8").count(">live heads<") == 1


def test_command_json() -> None:
    found = json.loads(archsim("gpt2_small_wikitext2", "-s", "2K", "--json"))
    assert [layer["keys"] for layer in found["by_layer"]][:3] == [1843, 1433, 409]
    assert found["dense_bits"] == 16 and found["bytes_ratio_against_32_bit"] == 2 * found["bytes_ratio_against_16_bit"]
    assert found["dense_bytes"] / found["fetched_bytes"] == pytest.approx(found["bytes_ratio_against_16_bit"])


def test_a_schedule_is_evaluated_in_one_call_as_point_by_point() -> None:
    """Twenty-four layers of a schedule as arrays, against each layer alone; traffic falls with what is live."""
    mapping = load(Mapping, "unfused")
    cascade, design = load(Cascade, mapping.cascade), load(Design, mapping.design)
    found, base = find_schedule("gpt2_medium_wikitext2"), load(Workload, "gpt2_medium")
    together = evaluate(cascade, found.workload(base), mapping, design)
    assert np.shape(together.latency_s) == (24,)
    assert (np.diff(np.asarray(together.dram_traffic_bytes)) <= 0).all()
    for k in (0, 7, 23):
        single = {"heads": int(found.heads[k]), "sequence_length": int(found.keys[k]), "query_length": 1}
        alone = evaluate(cascade, load(Workload, "gpt2_medium", **single), mapping, design)
        assert np.asarray(together.latency_s)[k] == pytest.approx(float(alone.latency_s), rel=1e-12)
        assert np.asarray(together.dram_traffic_bytes)[k] == pytest.approx(float(alone.dram_traffic_bytes), rel=1e-12)
