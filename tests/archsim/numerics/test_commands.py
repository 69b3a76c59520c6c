"""`archsim numerics`, `archsim numerics-pruning` and the options of `archsim run`, as a user types them."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from archsim.cli import main

SMALL = ("--lengths", "64", "--queries", "8", "--rows", "4")


def archsim(*arguments: str) -> Result:
    result = CliRunner().invoke(main, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_table_and_progress() -> None:
    result = archsim("numerics", "-c", "attention_1pass,attention_naive", "-d", "fusemax", "--formats", "bf16,fp16",
                     *SMALL, "--scale", "40")  # fmt: skip
    assert result.exit_code == 0 and "64 keys, 8 queries, attention_naive: 2" in result.stderr
    lines = [line.split() for line in result.stdout.splitlines() if line.strip().startswith("attention")]
    assert [line[:4] for line in lines] == [
        [c, f, "poly5", "64"] for c in ("attention_1pass", "attention_naive") for f in ("bf16", "fp16")]  # fmt: skip
    assert lines[3][-3:] != ["0", "of", "8"] and lines[0][-3:] == ["0", "of", "8"]


def test_json_units_and_figure(tmp_path: Path) -> None:
    file = tmp_path / "f.png"
    result = archsim("numerics", "-c", "attention_3pass", "--exp", "exact,poly3,poly6", *SMALL, "--inputs", "trace",
                     "--plot", str(file), "--json")  # fmt: skip
    found = json.loads(result.stdout)
    assert [m["exponential"] for m in found["measurements"]] == ["exact", "poly3", "poly6"]
    assert found["measurements"][1]["error_rms"] > 5 * found["measurements"][0]["error_rms"]
    assert found["inputs"] == "trace" and found["measurements"][0]["by_einsum"]["SN"]["values"] == 64 * 8
    assert file.read_bytes().startswith(b"\x89PNG")


def test_a_users_tensors(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "t.npz", Q=rng.normal(size=(8, 30)), K=rng.normal(size=(8, 50)), V=rng.normal(size=(5, 50)))
    found = json.loads(archsim("numerics", "-c", "attention_lazy", "--inputs", str(tmp_path / "t.npz"), "--formats",
                               "bf16", "--queries", "9", "--json").stdout)  # fmt: skip
    (one,) = found["measurements"]
    assert (one["length"], one["queries"], one["lost"]) == (50, 9, 0)


@pytest.mark.parametrize(("arguments", "why"), [
    (["-c", "attention_1pas"], "did you mean attention_1pass"),
    (["-c", "gqa"], "gqa cannot be measured"),
    (["-c", "attention_1pass", "--formats", "bf61"], "there is no number format bf61"),
    (["-c", "attention_1pass", "--exp", "poly9"], "there is no exponential unit poly9"),
    (["-c", "attention_1pass", "--inputs", "odd"], "there are no inputs odd"),
    (["-c", "attention_1pass", "--inputs", "none.npz"], "none.npz"),
    (["-c", "attention_1pass", "-d", "flat_cloud"], "it says no number formats"),
    (["-c", "attention_1pass", "--plot", "f.txt"], "must end in .png"),
    (["-c", "attention_1pass", "--lengths", "4Q"], "4Q is not a length"),
    ([], "Missing option '-c'"),
    (["-c", ""], "this names nothing"),
    (["-c", "attention_1pass", "--formats", " ,"], "this names nothing"),
    (["-c", "attention_1pass", "--lengths", ""], "this names nothing"),
    (["-c", "attention_1pass", "--scale", "nan"], "nan is not a finite number"),
    (["-c", "attention_1pass", "--scale", "inf"], "inf is not a finite number"),
    (["-c", "attention_1pass", "--seed", "-1"], "-1 is not in the range"),
    (["-c", "attention_1pass", "--plot", "nowhere/f.png"], "there is no folder nowhere"),
    (["-c", "attention_1pass", "--lengths", "1024G"], "more memory than there is"),
])  # fmt: skip
def test_mistakes(arguments: list[str], why: str) -> None:
    result = archsim("numerics", *arguments, *(() if "--lengths" in arguments else SMALL))
    assert result.exit_code == 2 and why in result.stderr and result.stdout == ""


def archive(folder: Path, **changed: np.ndarray) -> str:
    rng = np.random.default_rng(0)
    arrays = {"Q": rng.normal(size=(8, 30)), "K": rng.normal(size=(8, 50)), "V": rng.normal(size=(5, 50)), **changed}
    np.savez(folder / "t.npz", **arrays)
    return str(folder / "t.npz")


@pytest.mark.parametrize(("changed", "why"), [
    ({"Q": np.zeros((8, 0))}, "Q is empty: its shape is (8, 0)"),
    ({"V": np.full((5, 50), np.nan)}, "V holds 250 of 250 numbers that are NaN"),
    ({"K": np.zeros((7, 50))}, "do not fit"), ({"V": np.asarray(["a"])}, "V has shape (1,) and type <U1"),
])  # fmt: skip
def test_mistakes_in_a_trace(tmp_path: Path, changed: dict[str, np.ndarray], why: str) -> None:
    result = archsim("numerics", "-c", "attention_1pass", "--inputs", archive(tmp_path, **changed))
    assert result.exit_code == 2 and why in result.stderr and "t.npz" in result.stderr and result.stdout == ""


def test_a_trace_has_a_length_of_its_own(tmp_path: Path) -> None:
    file = archive(tmp_path)
    result = archsim("numerics", "-c", "attention_1pass", "--inputs", file, "--lengths", "64")
    assert result.exit_code == 2 and "has a length of its own" in result.stderr
    (tmp_path / "t.npz").write_text("no archive")
    result = archsim("numerics", "-c", "attention_1pass", "--inputs", file)
    assert result.exit_code == 2 and "not an .npz file of arrays" in result.stderr


MACHINE = """
design: machine
source: assumed
clock: 1 GHz
memories: {dram: {capacity: 1 GiB, bandwidth: 1 GB/s, component: hbm3e}}
arrays: {array: {shape: {rows: 2}, operations: {mul+add: mac}}}
energy: unknown
numerics:
  source: assumed
  word: bf16
  einsums:
    QK: {output: fp32}
    BQK: {output: fp32}
    SND: {output: fp32}
