"""Pruning cascades against full attention."""

import numpy as np
import pytest

from archsim.design import Design
from archsim.library import load as find
from archsim.numerics.pruned import Layer, measure_pruned, pruning_layer, settings
from einsum_cascade import Cascade, SpecError, load, read_cascades
from einsum_cascade.numerics.rules import plain

PROGRESSIVE = """
cascade: progressive
ranks: {H: 2, P: 8, M: 32, E: 8, F: 8}
params: {TAU: 0.1}
inputs: {Q: [H, E, P], KH: [H, E, M], KL: [H, E, M], V: [H, F, M]}
outputs: [AV]
einsums: |
  QKH[h,m,p] = Q[h,e,p] * KH[h,e,m]
  GMH[h,p]   = QKH[h,m,p] :: max(m)
  SNH[h,m,p] = exp((QKH[h,m,p] - GMH[h,p]) / sqrt(E))
  SDH[h,p]   = SNH[h,m,p]
  AH[h,m,p]  = SNH[h,m,p] / SDH[h,p]
  MX[h,p]    = AH[h,m,p] :: max(m)
  QKL[h,m,p] = Q[h,e,p] * KL[h,e,m] | MX[h,p] < TAU
  QK[h,m,p]  = QKH[h,m,p] + QKL[h,m,p]
  GM[h,p]    = QK[h,m,p] :: max(m)
  SN[h,m,p]  = exp((QK[h,m,p] - GM[h,p]) / sqrt(E))
  SD[h,p]    = SN[h,m,p]
  NV[h,f,p]  = SN[h,m,p] * V[h,f,m]
  AV[h,f,p]  = NV[h,f,p] / SD[h,p]
"""
EXACT = plain("fp64", "fp64")


def layer_of(cascade: Cascade, **more: int) -> Layer:
    return pruning_layer(cascade, "trace", heads=2, tokens=48, queries=12, head=16, **more)


def test_nothing_pruned_is_full_attention() -> None:
    cascade = load(Cascade, "spatten_layer")
    layer = layer_of(cascade)
    (setting,) = settings(cascade, layer, {"J": ["M"], "T": ["J"]})
    found = measure_pruned(cascade, EXACT, layer, setting)
    assert setting == {"J": 48, "T": 48} and found.error_max is not None and found.error_max < 1e-12
    assert (found.lost, found.queries, found.kept) == (0, 24, {})


def test_error_grows_with_what_is_pruned() -> None:
    cascade = load(Cascade, "spatten_layer")
    layer = layer_of(cascade)
    found = [measure_pruned(cascade, EXACT, layer, s) for s in settings(cascade, layer, {"J": ["M", "M//2", "M//6"],
                                                                                      "T": ["J"]})]  # fmt: skip
    errors = [p.error_rms or 0.0 for p in found]
    assert errors == sorted(errors) and errors[1] > 0.05
    values = [measure_pruned(cascade, EXACT, layer, s).error_rms or 0.0
              for s in settings(cascade, layer, {"J": ["M"], "T": ["J", "J//2", "J//8"]})]  # fmt: skip
    assert values == sorted(values) and values[1] < errors[1]  # the smallest weights cost less than the tokens


def test_importance_is_that_of_an_earlier_layer() -> None:
    cascade = load(Cascade, "spatten_layer")
    layer = layer_of(cascade)
    score = np.swapaxes(layer.tensors["K"], 1, 2) @ layer.tensors["Q"] / 4
    weight = np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)
    own = weight.sum(axis=(0, 2))
    assert np.corrcoef(np.log(own), np.log(layer.tensors["IMP"]))[0, 1] > 0.5
    assert layer.tensors["IMP"].sum() == pytest.approx(2 * 12)


