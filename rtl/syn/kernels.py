"""What is synthesized, and the energy table that archsim gets from it."""

from collections.abc import Mapping

from rtl.bench.sources import ROOT
from rtl.syn.synthesis import Kernel, Netlist

__all__ = ["KERNELS", "energy_table"]

MAC, WIDE, FLOAT = ({"ManA": a, "ManB": b} for a, b in ((8, 8), (24, 8), (24, 24)))


def ordinary(port: str, width: int) -> dict[str, int]:
    """Hold the upper bits of a floating-point port's exponent, so that magnitudes lie between 2**-7 and 2.

    Bits that are random throughout would be infinite or NaN soon, and nothing would move any more.
    """
    return {f"{port}[{width - 2 - i}]": int(i > 0) for i in range(5)}


def operation(code: int) -> dict[str, int]:
    """Hold an operation: instr_i is {op[9:6], k[5:3], first, last, advance}."""
    return {f"instr_i[{i}]": (code << 6) >> i & 1 for i in range(10)}


BF16 = ordinary("a_i", 16) | ordinary("b_i", 16) | ordinary("c_i", 32)
FP32 = ordinary("a_i", 32) | ordinary("b_i", 32) | ordinary("c_i", 32)
# The multiply-accumulate at work: OpDot and OpAddNum.
DOT = operation(1) | ordinary("left_i", 16) | ordinary("top_i", 16)
ADD_NUM = operation(13) | ordinary("bottom_i", 32)
SELECT = {"NMax": 1024, "P": 16, "W": 12}
TOPK = {**SELECT, "IndexWidth": 10}
QUICK, RADIX = "archsim_pkg::TopkQuickSelect", "archsim_pkg::TopkRadixSelect"

KERNELS: dict[str, Kernel] = {
    "mac": Kernel(top="fp_mac", parameters=MAC, constants=BF16),
    "mac_24_8": Kernel(top="fp_mac", parameters=WIDE, constants=FP32 | ordinary("b_i", 16)),
    "mac_fp32": Kernel(top="fp_mac", parameters=FLOAT, constants=FP32),
    "add": Kernel(top="fp_add", constants=FP32),
    "max": Kernel(top="fp_max", parameters={"Width": 32}, constants=FP32),
    "divide": Kernel(top="fp_div", parameters={"ManY": 8}, constants=FP32),
    "divide_fp32": Kernel(top="fp_div", parameters={"ManY": 24}, constants=FP32),
    "mac_int8": Kernel(top="int_mac", parameters={"WidthA": 8, "WidthB": 8, "WidthAcc": 32}),
    "mac_fixed12": Kernel(
        top="int_mac", parameters={"WidthA": 12, "WidthB": 12, "WidthAcc": 32, "WidthY": 12, "Shift": 11}
    ),
    "exp_3": Kernel(top="exp_unit", parameters={"Degree": 3}, constants=ordinary("x_i", 32)),
    "exp": Kernel(top="exp_unit", parameters={"Degree": 5}, constants=ordinary("x_i", 32)),
    "pe": Kernel(top="pe", parameters={"Degree": 3}, constants=DOT),
    "lane_4": Kernel(top="vector_lane", parameters={"Values": 4}, constants=ADD_NUM),
    "lane": Kernel(top="vector_lane", parameters={"Values": 8}, constants=ADD_NUM),
    "schedule": Kernel(top="tile_schedule", parameters={"Keys": 8, "Values": 8}),
    "running_max": Kernel(top="running_max", parameters={"Lanes": 4, "Width": 32}),
    "softmax": Kernel(top="online_softmax", parameters={"Lanes": 4, "Degree": 3}, flatten=False, power=False),
    "tile": Kernel(
        top="attention_tile",
        parameters={"Rows": 4, "Cols": 4, "Keys": 8, "Values": 8},
        flatten=False,
        power=False,
    ),
    "fifo": Kernel(top="sync_fifo", parameters={"Width": 32, "Depth": 8}),
    "skid": Kernel(top="skid_buffer", parameters={"Width": 32}),
    "fork": Kernel(top="stream_fork", parameters={"Width": 32, "Outputs": 2}),
    "prefix_count": Kernel(top="prefix_count", parameters={"Lanes": 16}),
    "eliminator": Kernel(top="zero_eliminator", parameters={"Lanes": 16, "Width": 22}),
    "merge": Kernel(top="row_merge", parameters={"Lanes": 16, "Width": 12}),
    "packer": Kernel(top="row_packer", parameters={"Lanes": 16, "Width": 22}, power=False),
    "quick_select": Kernel(top="quick_select", parameters=SELECT, outside=True, power=False),
    "radix_select": Kernel(top="radix_select", parameters=SELECT, outside=True, power=False),
    "topk_quick": Kernel(top="topk_engine", parameters={**TOPK, "Mode": QUICK}, outside=True, power=False),
    "topk_radix": Kernel(top="topk_engine", parameters={**TOPK, "Mode": RADIX}, outside=True, power=False),
    "quantization": Kernel(top="quant_decision", parameters={"P": 16, "W": 12}, power=False),
}
"""Name -> kernel; the names of the table's components where there is one."""

