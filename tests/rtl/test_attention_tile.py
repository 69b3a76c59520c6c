"""The attention tile under cocotb, and with it the two arrays and everything inside them."""

import functools

from rtl.bench.coverage import Coverage
from rtl.bench.toolchain import build, simulate
from tests.rtl.kernel import need_simulator

INSIDE = ["attention_tile", "tile_schedule", "pe_array", "pe", "vector_array", "vector_lane", "exp_sequence",
          "slot_ring", "skew_line", "control_line"]  # fmt: skip


def run(rows: int, cols: int, keys: int, values: int) -> Coverage:
    need_simulator()
    made = build("attention_tile", {"Rows": rows, "Cols": cols, "Keys": keys, "Values": values})
    return simulate(made, "tests.rtl.cocotb_attention_tile", seed=1).coverage


# Equal work for both arrays; sides that are no power of two, and each array in turn with more work than the other.
SHAPES = [(4, 4, 8, 8), (3, 2, 12, 4), (2, 3, 4, 9)]


def test_attention_tile() -> None:
    reached = functools.reduce(Coverage.__or__, (run(*shape) for shape in SHAPES))
    missing = reached.missing(*(f"{name}.sv" for name in INSIDE))
    assert not missing, "lines or branches that no stimulus reached:\n" + "\n".join(missing)
