"""The command `archsim`: what it prints, golden outputs, and every mistake of a user with exit status 2."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from archsim.cli import main
from archsim.documents import documents
from archsim.setting import parse
from archsim.value import evaluate as evaluated

GOLDEN = Path(__file__).parent.parent / "golden"
ROOT = Path(__file__).parent.parent.parent
KEYS = [
    "dram_traffic_bytes", "latency_s", "energy_j", "area_mm2", "utilization", "per_einsum", "occupancy_bytes", "passes",
    "bottleneck", "shortfalls",
]  # fmt: skip


def archsim(*arguments: str) -> Result:
    result = CliRunner().invoke(main, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def report(*arguments: str) -> dict:
    result = archsim("evaluate", *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def process(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "archsim.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


# --- what is printed --------------------------------------------------------------------------------------------------

PRINTED = {
    "evaluate_binding": ["evaluate", "-m", "fusemax_binding", "-w", "bert", "-s", "64K"],
    "evaluate_shortfall": ["evaluate", "-m", "flat", "-w", "bert", "-s", "64K"],
    "compare": ["compare", "-w", "bert", "-s", "64K", "unfused", "flat", "fusemax_binding"],
}


def close(found: object, expected: object) -> bool:
    """Whether two JSON values agree, numbers to 1e-12."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and list(found) == list(expected) and all(
            close(found[k], v) for k, v in expected.items()
        )  # fmt: skip
    if isinstance(expected, list):
        return isinstance(found, list) and len(found) == len(expected) and all(map(close, found, expected))
    if isinstance(expected, int | float) and not isinstance(expected, bool):
        return found == pytest.approx(expected, rel=1e-12)
    return found == expected


@pytest.mark.parametrize("name", PRINTED)
def test_tables_are_as_before(name: str, update_golden: bool) -> None:
    result = archsim(*PRINTED[name])
    assert result.exit_code == 0, result.output
    text = "".join(line.rstrip() + "\n" for line in result.stdout.splitlines())
    golden = GOLDEN / f"{name}.txt"
    if update_golden:
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PRINTED)
def test_json_is_as_before(name: str, update_golden: bool) -> None:
    result = archsim(*PRINTED[name], "--json")
    golden = GOLDEN / f"{name}.json"
    if update_golden:
        golden.write_text(result.stdout, encoding="utf-8")
    assert close(json.loads(result.stdout), json.loads(golden.read_text(encoding="utf-8")))


def test_json_has_the_keys_and_the_published_numbers() -> None:
    # FuseMax (MICRO'24), raw results of Figures 6-12: +Binding, BERT, 64K tokens
    found = report("-m", "fusemax_binding", "-w", "bert", "-s", "64K")
    assert list(found)[: len(KEYS)] == KEYS
    assert found["dram_traffic_bytes"] == 38654705664
    assert found["latency_s"] == pytest.approx(7.402500357446809, rel=1e-9)
    assert found["utilization"] == pytest.approx({"2d": 137 / 138.25, "1d": 1.0})
    assert (found["passes"], found["bottleneck"], found["shortfalls"]) == (1, "array_1d", [])
    assert set(found["per_einsum"][0]) == {"einsum", "array", "cycles", "utilization"}


def test_parts_add_up_to_wholes() -> None:
    for mapping in ("unfused", "flat", "fusemax_binding", "linear"):
        found = report("-m", mapping, "-w", "bert", "-s", "4K")
        for array, part in found["utilization"].items():
            own = sum(e["utilization"] for e in found["per_einsum"] if e["array"] == f"array_{array}")
            assert own == pytest.approx(part)
        moved = sum(sum(actions.values()) for actions in found["traffic_bytes"]["dram"].values())
        assert moved == pytest.approx(found["dram_traffic_bytes"])
        assert sum(found["energy_by"].values()) == pytest.approx(found["energy_j"])
        assert sum(g["latency_s"] for g in found["groups"]) == pytest.approx(found["latency_s"])


def test_a_shortfall_is_a_result() -> None:
    result = archsim("evaluate", "-m", "flat", "-w", "bert", "-s", "64K")
    assert result.exit_code == 0
    assert "SHORTFALL: buffer in group attention needs 32.25 MiB and has 32 MiB" in result.stdout
    assert report("-m", "flat", "-w", "bert", "-s", "64K")["shortfalls"][0]["unit"] == "bytes"


