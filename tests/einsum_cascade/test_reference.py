"""The comparison with a reference: its inputs, its verdict, and what it says where it cannot compare."""

from dataclasses import replace

import numpy as np
import pytest

from einsum_cascade import Cascade, SpecError, load, read_cascades
from einsum_cascade.dense import REFERENCES
from einsum_cascade.reference import Comparison, check, make_inputs, mask_array, reference

SMALL = {"M": 6, "P": 4, "E": 3, "F": 2}
TEXT = """
cascade: wrong
inputs: {{Q: [E, P], K: [E, M], V: [F, M]}}
outputs: [AV]
einsums: |
  QK[m,p] = Q[e,p] * K[e,m]
  SN[m,p] = exp(QK[m,p])
  SD[p]   = SN[m,p]
  AV[f,p] = SN[m,p] * V[f,m]
expect: {expect}
"""


def cascade(expect: str) -> Cascade:
    return read_cascades(TEXT.format(expect=expect))[0]


def message(given: Cascade) -> str:
    with pytest.raises(SpecError) as caught:
        check(given, SMALL)
    return str(caught.value)


def test_a_wrong_cascade_is_not_equal() -> None:
    result = check(cascade("{reference: softmax}"), SMALL)
    assert result.error > 0.1 and not result.equal and result.worst_output == "AV"


def test_nan_is_not_equal() -> None:
    result = Comparison(error=float("nan"), worst_output="AV", tolerance=1e-12, largest_exp_argument=None)
    assert not result.equal


def test_overflow_is_not_equal() -> None:
    assert not check(load(Cascade, "attention_naive"), SMALL, scale=1e4).equal
    assert check(load(Cascade, "attention_3pass"), SMALL, scale=1e4).equal


def test_without_a_reference_the_known_ones_are_named() -> None:
    text = message(cascade("{passes: 2}"))
    assert "no reference to compare with" in text and "expect: {reference: ...}" in text
    assert all(name in text for name in REFERENCES)


def test_a_misspelt_reference() -> None:
    text = message(cascade("{reference: sofmax}"))
    assert "no reference named sofmax" in text and "did you mean softmax?" in text


def test_a_reference_of_other_inputs() -> None:
    assert "the reference mha needs WQ" in message(cascade("{reference: mha}"))


def test_a_reference_of_other_outputs() -> None:
    made = replace(cascade("{reference: softmax}"), outputs=("SD",))
    assert "the reference softmax gives AV, not the output SD" in message(made)


def test_a_reference_of_another_shape() -> None:
    assert "AV has shape (2, 4), the reference aaren gives (2, 6, 4)" in message(cascade("{reference: aaren}"))
    assert "does not fit wrong" in message(cascade("{reference: gqa}"))


@pytest.mark.parametrize("mask", ["m <= q", "K[e,m] > 0", "m <= exp(p)"])
def test_a_mask_of_anything_else(mask: str) -> None:
    text = message(cascade(f"{{reference: softmax, mask: '{mask}'}}"))
    assert f"the mask {mask} holds more than comparisons of m, p and known constants" in text


def test_a_mask_is_the_condition_point_by_point() -> None:
    mask = mask_array("p + OFF - W < m <= p + OFF and m % 2 == 0", {"M": 9, "P": 4, "W": 3, "OFF": 5})
    assert mask.tolist() == [[p + 2 < m <= p + 5 and m % 2 == 0 for p in range(4)] for m in range(9)]


def test_inputs_depend_on_the_seed_and_the_scale() -> None:
    made = [
        make_inputs(load(Cascade, "attention_decode"), SMALL, seed, scale) for seed, scale in ((0, 1), (1, 1), (0, 4))
    ]
    assert not np.array_equal(made[0]["Q"], made[1]["Q"])
    np.testing.assert_allclose(made[2]["Q"], 2 * made[0]["Q"])


def test_weights_are_not_scaled_and_gates_lie_between_0_and_1() -> None:
    text = "cascade: a\ninputs: {WQ: [E, M], G: [M]}\noutputs: [Z]\neinsums: Z[e] = WQ[e,m] * G[m]"
    made = make_inputs(read_cascades(text)[0], {"E": 400, "M": 100}, scale=100)
    assert made["WQ"].std() == pytest.approx(0.1, rel=0.05)
    assert 0 < made["G"].min() < made["G"].max() < 1


def test_references_of_no_name() -> None:
    with pytest.raises(SpecError, match="no reference to compare with"):
        reference("")
