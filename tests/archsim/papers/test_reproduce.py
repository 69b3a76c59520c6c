"""`archsim reproduce`: the whole study once, reduced ones for everything else."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from click.testing import CliRunner, Result

from archsim.commands.study import COMMANDS
from archsim.papers.reproduce import average, merged, reproduce, staged
from archsim.papers.study import FOLDER, Study, load_study, names
from einsum_cascade.errors import SpecError

COMMAND = next(c for c in COMMANDS if c.name == "reproduce")
TABLES = ["area_latency", "attention", "components", "einsums", "end_to_end", "headline", "linear", "sensitivity"]
FIGURES = [f"figure_{n:02}" for n in range(6, 13)]
SMALL = """\
study: small
title: two configurations
source: assumed
workloads: {bert: BERT}
lengths: [1024, 4096]
accountings: {paper: as published, physical: everything charged}
machines:
  old: {paper: flat_cloud_paper, physical: flat_cloud}
  new: {paper: fusemax_paper, physical: fusemax}
configurations:
  before: {label: Before, short: B, colour: "#999999"}
  after: {label: After, short: A, colour: "#0072B2"}
layers:
  attention:
    before: {mapping: unfused, machine: old}
    after: {mapping: fusemax_binding, machine: new}
headlines:
  - {name: speedup, table: attention, quantity: latency_s, numerator: before, denominator: after, stated: 11x,
     published: 11.0, tolerance: 0.1}
variants:
  - {name: slower clock, changes: {new: {clock: 470 MHz}}}
figures:
  bars: {kind: bars, title: Speedup, table: attention, quantities: {latency_s: speedup}, relative: before,
         inverse: true, caption: none}