def test_the_slowest_group_names_the_bottleneck() -> None:
    assert report("-m", "flat", "-w", "bert", "-s", "256K")["bottleneck"] == "dram"
    stalled = report("-m", "fusemax_architecture", "-w", "bert", "-s", "64K")["bottleneck"]
    assert stalled == "phase 2 (stall of array_2d)"


def test_compare_is_relative_to_the_first() -> None:
    result = archsim(
        "compare", "-w", "bert", "-s", "64K", "flat", "fusemax_binding", "fusemax_binding@fusemax_paper", "--json"
    )
    flat, physical, paper = json.loads(result.stdout)["results"]
    assert (flat["speedup"], flat["energy_ratio"]) == (1, 1)
    assert physical["speedup"] == pytest.approx(flat["latency_s"] / physical["latency_s"])
    assert paper["documents"]["design"] == "fusemax_paper"
    assert paper["energy_j"] < physical["energy_j"]


def test_list_names_every_document() -> None:
    found = json.loads(archsim("list", "--json").stdout)
    assert "bert" in [w["name"] for w in found["workloads"]]
    flat = next(m for m in found["mappings"] if m["name"] == "flat")
    assert (flat["cascade"], flat["design"]) == ("attention_3pass", "flat_cloud")
    assert [s["name"] for s in found["schedules"]] == sorted(s["name"] for s in found["schedules"])
    (suite,) = (s for s in found["suites"] if s["name"] == "spatten")
    assert len(suite["benchmarks"]) == 30 and all(isinstance(b, str) for b in suite["benchmarks"])
    assert {"fusemax_micro24", "spatten_hpca21"} <= {s["name"] for s in found["studies"]}
    assert all("description" in entry or "title" in entry for kind in found.values() for entry in kind)
    shown = archsim("list")
    assert shown.exit_code == 0 and "archsim pruning NAME" in shown.stdout and "spatten_progressive" in shown.stdout


def test_what_list_names_can_be_named() -> None:
    found = json.loads(archsim("list", "--json").stdout)
    for schedule in found["schedules"]:
        assert archsim("pruning", schedule["name"], "--json").exit_code == 0
    suite = found["suites"][0]
    assert archsim("pruning", f"{suite['name']}#{suite['benchmarks'][0]}", "--json").exit_code == 0
    for sweep in found["sweeps"]:
        assert Path(sweep["name"]).is_file()


def test_commands_of_cascades_still_work() -> None:
    assert json.loads(archsim("passes", "attention_3pass", "--json").stdout)["passes"] == 3
    assert "MACs" in archsim("count", "attention_1pass", "-s", "M=1K,P=1K").stdout
    assert "agrees with" in archsim("run", "attention_1pass", "-s", "M=256,P=4", "--check").stdout


# --- --set ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "key", "expected"),
    [
        ("workload.head_dim=96", "sizes", 96),
        ("mapping.parameters.P1=4", "parameters", 4),
        ("mapping.parameters.P1='2 * 3'", "parameters", 6),
        ("design.parameters.SIDE=128", "parameters", 128),
    ],
)  # fmt: skip
def test_set_reaches_every_document(setting: str, key: str, expected: int) -> None:
    name = {"sizes": "E"}.get(key, "M0" if "SIDE" in setting else "P1")
    found = report("-m", "fusemax_binding", "-w", "bert", "-s", "4K", "--set", setting)
    assert found[key][name] == expected
    assert found["set"] == [setting]


def test_set_changes_capacity_bandwidth_and_clock() -> None:
    base = ["-m", "flat", "-w", "bert", "-s", "1K"]
    tight = report(*base, "--set", "design.memories.buffer.capacity=1 MiB")
    assert tight["shortfalls"] and tight["shortfalls"][0]["bound"] == 2**20
    assert report(*base, "--set", "design.clock=470 MHz")["latency_s"] == pytest.approx(2 * report(*base)["latency_s"])
    slow = report(*base, "--set", "design.memories.dram.bandwidth=1 GiB/s")
    assert slow["bottleneck"] == "dram"
    assert "dram" not in report(*base, "--set", "design.memories.dram.bandwidth=null")["groups"][0]["memory_s"]


