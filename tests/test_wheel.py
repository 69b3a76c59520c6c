"""What is shipped: the wheel holds both packages and all data, also when it is built from the sdist."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("hatchling", reason="builds without isolation need hatchling: install archsim[dev]")

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = {
    "einsum_cascade": "einsum_cascade",
    "archsim": "archsim",
    "designs": "archsim/designs",
    "mappings": "archsim/mappings",
}
"""Folder of the checkout: its place in the wheel."""

SUFFIXES = {".py", ".yaml", ".json", ".typed"}


def python(*arguments: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def build_wheel(source: Path, out: Path) -> Path:
    python(
        "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "-w", f"{out}", ".", cwd=source
    )
    [wheel] = out.glob("*.whl")
    return wheel


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.mark.parametrize("folder", SHIPPED)
def test_wheel_holds_every_file(wheel: Path, folder: str) -> None:
    wanted = {
        f"{SHIPPED[folder]}/{path.relative_to(ROOT / folder).as_posix()}"
        for path in (ROOT / folder).rglob("*")
        if path.suffix in SUFFIXES or path.name == "README.md"
    }
    assert wanted
    assert wanted - names_in(wheel) == set()


def test_wheel_holds_nothing_else(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in names_in(wheel)}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"archsim", "einsum_cascade"}


def test_data_folders_are_found_in_an_unpacked_wheel(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = "from archsim.paths import DATA_FOLDERS, data_folder; print(*map(data_folder, DATA_FOLDERS), sep='\\n')"
    found = python("-c", code, cwd=tmp_path, PYTHONPATH=f"{tmp_path}")
    assert [Path(line) for line in found.splitlines()] == [tmp_path / "archsim/designs", tmp_path / "archsim/mappings"]


def test_wheel_from_sdist_is_the_same(wheel: Path, tmp_path: Path) -> None:
    python("-m", "hatchling", "build", "-t", "sdist", "-d", f"{tmp_path}", cwd=ROOT)
    [sdist] = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    [source] = (tmp_path / "source").iterdir()
    assert names_in(build_wheel(source, tmp_path / "wheel")) == names_in(wheel)
