"""The figure: it is drawn for one and several lengths, with lost queries too, and looks at what it should."""

from dataclasses import replace
from pathlib import Path

import pytest

from archsim.numerics.chart import draw_measurements
from archsim.numerics.measure import Measurement


def some(cascade: str, word: str, length: int, error: float | None, lost: int = 0) -> Measurement:
    return Measurement(cascade=cascade, format=word, exponential="exact", length=length, queries=8, rows=4, lost=lost,
                       error_max=error, error_rms=error, kl_mean=error, kl_max=error, mass=error, overflow=0,
                       underflow=0, undefined=0, seconds=0.1)  # fmt: skip


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
@pytest.mark.parametrize("lengths", [(4096,), (1024, 4096)])
def test_draw(tmp_path: Path, suffix: str, lengths: tuple[int, ...]) -> None:
    found = [some(f"attention_{c}", w, n, 1e-3 if w == "bf16" else None, 0 if w == "bf16" else 8)
             for n in lengths for c in ("naive", "1pass") for w in ("bf16", "fp16")]  # fmt: skip
    draw_measurements(found, "a title", tmp_path / f"f.{suffix}")
    assert (tmp_path / f"f.{suffix}").stat().st_size > 5000
    if suffix == "svg":
        text = (tmp_path / "f.svg").read_text()
        assert ">naive<" in text and ">bf16<" in text and ">4K keys<" in text and "lost queries" in text


def test_without_weights_there_is_one_panel(tmp_path: Path) -> None:
    found = [replace(some("attention_1pass", "bf16", 64, 1e-3), kl_mean=None)]
    draw_measurements(found, "a title", tmp_path / "f.svg")
    text = (tmp_path / "f.svg").read_text()
    assert "error of the output" in text and "divergence" not in text and ">64 keys<" in text


def test_nothing_survived(tmp_path: Path) -> None:
    draw_measurements([some("attention_naive", "fp16", 64, None, 8)], "a title", tmp_path / "f.png")
    assert (tmp_path / "f.png").exists()


@pytest.mark.parametrize(("error", "shown"), [(0.0, True), (float("inf"), True), (-1e-18, True), (1e-3, False)])
def test_what_the_scale_has_not_stands_at_its_end(tmp_path: Path, error: float, shown: bool) -> None:
    found = [some("attention_naive", "bf16", 64, error), some("attention_lazy", "bf16", 64, 1e-2)]
    draw_measurements(found, "a title", tmp_path / "f.svg")
    assert ("hollow: 0, or infinite (top)" in (tmp_path / "f.svg").read_text()) == shown
