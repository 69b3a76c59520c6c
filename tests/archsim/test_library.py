"""The library: names and paths, values that are replaced, and what does not exist."""

from pathlib import Path

import numpy as np
import pytest

from archsim.design import Design, DesignForm
from archsim.library import FORMS, KINDS, changed, energy_tables, find, load, names
from archsim.mapping import Mapping, MappingForm
from archsim.model import evaluate
from archsim.value import evaluate as value_of
from archsim.workload import Workload, WorkloadForm
from einsum_cascade import Cascade
from einsum_cascade.errors import SpecError
from tests.tiny import DESIGN, MAPPING, design


def refused(kind: str, name: str, path: str, value: object = 1) -> str:
    with pytest.raises(SpecError) as caught:
        changed(find(kind, name), FORMS[kind], path, value)
    return str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_every_name_finds_its_document(kind: str) -> None:
    assert list(names(kind)) == sorted(names(kind)) and names(kind)
    for name, path in names(kind).items():
        document = find(kind, name)
        assert document.data[kind] == name
        assert document.file == str(path)


def test_users_files_by_path(tmp_path: Path) -> None:
    for suffix in ("yaml", "yml"):
        file = tmp_path / f"mine.{suffix}"
        file.write_text("workload: mine\nsource: s\nheads: 3\nhead_dim: 5\n")
        assert load(Workload, file).sizes()["A"] == 15
        assert load(Workload, str(file)).name == "mine"
    (tmp_path / "m.yaml").write_text(MAPPING)
    assert load(Mapping, tmp_path / "m.yaml").groups[0].name == "all"
    (tmp_path / "d.yaml").write_text(DESIGN)
    with pytest.raises(SpecError, match="no energy table named tiny"):
        load(Design, tmp_path / "d.yaml")


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("design", "fusmax", "fusmax:1:1: no design named fusmax\n  hint: did you mean fusemax"),
        ("workload", "Bert", "no workload named Bert\n  hint: did you mean bert"),
        ("mapping", "zzz", "no mapping named zzz\n  hint: known: "),
        ("workload", "zzzzzz", "no workload named zzzzzz\n  hint: "),
        ("design", "", "no design named "),
        ("design", "nowhere.yaml", "nowhere.yaml:1:1: cannot be read: No such file or directory"),
    ],
)
def test_what_does_not_exist(kind: str, name: str, expected: str) -> None:
    with pytest.raises(SpecError) as caught:
        find(kind, name)
    assert expected in str(caught.value)


def test_files_that_are_not_one_document(tmp_path: Path) -> None:
    two, binary = tmp_path / "two.yaml", tmp_path / "binary.yaml"
    two.write_text("workload: a\n---\nworkload: b\n")
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError) as caught:
        find("workload", two)
    assert str(caught.value) == f"{two}:1:1: the file holds 2 documents\n  expected: one workload"
    with pytest.raises(SpecError, match="cannot be read: not a UTF-8 text file"):
        find("workload", binary)
    with pytest.raises(SpecError, match="cannot be read: Is a directory"):
        (tmp_path / "d.yaml").mkdir()
        find("workload", tmp_path / "d.yaml")


@pytest.mark.parametrize(
    ("kind", "name", "path", "value"),
    [
        ("workload", "bert", "head_dim", 96),
        ("workload", "bert", "query_length", 1),
        ("workload", "bert", "ranks.L", 512),
        ("design", "fusemax", "clock", "1 GHz"),
        ("design", "fusemax", "memories.buffer.capacity", "8 MiB"),
        ("design", "fusemax", "memories.buffer.lines_per_cycle", 2),
        ("design", "fusemax", "arrays.array_2d.operations.sub+exp", "mac"),
        ("design", "fusemax", "parameters.SIDE", 64),
        ("mapping", "flat", "choices.qk", "weight"),
        ("mapping", "flat", "groups.attention.schedule", "sequential"),
        ("mapping", "flat", "groups.attention.keep.buffer.Q", "b"),
        ("mapping", "fusemax_binding", "fit.P1.divides", 8),
    ],
)
def test_every_kind_of_path(kind: str, name: str, path: str, value: object) -> None:
    before = find(kind, name)
    after = changed(before, FORMS[kind], path, value).data
    for key in path.split("."):
        after = after[key]
    assert after == value
    assert find(kind, name).data == before.data, "the document itself stays"


