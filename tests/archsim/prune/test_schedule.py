"""Pruning schedules: the published interpolation, published counts, monotone whatever the ratios."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.prune.schedule import Ramp, Schedule, find_schedule, interpolated, names, read_schedule, scheduled
from einsum_cascade.document import read


def test_published_counts() -> None:
    """Kept tokens, values and heads of the artifact's GPT-2 runs at 1,024 tokens."""
    small, medium = find_schedule("gpt2_small_wikitext2"), find_schedule("gpt2_medium_wikitext2")
    assert small.keys.tolist() == [921, 716] + 4 * [204] + 6 * [102]
    assert small.values.tolist()[-1] == 20
    assert medium.keys.tolist() == [1024, 1024, 921, 819, 819] + 6 * [614] + 13 * [307]
    assert medium.heads.tolist() == 16 * [16] + 6 * [13] + 2 * [10]


@settings(deadline=None)
@given(layers=st.integers(1, 48), average=st.floats(0, 0.9), share=st.floats(0, 1), front=st.floats(0, 1))
def test_ramp(layers: int, average: float, share: float, front: float) -> None:
    """Nothing in the front; then evenly spaced, with the stated average, and ends that add up to twice the average."""
    start = max(average * share, 2 * average - 0.99)
    ramp = interpolated(layers, Ramp(average=average, start=start, front=front), 0.15)
    unpruned = int(np.ceil(layers * front - 1e-9))
    assert len(ramp) == layers and not ramp[:unpruned].any()
    rest = ramp[unpruned:]
    assert (np.diff(rest) >= -1e-12).all()
    if len(rest):
        assert rest.mean() == pytest.approx(average, abs=1e-12)
        assert rest[0] + rest[-1] == pytest.approx(2 * average, abs=1e-12)


def test_the_front_prunes_nothing() -> None:
    """15% of 12 layers are 2 for tokens, 30% are 4 for heads."""
    found = find_schedule("bert_base_half")
    assert (found.keys == 384).sum() == 2 and (found.heads == 12).sum() >= 4
    assert found.keys[2] == np.floor(384 * 0.7) and found.keys[-1] == np.floor(384 * 0.3)
    assert (found.queries == found.keys).all() and (found.dense_queries == 384).all() and found.shared.all()


@settings(deadline=None)
@given(
    layers=st.integers(1, 24), tokens=st.integers(1, 2048), heads=st.integers(1, 16), average=st.floats(0, 0.9),
    share=st.floats(0.2, 1), values=st.floats(0, 1),
)  # fmt: skip
def test_counts_only_fall(layers: int, tokens: int, heads: int, average: float, share: float, values: float) -> None:
    ramp = Ramp(average=average, start=max(average * share, 2 * average - 0.99))
    found = scheduled(
        Schedule(schedule="s", source="drawn", layers=layers, heads=heads, tokens=tokens, prune_tokens=ramp,
                 prune_heads=ramp, values=values, queries=1)
    )  # fmt: skip
    for counts, whole in ((found.keys, tokens), (found.heads, heads)):
        assert (np.diff(counts) <= 0).all() and (counts >= 1).all() and (counts <= whole).all()
        assert (counts == np.floor(counts)).all()
    assert (found.values <= found.keys).all() and (found.values >= 1).all()
    assert found.elements_ratio() >= 1


@pytest.mark.parametrize("name", sorted(names()))
def test_shipped_schedules_are_monotone_and_state_their_source(name: str) -> None:
    found = find_schedule(name)
    assert found.name == name and found.source
    assert (np.diff(found.keys) <= 0).all() and (np.diff(found.heads) <= 0).all()
    doubled = find_schedule(name, int(2 * found.tokens[0]))
    assert (doubled.keys >= 2 * found.keys - 1).all()


def test_nothing_stated_is_dense() -> None:
    text = "schedule: s\nsource: made up\nlayers: 3\nheads: 2\ntokens: 10\nqueries: 1\nkey_bits: 16\nvalue_bits: 16"
    found = read_schedule(read(text, "s.yaml")[0])
    assert found.elements_ratio() == 1 and found.bytes_ratio(16) == 1
