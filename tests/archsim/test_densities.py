"""Densities measured on tensors: against counts of the same cascades and against attention maps."""

import numpy as np
import pytest

from archsim.densities import densities
from archsim.scores import kept_values
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
    counted = count(cascade, sizes, tensors)
    for tensor, share in found.items():
        shape = np.prod([counted.words[tensor] / share]) if share else 0
        assert shape == pytest.approx(round(shape))


def test_zero_skip_of_a_cascade_is_that_of_its_map() -> None:
    cascade, sizes = load(Cascade, "mnnfast_zero_skip_final"), {"M": 30, "P": 12, "E": 6, "F": 4, "TH": 0.05}
    tensors = make_inputs(cascade, sizes)
    weight = np.exp(tensors["K"].T @ tensors["Q"]).T
    maps = weight / weight.sum(axis=-1, keepdims=True)
    points = {e.einsum: e.points for e in count(cascade, sizes, tensors).einsums}
    assert points["NV"] == 4 * kept_values(maps, 0.05).sum()
