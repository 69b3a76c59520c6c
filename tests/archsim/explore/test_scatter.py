"""Scatter plots: the same store is the same file, and the text and colours say what is there."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

import archsim.explore.scatter as module
from archsim.explore.results import open_results
from archsim.explore.sample import axis_of
from archsim.explore.scatter import Scatter, scatter
from archsim.sweeps.column import Column
from einsum_cascade.errors import SpecError
from tests.stores import random_store, store

PLAIN = Scatter(x="energy_j", y="latency_s")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_store(tmp_path_factory.mktemp("store") / "r.duckdb", 700)


def draw(file: Path, wanted: Scatter, target: Path) -> tuple[dict, str]:
    with open_results(file) as results:
        drawn = scatter(results, wanted, target)
    text = target.read_text(encoding="utf-8") if target.suffix == ".svg" else ""
    return drawn, " ".join(re.findall(r">([^<>]+)</t(?:ext|span)>", text))


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_the_same_store_is_the_same_file(file: Path, tmp_path: Path, suffix: str) -> None:
    first, again = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    draw(file, PLAIN, first)
    draw(file, PLAIN, again)
    assert first.stat().st_size > 5000 and first.read_bytes() == again.read_bytes()


def test_labels_and_fronts(file: Path, tmp_path: Path) -> None:
    wanted = replace(PLAIN, x="CAPACITY", front=True, color="bottleneck", where="SIDE < 300")
    drawn, text = draw(file, wanted, tmp_path / "a.svg")
    for part in ("CAPACITY [B]", "latency [s]", "64 KiB", "bottleneck", "array_2d", "Pareto front",
                 "tiny: 600 feasible points with SIDE &lt; 300", "least CAPACITY and least latency_s"):  # fmt: skip
        assert part in text, text
    assert drawn["points"] == drawn["drawn"] == 600 and drawn["fronts"][0]["size"] >= 1


def test_a_panel_for_each_group(file: Path, tmp_path: Path) -> None:
    drawn, text = draw(file, replace(PLAIN, group_by=("workload",), front=True), tmp_path / "a.svg")
    assert "workload: bert" in text and "workload: xlm" in text
    assert [f["group"] for f in drawn["fronts"]] == ["bert", "xlm"]


def test_two_columns_make_rows_and_columns(file: Path, tmp_path: Path) -> None:
    wanted = replace(PLAIN, group_by=("workload", "SIDE"), front=True, where="SIDE <= 192")
    drawn, text = draw(file, wanted, tmp_path / "a.svg")
    titles = [f"workload: {w}, SIDE: {s}" for w, s in (("bert", 64), ("bert", 192), ("xlm", 128))]
    assert all(t in text for t in titles) and "workload: xlm, SIDE: 64" not in text  # every other side has one workload
    assert [f["group"] for f in drawn["fronts"]] == [["bert", 64.0], ["bert", 192.0], ["xlm", 128.0]]


def test_a_long_path_is_told_by_its_name() -> None:
    column = Column(name="law", role="input", numeric=False, label="arrays topk operations topk law")
    assert module._short(column) == "law"
    assert module._short(replace(column, name="sequence_length", label="sequence length")) == "sequence length"


@pytest.mark.parametrize("color", ["", "energy_j", "bottleneck"])
def test_a_last_row_that_is_not_full(file: Path, tmp_path: Path, color: str) -> None:
    _, text = draw(file, replace(PLAIN, group_by=("sequence_length",), color=color), tmp_path / "a.svg")
    assert text.count("energy [J]") >= 3 and "sequence length: 16K" in text  # five panels in rows of three


def test_more_is_better(file: Path, tmp_path: Path) -> None:
    wanted = replace(PLAIN, x="utilization_array_2d", front=True, maximize=["utilization_array_2d"])
    _, text = draw(file, wanted, tmp_path / "a.svg")
    assert "most utilization_array_2d and least latency_s" in text


@pytest.mark.parametrize("color", ["", "SIDE", "energy_j", "bottleneck"])
def test_many_points_are_thinned(file: Path, tmp_path: Path, color: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHOWN", 100)
    drawn, text = draw(file, replace(PLAIN, color=color), tmp_path / "a.svg")
    assert drawn["points"] == 600
    if color:
        assert 0 < drawn["drawn"] <= 100 and "drawn, taken evenly over the area" in text
    else:
        assert drawn["drawn"] == 600 and "points in a cell" in text


@pytest.mark.parametrize("log", [None, (), ("x",), ("x", "y")])
def test_axes(file: Path, tmp_path: Path, log: tuple[str, ...] | None) -> None:
    _, text = draw(file, replace(PLAIN, log=log), tmp_path / "a.svg")
    assert ("0.1" in text) == (log is not None and "y" not in log)  # a power of ten has no decimals


def test_one_point(tmp_path: Path) -> None:
    file = store(tmp_path / "s.duckdb", {"latency_s": [2.0]})
    drawn, _ = draw(file, replace(PLAIN, front=True), tmp_path / "a.png")
    assert drawn == {"points": 1, "drawn": 1, "fronts": [{"group": None, "size": 1}]}
    small = store(tmp_path / "t.duckdb", {"latency_s": [0.002]})
    with open_results(small) as results:
        axis = axis_of(results, results.column("latency_s", "--y"), results.condition(""))
    assert axis is not None and axis.edges(2) == pytest.approx([0.0019, 0.002, 0.0021])


def test_zeros_have_no_logarithm(tmp_path: Path) -> None:
    file = store(tmp_path / "s.duckdb", {"latency_s": [0.0, 1.0, 1e6], "energy_j": [3.0, 2.0, 1.0]})
    with pytest.raises(SpecError, match=r'latency_s goes down to 0; .*\n.*\n.*\n  hint: --where "latency_s > 0"'):
        draw(file, replace(PLAIN, log=("x", "y")), tmp_path / "a.svg")
    drawn, _ = draw(file, replace(PLAIN, log=("x", "y"), where="latency_s > 0"), tmp_path / "a.svg")
    assert drawn["points"] == 2
    _, text = draw(file, replace(PLAIN, color="latency_s"), tmp_path / "b.svg")
    assert "0M" not in text


@pytest.mark.parametrize("color", ["", "SIDE", "reason", "energy_j"])
def test_constants(tmp_path: Path, color: str) -> None:
    file = store(tmp_path / "s.duckdb", {"latency_s": [5.0] * 9, "energy_j": [float(i) for i in range(9)]})
    drawn, text = draw(file, replace(PLAIN, color=color, front=True), tmp_path / "a.svg")
    assert drawn["points"] == 9 and "9 feasible points" in text and "1 point" in text
    assert ("none" in text) == (color == "reason") and "None" not in text


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (replace(PLAIN, x="workload"), "workload is not a number"),
        (replace(PLAIN, y="latency"), "did you mean latency_s"),
        (replace(PLAIN, color="colour"), "has no column colour"),
        (replace(PLAIN, group_by=("energy_j",)), "energy_j has 600 values; at most 12 panels"),
        (replace(PLAIN, where="SIDE < 0"), "no feasible point is left to draw"),
        (replace(PLAIN, x="latency_s", front=True), "latency_s is drawn to the right already"),
        (replace(PLAIN, maximize=("nothing",)), "has no column nothing"),
        (replace(PLAIN, maximize=("area_mm2",)), "area_mm2 is not drawn"),
    ],
)
def test_mistakes(file: Path, tmp_path: Path, wanted: Scatter, message: str) -> None:
    with open_results(file) as results, pytest.raises(SpecError, match=message):
        scatter(results, wanted, tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there(file: Path, tmp_path: Path) -> None:
    with open_results(file) as results, pytest.raises(SpecError, match="cannot be written"):
        scatter(results, PLAIN, tmp_path / "none" / "a.png")
