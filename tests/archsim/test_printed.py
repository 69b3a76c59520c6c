"""What people get: every part of a report stands in a table."""

import pytest

from archsim.documents import documents
from archsim.model import evaluate
from archsim.printed import print_report, shortfall
from archsim.report import Shortfall
from archsim.setting import parse


def printed(capsys: pytest.CaptureFixture[str], mapping: str, *sets: str, length: int = 7680) -> str:
    found = documents(
        mapping=mapping, workload="bert", lengths={"sequence_length": length}, settings=[parse(s) for s in sets]
    )
    print_report(found, evaluate(found.cascade, found.workload, found.mapping, found.design, found.values))
    return capsys.readouterr().out


def test_every_table_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "fusemax_binding")
    assert text.startswith("attention_1pass on fusemax with mapping fusemax_binding\nbert: B=64, H=12, HK=12, E=64, F=64, "  # noqa: E501
                           "P=7,680, M=7,680; 16-bit words\nparameters of the mapping: M0=256, P0=256, P1=30\n")  # fmt: skip  # noqa: E501
    titles = ["In all", "Traffic: ", "Occupancy", "Cycles and utilization", "Groups, one after another", "Timeline of group",  # noqa: E501
              "Energy", "Area"]  # fmt: skip
    at = [text.index(f"\n{t}") for t in titles]
    assert at == sorted(at)
    for name in ("BQK", "RNV", "bottleneck", "passes over the sequence", "array_2d mac", "dram"):
        assert name in text


def test_a_mapping_without_parameters_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert "the mapping has no parameters" not in printed(capsys, "linear", length=1024)


def test_a_shortfall_is_seen_first(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "fusemax_binding", "design.parameters.CAPACITY=1024")
    assert (
        "\nSHORTFALL: buffer in group attention needs 129 KiB and has 1 KiB; the mapping cannot run; a larger" in text
    )
    assert text.index("SHORTFALL") < text.index("In all")


def test_a_memory_without_limit(capsys: pytest.CaptureFixture[str]) -> None:
    assert "unlimited" in printed(capsys, "fusemax_binding", "design.memories.buffer.capacity=null",
                                  "design.memories.buffer.charged_as=16 MiB")  # fmt: skip


def test_a_shortfall_as_a_sentence() -> None:
    parts = {"component": "buffer", "helps": "buy one"}
    assert (
        shortfall(Shortfall(demand=2048, bound=1024, unit="bytes", **parts))
        == "buffer needs 2 KiB and has 1 KiB; buy one"
    )
    assert (
        shortfall(Shortfall(demand=3.5, bound=2, unit="ports", **parts)) == "buffer needs 3.5 and has 2 ports; buy one"
    )
