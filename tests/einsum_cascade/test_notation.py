"""Mechanisms that are not shipped, written in the notation: they load, run, count and give their passes."""

from pathlib import Path

import numpy as np
import pytest

from einsum_cascade.count import count
from einsum_cascade.interpret import run
from einsum_cascade.load import read_file
from einsum_cascade.passes import passes
from einsum_cascade.reference import make_inputs
from tests import oracle

FOLDER = Path(__file__).parent / "notation"
PASSES = {
    "aaren_scan": 0, "delta_gated": 1, "ex3": 1, "halonet": 3, "kvappend": 3, "layernorm": 3, "mac": 1, "moneta": 1,
    "pq": 6, "prefix": 1, "rope": 1, "smyrf": 2, "ssd": 1, "top": 3, "yaad": 1,
}  # fmt: skip
POSITIVE = ("DL", "BT", "G", "DT")


def test_every_file_is_listed() -> None:
    assert {f.stem for f in FOLDER.glob("*.yaml")} == set(PASSES)


@pytest.mark.parametrize("name", PASSES)
def test_a_mechanism(name: str) -> None:
    cascade = read_file(FOLDER / f"{name}.yaml")[0]
    tensors = {n: np.abs(t) + 0.1 if n in POSITIVE else t for n, t in make_inputs(cascade, {}, 0).items()}
    found, expected = run(cascade, tensors), oracle.run(cascade, tensors, {})
    for output in cascade.outputs:
        values, _ = oracle.dense(expected, output, found[output].shape)
        np.testing.assert_allclose(found[output], values, rtol=1e-9, atol=1e-12)
    statements = [k for k, s in enumerate(cascade.statements) if s.role == "einsum"]
    assert [e.points for e in count(cascade, None, tensors).einsums] == [expected.points[k] for k in statements]
    assert passes(cascade).passes == PASSES[name]
