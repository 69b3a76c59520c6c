"""Studies: the file, its names, and what is wrong with it."""

from pathlib import Path

import pytest

from archsim.library import names as documents
from archsim.papers.study import FOLDER, Study, load_study, names, read_file
from einsum_cascade.errors import SpecError

SHIPPED = (FOLDER / "fusemax_micro24.yaml").read_text(encoding="utf-8")


def mistakes(tmp_path: Path, *changes: tuple[str, str]) -> list[str]:
    text = SHIPPED
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        load_study(tmp_path / "s.yaml")
    return [f"{d.place.line}:{d.message}" for d in caught.value.diagnostics]


@pytest.mark.parametrize("name", names())
def test_everything_that_a_study_names_exists(name: str) -> None:
    study = load_study(name)
    assert study.study == name and study.accounting == next(iter(study.accountings))
    assert set(study.workloads) <= set(documents("workload"))
    assert {d for designs in study.machines.values() for d in designs.values()} <= set(documents("design"))
    assert {r.mapping for runs in study.layers.values() for r in runs.values()} <= set(documents("mapping"))


def test_the_issue_is_covered() -> None:
    """5 configurations, 4 models, 6 lengths, Figures 6 to 12."""
    study = load_study("fusemax_micro24")
    assert (len(study.configurations), len(study.workloads), len(study.lengths), len(study.figures)) == (5, 4, 6, 7)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("totals:\n  end_to_end: [attention, linear]", "totals:\n  end_to_end: [attention, lin]", "no layer named lin"),
        ("machine: fusemax\n", "machine: fusmax\n", "no machine named fusmax"),
        ("mean: geometric", "mean: geometrical", "no mean named geometrical"),
        ("accounting: physical}", "accounting: real}", "no accounting named real"),
        ("relative: unfused", "relative: fused", "no configuration named fused"),
        ("workload: bert\n", "workload: brt\n", "no workload named brt"),
        ("kind: curve", "kind: line", "no kind of figure named line"),
    ],
)
def test_unknown_names_are_located(old: str, new: str, message: str, tmp_path: Path) -> None:
    line = SHIPPED[: SHIPPED.index(old)].count("\n") + old.count("\n", 0, len(old.rstrip("\n"))) + 1
    assert mistakes(tmp_path, (old, new)) == [f"{line}:{message}"]


def test_all_mistakes_come_at_once(tmp_path: Path) -> None:
    assert len(mistakes(tmp_path, ("kind: curve", "kind: line"), ("mean: geometric", "mean: odd"))) == 2


def test_files_that_are_no_study(tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text("a: 1\n---\nb: 2\n")
    for name, message in (
        (tmp_path / "two.yaml", "the file holds 2 documents"), (tmp_path / "none.yaml", "cannot be read: No such file"),
        ("fusemax", "no study named fusemax"),
    ):  # fmt: skip
        with pytest.raises(SpecError, match=message):
            read_file(Study, name, names(), "study")
