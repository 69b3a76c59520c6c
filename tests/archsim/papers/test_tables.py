"""Tables of a study: a row a point, equal to evaluating that point alone."""

from functools import cache

import pytest

from archsim.design import Design
from archsim.library import load
from archsim.mapping import Mapping
from archsim.model import evaluate
from archsim.papers.study import Configuration, Run, Series, Study, Sweep, Tables
from archsim.papers.tables import tables
from archsim.workload import Workload
from einsum_cascade import Cascade

OLD, NEW = Run(mapping="flat", machine="flat"), Run(mapping="fusemax_binding", machine="new")
STUDY = Study(
    study="small", title="t", source="s", workloads={"bert": "B", "xlm": "X"}, lengths=[1000, 4096, 131_072],
    accountings={"paper": "", "physical": ""},
    machines={"flat": {"paper": "flat_cloud_paper", "physical": "flat_cloud"},
              "new": {"paper": "fusemax_paper", "physical": "fusemax"}},
    configurations={n: Configuration(label=n, short=n, colour="#000000") for n in ("old", "new", "same")},
    layers={"attention": {"old": OLD, "new": NEW, "same": NEW}, "more": {"old": OLD, "new": NEW, "same": NEW}},
    totals={"both": ["attention", "more"]},
    sweeps={"sides": Sweep(mapping="fusemax_binding", machine="new", length=4096,
                           series=[Series(workloads=["bert"], points=[{"SIDE": 64}, {"SIDE": 128}])])},
)  # fmt: skip


@cache
def found() -> dict[str, Tables]:
    return tables(STUDY)


def alone(run: Run, accounting: str, workload: str, length: int, **values: int):  # type: ignore[no-untyped-def]
    mapping = load(Mapping, run.mapping)
    design = load(Design, STUDY.machines[run.machine][accounting], **values)
    return evaluate(load(Cascade, mapping.cascade), load(Workload, workload, sequence_length=length), mapping, design)


def test_a_row_for_every_point() -> None:
    rows = found()["paper"]["attention"]
    points = {(r["configuration"], r["workload"], r["sequence_length"]) for r in rows}
    assert len(rows) == len(points) == 3 * 2 * 3


@pytest.mark.parametrize("accounting", ["paper", "physical"])
def test_a_row_is_the_point_alone(accounting: str) -> None:
    for row in found()[accounting]["attention"]:
        run = OLD if row["configuration"] == "old" else NEW
        report = alone(run, accounting, row["workload"], row["sequence_length"])
        for column in ("dram_traffic_bytes", "latency_s", "energy_j", "area_mm2"):
            assert row[column] == pytest.approx(getattr(report, column), rel=1e-12)
        assert row["utilization_array_1d"] == pytest.approx(report.utilization["array_1d"], rel=1e-12)


def test_a_sweep_is_its_points_alone() -> None:
    rows = found()["physical"]["sides"]
    assert [r["SIDE"] for r in rows] == [64, 128]
    for row in rows:
        report = alone(NEW, "physical", "bert", 4096, SIDE=row["SIDE"])
        assert (row["latency_s"], row["area_mm2"]) == (pytest.approx(report.latency_s), pytest.approx(report.area_mm2))
        assert row["busy_array_2d_s"] == pytest.approx(report.utilization["array_2d"] * report.latency_s)


def test_totals_add_up_and_so_do_components() -> None:
    of = found()["paper"]
    for total, part in zip(of["both"], of["attention"], strict=True):
        assert total["latency_s"] == pytest.approx(2 * part["latency_s"])
        keys = ("configuration", "workload", "sequence_length")
        parts = [
            r["energy_j"] for r in of["components"] if r["table"] == "both" and all(r[k] == total[k] for k in keys)
        ]
        assert sum(parts) == pytest.approx(total["energy_j"])


def test_shares_of_an_array_are_its_time() -> None:
    for row in found()["paper"]["einsums"]:
        assert 0 <= row["busy_share"] <= 1 + 1e-12


def test_changes_touch_only_their_machine() -> None:
    again = tables(STUDY, changes={"new": {"clock": "470 MHz"}}, known=found())["paper"]["attention"]
    before = {(r["configuration"], r["workload"], r["sequence_length"]): r for r in found()["paper"]["attention"]}
    assert len(again) == len(before)
    for row in again:
        old = before[row["configuration"], row["workload"], row["sequence_length"]]
        assert row["latency_s"] == pytest.approx(old["latency_s"] * (1 if row["configuration"] == "old" else 2))
