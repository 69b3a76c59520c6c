"""Traces: the published run as it is, columns in any order, pruned heads that have no row."""

import numpy as np
import pytest

from archsim.prune.trace import COLUMNS, parse_trace, read_trace
from tests.reference import reference

RUN = "spatten/workloads/gpt2-small-wikitext2.csv"
HEADER = ",".join(COLUMNS)


def test_published_run() -> None:
    """GPT-2 small on WikiText-2: 6.04x fewer elements, bytes 28.9x against 32-bit words and 14.4x against 16-bit."""
    found = read_trace(reference(RUN))
    assert len(found) == 32 * 12 * 12
    assert found.elements_ratio() == pytest.approx(6.04, abs=0.005)
    assert found.bytes_ratio(32) == pytest.approx(28.9, abs=0.05)
    assert found.bytes_ratio(16) == pytest.approx(14.4, abs=0.05)
    assert found.refetched_rows == pytest.approx(0.070, abs=5e-4)
    assert found.refetched_keys == pytest.approx(0.209, abs=5e-4)
    pruned = found.take(found.iteration > 0)
    kept = {int(layer): set(pruned.keys[pruned.layer == layer]) for layer in np.unique(pruned.layer)}
    assert kept == {0: {921}, 1: {716}} | {n: {204} for n in range(2, 6)} | {n: {102} for n in range(6, 12)}
    first = found.take(found.iteration == 0)
    assert (first.keys == first.tokens).all() and (first.values < first.keys).all()
    # No key of 20 or fewer: at a threshold of 0.05 rows of up to 20 keys never fetch low bits.
    assert not found.refetched[found.keys <= 20].any()
    assert "gpt2_pp11" in found.source


def test_counts_of_the_published_run_only_fall_along_the_layers() -> None:
    found = read_trace(reference(RUN))
    for iteration in np.unique(found.iteration):
        own = found.take(found.iteration == iteration)
        keys = [own.keys[own.layer == layer].max() for layer in np.unique(own.layer)]
        assert (np.diff(keys) <= 0).all()


def test_columns_stand_in_any_order_with_others_between() -> None:
    row = dict(zip(COLUMNS, ["0", "1", "2", "64.0", "100", "50", "6", "True", "4", "10", "8"], strict=True))
    names = ["more", *reversed(COLUMNS)]
    found = parse_trace(",".join(names) + "\n" + ",".join({**row, "more": "x"}[n] for n in names) + "\n", "t.csv")
    assert (found.layer, found.head, found.keys, found.values) == (1, 2, 50, 10)
    assert (found.key_bits, found.low_bits, found.value_bits, found.refetched) == (6, 4, 8, 1)
    assert found.name == "t"


def test_a_head_without_a_row_was_pruned() -> None:
    rows = ["0,0,0,64,8,8,8,False,0,8,8", "0,0,1,64,8,8,8,False,0,8,8", "0,1,1,64,8,8,8,False,0,8,8", "", "why,,,"]
    found = parse_trace("\n".join([HEADER, *rows]), "t.csv")
    assert found.dense_heads.tolist() == [1, 1, 2]
    assert found.elements_ratio() == pytest.approx(4 / 3)
    assert found.by_layer()[1]["heads"] == 1 and found.by_layer()[1]["dense_heads"] == 2
    assert found.source == "trace t.csv (why)"


def test_queries_a_row() -> None:
    text = f"{HEADER}\n0,0,0,64,8,8,8,False,0,8,8\n"
    assert parse_trace(text, queries=8).words == 8 * parse_trace(text).words
