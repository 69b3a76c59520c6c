"""Evaluations side by side: ratios to the first."""

import pytest

from archsim.comparison import comparison, print_comparison
from archsim.documents import Documents, documents
from archsim.model import evaluate
from archsim.report import Report
from archsim.setting import parse


def results(*names: str) -> list[tuple[Documents, Report]]:
    found = []
    for name in names:
        mapping, _, design = name.partition("@")
        d = documents(mapping=mapping, workload="xlm", lengths={"sequence_length": 3072}, design=design or None)
        found.append((d, evaluate(d.cascade, d.workload, d.mapping, d.design, d.values)))
    return found


def test_ratios_are_to_the_first() -> None:
    forward = comparison(results("unfused", "fusemax_binding", "flat"))
    back = comparison(results("fusemax_binding", "unfused"))
    assert (forward[0]["speedup"], forward[0]["energy_ratio"]) == (1, 1)
    assert forward[1]["speedup"] * back[1]["speedup"] == pytest.approx(1)
    assert forward[1]["energy_ratio"] * back[1]["energy_ratio"] == pytest.approx(1)
    for row in forward:
        assert row["speedup"] * row["latency_s"] == pytest.approx(forward[0]["latency_s"])
        assert row["energy_j"] == pytest.approx(row["energy_ratio"] * forward[0]["energy_j"])
    assert [r["documents"]["mapping"] for r in forward] == ["unfused", "fusemax_binding", "flat"]


def test_the_table_has_a_column_each(capsys: pytest.CaptureFixture[str]) -> None:
    print_comparison(results("fusemax_binding", "fusemax_binding@fusemax_banked", "linear"))
    text = capsys.readouterr().out
    assert text.startswith("xlm, 3,072 keys; relative to fusemax_binding")
    row = next(line for line in text.splitlines() if line.strip().startswith("speedup"))
    assert row.split()[1] == "1x" and len(row.split()) == 4
    design = next(line for line in text.splitlines() if line.strip().startswith("design"))
    assert design.split() == ["design", "fusemax", "fusemax_banked", "fusemax"]


def test_what_does_not_fit_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    found = documents(mapping="fusemax_binding", workload="xlm", settings=[parse("design.parameters.CAPACITY=4096")])
    tight = evaluate(found.cascade, found.workload, found.mapping, found.design)
    print_comparison([(found, tight)])
    text = capsys.readouterr().out
    assert "SHORTFALL of fusemax_binding: buffer in group attention needs" in text
    assert next(line for line in text.splitlines() if line.strip().startswith("fits")).split() == ["fits", "no"]
