"""Options that several commands share, and progress where there is no terminal."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from archsim.cli import main
from archsim.commands import progress
from archsim.commands.options import listed, listed_lengths, with_suffix
from archsim.mapper.search import Coverage

CONTEXT, OPTION = click.Context(main), click.Option(["--x"])


@pytest.mark.parametrize(("text", "parts"), [(None, ()), ("", ()), (" a, b,,", ("a", "b")), ("a", ("a",))])
def test_lists(text: str | None, parts: tuple[str, ...]) -> None:
    assert listed(CONTEXT, OPTION, text) == parts


def test_lists_of_lengths() -> None:
    assert listed_lengths(CONTEXT, OPTION, "64, 1K") == [64, 1024]
    with pytest.raises(click.BadParameter, match="x is not a length"):
        listed_lengths(CONTEXT, OPTION, "64,x")


@pytest.mark.parametrize(("name", "known"), [("a.PNG", True), ("a.svg", True), ("a.txt", False), ("a", False)])
def test_suffixes(name: str, known: bool) -> None:
    check = with_suffix(".png", ".svg", ".pdf")
    if known:
        assert check(CONTEXT, OPTION, Path(name)) == Path(name)
    else:
        with pytest.raises(click.BadParameter, match=f"{name}: the name must end in .png, .svg or .pdf"):
            check(CONTEXT, OPTION, Path(name))
    assert check(CONTEXT, OPTION, None) is None


def commands() -> list[tuple[str, ...]]:
    found = []
    for name, command in main.commands.items():
        found += [(name, n) for n in command.commands] if isinstance(command, click.Group) else [(name,)]
    return found


@pytest.mark.parametrize("path", commands(), ids=" ".join)
def test_every_command_has_an_example_and_json_and_the_usual_letters(path: tuple[str, ...]) -> None:
    text = CliRunner().invoke(main, [*path, "--help"]).stdout
    assert f"    archsim {' '.join(path)} " in text and ("Example:" in text or "Examples:" in text)
    command: click.Command = main
    for name in path:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    letters = {"--output": "-o", "--mapping": "-m", "--workload": "-w", "--design": "-d", "--cascade": "-c"}
    names = [o.opts for o in command.params if isinstance(o, click.Option)]
    assert ["--json"] in names
    for own in names:
        assert all(letters[n] in own for n in own if n in letters), own


def test_lines_of_stages_and_points(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.stages_shown() as show:
        for done in range(3):
            show("figures", done, 2)
    with progress.points_shown() as tell:
        tell(0, 1000)
        tell(500, 1000)  # too soon for a line
        tell(1000, 1000)
    first, second, last = capsys.readouterr().err.splitlines()
    assert (first, second) == ("figures: 2", "0 of 1,000 points")
    assert last.startswith("1,000 of 1,000 points, ") and last.endswith("points/s, 0 s left")


def test_lines_of_a_search(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 4))
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(clock))
    with progress.search_shown() as show:
        show("QK, SN", Coverage())  # 4 s after the start
        show("AV", Coverage())  # 8 s after it
    assert capsys.readouterr().err == "12 s: 0 mappings evaluated; now AV\n"


def test_bars_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with progress.stages_shown() as show:
        show("figures", 1, 2)
    with progress.points_shown() as tell:
        tell(5, 10)
    with progress.search_shown() as search:
        search("AV", Coverage())
    assert "figures: 2" not in capsys.readouterr().err
