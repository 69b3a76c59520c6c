"""Tables and figures of a study of a suite: a small one by hand, SpAtten's against what its paper says."""

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import matplotlib.image
import numpy as np
import pytest

from archsim.papers.plot_beside import beside, roofline
from archsim.papers.published import load_published, published_rows
from archsim.papers.reproduce import reproduce, staged, write
from archsim.papers.study import Row, Study, Tables, load_study
from archsim.papers.tables import tables
from archsim.papers.validate import validate
from archsim.picture import STYLE
from archsim.prune.suite import benchmarks
from einsum_cascade.errors import SpecError

SUITE = """\
suite: small
source: assumed
families:
  text: {layers: 2, heads: 3, queries: 1, keep_tokens: [1, 0.5], values: 0.5, key_bits: 8, value_bits: 8}
  encoder: {layers: 2, heads: 2}
benchmarks:
  story: {family: text, tokens: 100, steps: 2}
  word: {family: encoder, tokens: 16}
"""
STUDY = """\
study: small
title: two benchmarks
source: assumed
suite: SUITE
families: {text: Text, enc: Encoders}
accountings: {only: everything}
machines: {chip: {only: spatten}, gpu: {only: titan_xp}}
configurations:
  full: {label: Full, short: F, colour: "#0072B2"}
  dense: {label: Dense, short: D, colour: "#999999"}
  gpu: {label: GPU, short: G, colour: "#D55E00"}
layers:
  attention:
    full: {mapping: spatten, machine: chip, keep: [tokens, values, widths], word_bits: 12}
    dense: {mapping: spatten, machine: chip, word_bits: 12}
    gpu: {mapping: roofline, machine: gpu, word_bits: 32}
  texts:
    full: {mapping: spatten, machine: chip, keep: [tokens], word_bits: 12, family: text}
sweeps:
  lanes:
    mapping: spatten
    machine: chip
    keep: [tokens, values]
    series: [{workloads: [story], points: [{TOPK: 1}, {TOPK: 4}]}]
ratios:
  gains: {gain: {table: attention, quantity: latency_s, numerator: dense, denominator: full}}
summaries: {means: {table: attention, relative: dense}}
breakdowns: {parts: {table: attention, configuration: full, parts: {qk: scores, mac_qk: scores, dram: DRAM}}}
headlines:
  - {name: texts, table: attention, quantity: latency_s, numerator: dense, denominator: full, family: text,
     mean: geometric, stated: twice, published: 2.0, tolerance: 0.9}
variants:
  - {name: peak, changes: {chip: {parameters.REQUEST: 0, parameters.SLOWDOWN: 1}}}
figures:
  gains: {kind: beside, title: Gains, table: gains, across: workload, quantities: {gain: g}, caption: none, log: true}
  lanes: {kind: beside, title: Lanes, table: lanes, across: TOPK, across_label: lanes, stated: {gain: 2.5},
          quantities: {gain: gain}, caption: none}
  means: {kind: beside, title: Means, table: means, series: family=text, across: configuration,
          quantities: {speedup: speedup, power_w: W}, caption: none}
  roof: {kind: roofline, title: Roof, table: means, quantities: {intensity: op/B, executed_flops: op/s}, caption: none}
"""


@pytest.fixture
def small(tmp_path: Path) -> Callable[..., Path]:
    def make(old: str = "", new: str = "") -> Path:
        suite, study = tmp_path / "suite.yaml", tmp_path / "small.yaml"
        suite.write_text(SUITE, encoding="utf-8")
        text = STUDY.replace("SUITE", str(suite))
        assert old in text
        study.write_text(text.replace(old, new) if old else text, encoding="utf-8")
        return study

    return make


def row(rows: list[Row], **keys: object) -> Row:
    (found,) = (r for r in rows if all(r[k] == v for k, v in keys.items()))
    return found


