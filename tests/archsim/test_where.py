"""`archsim sweep` elsewhere, as a user types it: what would be done, and every pair of options that makes no sense."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from archsim.cli import main
from tests.archsim.sweeps.test_jobs import TEXT
from tests.stores import STUDY


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "cluster.yaml").write_text(TEXT, encoding="utf-8")
    file = tmp_path / "small.yaml"
    file.write_text(STUDY, encoding="utf-8")
    return file


def sweep(study: Path, *arguments: str) -> Result:
    command = ["sweep", str(study), "-o", str(study.with_suffix(".duckdb")), *arguments]
    result = CliRunner().invoke(main, command)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], " threads on this machine"),
        (["-n", "3"], "in 3 threads on this machine"),
        (["--cluster", "local", "-n", "3"], "in 3 processes on this machine"),
        (["--scheduler", "a:1"], "on the workers of a:1"),
        (["--cluster", "slurm", "--cluster-config", "cluster.yaml"], "#SBATCH -A chips"),
        (["--cluster", "lsf", "--cluster-config", "cluster.yaml"], "#BSUB -q normal"),
    ],
)
def test_a_dry_run_starts_and_writes_nothing(study: Path, arguments: list[str], told: str,
                                             monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    pytest.importorskip("dask_jobqueue")
    monkeypatch.chdir(study.parent)
    result = sweep(study, *arguments, "--dry-run")
    assert result.exit_code == 0 and result.stdout.startswith("336 points in 1 chunks, ") and told in result.stdout
    found = json.loads(sweep(study, *arguments, "--dry-run", "--json").stdout)
    assert (found["points"], found["chunks"]) == (336, 1) and told in found["where"]
    assert not study.with_suffix(".duckdb").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scheduler", "a:1", "--cluster", "local"], "not both"),
        (["--scheduler", "a:1", "-n", "2"], "-n does not go with --scheduler"),
        (["--cluster", "slurm"], "need --cluster-config"),
        (["--cluster", "lsf", "--cluster-config", "cluster.yaml", "-n", "2"], "its file says how many jobs"),
        (["--cluster-config", "cluster.yaml"], "goes with --cluster slurm or --cluster lsf"),
        (["--cluster", "pbs"], "'pbs' is not one of"),
        (["--cluster", "slurm", "--cluster-config", "none.yaml", "--dry-run"], "none.yaml"),
        (["--scheduler", "nowhere"], "nowhere is not an address"),
        (["-n", "0"], "0 is not in the range"),
    ],
)
def test_mistakes(study: Path, arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(study.parent)
    result = sweep(study, *arguments)
    assert result.exit_code == 2 and message in result.stderr and not result.stdout
    assert not study.with_suffix(".duckdb").exists()


def test_processes(study: Path) -> None:
    pytest.importorskip("distributed")
    result = sweep(study, "--cluster", "local", "-n", "1", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["points"] == 336


def test_threads(study: Path) -> None:
    assert json.loads(sweep(study, "-n", "1", "--json").stdout)["points"] == 336
