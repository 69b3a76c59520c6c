"""`archsim pareto`, `plot` and `report` as a user types them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from archsim.cli import main
from tests.stores import OBJECTIVES, random_store, swept


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(random_store(tmp_path_factory.mktemp("store") / "r.duckdb", 1500))


def archsim(*arguments: str) -> Result:
    result = CliRunner().invoke(main, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_pareto_json(file: str) -> None:
    result = archsim("pareto", file, "--group-by", "workload", "--json")
    found = json.loads(result.stdout)
    assert found["objectives"] == dict.fromkeys(OBJECTIVES, "minimize")
    assert [f["group"] for f in found["fronts"]] == [{"workload": "bert"}, {"workload": "xlm"}]
    for front in found["fronts"]:
        assert front["size"] == len(front["points"]) > 5
        assert all(p["feasible"] and p["workload"] == front["group"]["workload"] for p in front["points"])
    assert found["reference"] == {n: pytest.approx(1.1 * v) for n, v in found["nadir"].items()}


def test_pareto_table(file: str, tmp_path: Path) -> None:
    target = tmp_path / "front.csv"
    result = archsim("pareto", file, "--minimize", "latency_s", "--maximize", "utilization_array_2d", "--rows", "3",
                     "--reference", "1,0.1", "--export", str(target))  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "reference point: latency [s] 1, utilization of array_2d 0.1" in result.stdout
    assert "3 of its" in result.stdout and f"to {target}" in result.stdout.replace("\n", "")
    assert target.read_text(encoding="utf-8").startswith("point,workload,")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--minimize", "latency"], "did you mean latency_s?"),
        (["--reference", "1,x,3"], "is not a list of numbers"),
        (["--reference", "1,inf,3"], "must be finite"),
        (["--export", "a.xlsx"], "the name must end in .csv or .parquet"),
        (["--where", "SIED = 1"], "did you mean SIDE?"),
        (["--rows", "0"], "0 is not in the range"),
        (["--minimize", ","], "this names nothing"),
        (["--minimize", "workload"], "workload is not a number"),
        (["--group-by", "nothing"], "has no column nothing"),
        (["--where", "latency_s < 0"], "no feasible point meets the condition"),
    ],
)
def test_pareto_mistakes(file: str, arguments: list[str], message: str) -> None:
    result = archsim("pareto", file, *arguments)
    assert result.exit_code == 2 and message in result.stderr and not result.stdout


def test_a_reference_may_have_the_same_number_twice(file: str) -> None:
    result = archsim("pareto", file, "--minimize", "latency_s,energy_j", "--reference", "1e3,1e3", "--json")
    assert json.loads(result.stdout)["reference"] == {"latency_s": 1000.0, "energy_j": 1000.0}


def test_a_thousand_fronts_are_not_listed(file: str) -> None:
    shown = archsim("pareto", file, "--group-by", "energy_j").stdout
    assert "Fronts, the first 100 of 1,285\n" in shown and len(shown.splitlines()) < 120


def test_plot(file: str, tmp_path: Path) -> None:
    target = tmp_path / "a.svg"
    arguments = ["plot", file, "--x", "area_mm2", "--y", "latency_s", "--front", "--log", "x,y", "-o", str(target)]
    assert "wrote" in archsim(*arguments).stdout
    found = json.loads(archsim(*arguments, "--json").stdout)
    assert found["file"] == str(target) and found["points"] == 1285 and target.stat().st_size > 5000


def test_a_plot_stands_beside_its_results(tmp_path: Path) -> None:
    file = random_store(tmp_path / "r.duckdb", 50)
    assert archsim("plot", str(file), "--x", "SIDE", "--y", "latency_s", "--log", "none").exit_code == 0
    assert (tmp_path / "r.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--x", "area", "--y", "latency_s"], "did you mean area_mm2"),
        (["--x", "area_mm2", "--y", "latency_s", "--log", "z"], "expected x, y, x,y or none"),
        (["--x", "area_mm2", "--y", "latency_s", "--group-by", "a,b,c"], "a,b,c: expected one column, or two"),
        (["--x", "area_mm2", "--y", "latency_s", "-o", "a.jpg"], "must end in .png, .svg or .pdf"),
    ],
)
def test_plot_mistakes(file: str, arguments: list[str], message: str) -> None:
    result = archsim("plot", file, *arguments)
    assert result.exit_code == 2 and message in result.stderr and not result.stdout


def test_report(tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    file = swept(tmp_path)
    target = tmp_path / "page.html"
    arguments = ["report", str(file), "--points", "100", "--details", "2"]
    found = json.loads(archsim(*arguments, "-o", str(target), "--json").stdout)
    assert found == {"file": str(target), "bytes": target.stat().st_size}
    assert "wrote" in archsim(*arguments).stdout and file.with_suffix(".html").stat().st_size == found["bytes"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "a.txt"], "the name must end in .html or .htm"),
        (["--points", "0"], "0 is not in the range"),
        (["--documents", "nowhere"], "does not exist"),
        (["-o", "nowhere/a.html"], "cannot be written"),
    ],
)
def test_report_mistakes(file: str, arguments: list[str], message: str) -> None:
    pytest.importorskip("plotly")
    result = archsim("report", file, *arguments)
    assert result.exit_code == 2 and message in result.stderr and not result.stdout


@pytest.mark.parametrize("command", [["pareto"], ["plot", "--x", "SIDE", "--y", "SIDE"], ["report"]])
def test_no_results(command: list[str], tmp_path: Path) -> None:
    result = archsim(*command, str(tmp_path / "none.duckdb"))
    assert result.exit_code == 2 and "there is no such file" in result.stderr and not list(tmp_path.iterdir())