def test_rows(small: Callable[..., Path]) -> None:
    found = tables(load_study(small()))["only"]
    assert {(r["configuration"], r["workload"]) for r in found["attention"]} == {
        (c, w) for c in ("full", "dense", "gpu") for w in ("story", "word")
    }
    assert [r["workload"] for r in found["texts"]] == ["story"]
    full, dense = (row(found["attention"], configuration=c, workload="story") for c in ("full", "dense"))
    assert (full["family"], full["sequence_length"]) == ("text", 102)
    assert full["dense_flop"] == dense["dense_flop"] == dense["executed_flop"] == 2 * 2 * 64 * 3 * 2 * (101 + 102)
    assert float(str(full["executed_flop"])) < float(str(dense["executed_flop"]))
    assert float(str(dense["dram_reduction_32_bit"])) == pytest.approx(32 / 12)
    gain = row(found["gains"], workload="story")["gain"]
    assert gain == pytest.approx(float(str(dense["latency_s"])) / float(str(full["latency_s"])))
    assert row(found["gains"], workload="geometric mean")["family"] == "all"
    assert row(found["means"], configuration="full", family="text")["speedup"] == pytest.approx(gain)
    assert row(found["means"], configuration="dense", family="all")["speedup"] == 1
    lanes = found["lanes"]
    assert [r["TOPK"] for r in lanes] == [1, 4] and lanes[0]["gain"] == 1 and float(str(lanes[1]["gain"])) > 1


def test_energy_of_the_parts(small: Callable[..., Path]) -> None:
    found = tables(load_study(small()))["only"]
    own = [r for r in found["components"] if (r["table"], r["configuration"]) == ("attention", "full")]
    for benchmark in ("story", "word"):
        whole = row(found["attention"], configuration="full", workload=benchmark)
        parts = sum(float(str(r["energy_j"])) for r in own if r["workload"] == benchmark)
        assert parts == pytest.approx(whole["energy_j"])
    scores = row(found["parts"], part="scores")
    assert scores["area_mm2"] == pytest.approx(7.12)
    mean = (float(str(scores["power_w_text"])) + float(str(scores["power_w_enc"]))) / 2
    assert scores["power_w"] == pytest.approx(mean)


