"""The cycle laws of archsim against the kernels' own, which the benches hold to the RTL cycle for cycle."""

import numpy as np
import pytest

from archsim.laws import LAWS
from rtl.bench import topk
from rtl.bench.stimuli import SCORES

FIRST_DECISION = 1
"""The kernels count from start_i to done_o: one cycle more than the law's rounds or passes."""


@pytest.mark.parametrize("n", [1, 15, 16, 100, 1024, 8192])
@pytest.mark.parametrize(("lanes", "bits", "digit"), [(16, 12, 4), (8, 12, 6), (32, 16, 4)])
def test_radix_select_takes_the_law_for_any_data(n: int, lanes: int, bits: int, digit: int) -> None:
    given = {"lanes": lanes, "bits": bits, "digit": digit, "overhead": topk.PASS_OVERHEAD}
    keys = SCORES["softmax"](np.random.default_rng(n), n, bits)
    for k in {k for k in (1, n // 2) if 0 < k < n}:
        law = LAWS["radix_select"].cycles(n, k, given)
        assert topk.radix_select(keys, k, lanes, bits, digit).cycles == law + FIRST_DECISION


@pytest.mark.parametrize(("n", "k", "lanes"), [(64, 32, 4), (256, 64, 16), (1024, 512, 16)])
def test_quick_select_takes_the_law_in_the_mean_over_pivots(n: int, k: int, lanes: int) -> None:
    rng = np.random.default_rng(3)
    runs = [topk.quick_select(rng.permutation(n), k, lanes, int(rng.integers(1, 1 << 16))).cycles for _ in range(600)]
    law = LAWS["quick_select"].cycles(n, k, {"lanes": lanes, "overhead": topk.ROUND_OVERHEAD}) + FIRST_DECISION
    standard_error = np.std(runs) / np.sqrt(len(runs))
    assert abs(np.mean(runs) - law) < 4 * standard_error


@pytest.mark.parametrize("kind", ["uniform", "sparse", "distinct", "all equal"])
def test_quick_select_stays_between_best_and_worst(kind: str) -> None:
    rng = np.random.default_rng(4)
    for n in (2, 17, 300):
        cycles = topk.quick_select(SCORES[kind](rng, n, 12), n // 2, 16).cycles - FIRST_DECISION
        best, worst = (LAWS[f"quick_select_{bound}"].cycles(n, n // 2) for bound in ("best", "worst"))
        assert best <= cycles <= worst


def test_keeping_all_or_none_takes_no_selection() -> None:
    for law in ("quick_select", "radix_select"):
        assert LAWS[law].cycles(100, 0) == LAWS[law].cycles(100, 100) == topk.select_all(100).cycles
