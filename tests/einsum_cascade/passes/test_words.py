"""Live words against hand-computed values for one query, at sizes that divide, are ragged, or undercut a tile."""

import pytest

from einsum_cascade import Cascade, load, read_cascades
from einsum_cascade.passes import passes

E, F = 5, 7
SHAPES = [(1024, 128), (37, 5), (6, 128), (6, 6), (1, 1), (2**40 + 1, 2**10)]
# M1 tiles of T words at most: the tile never exceeds the rank.
CASES = {
    "attention_naive": lambda m, t, n: {"SN": m, "SD": 1, "AV": F},
    "attention_lazy": lambda m, t, n: {"SD": 1, "NV": F},
    "attention_3pass": lambda m, t, n: {"QK": m, "GM": 1, "SN": m, "SD": 1, "AV": F},
    "attention_2pass_deferred": lambda m, t, n: {"QK": m, "GM": 1, "SD": 1, "NV": F},
    "attention_2pass": lambda m, t, n: {"BQK": t, "LM": n, "SLN": m, "SLD": n, "GM": 1, "CF": n, "SD": 1, "AV": F},
    "attention_block_summaries": lambda m, t, n: {
        "BQK": t, "LM": n, "SLD": n, "SLNV": n * F, "GM": 1, "SD": 1, "NV": F},
    "attention_1pass": lambda m, t, n: {"BQK": t, "RM": 1, "RD": 1, "RNV": F},
    "attention_fa1": lambda m, t, n: {"BQK": t, "RM": 1, "RD": 1, "RO": F},
    "mnnfast_zero_skip": lambda m, t, n: {"SN": t, "RD": 1, "RNV": F},
    "mnnfast_zero_skip_final": lambda m, t, n: {"SN": m, "SD": 1, "NV": F},
    "linear_noncausal": lambda m, t, n: {"KV": E * F, "Z": E},
    "gqa": lambda m, t, n: {"QK": m, "GM": 1, "SD": 1, "NV": F},
}  # fmt: skip


def sized(name: str, m: int, tile: int) -> dict[str, int]:
    cascade = load(Cascade, name)
    wanted = {"M": m, "P": 3, "M0": tile, "E": E, "F": F}
    known = {*cascade.ranks, *cascade.params}
    return dict(passes(cascade, sizes={k: v for k, v in wanted.items() if k in known}).live_words)


@pytest.mark.parametrize(("m", "tile"), SHAPES)
@pytest.mark.parametrize("name", CASES)
def test_words(name: str, m: int, tile: int) -> None:
    assert sized(name, m, tile) == CASES[name](m, min(m, tile), -(-m // tile))


@pytest.mark.parametrize("name", ["attention_1pass", "attention_2pass", "attention_block_summaries", "attention_fa1"])
@pytest.mark.parametrize(("m", "tile"), [(6, 128), (128, 6), (7, 7)])
def test_a_live_tile_is_never_longer_than_the_rank(name: str, m: int, tile: int) -> None:
    cascade = load(Cascade, name)
    for rank in (None, "M0"):
        found = passes(cascade, rank, sizes={"M": m, "M0": tile, "F": 1})
        assert found.live["BQK"] == "M0" and found.live_words["BQK"] == min(m, tile)


@pytest.mark.parametrize("name", [n for n in CASES if n.startswith("attention")])
def test_words_grow_with_the_sequence_or_not(name: str) -> None:
    found = passes(load(Cascade, name))
    short, long = (sized(name, m, 4) for m in (64, 4096))
    assert (sum(short.values()) == sum(long.values())) == found.sequence_independent


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("attention_3pass", ("P",)),
        ("gqa", ("HK", "P", "R")),
        ("linear_noncausal", ()),
        ("mha", ("B", "H", "P")),
    ],
)
def test_parallel_ranks(name: str, expected: tuple[str, ...]) -> None:
    assert tuple(sorted(passes(load(Cascade, name)).parallel)) == expected


def test_words_do_not_depend_on_parallel_ranks() -> None:
    cascade = load(Cascade, "attention_2pass")
    found = [dict(passes(cascade, sizes={"P": p}).live_words) for p in (1, 16, 2**30)]
    assert found[0] == found[1] == found[2]


TEXT = """
cascade: words
inputs: {{A: [K, C], B: [K]}}
ranks: {ranks}
outputs: [Z]
einsums: |
  S[] = A[k,c] * B[k]
  Z[k,c] = A[k,c] * S[]
seq: [k]
"""


def test_other_ranks_multiply() -> None:
    made = read_cascades(TEXT.format(ranks="{K: 6, C: 4}"))[0]
    found = passes(made)
    assert dict(found.live_words) == {"A": 24, "S": 1}
    assert (found.spill["A"].writes, found.spill["A"].reads) == (0, 24)
    assert not found.sequence_independent


def test_a_missing_size_is_a_note() -> None:
    found = passes(read_cascades(TEXT.format(ranks="{C: 4}"))[0])
    assert dict(found.live_words) == {} and found.live["A"] == "K" and not found.spill
    assert found.notes[-1].startswith("no words: ")


def test_a_window_does_not_grow() -> None:
    cascade = load(Cascade, "sliding_window")
    short, long = (passes(cascade, sizes={"P": p, "M": p, "W": 16}) for p in (64, 2**20))
    assert dict(short.live_words) == dict(long.live_words) and short.live_words["QK"] == 16
    assert short.sequence_independent