"""


def test_a_rule_for_an_einsum_that_no_cascade_has(tmp_path: Path) -> None:
    (tmp_path / "machine.yaml").write_text(MACHINE)
    for command in (["numerics", *SMALL], ["numerics-pruning"]):
        name = "spatten_layer" if len(command) == 1 else "attention_3pass"
        result = archsim(*command, "-c", name, "-d", str(tmp_path / "machine.yaml"))
        assert result.exit_code == 2 and "machine.yaml:14:5: no cascade has an Einsum SND" in result.stderr
    assert "did you mean" in archsim("numerics", "-c", "attention_3pass", "-d", str(tmp_path / "machine.yaml")).stderr
    (tmp_path / "machine.yaml").write_text(MACHINE.replace("SND:", "SN:"))  # BQK is one of other cascades
    assert archsim("numerics", *SMALL, "-c", "attention_3pass", "-d", str(tmp_path / "machine.yaml")).exit_code == 0


@pytest.mark.parametrize("command", [
    ["numerics", "-c", "attention_1pass", "--lengths", "4M"],
    ["numerics", "-c", "attention_1pass", "--lengths", "4M", "--device", "cpu"],
    ["run", "attention_3pass", "--shape", "M=32K,P=32K"],
    ["run", "attention_3pass", "--shape", "M=32K,P=32K", "--device", "cpu"],
    ["numerics-pruning", "-c", "spatten_layer", "--tokens", "32K", "--queries", "32K"],
])  # fmt: skip
def test_what_does_not_fit_into_the_free_memory(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    if "--device" in command:
        pytest.importorskip("torch")
    monkeypatch.setattr("archsim.memory.free_memory", lambda: 400 * 2**20)
    result = archsim(*command)
    assert result.exit_code == 2 and "these sizes need more memory than there is" in result.stderr


def test_what_is_named_twice_is_measured_once() -> None:
    found = json.loads(archsim("numerics", "-c", "attention_lazy", "--formats", "bf16,bf16", *SMALL[2:], "--lengths",
                               "64,64", "--json").stdout)  # fmt: skip
    assert len(found["measurements"]) == 1


def test_no_cuda_device() -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    for command in (["numerics", "-c", "attention_1pass", *SMALL], ["run", "attention_1pass"]):
        result = archsim(*command, "--device", "cuda")
        assert result.exit_code == 2 and "there is no CUDA device" in result.stderr


def test_on_the_processor_with_torch() -> None:
    pytest.importorskip("torch")
    found = json.loads(archsim("numerics", "-c", "attention_1pass", *SMALL, "--device", "cpu", "--json").stdout)
    assert found["library"] == "torch" and found["measurements"][0]["error_max"] < 1e-5


# --- pruning ----------------------------------------------------------------------------------------------------------

PRUNING = ("numerics-pruning", "-c", "spatten_layer", "--tokens", "32", "--queries", "4", "--heads", "2")


def test_pruning() -> None:
    result = archsim(*PRUNING, "--vary", "J=M,M//2", "--vary", "T=J", "--formats", "fp32,int12")
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines() if line.strip().startswith(("fp32", "int12"))]
    assert [r[:3] for r in rows] == [["fp32", "32", "32"], ["fp32", "16", "16"], ["int12", "32", "32"],
                                     ["int12", "16", "16"]]  # fmt: skip
    assert float(rows[0][3]) < 1e-5 < float(rows[1][3])
    found = json.loads(archsim(*PRUNING, "--vary", "J=M", "--json").stdout)
    assert found["measurements"][0]["setting"] == {"J": 32.0}


@pytest.mark.parametrize(("arguments", "why"), [
    (["--vary", "J"], "expected NAME=VALUE"), (["--vary", "X=1"], "no rank or parameter X"),
    (["--bits", "8"], "expected high and low bits"), (["--vary", "J=M+"], "J"), (["--inputs", "odd"], "no inputs odd"),
])  # fmt: skip
def test_pruning_mistakes(arguments: list[str], why: str) -> None:
    result = archsim(*PRUNING, *arguments)
    assert result.exit_code == 2 and why in result.stderr


# --- run --------------------------------------------------------------------------------------------------------------


def test_run_split() -> None:
    shape = ("--shape", "M=512,P=512", "--json")
    whole = json.loads(archsim("run", "attention_3pass", *shape).stdout)
    split = json.loads(archsim("run", "attention_3pass", *shape, "--split", "P=32").stdout)
    assert split["outputs"]["AV"]["rms"] == pytest.approx(whole["outputs"]["AV"]["rms"], rel=1e-12)
    assert (
        "attention_3pass, coordinates of P: 512" in archsim("run", "attention_3pass", *shape, "--split", "P=32").stderr
    )
    assert 3 * split["peak_memory_bytes"] < whole["peak_memory_bytes"]
    result = archsim("run", "attention_3pass", "--split", "P=32", "--shape", "M=64,P=64", "--dtype", "float32")
    assert "peak memory beside the inputs" in result.stdout
    for text, why in (("P", "expected RANK=SIZE"), ("M=8", "cannot be split over M"), ("P=x", "x is not a length")):
        result = archsim("run", "attention_3pass", "--split", text)
        assert result.exit_code == 2 and why in result.stderr


def test_run_with_torch() -> None:
    pytest.importorskip("torch")
    arguments = ("run", "attention_1pass", "--shape", "M=64,P=8", "--json")
    one, two = (json.loads(archsim(*arguments, *more).stdout) for more in ((), ("--device", "cpu")))
    assert two["outputs"]["AV"]["rms"] == pytest.approx(one["outputs"]["AV"]["rms"], rel=1e-12)
    assert two["peak_memory_bytes"] is None


def test_formats_of_a_design_that_prunes() -> None:
    """`-d spatten` brings its words, sums and exponential to both commands."""
    found = json.loads(archsim("numerics", "-c", "attention_naive", "-d", "spatten", *SMALL, "--json").stdout)
    (row,) = found["measurements"]
    assert (row["format"], row["exponential"]) == ("int12", "taylor5") and "section IV" in found["source"]
    result = archsim("numerics-pruning", "-c", "spatten_layer", "-d", "spatten", "--vary", "J=M", "--tokens", "32",
                     "--queries", "4", "--heads", "2", "--json")  # fmt: skip
    assert [m["format"] for m in json.loads(result.stdout)["measurements"]] == ["int12"]
