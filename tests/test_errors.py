"""Every mistake in tests/errors/*.yaml gets exactly the text that stands beside it in the .txt file."""

from pathlib import Path

import pytest

from einsum_cascade.errors import SpecError
from einsum_cascade.load import read_cascades

FOLDER = Path(__file__).parent / "errors"
FILES = sorted(FOLDER.glob("*.yaml"))


def test_there_are_many() -> None:
    assert len(FILES) >= 25


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_text(file: Path, update_golden: bool) -> None:
    with pytest.raises(SpecError) as caught:
        read_cascades(file.read_text(encoding="utf-8"), file.name)
    golden = file.with_suffix(".txt")
    if update_golden:
        golden.write_text(f"{caught.value}\n", encoding="utf-8")
    assert f"{caught.value}\n" == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_every_mistake_has_a_place(file: Path) -> None:
    with pytest.raises(SpecError) as caught:
        read_cascades(file.read_text(encoding="utf-8"), file.name)
    lines = file.read_text(encoding="utf-8").split("\n")
    for d in caught.value.diagnostics:
        assert 1 <= d.place.line <= len(lines)
        assert 1 <= d.place.column <= len(lines[d.place.line - 1]) + 1
