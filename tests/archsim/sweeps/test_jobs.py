"""A cluster's file: what goes into the job's script, and every mistake in its place."""

from pathlib import Path

import pytest

from archsim.sweeps.jobs import Jobs, job_script, read_jobs
from einsum_cascade.errors import SpecError

pytest.importorskip("dask_jobqueue")
TEXT = """\
jobs: 4
cores: 32
memory: 64 GiB
walltime: "02:00"
queue: normal
account: chips
directives: [-x]
prologue: ["module load python"]
scratch: /scratch
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "cluster.yaml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("kind", "lines"),
    [
        ("slurm", ["#SBATCH -p normal", "#SBATCH -A chips", "#SBATCH --cpus-per-task=32", "#SBATCH --mem=64G",
                   "#SBATCH -t 02:00", "#SBATCH -x", "#SBATCH -J archsim"]),
        ("lsf", ["#BSUB -q normal", '#BSUB -P "chips"', "#BSUB -n 32", "#BSUB -W 02:00", "#BSUB -x"]),
    ],
)  # fmt: skip
def test_script(tmp_path: Path, kind: str, lines: list[str]) -> None:
    jobs = read_jobs(write(tmp_path, TEXT))
    script = job_script(kind, jobs)
    assert set(lines) <= set(script.splitlines()) and "module load python" in script
    assert "--nworkers 32" in script and "--nthreads 1" in script and "--local-directory /scratch" in script


def test_processes(tmp_path: Path) -> None:
    jobs = read_jobs(write(tmp_path, TEXT + "processes: 8\npython: /opt/python\n"))
    script = job_script("slurm", jobs)
    assert "--nworkers 8" in script and "--nthreads 4" in script and "/opt/python -m" in script


def test_what_may_be_left_out(tmp_path: Path) -> None:
    text = "jobs: 1\ncores: 2\nmemory: 1 GiB\nwalltime: '1'\n"
    assert read_jobs(write(tmp_path, text)) == Jobs(jobs=1, cores=2, memory="1 GiB", walltime="1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TEXT + "partition: a\n", r"cluster.yaml:10:1: unknown key partition"),
        (TEXT.replace("jobs: 4\n", ""), "the key jobs is missing"),
        (TEXT.replace("4", "four"), "jobs has the wrong kind of value"),
        (TEXT.replace("64 GiB", "'64'"), "64 has no unit"),
        (TEXT.replace("jobs: 4", "jobs: 0"), r"jobs is 0\n.*\n.*\n  expected: at least 1"),
        (TEXT + "processes: 33\n", "33 processes on 32 cores"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        read_jobs(write(tmp_path, text))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(SpecError):
        read_jobs(tmp_path / "none.yaml")
    with pytest.raises(SpecError, match="a file is given by its path"):
        read_jobs(Path("mine"))