def test_set_pins_the_choices_of_a_mapping_against_its_cases() -> None:
    base = ["-m", "flat", "-w", "bert", "-s", "256K"]
    chosen = report(*base)["parameters"]["P1"]
    for text in ("2", "'4 // 2'"):
        assert report(*base, "--set", f"mapping.parameters.P1={text}")["parameters"]["P1"] == 2 != chosen
    onchip = report(*base, "--set", "mapping.choices.scores=onchip")
    assert onchip["dram_traffic_bytes"] != report(*base)["dram_traffic_bytes"]


def test_set_of_a_cascade() -> None:
    settings = [parse("cascade.ranks.L=2 * 128")]
    found = documents(mapping="flat", workload="bert", cascade="mla_absorbed", settings=settings)
    assert evaluated(found.cascade.ranks["L"], {}) == 256
    result = archsim("evaluate", "-m", "fusemax_binding", "-w", "bert", "--set", "cascade.ranks.M=4096")
    assert result.exit_code == 2
    assert "hint: set workload.sequence_length" in result.stderr


def test_query_length_and_documents_from_files(tmp_path: Path) -> None:
    from archsim.library import names

    mapping = tmp_path / "mine.yaml"
    text = names("mapping")["fusemax_binding"].read_text().replace("design: fusemax", "design: machine.yaml")
    mapping.write_text(text)
    (tmp_path / "machine.yaml").write_text(names("design")["fusemax"].read_text().replace("SIDE: 256", "SIDE: 64"))
    found = report("-m", str(mapping), "-w", str(names("workload")["xlm"]), "-s", "4K", "--query-length", "1")
    assert (found["sizes"]["P"], found["sizes"]["M"], found["parameters"]["M0"]) == (1, 4096, 64)


# --- mistakes ---------------------------------------------------------------------------------------------------------

