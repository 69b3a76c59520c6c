"""The attention tile: what it computes, bit for bit, and how long it takes, cycle for cycle.

The same order of operations as the hardware: scores add up over e, column sums from the first row to the last,
numerators and denominator over the tiles of keys.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtl.bench.models_exp import exp_on_mac, steps
from rtl.bench.models_float import MAC_LATENCY, Floats, divide, divide_latency, mac, maximum, up_to_bf16

__all__ = ["Shape", "TileCommand", "attention_tile"]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The parameters of an attention tile.

    Attributes
    ----------
    rows, cols : processing elements; keys and queries of a tile
    keys, values : E and F
    degree : of the polynomial in the exponential
    """

    rows: int
    cols: int
    keys: int
    values: int
    degree: int = 3

    @property
    def work_2d(self) -> int:
        """Steps in which the 2D array works on a tile: dot, maximum, exponential, row sum, weighted sum.

        >>> Shape(rows=4, cols=4, keys=64, values=64).work_2d  # FuseMax: E + F + 9
        137
        """
        return self.keys + self.values + steps(self.degree) + 2

    @property
    def work_1d(self) -> int:
        """Steps in which the 1D array works on a tile: maximum, factor, and each sum scaled and added to.

        >>> Shape(rows=4, cols=4, keys=64, values=64).work_1d  # FuseMax: 2F + 10
        138
        """
        return 2 * self.values + steps(self.degree) + 3

    @property
    def steps(self) -> int:
        """Steps from one group of tiles to the next: the initiation interval."""
        return max(self.work_2d, self.work_1d)

    def cycles(self, groups: int) -> int:
        """Return the cycles from the first command taken to the last result, without stalls.

        >>> Shape(rows=4, cols=4, keys=8, values=8).cycles(1)
        239
        """
        return MAC_LATENCY * groups * self.steps + self.fill

    @property
    def fill(self) -> int:
        """Cycles beyond one interval a group: the last group's exponentials and sums, the way down and across."""
        down = self.keys + self.values + self.rows + steps(self.degree) + 2
        return MAC_LATENCY * down + divide_latency(8) + 3 + self.cols


@dataclass(frozen=True, kw_only=True)
class TileCommand:
    """Four tiles of scores, with their operands.

    Attributes
    ----------
    first, last : whether the block of queries begins or ends here
    causal, rows, base : the mask, as the ports cmd_* say it
    q : float32 (bfloat16 numbers), shape (E, 4, cols)
    k : float32 (bfloat16 numbers), shape (E, rows)
    v : float32 (bfloat16 numbers), shape (F, rows)
    """

    first: bool
    last: bool
    causal: bool
    rows: int
    base: int
    q: Floats
    k: Floats
    v: Floats

    def visible(self) -> NDArray[np.bool_]:
        """Return which scores the mask shows, shape (rows, 4, cols)."""
        row = np.arange(self.k.shape[1])[:, None, None]
        slot = np.arange(MAC_LATENCY)[None, :, None]
        column = np.arange(self.q.shape[2])[None, None, :]
        start = self.base + row - slot * self.q.shape[2] if self.causal else 0 * row
        return (row < self.rows) & (column >= start)


def attention_tile(shape: Shape, commands: Sequence[TileCommand]) -> Iterator[Floats]:
    """Yield the results of each block of queries: bfloat16 numbers, shape (F, 4, cols)."""
    tile = (MAC_LATENCY, shape.cols)
    m, seen = np.zeros(tile, np.float32), np.zeros(tile, bool)
    den: Floats = np.zeros(tile, np.float32)
    num: Floats = np.zeros((shape.values, *tile), np.float32)
    for command in commands:
        score = np.zeros((shape.rows, *tile), np.float32)
        for e in range(shape.keys):
            score, _ = mac(command.k[e][:, None, None], command.q[e][None], score)
        visible = command.visible()

        top, any_visible = np.zeros(tile, np.float32), np.zeros(tile, bool)
        for r in range(shape.rows):
            top, any_visible = maximum(top, any_visible, score[r], visible[r])
        begun = seen & (not command.first)
        after, seen = maximum(m, begun, up_to_bf16(top), any_visible)
        # Where nothing has been seen the factor is 0, like the sums.
        factor = np.where(begun, exp_on_mac(m, after, shape.degree), np.float32(0))
        m = after

        with np.errstate(invalid="ignore"):
            weight = np.where(visible, exp_on_mac(score, m[None], shape.degree), np.float32(0))
        row_sum, weighted = np.zeros(tile, np.float32), np.zeros_like(num)
        for r in range(shape.rows):
            row_sum, _ = mac(weight[r], 1.0, row_sum)
            weighted, _ = mac(command.v[:, r][:, None, None], weight[r][None], weighted)

        if command.first:
            den, num = np.zeros_like(den), np.zeros_like(num)
        den, _ = mac(mac(den, factor, 0.0)[0], 1.0, row_sum)
        num, _ = mac(mac(num, factor[None], 0.0)[0], 1.0, weighted)
        if command.last:
            nothing = den == 0
            yield divide(np.where(nothing, np.float32(0), num), np.where(nothing, np.float32(1), den))
