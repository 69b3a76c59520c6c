"""An adversarial user: machines, loop orders, cascades and lengths that nobody tried, against hand formulas."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from archsim.cli import main
from archsim.design import Design
from archsim.library import load
from archsim.mapping import Mapping
from archsim.model import evaluate
from archsim.report import Report
from archsim.workload import Workload
from einsum_cascade import Cascade

FREQUENCY, BANDWIDTH = 940e6, 400 * 2**30
VECTOR = """\
design: vector
source: made up
parameters: {LINES: 4096}
clock: 1 GHz
memories: {dram: {bandwidth: 100 GB/s, component: hbm2}, buffer: {capacity: 1 MiB, line: 8, component: sram}}
arrays:
  lanes: {shape: {lanes: 16}, operations: {mul+add: mac, mul: mac, add: add, sub: add, max: max, exp: 6 mac, div: divide}}
energy: fusemax_physical
"""  # noqa: E501
OBLONG = VECTOR.replace("design: vector", "design: oblong").replace(
    "lanes: {shape: {lanes: 16}", "grid: {shape: {rows: 8, columns: 32}").replace(
    "buffer: {capacity: 1 MiB", "shared: {capacity: 4 MiB, line: 32, component: sram}, buffer: {capacity: 64 KiB")  # fmt: skip  # noqa: E501
THREE_PASS = """\
mapping: rows
source: made up
cascade: attention_3pass
design: vector.yaml
parameters: {P0: 16}
partitioning: {p: [p1, p0]}
groups:
  all:
    loops: [b, h, p1]
    binding: {lanes: [QK, GM, SN, SD, A, AV]}
    space: {lanes: {lanes: p0}}
    keep: {buffer: {Q: p1, QK: p1, SN: p1, A: p1, K: h, V: h}}
    alias: {SN: QK, A: QK}
    spill: proportional
    schedule: sequential
"""
PRODUCT = """\
mapping: product
source: made up
cascade: product.yaml
design: oblong.yaml
parameters: {I0: 8, J0: 32, I1: 4, L0: 16}
partitioning: {i: [i2, i1, i0], j: [j1, j0], l: [l1, l0]}
groups:
  all:
    loops: [i2, j1, l1, i1]
    binding: {grid: [Z]}
    space: {grid: {rows: i0, columns: j0}}
    keep: {shared: {X: i2, Z: j1}, buffer: {Y: l1, Z: j1}}
"""
CASCADE = """\
cascade: product
source: made up
ranks: {I: 70, J: 100, L: 48}
inputs: {X: [I, L], Y: [L, J]}
outputs: [Z]
einsums: "Z[i,j] = X[i,l] * Y[l,j]"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("vector", VECTOR), ("oblong", OBLONG), ("rows", THREE_PASS), ("product_mapping", PRODUCT),
                       ("product", CASCADE)):  # fmt: skip
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


def archsim(*arguments: object) -> dict:
    result = CliRunner().invoke(main, [*map(str, arguments), "--json"])
    assert result.exit_code == 0, result.output + repr(result.exception)
    return json.loads(result.stdout)


def report(mapping: str, length: int, head: int, value: int, **machine: int) -> Report:
    found = load(Mapping, mapping)
    workload = load(Workload, "bert", sequence_length=length, head_dim=head, value_dim=value)
    return evaluate(load(Cascade, found.cascade), workload, found, load(Design, found.design, **machine))


# --- the closed forms of FuseMax's evaluation at shapes that nobody published