BINDING = ["evaluate", "-m", "fusemax_binding", "-w", "bert"]
MISTAKES = [
    (["evaluate", "-w", "bert"], "Missing option '-m' / '--mapping'"),
    (["compare", "-w", "bert"], "Missing argument 'MAPPING[@DESIGN]...'"),
    (["evaluate", "-m", "flatt", "-w", "bert"], "flatt:1:1: no mapping named flatt\n  hint: did you mean flat or "),
    (["evaluate", "-m", "flat", "-w", "brt"], "hint: did you mean bert?"),
    ([*BINDING, "-d", "fusmax"], "hint: did you mean fusemax"),
    ([*BINDING, "-c", "attention_4pass"], "no cascade named attention_4pass"),
    (["evaluate", "-m", "nowhere.yaml", "-w", "bert"], "nowhere.yaml:1:1: cannot be read: No such file or directory"),
    ([*BINDING, "-s", "64Q"], "64Q is not a length; expected a number such as 4096, 64K or 1M"),
    ([*BINDING, "-s", "-1"], "-1 is not a length"),
    ([*BINDING, "-s", "0"], "0 is not a length"),
    ([*BINDING, "-s", "9" * 30], "is not a length"),
    ([*BINDING, "--set", "desing.clock=1 GHz"], "unknown document desing"),
    ([*BINDING, "--set", "design.clok=1 GHz"], "--set:1:8: design fusemax has no clok"),
    ([*BINDING, "--set", "design.memories.bufer.capacity=8 MiB"], "hint: did you mean buffer?"),
    ([*BINDING, "--set", "design.parameters.SIDDE=8"], "hint: did you mean SIDE?"),
    ([*BINDING, "--set", "design.parameters.SIDE=0"], "SIDE is 0"),
    ([*BINDING, "--set", "design.parameters.SIDE=256-256"], "floordiv of 16777216, 0: integer division"),
    ([*BINDING, "--set", "design.parameters.SIDE=1/3"], "rows is 0.3333333333333333"),
    ([*BINDING, "--set", "design.arrays.array_2d.shape.rows=2.5"], "--set:1:35: rows is 2.5"),
    ([*BINDING, "--set", "mapping.parameters.M0=0.5"], "the loop m0 goes over M0 = 0.5 points"),
    ([*BINDING, "--set", "design.memories.buffer.capacity=8 MB/s"], "8 MB/s is in bytes per second"),
    ([*BINDING, "--set", "workload.heads=abc"], "--set:1:16: heads has the wrong kind of value"),
    ([*BINDING, "--set", "workload.heads.x=1"], "heads of workload bert is 12, it has no x"),
    ([*BINDING, "--set", "workload.heads=[1"], "is not a value: this is not YAML"),
    ([*BINDING, "--set", "workload.word_bits=.nan"], "--set:1:20: nan is not a finite number"),
    ([*BINDING, "--set", "mapping.parameters.M0=1e400"], "1e400 is not a finite number"),
    ([*BINDING, "--set", "mapping.fit.P1.divides=0"], "--set:1:24: P1 would divide 0"),
    ([*BINDING, "--set", "workload.heads"], "this sets nothing"),
    ([*BINDING, "--set", "workload.ranks.LL=3"], "attention_1pass has no rank LL"),
    ([*BINDING, "--set", "mapping.groups.attention.loops.0=b"], "is a list, it has no 0"),
    ([*BINDING, "--set", "mapping.parameters.P1=-2"], "P1 is -2"),
    ([*BINDING, "--set", "mapping.parameters.P1=QQ"], "--set:1:23: QQ has no value"),
    (["evaluate", "-m", "flat", "-w", "bert", "--set", "mapping.choices.qk=wieght"], "hint: did you mean weight?"),
    ([*BINDING, "--set", "cascade.einsums.X=1"], "attention_1pass has no einsums.X"),
    ([*BINDING, "--plot", "tile.gif"], "the name must end in .png, .svg or .pdf"),
    ([*BINDING, "--plot", "/nonexistent/tile.png"], "/nonexistent/tile.png:1:1: cannot be written"),
    (["compare", "-w", "bert", "flat", "flatt"], "no mapping named flatt"),
    (["compare", "-w", "bert", "flat@fusmax"], "no design named fusmax"),
    (["workload", "bet"], "hint: did you mean bert?"),
    (["workload", "bert", "-o", "/nonexistent/w.yaml"], "/nonexistent/w.yaml:1:1: cannot be written"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"), MISTAKES, ids=lambda v: " ".join(v)[:60] if isinstance(v, list) else ""
)
def test_a_mistake_ends_with_its_reason(arguments: list[str], message: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = archsim(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert message in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_directory_in_the_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").mkdir()
    result = archsim("evaluate", "-m", str(tmp_path / "m.yaml"), "-w", "bert")
    assert (result.exit_code, result.stderr) == (2, f"{tmp_path}/m.yaml:1:1: cannot be read: Is a directory\n")
    result = archsim("workload", "bert", "-o", str(tmp_path))
    assert (result.exit_code, result.stderr) == (2, f"{tmp_path}:1:1: cannot be written: it is a directory\n")


def test_a_default_design_that_does_not_exist_is_blamed_on_the_mapping(tmp_path: Path) -> None:
    from archsim.library import names

    mapping = tmp_path / "m.yaml"
    mapping.write_text(names("mapping")["flat"].read_text().replace("design: flat_cloud", "design: flat_clod"))
    result = archsim("evaluate", "-m", str(mapping), "-w", "bert")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{mapping}:5:9: no design named flat_clod")


# --- as a process -----------------------------------------------------------------------------------------------------


def test_the_process_prints_json_and_nothing_else() -> None:
    found = process("evaluate", "-m", "fusemax_binding", "-w", "bert", "-s", "4K", "--json")
    assert (found.returncode, found.stderr) == (0, "")
    assert list(json.loads(found.stdout))[: len(KEYS)] == KEYS


def test_the_process_ends_with_status_2() -> None:
    found = process("evaluate", "-m", "flat", "-w", "bert", "--set", "x.y=3")
    assert (found.returncode, found.stdout) == (2, "")
    assert "Traceback" not in found.stderr


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, click; from archsim.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = ('numpy', 'pydantic', 'yaml', 'rich', 'matplotlib', 'scipy', 'networkx')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert found.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_has_help_with_an_example(name: str) -> None:
    text = archsim(name, "--help").stdout
    assert f"archsim {name}" in text.partition("Example")[2]
    assert "--json" in text
