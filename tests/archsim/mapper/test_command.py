"""The command `archsim map`, as a user types it."""

import json
from pathlib import Path

from click.testing import CliRunner

from archsim.cli import main

SMALL = ("map", "-c", "attention_1pass", "-w", "t5", "-s", "1K", "-d", "fusemax")


def test_mapping_is_written_and_evaluates_to_the_same(tmp_path: Path) -> None:
    file = tmp_path / "best.yaml"
    found = CliRunner().invoke(main, [*SMALL, "-o", str(file), "--json"])
    assert found.exit_code == 0, found.output
    best = json.loads(found.stdout)
    again = CliRunner().invoke(main, ["evaluate", "-m", str(file), "-w", "t5", "-s", "1K", "--json"])
    assert json.loads(again.stdout)["latency_s"] == best["latency_s"]
    assert best["optimal"] and best["feasible"]
    assert best["coverage"]["mappings_in_space"] > best["coverage"]["evaluated"] > 0
    assert best["mapping"] == file.read_text(encoding="utf-8")


def test_axes_are_compared() -> None:
    axis = "design.arrays.array_1d.shape.lanes=128,256"
    found = CliRunner().invoke(main, [*SMALL, "--vary", axis, "--json"])
    points = json.loads(found.stdout)["points"]
    assert [p["set"] for p in points] == [[f"design.arrays.array_1d.shape.lanes={n}"] for n in (128, 256)]
    assert points[0]["latency_s"] >= points[1]["latency_s"] and points[0]["area_mm2"] < points[1]["area_mm2"]


def test_text_says_what_was_covered() -> None:
    found = CliRunner().invoke(main, [*SMALL])
    assert "optimal for this space" in found.output and "mappings in" in found.output


def test_mistakes_end_with_status_2(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("constraints: wrong\narrays: {QQ: [array_2d]}\n", encoding="utf-8")
    for more, text in (
        (["--constraints", str(rules)], "rules.yaml:2:10: attention_1pass has no Einsum QQ"),
        (["--set", "mapping.parameters.P0=4"], "there is no mapping to set a value in"),
        (["--max-traffic", "40"], "--max-traffic"),
    ):
        output = tmp_path / "none.yaml"
        found = CliRunner().invoke(main, [*SMALL, *more, "-o", str(output)])
        assert found.exit_code == 2 and text in found.output, found.output
        assert not output.exists()


def test_nothing_fits(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    einsums = "[QK, GM, SN, SD, A, AV]"
    rules.write_text(f"constraints: whole\ngroups: [{einsums}]\n", encoding="utf-8")
    given = ["map", "-c", "attention_3pass", "-w", "t5", "-s", "64K", "-d", "flat_cloud", "--constraints", str(rules),
             "--set", "design.parameters.CAPACITY=65536"]  # fmt: skip
    found = CliRunner().invoke(main, [*given, "-o", str(tmp_path / "best.yaml")])
    assert found.exit_code == 1 and not (tmp_path / "best.yaml").exists()
    assert "No mapping fits." in found.output and "short by" in found.output and "buffer" in found.output


def test_no_mapping_within_a_limit_of_traffic_names_the_limit() -> None:
    given = ["map", "-c", "transformer_linear", "-w", "bert", "-d", "fusemax", "-s", "1K", "--max-traffic", "40 B"]
    told = CliRunner().invoke(main, given)
    assert told.exit_code == 1 and "more than 40 B (--max-traffic)" in told.stdout
    assert "The closest needs" not in told.stdout
    number = int(told.stdout.split("--max-traffic of ")[1].split("(")[1].split(" B)")[0])
    enough = CliRunner().invoke(main, [*given[:-1], f"{number} B", "--json"])
    assert json.loads(enough.stdout)["feasible"]
    short = CliRunner().invoke(main, [*given[:-1], f"{number - 1} B", "--json"])
    assert not json.loads(short.stdout)["feasible"]


def test_end_of_the_effort_is_told_with_a_bound() -> None:
    whole = json.loads(CliRunner().invoke(main, [*SMALL, "--json"]).stdout)
    less = ["--points", str(whole["coverage"]["tile_sizes"] - 1)]
    told = CliRunner().invoke(main, [*SMALL, *less])
    assert told.exit_code == 0 and "not proved optimal" in told.stdout
    assert "no mapping has less latency than" in told.stdout
    found = json.loads(CliRunner().invoke(main, [*SMALL, *less, "--json"]).stdout)
    assert whole["optimal"] and not found["optimal"] and 0 < found["bound"] <= found["latency_s"]
    nothing = CliRunner().invoke(main, [*SMALL, "--points", "1"])
    assert nothing.exit_code == 1 and "No mapping was found." in nothing.stdout and "more --points" in nothing.stdout
