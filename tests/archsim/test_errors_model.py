"""Every bad design, mapping, workload and sweep in tests/errors_model gets exactly the text that stands beside it."""

from pathlib import Path

import pytest

from archsim.design import Design
from archsim.library import load
from archsim.mapping import Mapping
from archsim.model import evaluate
from archsim.sweeps.sweep import check, order
from archsim.workload import Workload
from einsum_cascade import Cascade
from einsum_cascade.errors import SpecError

FOLDER = Path(__file__).parents[1] / "errors_model"
FILES = sorted(FOLDER.glob("*.yaml"))


def test_there_are_many() -> None:
    assert len(FILES) >= 20


def use(file: Path) -> None:
    """Read a file as what its name says, and evaluate it if it can be read."""
    kind = file.stem.partition("_")[0]
    if kind == "sweep":
        check(order(file))
        return
    mapping = load(Mapping, file if kind == "mapping" else "fusemax_binding")
    design = load(Design, file if kind == "design" else mapping.design)
    workload = load(Workload, file if kind == "workload" else "bert")
    evaluate(load(Cascade, mapping.cascade), workload, mapping, design)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_text(file: Path, update_golden: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    with pytest.raises(SpecError) as caught:
        use(Path(file.name))
    golden = file.with_suffix(".txt")
    if update_golden:
        golden.write_text(f"{caught.value}\n", encoding="utf-8")
    assert f"{caught.value}\n" == golden.read_text(encoding="utf-8")
    for d in caught.value.diagnostics:
        assert d.place.file == file.name and d.place.line >= 1
