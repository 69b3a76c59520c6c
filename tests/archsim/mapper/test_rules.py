"""Constraints files: what they fix, and the text that a wrong one gets."""

from pathlib import Path

import pytest

from archsim.design import Design
from archsim.library import load
from archsim.mapper.rules import Rules, read_rules
from archsim.workload import Workload
from einsum_cascade import Cascade
from einsum_cascade.errors import SpecError

GOOD = """\
constraints: good
groups: [[QK, GM], [SN, SD, A, AV]]
arrays: {SD: [array_2d]}
loops: [p]
keep: {buffer: [Q]}
bypass: {buffer: [K]}
tiles: {P0: [256, 128]}
space: {array_2d: {rows: [m, p]}}
schedule: sequential
"""


def read(text: str, folder: Path) -> Rules:
    file = folder / "rules.yaml"
    file.write_text(text, encoding="utf-8")
    given = load(Cascade, "attention_3pass"), load(Workload, "bert"), load(Design, "flat_cloud")
    return read_rules(file, *given)


def test_good(tmp_path: Path) -> None:
    rules = read(GOOD, tmp_path)
    assert rules.groups == (frozenset({"QK", "GM"}), frozenset({"SN", "SD", "A", "AV"}))
    assert rules.tiles == {"P0": (128, 256)}
    assert rules.may_keep("Q", ("buffer",), ("buffer",)) and not rules.may_keep("Q", (), ("buffer",))
    assert rules.may_keep("K", (), ("buffer",)) and not rules.may_keep("K", ("buffer",), ("buffer",))


@pytest.mark.parametrize("line, message, hint", [
    ("groups: [[QK, GN], [SN, SD, A, AV]]", "attention_3pass has no Einsum GN", "did you mean SN or GM?"),
    ("groups: [[QK, GM], [SN, SD, A]]", "the Einsum AV is in no group", ""),
    ("groups: [[QK, GM, SN], [SN, SD, A, AV]]", "the Einsum SN is in two groups", ""),
    ("arrays: {SD: [array_3d]}", "flat_cloud has no array array_3d", "did you mean array_"),
    ("arrays: {SX: [array_2d]}", "attention_3pass has no Einsum SX", "did you mean S"),
    ("loops: [q]", "attention_3pass has no variable q", "known: "),
    ("keep: {bufer: [Q]}", "flat_cloud has no near memory bufer", "did you mean buffer?"),
    ("bypass: {buffer: [KK]}", "attention_3pass has no tensor KK", "did you mean"),
    ("tiles: {P9: [256]}", "no tile has the size P9", "did you mean P"),
    ("tiles: {P0: []}", "P0 has no positive size", ""),
    ("space: {array_2d: {row: [m]}}", "no array has the dimension row", "did you mean rows?"),
    ("space: {array_2d: {rows: [x]}}", "attention_3pass has no variable x", ""),
    ("batch: [z]", "the workload has no size for the loop z", ""),
    ("schedule: parallel", "unknown schedule parallel", ""),
    ("tile: {P0: [1]}", "tile", "did you mean tiles?"),
])  # fmt: skip
def test_mistake_is_located(line: str, message: str, hint: str, tmp_path: Path) -> None:
    key = line.partition(":")[0]
    kept = [x for x in GOOD.splitlines() if not x.startswith(f"{key}:")]
    with pytest.raises(SpecError) as caught:
        read("\n".join([*kept, line, ""]), tmp_path)
    text = str(caught.value)
    assert f"rules.yaml:{len(kept) + 1}:" in text
    assert message in text and hint in text
