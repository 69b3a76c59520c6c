"""Published tables in full, where they stand beside the project; tests that need one are skipped where they do not."""

import csv
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "reference"


def reference(name: str) -> Path:
    """Give a file of the folder, or skip the test."""
    file = FOLDER / name
    if not file.is_file():
        pytest.skip(f"the published figures are not here: {file}")
    return file


def rows(name: str) -> list[dict[str, str]]:
    """Give the rows of a table that are not empty, column -> cell."""
    with reference(name).open(newline="", encoding="utf-8") as stream:
        return [row for row in csv.DictReader(stream) if any(row.values())]
