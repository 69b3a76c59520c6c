"""The timeline of a tile: its bars, as text, and as a picture."""

from pathlib import Path

import pytest

from archsim.documents import documents
from archsim.library import names
from archsim.model import evaluate
from archsim.report import Report
from archsim.timeline import draw, plot, tiles
from einsum_cascade.errors import SpecError


def report(mapping: str, length: int = 65_536) -> Report:
    d = documents(mapping=mapping, workload="bert", lengths={"sequence_length": length})
    return evaluate(d.cascade, d.workload, d.mapping, d.design)


@pytest.mark.parametrize("mapping", names("mapping"))
def test_bars_of_a_row_follow_one_another_within_the_tile(mapping: str) -> None:
    for tile in tiles(report(mapping, 512)):
        assert tile.cycles > 0
        for row in tile.rows:
            end = 0.0
            for bar in (b for b in tile.bars if b.row == row):
                assert bar.start >= end - 1e-9
                end = bar.start + bar.length
            assert end <= tile.cycles * (1 + 1e-9)


def test_tile_of_the_published_waterfall() -> None:
    # FuseMax (MICRO'24), Figure 5: cycles per tile of E = F = 64
    (tile,) = tiles(report("fusemax_binding"))
    assert (tile.group, tile.count, tile.cycles) == ("attention", 50_331_648, pytest.approx(138.25))
    assert tile.rows == ("array_2d", "array_1d", "dram")
    cycles = {b.name: b.length for b in tile.bars if b.row != "dram"}
    assert cycles == {
        "BQK": 64, "LM": 1, "SLN": 7, "SLD": 1, "SLNV": 64,
        "RM": 1, "PRM": 7, "SPD": 1, "SPNV": 64, "RD": 1, "RNV": 64, "AV": 0.25,
    }  # fmt: skip


def test_text_draws_every_row_as_wide_as_asked() -> None:
    lines = draw(report("fusemax_architecture"), width=60).splitlines()
    assert lines[0] == "Timeline of group attention: one of 50,331,648 tiles, 458 cycles"
    rows = [line for line in lines if line.startswith(("array_", "dram"))]
    assert [line.split()[0] for line in rows] == ["array_2d", "array_1d", "dram"]
    assert {len(line) for line in rows} == {10 + 60 + 1}
    assert "|BQK----" in rows[0] and "|stall----" in rows[0]
    assert "  cycles of array_2d: BQK 64, LM 1, stall 256, SLN 7, SLD 1, SLNV 64, idle 65" in lines


def test_a_tile_that_waits_for_memory_is_as_long_as_its_transfers() -> None:
    tile = tiles(report("unfused"))[0]
    transfers = next(b for b in tile.bars if b.row == "dram")
    assert transfers.length == pytest.approx(tile.cycles)


@pytest.mark.parametrize(("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_picture(suffix: str, start: bytes, tmp_path: Path) -> None:
    file = tmp_path / f"tile{suffix}"
    plot(report("fusemax_binding"), file, "title")
    assert file.read_bytes().startswith(start)
    assert list(tmp_path.iterdir()) == [file]


def test_picture_of_several_groups_is_the_same_twice(tmp_path: Path) -> None:
    files = [tmp_path / "a.png", tmp_path / "b.png"]
    for file in files:
        plot(report("linear"), file, "title")
    assert files[0].read_bytes() == files[1].read_bytes()


def test_picture_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be written"):
        plot(report("fusemax_binding"), tmp_path / "nowhere" / "tile.png", "title")
    assert list(tmp_path.iterdir()) == []
