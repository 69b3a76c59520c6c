"""Every bad schedule and trace in tests/errors_pruning gets exactly the text that stands beside it."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from archsim.cli import main

FOLDER = Path(__file__).parents[1] / "errors_pruning"
FILES = sorted(f for f in FOLDER.iterdir() if f.suffix != ".txt")


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_text(file: Path, update_golden: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    result = CliRunner().invoke(main, ["pruning", file.name, "--json"])
    assert result.exit_code == 2 and not result.stdout
    golden = file.with_suffix(".txt")
    if update_golden:
        golden.write_text(result.stderr, encoding="utf-8")
    assert result.stderr == golden.read_text(encoding="utf-8")
    assert all(line.startswith((f"{file.name}:", " ")) for line in result.stderr.splitlines())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "no schedule named nowhere"),
        (["nowhere.csv"], "nowhere.csv:1:1: cannot be read: No such file or directory"),
        (["bert_base_half", "--plot", "figure.txt"], "the name must end in .png, .svg or .pdf"),
        (["bert_base_half", "--plot", "nowhere/figure.svg"], "cannot be written"),
        (["bert_base_half", "--bits", "nan"], "nan is not a finite number"),
        (["trace_empty.csv", "--tokens", "64"], "a trace has its own numbers of tokens"),
    ],
)
def test_command_line(arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    result = CliRunner().invoke(main, ["pruning", *arguments])
    assert result.exit_code == 2 and message in result.stderr and not result.stdout
