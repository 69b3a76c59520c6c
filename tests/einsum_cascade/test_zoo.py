"""Every shipped cascade: dense reference, scaled-up scores, the witness of stability, exact counts, passes.

The documents are found through the index, so that a new file is checked without an edit here.
"""

import numpy as np
import pytest

from einsum_cascade import Cascade, load, shape
from einsum_cascade.cascade import rank_names
from einsum_cascade.constants import evaluate
from einsum_cascade.count import count
from einsum_cascade.dense import REFERENCES
from einsum_cascade.load import index
from einsum_cascade.passes import passes
from einsum_cascade.reference import check, expected, make_inputs

NAMES = sorted(index())
# Odd on purpose: ragged tiles, chunks and groups; the second one a chunk of queries at the end of the tokens.
SHAPES = (
    {"M": 13, "P": 13, "E": 4, "F": 5},
    {"M": 21, "P": 6, "E": 3, "F": 2},
    {"M": 17, "P": 1, "E": 2, "F": 3},  # decode
    {"M": 3, "P": 3, "E": 2, "F": 1},  # a single tile, partly out of range
)
LARGE = ({"M": 100, "P": 37, "E": 16, "F": 8}, {"M": 1000, "P": 1000, "E": 64, "F": 32})
SMALL = {"M0": 4, "I": 5, "R": 2, "W": 6, "H": 2, "D": 7, "G": 3, "L": 5, "X": 2}  # of those that a cascade has
CASCADES = {name: load(Cascade, name) for name in NAMES}
STABLE = [name for name, cascade in CASCADES.items() if cascade.expect.stable]
VARIANTS = ("naive", "3pass", "2pass_deferred", "lazy", "2pass", "1pass", "fa1", "block_summaries")
OTHERS = """mha gqa mqa sliding_window sliding_window_masked mla_absorbed linear_noncausal linear_causal retention
linear_causal_quadratic lightning_chunked aaren_recurrent agent_attention spatten_layer mnnfast_zero_skip
mnnfast_zero_skip_final spatten_progressive_quantization a3
attention_chunked_prefill attention_decode"""


def sized(cascade: Cascade, sizes: dict[str, int], inner: dict[str, int] = SMALL) -> dict[str, int]:
    """`sizes`, and `inner` for what only some cascades have: those of them that `cascade` has."""
    known = {*cascade.ranks, *cascade.params, *rank_names(cascade)}
    return {name: value for name, value in {**inner, **sizes}.items() if name in known}


def number(sizes: dict[str, int]) -> str:
    return ",".join(f"{k}={v}" for k, v in sizes.items())


@pytest.mark.parametrize("name", NAMES)
class TestEachCascade:
    def test_says_what_it_is(self, name: str) -> None:
        cascade = CASCADES[name]
        assert cascade.source and cascade.description and cascade.sequence
        assert cascade.expect.reference in REFERENCES
        assert cascade.expect.passes is not None and (cascade.expect.operations or cascade.expect.macs)

    @pytest.mark.parametrize("sizes", SHAPES, ids=number)
    def test_equals_its_reference(self, name: str, sizes: dict[str, int]) -> None:
        cascade = CASCADES[name]
        result = check(cascade, sized(cascade, sizes), seed=sizes["M"])
        assert result.error <= 1e-12, result

    @pytest.mark.parametrize("sizes", SHAPES, ids=number)
    def test_no_argument_of_exp_is_positive(self, name: str, sizes: dict[str, int]) -> None:
        cascade = CASCADES[name]
        largest = check(cascade, sized(cascade, sizes), scale=12).largest_exp_argument
        if cascade.expect.stable:
            assert largest is not None and largest <= 0
        else:
            assert largest is None or largest > 0, "deserves `stable: true`?"

    def test_passes(self, name: str) -> None:
        cascade = CASCADES[name]
        assert passes(cascade).passes == cascade.expect.passes

    @pytest.mark.parametrize("sizes", (*SHAPES, *LARGE), ids=number)
    @pytest.mark.parametrize("inner", [True, False], ids=["small tiles", "default tiles"])
    def test_counts_equal_the_stated_formulas(self, name: str, sizes: dict[str, int], inner: bool) -> None:
        cascade = CASCADES[name]
        given = sized(cascade, sizes, SMALL if inner else {})
        names, counted = shape(cascade, given), count(cascade, given)
        stated = {op: evaluate(formula, names) for op, formula in cascade.expect.operations.items()}
        assert stated == {op: counted.operations.get(op, 0) for op in stated}
        if cascade.expect.macs is not None:
            assert evaluate(cascade.expect.macs, names) == counted.macs

    def test_default_sizes_are_counted_at_once_and_exactly(self, name: str) -> None:
        cascade = CASCADES[name]
        names, counted = shape(cascade), count(cascade)
        stated = {op: evaluate(formula, names) for op, formula in cascade.expect.operations.items()}
        assert counted.operations.items() >= stated.items()


@pytest.mark.parametrize("sizes", SHAPES, ids=number)
@pytest.mark.parametrize("name", STABLE)
def test_large_scores(name: str, sizes: dict[str, int]) -> None:
    cascade = CASCADES[name]
    result = check(cascade, sized(cascade, sizes), seed=sizes["M"], scale=12)
    assert result.error <= 1e-12, result


def test_the_tier_is_complete() -> None:
    wanted = {f"attention_{v}{causal}" for v in VARIANTS for causal in ("", "_causal")} | set(OTHERS.split())
    assert wanted <= set(NAMES)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_query_without_any_key_gives_zero(variant: str) -> None:
    cascade = load(Cascade, f"attention_{variant}_causal")
    sizes = {"M": 9, "P": 6, "E": 2, "F": 3, "OFF": -4} | ({"M0": 2} if "M0" in cascade.params else {})
    assert check(cascade, sizes).error <= 1e-12
    names = shape(cascade, sizes)
    assert not expected(cascade, make_inputs(cascade, sizes), names)["AV"][:, :4].any()


def test_the_initial_values_of_the_paper_are_kept() -> None:
    initial = {s.name: s.expression for s in load(Cascade, "attention_1pass").initial}
    assert {n: evaluate(e, {}) for n, e in initial.items()} == {"RM": -np.inf, "RD": 0, "RNV": 0}
    assert [s.name for s in load(Cascade, "attention_fa1").initial] == ["RM"]


def test_mnnfast_counts_the_live_points_of_given_tensors() -> None:
    cascade, sizes = load(Cascade, "mnnfast_zero_skip_final"), {"M": 11, "P": 7, "E": 3, "F": 5, "TH": 0.08}
    tensors = make_inputs(cascade, sizes, seed=3)
    weight = np.exp(tensors["K"].T @ tensors["Q"])
    live = int((weight / weight.sum(axis=0) >= 0.08).sum())
    counted = count(cascade, sizes, tensors)
    assert counted.macs == 11 * 7 * 3 + live * 5
