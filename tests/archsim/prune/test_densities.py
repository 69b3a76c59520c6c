"""Densities measured on tensors: against counts of the same cascades and against attention maps."""

import numpy as np
import pytest

from archsim.prune.densities import densities, measured
from archsim.prune.scores import attention_map, kept_values, refetched_fraction
from einsum_cascade import Cascade, load
from einsum_cascade.count import count
from einsum_cascade.load import index
from einsum_cascade.reference import make_inputs

MEASURED = [n for n in index() if load(Cascade, n).density]


def test_several_cascades_have_densities() -> None:
    assert {"a3", "mnnfast_zero_skip", "spatten_progressive_quantization"} <= set(MEASURED)


@pytest.mark.parametrize("name", sorted(MEASURED))
def test_densities_are_what_is_counted(name: str) -> None:
    """Every density that a file states is measured; words that are present agree with the exact counts."""
    cascade = load(Cascade, name)
    sizes = {n: s for n, s in {"M": 24, "P": 10, "E": 6, "F": 4, "H": 2, "M0": 6}.items()
             if n in {*cascade.ranks, *cascade.params}}  # fmt: skip
    tensors = make_inputs(cascade, sizes)
    found = densities(cascade, tensors, sizes)
    assert set(found) == set(cascade.density) and all(0 <= v <= 1 for v in found.values())
    live = {}
    for e in count(cascade, sizes, tensors).einsums:
        live[e.einsum] = live.get(e.einsum, 0) + e.points
    for tensor, share in found.items():
        assert live[tensor] == 0 if share == 0 else live[tensor] / share == pytest.approx(round(live[tensor] / share))


def test_zero_skip_of_a_cascade_is_that_of_its_map() -> None:
    cascade, sizes = load(Cascade, "mnnfast_zero_skip_final"), {"M": 30, "P": 12, "E": 6, "F": 4, "TH": 0.05}
    tensors = make_inputs(cascade, sizes)
    weight = np.exp(tensors["K"].T @ tensors["Q"]).T
    maps = weight / weight.sum(axis=-1, keepdims=True)
    assert densities(cascade, tensors, sizes)["NV"] == pytest.approx(kept_values(maps, 0.05).mean())
    running = load(Cascade, "mnnfast_zero_skip")
    found = densities(running, tensors, {**sizes, "M0": 8})["NV"]
    assert found == pytest.approx(kept_values(maps, 0.05, 8).mean()) and found > kept_values(maps, 0.05).mean()


def test_low_bits_of_a_cascade_are_those_of_its_map() -> None:
    cascade = load(Cascade, "spatten_progressive_quantization")
    sizes = {"H": 3, "M": 20, "P": 8, "E": 6, "F": 4, "J": 20, "TAU": 0.3}
    tensors = make_inputs(cascade, sizes, scale=2)
    found = densities(cascade, tensors, sizes)
    maps = attention_map(np.swapaxes(tensors["Q"], 1, 2) @ tensors["KH"] / np.sqrt(6))
    assert found["QKL"] == found["QK"] == pytest.approx(refetched_fraction(maps, 0.3))
    assert 0 < found["QKL"] < 1 and found["A"] == 1


def test_a3_as_points() -> None:
    """Candidates and kept keys of several heads; all keys and values are fetched, once for all queries of a head."""
    cascade, sizes = load(Cascade, "a3"), {"M": 40, "P": 12, "E": 8, "F": 8}
    heads = [make_inputs(cascade, sizes, seed) for seed in range(3)]
    found = measured("a3", "drawn", cascade, heads, sizes, used="SN", scored="QK", key_bits=9)
    for k, tensors in enumerate(heads):
        shares = densities(cascade, tensors, sizes)
        assert found.scored[k] == 40 * shares["QK"] and found.values[k] == 40 * shares["SN"]
    assert (found.values < found.scored).all() and (found.scored <= 20).all()
    assert found.elements_ratio() == 1 and found.fetched_bytes[0] == 2 * 40 * 8 * 9 / 8
    assert np.allclose(found.score_macs, 12 * 8 * found.scored)
    assert np.allclose(found.sizes()["KEPT"], found.values / 40)


def test_a_more_aggressive_search_keeps_less() -> None:
    """Conservative: M/2 steps and 5%; aggressive: M/8 and 10% (A3, HPCA'20)."""
    cascade, sizes = load(Cascade, "a3"), {"M": 64, "P": 32, "E": 16, "F": 4}
    tensors = make_inputs(cascade, sizes)
    conservative = densities(cascade, tensors, sizes)
    aggressive = densities(cascade, tensors, {**sizes, "STEPS": 8, "TH": 0.1})
    assert aggressive["QK"] <= 8 / 64 < conservative["QK"] <= 0.5
    assert aggressive["SN"] < conservative["SN"] < conservative["QK"]
