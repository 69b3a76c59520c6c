"""A whole pruned run in one evaluation: totals, their JSON and tables, and `evaluate --trace`."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from archsim.commands.evaluate import COMMANDS
from archsim.documents import documents
from archsim.model import evaluate
from archsim.prune.pruned import pruned, pruned_json
from archsim.prune.pruning import Pruning, pruning
from archsim.prune.suite import find_benchmark
from archsim.prune.totals import totals
from archsim.prune.trace import COLUMNS

COMMAND = next(c for c in COMMANDS if c.name == "evaluate")


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(COMMAND, list(arguments))


def run(kept: Pruning, design: str = "spatten") -> tuple[dict[str, object], float]:
    found = pruned(documents(mapping="spatten", workload="gpt2_small", design=design), kept)
    report = evaluate(found.cascade, found.workload, found.mapping, found.design, found.values)
    return pruned_json(found, report, kept), float(totals(report, kept).latency_s)


def test_points_add_up() -> None:
    """Two points cost what they cost one by one."""
    both = pruning("both", "assumed", tokens=[100, 200], keys=[80, 64], values=[20, 16], key_bits=8)
    parts = [run(both.take(np.array([k])))[0] for k in range(2)]
    whole, latency = run(both)
    for key in ("latency_s", "energy_j", "dram_traffic_bytes", "executed_flop", "dense_flop"):
        assert whole[key] == pytest.approx(sum(float(str(p[key])) for p in parts))
    assert whole["points"] == 2 and latency == whole["latency_s"]


def test_executed_and_dense_work_apart() -> None:
    kept = pruning("p", "assumed", tokens=1000, keys=100, values=20, refetched=0.5)
    found, _ = run(kept)
    assert found["executed_flop"] == 2 * 64 * (100 * 1.5 + 20)
    assert found["dense_flop"] == 2 * 64 * 2 * 1000
    assert float(str(found["dense_equivalent_flops"])) > float(str(found["executed_flops"]))


def test_the_baseline_of_the_reduction_has_a_width() -> None:
    kept = pruning("p", "assumed", tokens=1000, key_bits=16)
    found, _ = run(kept)
    assert found["dram_reduction_against_dense_16_bit"] == pytest.approx(1.0)
    assert found["dram_reduction_against_dense_32_bit"] == pytest.approx(2.0)


def test_a_benchmark_as_json() -> None:
    result = invoke("-m", "spatten", "-w", "bert", "--trace", "spatten#bert-base-rte", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 0 and found["points"] == 12 and len(found["layers"]) == 12
    assert found["trace"] == "bert-base-rte"
    assert sum(r["latency_s"] for r in found["layers"]) == pytest.approx(found["latency_s"])
    assert {"executed_flops", "dense_equivalent_flops", "energy_by", "area_by"} <= found.keys()
    assert sum(found["area_by"].values()) == pytest.approx(18.71)


@pytest.mark.parametrize("mapping", ["spatten", "a3", "mnnfast", "roofline"])
def test_every_machine_takes_a_schedule(mapping: str) -> None:
    result = invoke("-m", mapping, "-w", "gpt2_small", "--trace", "gpt2_small_wikitext2")
    assert result.exit_code == 0, result.stderr
    assert "gpt2_small_wikitext2: 12 points" in result.stdout and "less than dense 32-bit" in result.stdout


def test_a_trace_file(tmp_path: Path) -> None:
    file = tmp_path / "run.csv"
    rows = ["0,0,0,64,100,100,8,False,4,10,8", "0,0,1,64,100,100,8,True,4,10,8", "0,1,0,64,100,50,8,False,4,10,8"]
    file.write_text("\n".join([",".join(COLUMNS), *rows]), encoding="utf-8")
    found = json.loads(invoke("-m", "spatten", "-w", "gpt2_small", "--trace", str(file), "--json").stdout)
    assert found["points"] == 3 and [r["layer"] for r in found["layers"]] == [0, 1]
    file.write_text("\n".join([",".join(COLUMNS), "0,0,0,64,100,200,8,False,4,10,8"]), encoding="utf-8")
    result = invoke("-m", "spatten", "-w", "gpt2_small", "--trace", str(file))
    assert result.exit_code == 2 and "run.csv:2" in result.stderr and "more keys than tokens" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-s", "1024"], "it cannot be given lengths"),
        (["--plot", "tile.png"], "it cannot be given a picture of one tile"),
    ],
)
def test_what_a_trace_does_not_take(arguments: list[str], message: str) -> None:
    result = invoke("-m", "spatten", "-w", "bert", "--trace", "spatten#bert-base-rte", *arguments)
    assert result.exit_code == 2 and message in result.stderr


def test_unknown_traces() -> None:
    result = invoke("-m", "spatten", "-w", "bert", "--trace", "gpt2_smal_wikitext2")
    assert result.exit_code == 2 and "did you mean gpt2_small_wikitext2" in result.stderr


def test_settings_reach_a_trace() -> None:
    """With one lane instead of 16 the engine decides."""
    arguments = ["-m", "spatten", "-w", "gpt2_small", "--trace", "gpt2_small_wikitext2", "--json"]
    wide = json.loads(invoke(*arguments).stdout)
    narrow = json.loads(invoke(*arguments, "--set", "design.parameters.TOPK=1").stdout)
    assert 4 < narrow["latency_s"] / wide["latency_s"] < 6
    assert {r["limit"] for r in narrow["layers"]} == {"topk"}


def test_batches_of_a_workload_do_not_count() -> None:
    kept = find_benchmark("spatten#bert-base-cola")
    found = pruned(documents(mapping="spatten", workload="bert"), kept)
    assert found.workload.batch == 1
