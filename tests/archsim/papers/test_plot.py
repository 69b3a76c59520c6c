"""Figures: written whole, the same bytes every time, and they show the data."""

import re
from pathlib import Path

import pytest

from archsim.papers.plot import draw
from archsim.papers.study import Configuration, Figure, Series, Study, Sweep

LENGTHS = [1024, 4096]
FIGURES = {
    "bars": Figure(kind="bars", title="Bars", table="attention", quantities={"latency_s": "speedup"}, relative="a",
                   inverse=True, caption="c"),
    "parts": Figure(kind="bars", title="Parts", table="attention", quantities={"energy_j": "energy"}, parts_at=1024,
                    relative="a", caption="c", names={"mac": "MACs", "dram": "DRAM"}),
    "einsums": Figure(kind="einsums", title="Einsums", table="attention", quantities={"busy_share": "share"},
                      array="grid", workload="w", names={"QK": "QK"}, caption="c"),
    "curve": Figure(kind="curve", title="Curve", table="sides", quantities={"area": "area", "time": "time"}, caption="c"),  # noqa: E501
}  # fmt: skip
STUDY = Study(
    study="s", title="t", source="s", workloads={"w": "Words"}, lengths=LENGTHS, accountings={"paper": ""}, machines={},
    configurations={n: Configuration(label=f"Label {n}", short=n.upper(), colour="#0072B2") for n in "ab"}, layers={},
    figures=FIGURES,
    sweeps={"sides": Sweep(mapping="m", machine="x", length=1, series=[Series(workloads=["w"], points=[{"SIDE": 4}])])},
)  # fmt: skip


def data(factor: float = 1.0) -> dict:
    points = [{"configuration": c, "workload": "w", "sequence_length": s} for c in "ab" for s in LENGTHS]
    return {"paper": {
        "attention": [{**p, "latency_s": factor * (1 + n), "energy_j": 2.0} for n, p in enumerate(points)],
        "components": [{**p, "table": "attention", "component": c, "energy_j": factor} for p in points for c in ("mac", "dram")],  # noqa: E501
        "einsums": [{**p, "table": "attention", "array": "grid", "einsum": "QK", "busy_share": factor / 4} for p in points],  # noqa: E501
        "sides": [{"workload": "w", "SIDE": s, "area": s * s, "time": factor / s} for s in (4, 8)],
    }}  # fmt: skip


@pytest.mark.parametrize("name", FIGURES)
def test_the_same_data_are_the_same_bytes(name: str, tmp_path: Path) -> None:
    first, again = ([tmp_path / f"{k}.{suffix}" for suffix in ("png", "svg")] for k in "ab")
    draw(STUDY, name, data(), first)
    draw(STUDY, name, data(), again)
    for one, two in zip(first, again, strict=True):
        assert one.stat().st_size > 1000 and one.read_bytes() == two.read_bytes()
    text = " ".join(re.findall(r">([^<>]+)</text>", first[1].read_text(encoding="utf-8")))
    assert FIGURES[name].title in text and "c" in text


@pytest.mark.parametrize("name", ["bars", "einsums", "curve"])
def test_other_data_are_another_figure(name: str, tmp_path: Path) -> None:
    tables = data()
    row = {"bars": "attention", "einsums": "einsums", "curve": "sides"}[name]
    key = {"bars": "latency_s", "einsums": "busy_share", "curve": "time"}[name]
    draw(STUDY, name, tables, [tmp_path / "a.svg"])
    tables["paper"][row][-1][key] *= 3
    draw(STUDY, name, tables, [tmp_path / "b.svg"])
    assert (tmp_path / "a.svg").read_bytes() != (tmp_path / "b.svg").read_bytes()


def test_the_style_of_others_stays(tmp_path: Path) -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    draw(STUDY, "bars", data(), [tmp_path / "a.png"])
    assert dict(mpl.rcParams) == before