PUBLISHED = ROOT / "designs" / "energy" / "fusemax_physical.yaml"

WHY = {
    "mac": "bfloat16 operands and a float32 sum (8 x 8 bits of significand instead of 24 x 24), pipelined over 4"
           " clocks: over a quarter of its area are flip-flops; the published one is float32 in one clock",
    "add": "float32 as the published one, but with four pipeline registers instead of none; the published area"
           " leaves it out",
    "max": "float32 with NaN and valid bit; the published one is an integer comparator and a multiplexer",
    "exp": "a polynomial of degree 5 with six float32 multiply-accumulates in a row, pipelined; the published one"
           " counts five bare multiply-accumulates and a multiplication",
    "divide": "quotient of 8 bits instead of a 32-bit divider of 90 nm scaled down; pipelined",
    "registers_2d": "all of a PE beside its units: 4 tiles in turn in 92 bits each, operand selection, the pipes"
                    " downwards and to the right; the published one is a 64-word file with 64 comparators",
    "registers_1d": "all of a lane beside its units, as registers_2d; per word of numerators a flip-flop row, which is"
                    " larger than an SRAM",
}  # fmt: skip


def energy_table(found: Mapping[str, Netlist], source: str) -> str:
    """Return the text of designs/energy/nangate45_rtl.yaml.

    A register file is what an array's element has beside its units, so that an element's area is that of its netlist.
    Its energy is shared by the 3 reads and 1 write that the model counts for a multiply-accumulate.
    """
    energy = {name: netlist.energy_pj or 0.0 for name, netlist in found.items()}
    area = {name: netlist.area_um2 for name, netlist in found.items()}
    files_2d = (energy["pe"] - energy["mac"]) / 4
    files_1d = (energy["lane"] - energy["mac"]) / 4
    word = (area["lane"] - area["lane_4"]) / 16
    area_2d = area["pe"] - area["mac"] - area["max"]
    area_1d = area["lane"] - 32 * word - area["mac"] - area["max"] - area["divide"]
    published = PUBLISHED.read_text(encoding="utf-8")
    memories = published[published.index("  hbm2:") : published.index("  mac:")]
    lines = [
        "# Written by make synth (python -m rtl.syn); do not edit.",
        "energy: nangate45_rtl",
        "description: Units and registers synthesized from rtl/ in NanGate 45 nm; memories as in fusemax_physical",
        f'source: "{source}"',
        "beside: fusemax",
        "components:",
        memories.rstrip("\n"),
    ]

    def component(name: str, values: str, what: str) -> None:
        lines.append(f'  {name}: {{{values}, source: "{what}",')
        lines.append(f'    differs: "{WHY[name]}"}}')

    for name, operands in (("mac", 3), ("add", 2), ("max", 2), ("exp", 1), ("divide", 2)):
        values = f"energy: {energy[name]:.4g} pJ, area: {area[name]:.6g}, operands: {operands}"
        component(name, values, KERNELS[name].label)
    for name, joules, um2, what in (
        ("registers_2d", files_2d, f"{area_2d:.6g}", "pe less mac and max"),
        ("registers_1d", files_1d, f'"{area_1d:.6g} + {word:.5g}*DEPTH_1D"', "vector_lane less mac, max and divide"),
    ):
        component(name, f"read: {joules:.4g} pJ, write: {joules:.4g} pJ, area: {um2}", f"{what}; a quarter an access")
    return "\n".join(lines) + "\n"
