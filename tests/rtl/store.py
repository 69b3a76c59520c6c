"""The memory beside a selection: answers the row asked for one cycle later."""

from typing import Any

import numpy as np

from rtl.bench import topk
from rtl.bench.streams import pack


class Store:
    """Drives keys_i with the row that row_o named at the last edge; noise above the last key.

    Parameters
    ----------
    dut
        A selection.
    lanes, width
        Its parameters P and W.
    """

    def __init__(self, dut: Any, rng: np.random.Generator, lanes: int, width: int) -> None:
        self.dut, self.rng, self.lanes, self.width = dut, rng, lanes, width
        self.rows: list[list[int]] = [[]]
        self.asked = 0
        self.done: list[dict[str, int]] = []

    def fill(self, keys: topk.Keys) -> None:
        """Hold the keys of the next job."""
        self.rows = topk.packed_rows(keys, self.lanes)

    def row(self, number: int) -> int:
        """Give a row as one vector, noise in its unused lanes and in rows that are not there."""
        held = self.rows[number] if number < len(self.rows) else []
        # Half of the noise are keys of the job: what stands in an unused lane must not count even if it is the pivot.
        spare = self.lanes - len(held)
        noise = self.rng.integers(0, 1 << self.width, size=spare)
        noise = np.where(self.rng.random(spare) < 0.5, self.rng.choice(held or [0], size=spare), noise).tolist()
        return pack([*held, *noise], self.width)

    def drive(self, cycle: int) -> None:
        """Answer."""
        self.dut.keys_i.value = self.row(self.asked)

    def sample(self, cycle: int) -> None:
        """Note what is asked for, and what is found."""
        self.asked = int(self.dut.row_o.value)
        if int(self.dut.done_o.value):
            ports = {"theta": self.dut.theta_o, "keep_equal": self.dut.keep_equal_o, "rounds": self.dut.rounds_o}
            self.done.append({"cycle": cycle, **{name: int(port.value) for name, port in ports.items()}})
