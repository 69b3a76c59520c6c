"""Proofs of rtl/formal: they pass, and refuse faulty kernels."""

from dataclasses import replace
from pathlib import Path

import pytest

from rtl.bench.mutants import apply, tables
from rtl.bench.process import run
from rtl.bench.sources import ROOT, RTL
from rtl.formal import prove as module
from rtl.formal.prove import Proof, missing_provers, proofs, prove

pytestmark = [
    pytest.mark.slow,  # the first run on a machine compiles yosys' WebAssembly: about a minute
    pytest.mark.skipif(missing_provers() is not None, reason=missing_provers() or ""),
]
PROOFS = {proof.name: proof for proof in proofs()}
FAULTS = {(table.kernel, fault.name): (table, fault) for table in tables() for fault in table.mutants}

REFUSED = [
    ("sync_fifo", "reads at the wrong place"),
    ("sync_fifo", "takes a beat when full"),
    ("skid_buffer", "the new beat overtakes"),
    ("stream_fork", "remembers only the last cycle"),
    ("zero_eliminator", "the way is not taken along"),
    ("row_packer", "the rest goes into the next packet"),
    ("quick_select", "keeps one equal key too few (the released RTL)"),
    ("quick_select", "a round leaves out its last row"),
    ("radix_select", "keys that disagree above count"),
    ("radix_select", "a pass leaves out its last row"),
    ("slot_ring", "the ring turns while the arrays stand still"),
    ("skew_line", "the line is one clock short"),
    ("control_line", "the line moves while the arrays stand still"),
    ("tile_schedule", "no empty iteration after the last command"),
    ("tile_schedule", "the 1D array's groups are shifted by one"),
    ("topk_engine_radix", "equal ones are counted row by row"),
]


@pytest.mark.parametrize("proof", PROOFS.values(), ids=PROOFS)
def test_proof_passes(proof: Proof) -> None:
    verdict = prove(proof, keep=True)
    assert verdict.status == "PASS", verdict.log


@pytest.mark.parametrize(("name", "fault"), REFUSED)
def test_a_faulty_kernel_is_refused(name: str, fault: str, tmp_path: Path) -> None:
    table, mutant = FAULTS[PROOFS[name].kernel, fault]
    verdict = prove(PROOFS[name], (apply(table, mutant, tmp_path),), keep=True)
    # Without a counterexample, a fault may show as a property that is no longer inductive.
    assert verdict.status in {"FAIL", "UNKNOWN"}, verdict.log


def test_every_proof_is_about_a_kernel_with_a_bench() -> None:
    benches = {table.kernel: table.bench for table in tables()}  # its own, or that of a kernel around it
    for proof in PROOFS.values():
        assert (RTL / "formal" / f"{proof.top}.sv").exists()
        assert (ROOT / benches[proof.kernel].replace(".", "/")).with_suffix(".py").exists()


def test_a_verdict_is_kept_for_the_same_content_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proof, runs = PROOFS["zero_eliminator"], []
    monkeypatch.setattr(module, "SIM_BUILD", tmp_path)
    monkeypatch.setattr(module, "run", lambda *a, **k: runs.append(k["limit"]) or run(*a, **k))
    first = prove(proof, keep=True)
    assert first.status == "PASS" and len(runs) == 1
    assert prove(proof, keep=True) == first and len(runs) == 1
    assert prove(proof, limit=0.05).status == "TIMEOUT", "without keep it runs again, and a solver that hangs is ended"
    table, fault = FAULTS["zero_eliminator", "the way is not taken along"]
    faulty = apply(table, fault, tmp_path)
    assert prove(proof, (faulty,), keep=True, limit=0.05).status == "TIMEOUT"
    assert prove(replace(proof, parameters={"Lanes": 4, "Width": 4}), keep=True, limit=0.05).status == "TIMEOUT"
    assert len(runs) == 4, "a verdict that was not reached is not kept, and another job has another"
    assert prove(proof, keep=True) == first and len(runs) == 4
