"""`archsim validate`: what is compared, what is found outside its tolerance, and what a folder of references adds."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from archsim.commands.study import COMMANDS
from archsim.papers.reproduce import Result, reproduce
from archsim.papers.study import FOLDER, load_study
from archsim.papers.study import names as studies
from archsim.papers.validate import Group, load_published, published_names, validate
from einsum_cascade.errors import SpecError
from tests.reference import reference

COMMAND = next(c for c in COMMANDS if c.name == "validate")
NAME = "fusemax_micro24"


@cache
def result(name: str = NAME) -> Result:
    return reproduce(load_study(name))


@pytest.fixture(scope="module")
def groups() -> dict[str, Group]:
    return {g.name: g for g in validate(result(), load_published(NAME))}


@pytest.fixture
def evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command use the points that are evaluated already."""
    monkeypatch.setattr("archsim.papers.reproduce.reproduce", lambda study, progress: result(study.study))


def test_every_published_set_belongs_to_a_study() -> None:
    assert set(published_names()) <= set(studies())


def test_everything_is_within_its_tolerance(groups: dict[str, Group]) -> None:
    assert {name: g.worst for name, g in groups.items() if not g.ok} == {}
    assert sum(len(g.checks) for g in groups.values()) > 90


@pytest.mark.parametrize(
    ("group", "tolerance"),
    [
        ("attention: traffic", 1e-9), ("attention: latency", 1e-9), ("attention: utilization", 1e-9),
        ("linear layers: traffic and latency", 1e-9), ("area against latency: traffic and latency", 1e-9),
        ("area against latency: area", 1e-6), ("attention: energy, 64K tokens and more", 0.08),
    ],
)  # fmt: skip
def test_tolerances_are_those_asked_for(groups: dict[str, Group], group: str, tolerance: float) -> None:
    assert all(c.tolerance <= tolerance for c in groups[group].checks)


def test_whatever_deviates_is_explained() -> None:
    for rule in load_published(NAME).rules:
        assert rule.why or rule.tolerance <= 1e-6, rule.group
    for headline in load_study(NAME).headlines:
        assert headline.why or headline.tolerance <= 1e-3, headline.name


def test_every_rule_and_headline_is_used(groups: dict[str, Group]) -> None:
    expected = [r.group for r in load_published(NAME).rules]
    expected += [f"headline, {h.name}" for h in load_study(NAME).headlines]
    assert sorted(groups) == sorted(expected)


def test_a_wrong_figure_is_found() -> None:
    published = load_published(NAME)
    table = published.tables["attention"]
    row = [*table.rows[0]]
    row[4] = float(row[4]) * 1.00001
    changed = replace(published, tables={**published.tables, "attention": replace(table, rows=[row])})
    group = next(g for g in validate(result(), changed) if g.name == "attention: latency")
    assert not group.ok
    assert group.worst.deviation == pytest.approx(-1e-5, rel=1e-3)
    assert group.worst.where == "unfused, BERT, 1024: latency_s"


def test_command_prints_groups_reasons_and_sensitivities() -> None:
    done = CliRunner().invoke(COMMAND, [])
    assert done.exit_code == 0, done.output
    for text in ("largest deviation", "overflow 64-bit unsigned integers", "physical accounting", "6.7226"):
        assert text in done.stdout


@pytest.mark.usefixtures("evaluated")
def test_json_is_one_object() -> None:
    done = CliRunner().invoke(COMMAND, ["--json"])
    data = json.loads(done.stdout)
    assert data["ok"] is True
    study = data["studies"][0]
    assert {"group", "figures", "largest_deviation", "at", "tolerance", "ok", "why"} <= set(study["groups"][0])
    assert [h["headline"] for h in study["headlines"]] == [h.name for h in load_study(NAME).headlines]


@pytest.mark.usefixtures("evaluated")
def test_exit_status_is_1_when_a_figure_is_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / f"{NAME}.yaml"
    text = (FOLDER / "published" / path.name).read_text(encoding="utf-8")
    path.write_text(text.replace("0.02182357659574468", "0.0219"), encoding="utf-8")
    monkeypatch.setattr("archsim.papers.published.published_names", lambda: {NAME: path})
    done = CliRunner().invoke(COMMAND, [])
    assert done.exit_code == 1
    assert "OUTSIDE" in done.stdout


def test_every_row_of_the_reference_folder() -> None:
    found = {g.name: g for g in validate(result(), load_published(NAME), reference("fusemax/attention.csv").parent)}
    assert {name: g.worst for name, g in found.items() if not g.ok} == {}
    assert sum(len(g.checks) for g in found.values()) > 400


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("configuration,model,sequence_length,latency_s\nflat,GPT,1024,1\n", "no point flat, GPT, 1024"),
        ("configuration,model,sequence_length,latency_s\nflat,BERT,1024,fast\n", "latency_s is fast"),
        ("configuration,model,sequence_length,latncy_s\nflat,BERT,1024,1\n", "did you mean latency_s or"),
    ],
)
def test_mistakes_of_a_reference_file(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "attention.csv").write_text(text)
    with pytest.raises(SpecError, match=r"attention\.csv:1:1: ") as error:
        validate(result(), load_published(NAME), tmp_path)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("      - [flat, XLM, 1024, 7549747200,", "      - [flat, XLM, 7549747200,", "5 values for 6 columns"),
        ("columns: [platform, model,", "columns: [platform, modle,", "unknown column modle"),
        ("    tables: [linear]\n    quantities: [energy_pj]", "    tables: [lineer]\n    quantities: [energy_pj]",
         "unknown name lineer"),
    ],
)  # fmt: skip
def test_mistakes_of_a_published_file_are_located(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = (FOLDER / "published" / f"{NAME}.yaml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "p.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(SpecError) as error:
        load_published(path)
    assert message in str(error.value) and "p.yaml:" in str(error.value)


@pytest.mark.usefixtures("evaluated")
def test_a_folder_without_known_tables_is_an_error(tmp_path: Path) -> None:
    done = CliRunner().invoke(COMMAND, ["--reference", str(tmp_path)])
    assert done.exit_code == 2
    assert "attention.csv" in done.stderr
