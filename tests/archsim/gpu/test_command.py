"""`archsim gpu measure` and `archsim validate --measured`, end to end on the processor."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from archsim.cli import main
from archsim.gpu.points import Point, Timing

pytest.importorskip("torch")

SMALL = ("--device", "cpu", "--lengths", "8", "--batches", "1", "--heads", "2", "--head-dims", "8")


def archsim(*arguments: str) -> Result:
    result = CliRunner().invoke(main, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archsim.gpu.attention.ENOUGH", 0.0)


def test_measure_resumes(tmp_path: Path, quick: None) -> None:
    file = str(tmp_path / "m.json")
    first = archsim("gpu", "measure", "-o", file, *SMALL, "--dtypes", "bf16")
    assert first.exit_code == 0 and "scaled dot product attention" in first.stdout
    before = json.loads((tmp_path / "m.json").read_text())
    assert len(before["timings"]) == 6
    second = json.loads(archsim("gpu", "measure", "-o", file, *SMALL, "--dtypes", "bf16,fp32", "--json").stdout)
    assert len(second["timings"]) == 12 and second["timings"][:6] == before["timings"]
    again = json.loads(archsim("gpu", "measure", "-o", file, *SMALL, "--json").stdout)
    assert again["timings"] == second["timings"]
    assert len(again["sessions"]) == 2  # the third command measured nothing
    assert all(datetime.fromisoformat(t["date"]).tzinfo and t["command"] for t in again["sessions"])


def test_a_device_that_fails_ends_the_run_and_keeps_the_file(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from archsim.gpu import attention

    real, left = attention.time_point, [2]

    def fragile(point: Point, device: str) -> Timing:
        left[0] -= 1
        if left[0] < 0:
            raise RuntimeError("CUDA error: unspecified launch failure\nCUDA kernel errors might be reported later")
        return real(point, device)

    monkeypatch.setattr(attention, "time_point", fragile)
    file = tmp_path / "m.json"
    result = archsim("gpu", "measure", "-o", str(file), *SMALL)
    assert result.exit_code == 2 and "the device failed: CUDA error: unspecified launch failure\n" in result.stderr
    assert len(json.loads(file.read_text())["timings"]) == 2
    monkeypatch.setattr(attention, "time_point", real)
    found = json.loads(archsim("gpu", "measure", "-o", str(file), *SMALL, "--json").stdout)
    assert len(found["timings"]) == 12 and len(found["sessions"]) == 2


def test_nothing_to_compare(tmp_path: Path, quick: None) -> None:
    file = str(tmp_path / "m.json")
    archsim("gpu", "measure", "-o", file, *SMALL, "--dtypes", "fp32")
    wrong = archsim("validate", "--measured", file, "-m", "flash_gpu")
    assert wrong.exit_code == 2 and "it holds nothing to compare with" in wrong.stderr and wrong.stdout == ""


def test_validate(tmp_path: Path, quick: None) -> None:
    file = str(tmp_path / "m.json")
    archsim("gpu", "measure", "-o", file, *SMALL, "--dtypes", "bf16")
    found = json.loads(archsim("validate", "--measured", file, "-m", "flash_gpu", "--json").stdout)
    (point,) = found["points"]
    assert point["deviation"] == pytest.approx(point["model_s"] / point["measured_s"] - 1)
    assert set(found["changes"]) == {"clock", "memories.dram.bandwidth"}
    assert "against cpu" in archsim("validate", "--measured", file, "-m", "flash_gpu").stdout
    wrong = archsim("validate", "--measured", file)
    assert wrong.exit_code == 2 and "-m MAPPING" in wrong.stderr


def test_mistakes(tmp_path: Path) -> None:
    import torch

    file = tmp_path / "m.json"
    wrong = archsim("gpu", "measure", "-o", str(file), *SMALL, "--dtypes", "bf17")
    assert wrong.exit_code == 2 and "there is no type bf17" in wrong.stderr
    if not torch.cuda.is_available():
        wrong = archsim("gpu", "measure", "-o", str(file))
        assert wrong.exit_code == 2 and "there is no CUDA device" in wrong.stderr
    assert not file.exists()
    file.write_text('{"device": "another", "software": "x"}')
    wrong = archsim("gpu", "measure", "-o", str(file), *SMALL)
    assert wrong.exit_code == 2 and "it was measured on another" in wrong.stderr
