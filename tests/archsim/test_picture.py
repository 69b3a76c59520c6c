from pathlib import Path

import pytest
from matplotlib.figure import Figure

from archsim.picture import PALETTE, length_label, save
from einsum_cascade.errors import SpecError

STARTS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF", "PNG": b"\x89PNG"}


def drawn() -> Figure:
    figure = Figure(figsize=(1, 1))
    figure.add_subplot().plot([0, 1], [0, 1], color=PALETTE[0])
    return figure


@pytest.mark.parametrize("suffix", list(STARTS))
def test_suffix_is_the_format_and_no_date_is_written(tmp_path: Path, suffix: str) -> None:
    files = [tmp_path / f"{n}.{suffix}" for n in "ab"]
    for file in files:
        save(drawn(), file, dpi=50)
    assert files[0].read_bytes().startswith(STARTS[suffix])
    assert b"CreationDate" not in files[0].read_bytes() and b"<dc:date>" not in files[0].read_bytes()
    if suffix != "svg":  # the ids of an .svg are fixed by the house style, which is not used here
        assert files[0].read_bytes() == files[1].read_bytes()


def test_nothing_is_left_where_it_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be written"):
        save(drawn(), tmp_path / "nowhere" / "a.png", dpi=50)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("tokens", "label"),
    [
        (1, "1"),
        (1000, "1000"),
        (1024, "1K"),
        (3072, "3K"),
        (1536, "1536"),
        (2**20, "1M"),
        (3 * 2**19, "1536K"),
        (2**22, "4M"),
    ],
)
def test_lengths(tokens: int, label: str) -> None:
    assert length_label(tokens) == length_label(float(tokens)) == label