def test_a_study_of_a_suite_is_reproduced(small: Callable[..., Path], tmp_path: Path) -> None:
    result = reproduce(load_study(small()))
    assert result.headlines[0]["mean"] == "geometric mean of 1 ratios"
    assert float(str(result.sensitivities[0]["computed"])) > 0
    with staged(tmp_path / "out") as work:
        files = write(result, work)
    assert {"attention.csv", "gains.csv", "means.csv", "parts.csv", "lanes.csv"} <= set(files)
    for name in ("gains", "lanes", "means", "roof"):
        image = matplotlib.image.imread(tmp_path / "out" / f"{name}.png")
        assert image.shape[1] >= 900 and np.ptp(image) > 0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("keep: [tokens, values, widths]", "keep: [tokens, width]", "no aspect named width"),
        (
            "numerator: dense, denominator: full}}",
            "numerator: dens, denominator: full}}",
            "no configuration named dens",
        ),
        ("{table: attention, relative: dense}", "{table: atention, relative: dense}", "no table named atention"),
        ("configuration: full, parts", "configuration: ful, parts", "no configuration named ful"),
        ("full, family: text,\n", "full, family: txt,\n", "no family named txt"),
        ("kind: roofline", "kind: roofs", "no kind of figure named roofs"),
        ("stated: {gain: 2.5}", "stated: {gian: 2.5}", "no quantity named gian"),
        ("stated: {gain: 2.5}", "stated: {gain: x}", "gain"),
    ],
)
def test_mistakes(small: Callable[..., Path], old: str, new: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        load_study(small(old, new))


def test_a_figure_has_decades_one_scale_and_what_is_stated(small: Callable[..., Path]) -> None:
    study = load_study(small())
    found = tables(study)
    with mpl.rc_context(STYLE):  # type: ignore[arg-type]
        (gains,) = beside(study, study.figures["gains"], found).axes
        (lanes,) = beside(study, study.figures["lanes"], found).axes
        roof = roofline(study, study.figures["roof"], found).axes[0]
    low = gains.get_ylim()[0]
    assert gains.get_yscale() == "log" and np.log10(low) == round(np.log10(low))
    assert all(bar.get_height() > low for bar in gains.patches)
    assert lanes.get_xlabel() == "lanes" and [line.get_ydata()[0] for line in lanes.lines] == [2.5]
    assert lanes.get_ylim()[0] == 0 and roof.get_xscale() == "log"


# SpAtten itself.


@pytest.fixture(scope="module")
def spatten() -> tuple[Study, Tables]:
    study = load_study("spatten_hpca21")
    return study, tables(study)["published"]


def test_area_and_power_add_up(spatten: tuple[Study, Tables]) -> None:
    """18.71 mm2 and, on chip, 2.60 W."""
    parts = spatten[1]["parts"]
    assert sum(float(str(r["area_mm2"])) for r in parts) == pytest.approx(18.71)
    chip = [float(str(r["power_w"])) for r in parts if r["part"] != "DRAM"]
    assert sum(chip) == pytest.approx(2.60, rel=0.005)


def test_the_roofline(spatten: tuple[Study, Tables]) -> None:
    means = spatten[1]["means"]
    bert, gpt2 = (row(means, configuration="spatten", family=f) for f in ("bert", "gpt2"))
    assert float(str(bert["executed_flops"])) / 1e12 == pytest.approx(1.61, rel=0.4)
    assert float(str(gpt2["executed_flops"])) / 1e12 == pytest.approx(0.43, rel=0.4)
    assert bert["intensity"] == pytest.approx(83, rel=0.15) and gpt2["intensity"] == pytest.approx(2.1, rel=0.1)


def test_the_bandwidth_of_dense_rows(spatten: tuple[Study, Tables]) -> None:
    """0.43 TFLOPS at 2.1 operations a byte are 205 GB/s of 512."""
    dense = [r for r in spatten[1]["ablation"] if r["configuration"] == "datapath"]
    assert np.mean([float(str(r["bandwidth"])) for r in dense]) == pytest.approx(205e9, rel=0.1)


def test_executed_operations_never_pass_the_peak(spatten: tuple[Study, Tables]) -> None:
    """Table III states 360 GOP/s for a machine of 256: dense-equivalent ones. Executed ones stay below its peak."""
    for r in spatten[1]["attention"]:
        if r["configuration"] == "eighth":
            assert float(str(r["executed_flops"])) <= 256e9
    eighth = row(spatten[1]["means"], configuration="eighth", family="all")
    assert float(str(eighth["dense_flops"])) > 256e9


def test_a_wider_engine_helps_up_to_its_knee(spatten: tuple[Study, Tables]) -> None:
    for table in ("engine_lanes", "engine_lanes_ideal"):
        for benchmark in ("gpt2-small-wikitext2", "gpt2-medium-wikitext2"):
            gains = [float(str(r["gain"])) for r in spatten[1][table] if r["workload"] == benchmark]
            assert 2.4 <= gains[4] <= (5.6 if table == "engine_lanes" else 7.2)  # HBM2 timing, as in the paper
            assert gains == sorted(gains) and gains[3] / gains[0] > 3.5 and gains[5] / gains[4] < 1.2


def test_two_thirds_of_the_speedups_within_a_factor_of_two(spatten: tuple[Study, Tables]) -> None:
    """No number is fitted to a benchmark; CoLA, SQuAD, GPT-2 medium on 1BW and one MNLI are farther off."""
    computed = {r["workload"]: float(str(r["speedup_vs_titanxp_gpu"])) for r in spatten[1]["figure_14"]}
    known = published_rows(load_published("spatten_hpca21"), "figure_14")
    ratios = {str(r["workload"]): computed[str(r["workload"])] / float(r["speedup_vs_titanxp_gpu"]) for r in known}
    assert len(ratios) == 31 and set(benchmarks("spatten")) < set(ratios)
    far = {w for w, ratio in ratios.items() if not 0.5 <= ratio <= 2}
    odd = {"gpt2-medium-1bw", "bert-large-mnli-mm"}
    assert len(far) <= 7 and all("cola" in w or "squad" in w or w in odd for w in far)


def test_published_figures_are_met(spatten: tuple[Study, Tables]) -> None:
    result = reproduce(spatten[0])
    groups = validate(result, load_published("spatten_hpca21"))
    assert all(g.ok for g in groups) and sum(len(g.checks) for g in groups) > 80
    assert all(g.why for g in groups if g.worst.tolerance > 0.1)