@pytest.mark.parametrize(("high", "low"), [(8, 4), (4, 4), (3, 2)])
def test_bits_of_keys(high: int, low: int) -> None:
    cascade = read_cascades(PROGRESSIVE)[0]
    layer = layer_of(cascade, high=high, low=low)
    plain_layer = layer_of(load(Cascade, "spatten_layer"))
    key = plain_layer.tensors["K"]
    step = np.abs(key).max(axis=(1, 2), keepdims=True) / (2 ** (high + low - 1) - 1)
    both = layer.tensors["KH"] + layer.tensors["KL"]
    assert (np.abs(both - key) <= step / 2 + 1e-12).all()
    assert (layer.tensors["KL"] >= 0).all() and (layer.tensors["KL"] < step * 2**low).all()
    assert len(np.unique(np.round(layer.tensors["KH"] / step / 2**low))) <= 2**high


def test_share_of_low_bits_against_error() -> None:
    cascade = read_cascades(PROGRESSIVE)[0]
    layer = layer_of(cascade, high=4, low=6)
    found = [measure_pruned(cascade, EXACT, layer, s)
             for s in settings(cascade, layer, {"TAU": ["0", "0.15", "0.25", "2"]})]  # fmt: skip
    shares = [p.kept["QKL"] for p in found]
    assert shares[0] == 0 and shares[-1] == 1 and shares == sorted(shares) and 0 < shares[1] < shares[2] < 1
    assert set(found[0].kept) == {"QKL"}
    assert (found[0].error_rms or 0) > 5 * (found[-1].error_rms or 1)


def test_low_precision_adds_to_it() -> None:
    cascade = load(Cascade, "spatten_layer")
    layer = layer_of(cascade)
    (setting,) = settings(cascade, layer, {"J": ["M"], "T": ["J"]})
    errors = [measure_pruned(cascade, plain("fp32").using(f), layer, setting).error_rms or 0.0
              for f in ("fp32", "int12", "int8")]  # fmt: skip
    assert errors == sorted(errors) and errors[0] < 1e-6 < errors[1] < errors[2]


def test_mistakes() -> None:
    with pytest.raises(SpecError, match="it has an input BT"):
        text = PROGRESSIVE.replace("V: [H, F, M]}", "V: [H, F, M], BT: [M]}")
        layer_of(read_cascades(text)[0])
    cascade = load(Cascade, "spatten_layer")
    with pytest.raises(SpecError, match="no rank or parameter TAU"):
        list(settings(cascade, layer_of(cascade), {"TAU": ["1"]}))


@pytest.mark.parametrize("name", ["spatten", "spatten_eighth"])
def test_spatten_rounds_as_published(name: str) -> None:
    """12-bit words and exact sums of products, a Taylor polynomial of degree 5, floating point between (section IV)."""
    machine = find(Design, name).numerics
    assert machine is not None and (machine.word.name, machine.exponential.name) == ("int12", "taylor5")
    layer = load(Cascade, "spatten_layer")
    by_name = {e.name: machine.formats(e) for e in layer.einsums}
    assert (
        by_name["QK"].accumulate is None and by_name["QK"].input.name == "int12" and by_name["QK"].output.name == "fp32"
    )
    assert by_name["SN"].input.name == by_name["SN"].output.name == by_name["SD"].output.name == "fp32"
    assert by_name["A"].output.name == by_name["AV"].input.name == by_name["AV"].output.name == "int12"
    assert by_name["KG"].input.holds(by_name["KG"].output)  # a gather rounds nothing


def test_error_of_spatten_comes_from_its_words_not_its_exponential() -> None:
    machine, layer = find(Design, "spatten").numerics, load(Cascade, "spatten_layer")
    assert machine is not None
    given = layer_of(layer)
    (setting,) = settings(layer, given, {"J": ["M"], "T": ["J"]})

    def error(word: str = "", unit: str = "") -> float:
        return measure_pruned(layer, machine.using(word, unit), given, setting).error_rms or 0.0

    own = error()
    assert 1e-4 < own < 2e-2 and error("int8") > 4 * own
    assert error(unit="exact") == pytest.approx(own, rel=0.05) and error(unit="taylor2") > own


def test_a_cascade_of_one_head_cannot_be_measured() -> None:
    with pytest.raises(SpecError, match="a3 cannot be measured: its Q has 2 axes, not 3"):
        layer_of(load(Cascade, "a3"))