def test_none_removes() -> None:
    found = changed(find("design", "fusemax"), DesignForm, "memories.buffer.component", None)
    assert "component" not in found.data["memories"]["buffer"]


@pytest.mark.parametrize(
    ("kind", "name", "path", "hint"),
    [
        ("workload", "bert", "head_dims", "hint: did you mean head_dim or heads or "),
        ("design", "fusemax", "memories.buffer.capcity", "hint: did you mean capacity?"),
        ("design", "fusemax", "memoris.buffer.capacity", "hint: did you mean memories?"),
        ("design", "fusemax", "qqq", "hint: known: arrays, clock, description, design, energy, memories, parameters, source"),  # noqa: E501
        ("mapping", "flat", "groups.attention.lops", "hint: did you mean loops?"),
        ("design", "fusemax", "", "hint: known: "),
    ],
)  # fmt: skip
def test_near_names_of_an_unknown_path(kind: str, name: str, path: str, hint: str) -> None:
    found = refused(kind, name, path)
    assert found.startswith(f"--set {path}:1:1: {names(kind)[name]} has no {path}")
    assert hint in found


@pytest.mark.parametrize(
    ("kind", "name", "path"),
    [
        ("workload", "bert", "heads.x"),
        ("design", "fusemax", "clock.x"),
        ("mapping", "flat", "groups.attention.loops.0"),
    ],
)
def test_nothing_stands_below_a_plain_value(kind: str, name: str, path: str) -> None:
    found = refused(kind, name, path)
    assert f"has no {path}" in found and "hint" not in found


def test_values_and_changes_of_load() -> None:
    assert load(Design, "fusemax", {"clock": "1 GHz"}, SIDE=32).arrays["array_2d"].lanes == 1024
    assert load(Workload, "bert", {"head_dim": 96}, sequence_length=8).sizes()["E"] == 96
    assert value_of(load(Mapping, "fusemax_binding", M0=7).parameters["M0"], {}) == 7
    lengths = np.array([1, 2])
    assert load(Workload, "bert", sequence_length=lengths).sequence_length is lengths


def test_a_value_wins_over_what_a_mapping_would_choose() -> None:
    cascade, workload = load(Cascade, "attention_1pass"), load(Workload, "bert", sequence_length=65_536)
    machine = load(Design, "fusemax")
    for value in (4, np.array([1, 4])):
        report = evaluate(cascade, workload, load(Mapping, "fusemax_binding", P1=value), machine)
        assert np.all(report.binding.names["P1"] == value)
        expected = 2 * 64 * 12 * 65_536 * 128 * (1 + 256 / value)
        assert report.dram_traffic_bytes == pytest.approx(expected)
    free = evaluate(cascade, workload, load(Mapping, "fusemax_binding"), machine)
    assert free.binding.names["P1"] == 128


def test_a_mistake_of_a_changed_document_stands_in_the_file() -> None:
    with pytest.raises(SpecError) as caught:
        load(Design, "fusemax", {"clock": "1 GB"})
    assert str(caught.value).startswith(f"{names('design')['fusemax']}:6:8: 1 GB is in bytes")


def test_cascades_come_from_their_own_library() -> None:
    assert load(Cascade, "attention_3pass").outputs == ("AV",) or "AV" in load(Cascade, "attention_3pass").outputs


def test_energy_tables_by_name() -> None:
    assert set(energy_tables()) == {"fusemax_paper", "fusemax_paper_free_exp", "fusemax_physical", "tpu_v4i"}
    assert energy_tables() is energy_tables()
    assert design().energy.name == "tiny"


def test_forms() -> None:
    assert {"workload": WorkloadForm, "design": DesignForm, "mapping": MappingForm} == FORMS
