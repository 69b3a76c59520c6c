"""The work that peers are measured with, under their assumptions: AccelForge's golden numbers for a TPU v4i."""

from pathlib import Path

import pytest

from archsim.design import Design
from archsim.library import load
from archsim.mapper.best import best_mapping
from archsim.mapper.rules import read_rules
from archsim.workload import Workload
from einsum_cascade import Cascade

HERE = Path(__file__).parent
ATTENTION = Workload(name="peer", heads=12, head_dim=64, sequence_length=1024, word_bits=8)
PRODUCT = Workload(name="product", heads=1, head_dim=1024, sequence_length=1024, word_bits=8)


@pytest.mark.parametrize("cascade, workload, rules, seconds, joules", [
    ("attn3", ATTENTION, "weight_stationary", 7.02171e-5, 1.42573e-3),
    ("attn3", ATTENTION, "sequential", 7.02171e-5, 1.42573e-3),
    ("matmul", PRODUCT, "sequential", 1.56038e-5, 4.05530e-4),
])  # fmt: skip
def test_golden_or_better(cascade: str, workload: Workload, rules: str, seconds: float, joules: float) -> None:
    """Latency is a sum over Einsums; energy is less here, where a word that several cores need is moved once."""
    given = load(Cascade, str(HERE / "cascades" / f"{cascade}.yaml")), workload, load(Design, "tpu_v4i")
    found = read_rules(HERE / "constraints" / f"{rules}.yaml", *given)
    best = best_mapping(*given, rules=found)
    assert best.report is not None and best.complete
    assert best.report.latency_s <= seconds * (1 + 1e-4)
    assert best.report.energy_j <= joules
    if rules == "weight_stationary":  # 64 of 128 rows (QK) and columns (AV) are used, 128 lanes a core do the rest
        assert best.report.latency_s == pytest.approx(seconds, rel=1e-4)
