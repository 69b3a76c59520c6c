"""The attention tile in simulation against archsim's model of the same small machine."""

import json
from pathlib import Path

import pytest

from archsim.design import Design
from archsim.library import load
from archsim.mapping import Mapping
from archsim.model import evaluate
from archsim.report import Report
from archsim.workload import Workload
from einsum_cascade import Cascade
from einsum_cascade import load as load_cascade
from rtl.bench.models_float import MAC_LATENCY
from rtl.bench.models_tile import Shape
from rtl.bench.toolchain import build, simulate
from tests.rtl.kernel import need_simulator

HERE = Path(__file__).parent / "tile"
CLOCK = 500e6


def predicted(mapping: str, shape: Shape, groups: int) -> Report:
    """Evaluate one block of queries over so many tiles of keys."""
    sizes = {"sequence_length": groups * shape.rows, "query_length": MAC_LATENCY * shape.cols}
    workload = load(Workload, str(HERE / "workload.yaml"), **sizes, head_dim=shape.keys, value_dim=shape.values)
    chosen = load(Mapping, str(HERE / f"{mapping}.yaml"))
    design = load(Design, str(HERE / "design.yaml"), parameters={"ROWS": shape.rows, "COLUMNS": shape.cols})
    return evaluate(load_cascade(Cascade, chosen.cascade), workload, chosen, design)


@pytest.mark.parametrize(("keys", "values"), [(8, 8), (12, 4), (4, 12), (64, 64)])
def test_initiation_interval_is_what_the_model_finds(keys: int, values: int) -> None:
    shape = Shape(rows=4, cols=4, keys=keys, values=values)
    report = predicted("mapping_auto", shape, 48)
    assert float(report.latency_s) * CLOCK == pytest.approx(48 * MAC_LATENCY * shape.steps, rel=1e-12)
    for array, work in (("array_2d", shape.work_2d), ("array_1d", shape.work_1d)):
        assert float(report.utilization[array]) == pytest.approx(work / shape.steps, rel=1e-12)


@pytest.mark.parametrize("mapping", ["mapping", "mapping_auto"])
@pytest.mark.parametrize(("shape", "groups"), [(Shape(rows=4, cols=4, keys=8, values=8), 96)])
def test_utilization_is_the_model_s_but_for_fill_and_drain(
    mapping: str, shape: Shape, groups: int, tmp_path: Path
) -> None:
    need_simulator()
    made = build("attention_tile", {"Rows": shape.rows, "Cols": shape.cols, "Keys": shape.keys, "Values": shape.values})
    options = {"ARCHSIM_GROUPS": str(groups), "ARCHSIM_REPORT": str(tmp_path / "report.json")}
    simulate(made, "tests.rtl.cocotb_attention_tile", seed=1, testcase="cycles_and_utilization", options=options)
    found = json.loads((tmp_path / "report.json").read_text())
    report = predicted(mapping, shape, groups)
    cycles = float(report.latency_s) * CLOCK
    assert found["cycles"] - cycles == shape.fill
    for array, busy in (("array_2d", found["busy_2d"]), ("array_1d", found["busy_1d"])):
        measured, model = busy / found["cycles"], float(report.utilization[array])
        assert measured == pytest.approx(model, rel=0.02)
        assert measured == pytest.approx(model * cycles / (cycles + shape.fill), rel=1e-12)