@pytest.mark.parametrize("length", [3072, 7680, 65_536])
@pytest.mark.parametrize(("head", "value"), [(96, 96), (64, 256), (256, 64)])
@pytest.mark.parametrize("mapping", ["fusemax_binding", "fusemax_architecture", "fusemax_cascade"])
@pytest.mark.parametrize("side", [128, 256])
def test_closed_forms(mapping: str, length: int, head: int, value: int, side: int) -> None:
    found = report(mapping, length, head, value, SIDE=side)
    own = 2 * side * (head + value)
    unit = head + value + 2 + (2 * side if mapping == "fusemax_cascade" else 0)
    room = (2**24 - own) // (2 * side * unit)
    tiles, rows = length // side, 64 * 12
    p1 = max((d for d in range(1, tiles + 1) if tiles % d == 0 and d <= room), default=1)
    assert found.binding.names["P1"] == p1
    traffic = 2 * rows * length * (head + value) * (1 + tiles // p1)
    assert found.dram_traffic_bytes == pytest.approx(traffic, rel=1e-12)
    one, two = 10 + 2 * value + value / tiles, head + value + 9
    if mapping == "fusemax_binding":
        interval = max(head + 1, value + 1 + value / tiles) + 9 + value
    elif mapping == "fusemax_architecture":
        interval = max(head + 1, 1 + value / tiles) + side + 1 + 8 + 2 * value
    else:
        one, two = 4 * side + 5 + 2 * value + value / tiles, head + value
        interval = max(one, two)
    tau = rows * tiles**2
    latency = max(interval * tau / FREQUENCY, traffic / BANDWIDTH)
    assert found.latency_s == pytest.approx(latency, rel=1e-12)
    assert found.utilization["array_2d"] == pytest.approx(two * tau / FREQUENCY / latency, rel=1e-12)
    assert found.utilization["array_1d"] == pytest.approx(one * tau / FREQUENCY / latency, rel=1e-12)


@pytest.mark.parametrize("mapping", ["fusemax_binding", "fusemax_architecture", "fusemax_cascade", "unfused", "flat"])
@pytest.mark.parametrize("length", [1000, 1, 257])
def test_ragged_lengths_lie_between_their_neighbours(mapping: str, length: int) -> None:
    """Work is that of the points; time that of the tiles, whole or not."""
    found = report(mapping, length, 64, 64)
    points = 64 * 12 * length**2
    macs = {p.name: p.points for g in found.binding.groups for p in g.placed}
    assert macs["QK" if "QK" in macs else "BQK"] == points * 64
    assert found.dram_traffic_bytes >= 2 * 4 * 64 * 12 * 64 * length
    full = report(mapping, -(-length // 256) * 256, 64, 64)
    assert found.latency_s <= full.latency_s * (1 + 1e-12)
    assert found.dram_traffic_bytes <= full.dram_traffic_bytes
    assert all(0 < u <= 1 for u in found.utilization.values())


# --- a machine of lanes only ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [128, 1000])
def test_a_vector_machine(folder: Path, length: int) -> None:
    """Scores of 16 queries stay in the buffer: Q, K, V in once, AV out once; every point on one of 16 lanes."""
    found = archsim("evaluate", "-m", folder / "rows.yaml", "-w", "bert", "-s", length)
    heads = 64 * 12
    blocks = -(-length // 16)
    assert found["dram_traffic_bytes"] == 2 * heads * 4 * 64 * length
    cycles = heads * blocks * length * (64 + 1 + 7 + 1 + 1 + 64)
    assert sum(e["cycles"] for e in found["per_einsum"]) == cycles == found["groups"][0]["cycles"]
    assert found["latency_s"] == pytest.approx(max(cycles / 1e9, found["dram_traffic_bytes"] / 1e11))
    occupied = 2 * (16 * length + 16 * 64 + 2 * 64 * length)
    assert found["occupancy_bytes"] == occupied
    assert found["shortfalls"] == [] and list(found["utilization"]) == ["lanes"]
    assert found["utilization"]["lanes"] == pytest.approx(length / (16 * blocks))


def test_a_vector_machine_that_spills(folder: Path) -> None:
    found = archsim("evaluate", "-m", folder / "rows.yaml", "-w", "bert", "-s", "4K")
    (short,) = found["shortfalls"]
    assert short["demand"] == 2 * (16 * 4096 + 16 * 64 + 2 * 64 * 4096) and short["bound"] == 2**20
    assert found["dram_traffic_bytes"] > 2 * 64 * 12 * 4 * 64 * 4096


def test_comparison_with_a_users_files(folder: Path) -> None:
    found = archsim("compare", folder / "rows.yaml", "unfused@flat_edge", "-w", "bert", "-s", "1000")["results"]
    assert [r["documents"]["design"] for r in found] == ["vector", "flat_edge"]
    assert found[1]["speedup"] == pytest.approx(found[0]["latency_s"] / found[1]["latency_s"])


def test_arrays_that_a_mapping_needs_and_a_machine_lacks(folder: Path) -> None:
    result = CliRunner().invoke(main, ["evaluate", "-m", "flat", "-w", "bert", "-d", str(folder / "vector.yaml")])
    assert result.exit_code == 2 and "Traceback" not in result.output
    assert "flat.yaml:57:18: CAPACITY has no value" in result.stderr


# --- three levels of memory and an array of 8 x 32 --------------------------------------------------------------------


def test_three_levels(folder: Path) -> None:
    """i: 3 blocks of 4*8 rows (70), j: 4 of 32 columns (100), l: 3 of 16; ragged, counted by hand."""
    found = archsim("evaluate", "-m", folder / "product_mapping.yaml", "-w", "bert")
    moved = found["traffic_bytes"]
    x, y, z = 70 * 48, 48 * 100, 70 * 100
    assert moved["dram"] == {"X": {"read": 2 * x}, "Y": {"read": 2 * 3 * y}, "Z": {"write": 2 * z}}
    assert moved["shared"]["X"]["fill"] == 2 * x and moved["shared"]["Z"] == {"drain": 2 * z, "write": 2 * z}
    assert moved["buffer"]["Y"]["fill"] == 2 * 3 * y, "straight from the far memory"
    assert found["dram_traffic_bytes"] == 2 * (x + 3 * y + z)
    # 9 tiles of 8 rows (70 = 8*8 + 6), 4 of columns, 48 steps each
    assert found["per_einsum"][0]["cycles"] == 9 * 4 * 48
    assert found["utilization"]["grid"] == pytest.approx(70 * 100 / (9 * 8 * 4 * 32))
    occupied = {o["memory"]: o["tensors"] for o in found["occupancy"]}
    assert occupied == {"shared": {"X": 2 * 32 * 48, "Z": 2 * 32 * 32}, "buffer": {"Y": 2 * 16 * 32, "Z": 2 * 32 * 32}}


@pytest.mark.parametrize("name", ["attention_fa1", "attention_1pass_causal", "attention_lazy", "gqa_1pass"])
def test_other_cascades_under_a_published_mapping(name: str) -> None:
    """Either it runs and keeps the laws, or what is missing is said, with exit status 2."""
    result = CliRunner().invoke(
        main, ["evaluate", "-m", "fusemax_binding", "-c", name, "-w", "bert", "-s", "1000", "--json"]
    )
    assert result.exit_code in (0, 2), result.exception
    if result.exit_code:
        assert result.stdout == "" and "fusemax_binding.yaml:" in result.stderr
    else:
        assert 0 < json.loads(result.stdout)["utilization"]["1d"] <= 1


@pytest.mark.parametrize("mode", ["encoder", "prefill", "decode"])
def test_a_workload_goes_round_through_a_file(mode: str, tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    result = CliRunner().invoke(main, ["workload", "llama3_8b", "--mode", mode, "-s", "7680", "-o", str(file)])
    assert result.exit_code == 0, result.output
    found = archsim("evaluate", "-m", "fusemax_gqa", "-w", file)
    assert found["sizes"]["P"] == (1 if mode == "decode" else 7680) and found["sizes"]["M"] == 7680
