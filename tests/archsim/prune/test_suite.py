"""Suites: benchmarks by name, what each keeps, and how a pruning becomes the points of an evaluation."""

from pathlib import Path

import numpy as np
import pytest

from archsim.library import load
from archsim.mapping import Mapping
from archsim.prune.pruning import pruning
from archsim.prune.suite import ASPECTS, applied, benchmarks, find_benchmark, names, only
from archsim.workload import Workload
from einsum_cascade.errors import SpecError

SMALL = """\
suite: small
source: assumed
families:
  base: {layers: 4, heads: 2, prune_tokens: {average: 0.5, start: 0.25}, values: 0.5, key_bits: 8, value_bits: 6}
  text: {layers: 2, heads: 3, queries: 1, keep_tokens: [1, 0.5], low_bits: 4, refetched: 0.25}
benchmarks:
  long: {family: base, tokens: 100}
  wide: {family: base, tokens: 100, changes: {heads: 8}}
  story: {family: text, tokens: 10, steps: 3}
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return path


def test_families_and_changes(small: Path) -> None:
    found = benchmarks(small)
    assert list(found) == ["long", "wide", "story"]
    kept = found["long"][1]
    np.testing.assert_array_equal(kept.keys, [100, 75, 50, 25])
    np.testing.assert_array_equal(kept.queries, kept.keys)
    assert set(kept.dense_heads) == {2.0} and set(found["wide"][1].dense_heads) == {8.0}


def test_text_is_generated_step_by_step(small: Path) -> None:
    """The k-th of 3 steps sees 10 + k tokens, itself among them, in each of 2 layers."""
    kept = benchmarks(small)["story"][1]
    np.testing.assert_array_equal(kept.tokens, [11, 11, 12, 12, 13, 13])
    np.testing.assert_array_equal(kept.iteration, [0, 0, 1, 1, 2, 2])
    np.testing.assert_array_equal(kept.layer, [0, 1] * 3)
    np.testing.assert_array_equal(kept.keys, [11, 5, 12, 6, 13, 6])
    assert set(kept.queries) == {1.0}


@pytest.mark.parametrize("aspect", ASPECTS)
def test_one_aspect_alone(small: Path, aspect: str) -> None:
    kept = benchmarks(small)["story" if aspect == "low_bits" else "long"][1]
    own, dense = only(kept, [aspect]), only(kept, [])
    assert bool((own.keys < own.tokens).any()) == (aspect == "tokens")
    assert bool((own.values < own.keys).any()) == (aspect == "values")
    assert bool(own.refetched.any()) == (aspect == "low_bits")
    np.testing.assert_array_equal(dense.keys, dense.tokens)
    np.testing.assert_array_equal(dense.values, dense.tokens)
    np.testing.assert_array_equal(dense.queries, dense.dense_queries)


@pytest.mark.parametrize("name", ["long", "wide", "story"])
def test_all_aspects_are_everything(small: Path, name: str) -> None:
    kept = benchmarks(small)[name][1]
    own = only(kept, ASPECTS)
    for field in ("keys", "values", "heads", "queries", "refetched"):
        np.testing.assert_array_equal(getattr(own, field), getattr(kept, field))


def test_applied_to_a_mapping(small: Path) -> None:
    how, kept = load(Mapping, "spatten"), benchmarks(small)["story"][1]
    workload, values = applied(kept, Workload(name="w", batch=64, word_bits=12), how)
    assert workload.batch == 1 and list(values) == ["LSB"]
    np.testing.assert_array_equal(workload.sizes()["M"], kept.keys)
    np.testing.assert_array_equal(workload.sizes()["T"], kept.values)
    np.testing.assert_array_equal(workload.bits["K"], kept.key_bits)
    assert applied(kept, Workload(name="w"), how, {})[0].bits == {}
    assert applied(kept, Workload(name="w"), load(Mapping, "roofline"))[1] == {}


def test_the_thirty() -> None:
    found = benchmarks("spatten")
    assert len(found) == 30 and "spatten" in names()
    assert sum(name.startswith("bert") for name in found) == 22
    assert all(len(kept) == 32 * (12 if "small" in name else 24) for name, (_, kept) in found.items() if "gpt2" in name)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("family: text", "family: txt", "no family txt"),
        ("tokens: 100}", "tokens: 0}", "tokens is 0"),
        ("start: 0.25", "start: 0.75", "along the layers"),
        ("{heads: 8}", "{headz: 8}", "unknown key headz"),
        ("suite: small", "suit: small", "unknown key suit"),
    ],
)
def test_mistakes_have_a_place(small: Path, old: str, new: str, message: str) -> None:
    small.write_text(SMALL.replace(old, new), encoding="utf-8")
    with pytest.raises(SpecError, match=message) as caught:
        benchmarks(small)
    assert all(d.place.file == str(small) and d.place.line >= 1 for d in caught.value.diagnostics)


def test_unknown_names() -> None:
    with pytest.raises(SpecError, match="no benchmark bert-base-colla"):
        find_benchmark("spatten#bert-base-colla")
    with pytest.raises(SpecError, match="no suite named spaten"):
        find_benchmark("spaten#bert-base-cola")


def test_points_need_no_layers() -> None:
    kept = pruning("p", "assumed", tokens=[8, 8], keys=[8, 4], heads=2)
    np.testing.assert_array_equal(only(kept, ["tokens"]).keys, [8, 4])