"""


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(COMMAND, [str(a) for a in arguments])


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def small(tmp_path: Path) -> Callable[..., Path]:
    def write(old: str = "", new: str = "") -> Path:
        assert old in SMALL
        path = tmp_path / "small.yaml"
        path.write_text(SMALL.replace(old, new) if old else SMALL, encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    folder = tmp_path_factory.mktemp("study") / "new" / "out"
    return invoke("fusemax_micro24", "-o", folder), folder


@pytest.fixture(scope="module")
def study() -> Study:
    return load_study("fusemax_micro24")


def test_full_study_writes_every_table_and_figure(full: tuple[Result, Path]) -> None:
    result, folder = full
    assert result.exit_code == 0, result.output
    expected = [f"{t}.csv" for t in TABLES] + [f"{f}.{suffix}" for f in FIGURES for suffix in ("png", "svg")]
    assert sorted(f.name for f in folder.iterdir()) == sorted(expected)


def test_tables_have_a_row_for_every_point(full: tuple[Result, Path]) -> None:
    _, folder = full
    for table in ("attention", "linear", "end_to_end"):
        assert len(rows(folder / f"{table}.csv")) == 5 * 4 * 6
    first = rows(folder / "attention.csv")[0]
    assert list(first)[:6] == [
        "configuration", "workload", "sequence_length", "dram_traffic_bytes", "latency_s", "energy_j_paper",
    ]  # fmt: skip
    assert len(rows(folder / "area_latency.csv")) == 4 * 6


def test_end_to_end_is_attention_plus_linear_layers(full: tuple[Result, Path]) -> None:
    _, folder = full
    parts = [rows(folder / f"{t}.csv") for t in ("attention", "linear", "end_to_end")]
    sums = [{(r["configuration"], r["workload"], r["sequence_length"]): r for r in part} for part in parts]
    for key, total in sums[2].items():
        for column in ("latency_s", "dram_traffic_bytes", "energy_j_paper", "energy_j_physical"):
            assert float(total[column]) == pytest.approx(float(sums[0][key][column]) + float(sums[1][key][column]))


def test_components_add_up_to_the_energy(full: tuple[Result, Path]) -> None:
    _, folder = full
    total: dict[tuple[str, ...], float] = {}
    for r in rows(folder / "components.csv"):
        key = (r["table"], r["configuration"], r["workload"], r["sequence_length"])
        total[key] = total.get(key, 0.0) + float(r["energy_j_physical"])
    for table in ("attention", "linear", "end_to_end"):
        for r in rows(folder / f"{table}.csv"):
            key = (table, r["configuration"], r["workload"], r["sequence_length"])
            assert total[key] == pytest.approx(float(r["energy_j_physical"]))


# FuseMax (MICRO'24), abstract and section VI; the means of the raw results
@pytest.mark.parametrize(
    ("headline", "value", "tolerance"),
    [
        ("attention: speedup over FLAT", 6.7226, 1e-4),
        ("attention: speedup over unfused", 10.0520, 5e-4),
        ("attention: energy of FLAT's", 0.7945, 0.002),  # without the overflow of the paper's tool chain
        ("attention: energy of unfused", 0.7708, 0.002),
        ("end to end: speedup over FLAT", 5.3017, 1e-4),
        ("end to end: speedup over unfused", 7.6021, 5e-4),
        ("end to end: energy of FLAT's", 0.8335, 0.01),
        ("end to end: energy of unfused", 0.8210, 0.01),
        ("end to end, 1M tokens: speedup over FLAT", 7.54, 0.001),
        ("end to end, 1M tokens: speedup over unfused", 10.14, 0.001),
    ],
)
def test_headlines(full: tuple[Result, Path], headline: str, value: float, tolerance: float) -> None:
    result, folder = full
    row = next(r for r in rows(folder / "headline.csv") if r["headline"] == headline)
    assert float(row["computed"]) == pytest.approx(value, rel=tolerance)
    assert float(row["ratio"]) == pytest.approx(float(row["computed"]) / float(row["published"]))
    assert row["mean"] == f"arithmetic mean of {4 if '1M' in headline else 24} ratios"
    assert headline.split(":")[0] in result.output


def test_sensitivities_are_computed_from_variants(full: tuple[Result, Path]) -> None:
    _, folder = full
    found = rows(folder / "sensitivity.csv")
    expected = [(float(r["computed"]), float(r["expected"])) for r in found if r["expected"]]
    assert len(expected) == 8
    for computed, value in expected:
        assert computed == pytest.approx(value, abs=0.0051)  # quoted with two digits
    twice = {r["headline"]: float(r["computed"]) for r in found if "2 cycles" in r["variant"]}
    assert twice["attention: speedup over FLAT"] == pytest.approx(7.97, abs=0.005)


def test_physical_accounting_stands_beside_the_papers(full: tuple[Result, Path]) -> None:
    _, folder = full
    for r in rows(folder / "attention.csv"):
        assert float(r["energy_j_physical"]) > 1.2 * float(r["energy_j_paper"])
    physical = {r["headline"]: float(r["computed"]) for r in rows(folder / "sensitivity.csv")
                if r["variant"] == "physical accounting"}  # fmt: skip
    assert 0.8 < physical["attention: energy of FLAT's"] < 0.9
    assert physical["attention: speedup over FLAT"] == pytest.approx(6.7226, rel=1e-4)


@pytest.mark.parametrize("figure", FIGURES)
def test_figures_show_something(full: tuple[Result, Path], study: Study, figure: str) -> None:
    _, folder = full
    pixels = matplotlib.image.imread(folder / f"{figure}.png")
    assert pixels.shape[0] > 400 and pixels.shape[1] > 900
    assert (pixels[..., :3].min(axis=2) < 0.95).mean() > 0.02, "almost blank"
    text = (folder / f"{figure}.svg").read_text(encoding="utf-8")
    words = " ".join(re.findall(r">([^<>]+)</text>", text))
    assert study.figures[figure].title.split(":")[0] in words


def test_buffers_of_the_area_study_follow_the_papers_rule(study: Study) -> None:
    sweep = study.sweeps["area_latency"]
    for series in sweep.series:
        for point in series.points:
            side, head = point["SIDE"], point.get("HEAD", 64)
            tiles = 2 * max(1, side // head)
            rule = 16 * side * head * max(1, tiles * side // 2**18)
            assert point["CAPACITY"] == rule * (2 if side == 512 else 1)


def test_memory_is_the_bottleneck_only_without_the_doubled_buffer(full: tuple[Result, Path]) -> None:
    _, folder = full
    for r in rows(folder / "area_latency.csv"):
        assert float(r["memory_s"]) <= float(r["busy_array_1d_s"])
        if r["SIDE"] == "512":  # half the buffer would double the traffic
            assert 1.99 * float(r["memory_s"]) > float(r["busy_array_1d_s"])


def test_listing_names_the_studies() -> None:
    assert "fusemax_micro24" in invoke().output
    studies = json.loads(invoke("--json").output)["studies"]
    assert {s["name"] for s in studies} == set(names()) and all(s["source"] for s in studies)


def test_json_is_one_object_and_figures_follow_the_data(small: Callable[..., Path], tmp_path: Path) -> None:
    result = invoke(small(), "-o", tmp_path / "out", "--json")
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    assert data["study"] == "small"
    assert data["headlines"][0]["computed"] == pytest.approx(11.1, abs=0.3)
    slower = data["sensitivities"][0]["computed"]
    assert slower == pytest.approx(data["headlines"][0]["computed"] / 2, rel=1e-6)
    assert data["files"] == sorted(f.name for f in (tmp_path / "out").iterdir())
    assert "bars.png" in data["files"]
    assert "points of small: 4" in result.stderr


def test_without_a_folder_nothing_is_written(small: Callable[..., Path], tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    path = small()
    monkeypatch.chdir(tmp_path)
    result = invoke(path)
    assert result.exit_code == 0 and "speedup" in result.stdout
    assert [f.name for f in tmp_path.iterdir()] == ["small.yaml"]


def test_figures_are_the_same_bytes_every_time(small: Callable[..., Path], tmp_path: Path) -> None:
    path = small()
    for folder in ("a", "b"):
        assert invoke(path, "-o", tmp_path / folder).exit_code == 0
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes(), file.name


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_unwritable_folder_is_a_located_error(small: Callable[..., Path], tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("kept")
    result = invoke(small(), "-o", tmp_path / place)
    assert result.exit_code == 2
    assert f"{tmp_path / place}:1:1: cannot be written: " in result.stderr
    assert (tmp_path / "file").read_text() == "kept"


def test_a_failure_leaves_nothing_behind(small: Callable[..., Path], tmp_path: Path) -> None:
    path = small("mapping: unfused", "mapping: unfusd")
    result = invoke(path, "-o", tmp_path / "out")
    assert result.exit_code == 2 and "did you mean unfused?" in result.stderr
    assert not (tmp_path / "out").exists()


def test_an_existing_folder_keeps_its_files_when_something_fails(tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text("kept")
    with pytest.raises(RuntimeError), staged(tmp_path) as work:
        (work / "old.csv").write_text("half")
        raise RuntimeError
    assert [(f.name, f.read_text()) for f in tmp_path.iterdir()] == [("old.csv", "kept")]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("machine: old", "machine: odl", "no machine named odl"),
        ("numerator: before", "numerator: befor", "no configuration named befor"),
        ("table: attention, quantity", "table: attentoin, quantity", "no table named attentoin"),
        ("kind: bars", "kind: pie", "no kind of figure named pie"),
        ("lengths: [1024, 4096]", "lengths: [1024, 4K]", "lengths.1 has the wrong kind of value"),
        ("changes: {new:", "changes: {newer:", "no machine named newer"),
        ("source: assumed\n", "", "the key source is missing"),
        ("  old: {paper: flat_cloud_paper, physical: flat_cloud}", "  old: {paper: flat_cloud_paper}",
         "no design of the machine old for the accounting named physical"),
    ],
)  # fmt: skip
def test_mistakes_of_a_study_are_located(small: Callable[..., Path], old: str, new: str, message: str) -> None:
    path = small(old, new)
    with pytest.raises(SpecError) as error:
        load_study(path)
    assert re.search(rf"{re.escape(str(path))}:\d+:\d+: ", str(error.value))
    assert message in str(error.value)


def test_unknown_study_and_unreadable_file() -> None:
    assert "did you mean fusemax_micro24?" in invoke("fusemax_micro").stderr
    assert invoke("no/such/file.yaml").exit_code == 2


def test_progress_counts_every_point(small: Callable[..., Path]) -> None:
    seen: list[tuple[str, int, int]] = []
    result = reproduce(load_study(small()), lambda *args: seen.append(args))
    assert [s for s in seen if s[0] == "points of small"] == [("points of small", n, 4) for n in (0, 2, 4)]
    assert seen[3:] == [("points of small with another new", n, 4) for n in (0, 2, 4)]
    columns = list(merged(result, "attention")[0])
    assert "latency_s" in columns and {"energy_j_paper", "energy_j_physical"} <= set(columns)


def test_means() -> None:
    above, below = np.array([1.0, 8.0]), np.array([1.0, 2.0])
    means = {m: average(m, above, below) for m in ("arithmetic", "geometric", "harmonic", "of sums")}
    assert means == pytest.approx({"arithmetic": 2.5, "geometric": 2.0, "harmonic": 1.6, "of sums": 3.0})


def test_no_accelerator_is_named_in_a_module() -> None:
    labels = [c for name in names() for c in load_study(name).configurations] + ["fusemax", "flat_cloud", "unfused"]
    for module in ("study", "tables", "reproduce", "validate", "plot", "../commands/study"):
        text = (FOLDER.parent / f"{module}.py").read_text(encoding="utf-8").lower()
        assert not [label for label in labels if re.search(rf"\b{label}\b", text)], module
