"""Three linters over a file of rtl/: Verilator, slang and verible; each returns its complaints as text."""

import subprocess
import sys
from pathlib import Path

from rtl.bench.sources import INCLUDES, PACKAGE, RTL, library, sources
from rtl.bench.toolchain import environment

# A cast that these very parameter values do not need, two views of the same packed bits, a default for the codes that
# an enumeration leaves free, and a package, which has no top.
ACCEPTED = {"useless-cast", "packed-array-conv", "bitwise-op-mismatch", "case-redundant-default", "missing-top"}
VERIBLE_RULES = RTL / "verible.rules"


def lint_verilator(path: Path) -> str:
    """Elaborate a module with all warnings on."""
    command = [
        "verilator",
        "--lint-only",
        "-Wall",
        "-Wno-UNUSEDPARAM",
        "--quiet",
        "--timing",
        *(f"-I{folder}" for folder in INCLUDES),
    ]
    if not path.stem.endswith("_pkg"):
        command += ["--top-module", path.stem]
    files = [PACKAGE] if path == PACKAGE else list(sources(path.stem, (path,)))
    run = subprocess.run([*command, *map(str, files)], env=environment(), capture_output=True, text=True)
    return run.stderr + run.stdout if run.returncode or "%Warning" in run.stderr else ""


def lint_slang(path: Path) -> str:
    """Elaborate a module with slang and give every diagnostic."""
    from pyslang.driver import Driver

    driver = Driver()
    driver.addStandardArgs()
    files = [PACKAGE] if path == PACKAGE else list(sources(path.stem, (path,)))
    options = ["-Weverything", *(f"-I{folder}" for folder in INCLUDES)]
    if not path.stem.endswith("_pkg"):
        options += ["--top", path.stem]
    if not driver.parseCommandLine(" ".join(["slang", *options, *map(str, files)])) or not driver.processOptions():
        return "slang refuses its options"
    if not driver.parseAllSources():
        return "slang cannot parse the sources"
    engine, found = driver.diagEngine, driver.createCompilation().getAllDiagnostics()
    serious = [diagnostic for diagnostic in found if engine.getOptionName(diagnostic.code) not in ACCEPTED]
    return str(engine.reportAll(driver.sourceManager, serious)).strip()


def lint_verible(path: Path) -> str:
    """Check style and layout."""
    tools = Path(sys.executable).parent
    lint = [str(tools / "verible-verilog-lint"), f"--rules_config={VERIBLE_RULES}", str(path)]
    layout = [str(tools / "verible-verilog-format"), "--verify", f"--flagfile={RTL / 'verible.format'}", str(path)]
    runs = [subprocess.run(command, capture_output=True, text=True) for command in (lint, layout)]
    return "".join(run.stdout + run.stderr for run in runs if run.returncode)


def files() -> list[Path]:
    """List every SystemVerilog file."""
    return [*library().values()]
