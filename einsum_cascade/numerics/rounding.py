"""A machine's arithmetic for `run`: operands, sums and results are rounded to the formats of its `numerics:`.

What is modelled, and why:

- **Operands are rounded when an Einsum reads them**, unless they are stored in a format that its input format holds.
- **Products are not rounded on their own**: a fused multiply-accumulate adds the exact product, as tensor cores do. Two
  operands of 11 bits and fewer (bf16, fp16, tf32, fp8) have a product that float32 holds exactly.
- **Sums are rounded to the accumulate format after every `block` products**, in the order of the coordinates. With a
  `block` of 1 that is a multiply-accumulate unit, with more an adder tree before the accumulator. Where the accumulate
  format is the type in which the array library computes, its own sums do (any order, one rounding each).
- **Results are rounded when they are stored.** A running value (`R[m+1] = ...`) is stored at every step, so its error
  grows as on the machine.
- **Inside one Einsum nothing else is rounded**: `exp(S - M)` takes the difference in float32, the width of the unit
  that executes both. The function `exp` (and `elu1`, which contains it) is the machine's.
- A scale of an intN format is taken over what is stored at once: a tensor, or the tile of it that a loop makes.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import ModuleType

from einsum_cascade.einsum import Einsum
from einsum_cascade.interpret.arithmetic import Adder
from einsum_cascade.interpret.backend import Array
from einsum_cascade.interpret.functions import Function, as_float
from einsum_cascade.numerics.formats import Format, round_to
from einsum_cascade.numerics.rules import Formats, Numerics, last_operation

__all__ = ["Accumulator", "Rounding", "Tally"]


@dataclass
class Tally:
    """What rounding did to the operands and results of an Einsum, at present points.

    `overflow`: became infinite or saturated, or came out of the operation so; `underflow`: became 0; `undefined`: NaN.
    """

    values: int = 0
    overflow: int = 0
    underflow: int = 0
    undefined: int = 0


@dataclass(frozen=True, kw_only=True)
class Accumulator:
    """Adds up in a format, rounded after every `block` terms.

    A step is computed in float64, where a sum of products of float32 is all but exact, and rounded once. A format that
    holds the type of the terms leaves the sum to the array library.
    """

    format: Format
    block: int

    def matmul(self, xp: ModuleType, a: Array, b: Array) -> Array:
        """Return the stack of matrix products of `a` (..., i, k) and `b` (..., k, j).

        >>> import numpy as np
        >>> from einsum_cascade.numerics.formats import number_format
        >>> a, b = np.full((1, 4096), 1.0, dtype=np.float32), np.full((4096, 1), 1.0, dtype=np.float32)
        >>> adder = Accumulator(format=number_format("bf16"), block=1)
        >>> float(adder.matmul(np, a, b)[0, 0])  # 256 + 1 is 256 in bf16
        256.0
        """
        if self._plain(xp, a) or not a.shape[-1]:
            whole: Array = xp.matmul(a, b)
            return whole
        one, two = xp.astype(a, xp.float64), xp.astype(b, xp.float64)
        parts = (xp.matmul(one[..., k : k + self.block], two[..., k : k + self.block, :])
                 for k in range(0, a.shape[-1], self.block))  # fmt: skip
        return self._added(xp, parts, a)

    def sum(self, xp: ModuleType, values: Array, axis: tuple[int, ...]) -> Array:
        """Return the sum over some axes, in the order of the coordinates."""
        if self._plain(xp, values) or not math.prod(values.shape):
            whole: Array = xp.sum(values, axis=axis)
            return whole
        kept = tuple(k for k in range(values.ndim) if k not in axis)
        moved = xp.permute_dims(values, (*axis, *kept))
        flat = xp.reshape(moved, (math.prod(values.shape[k] for k in axis), *(values.shape[k] for k in kept)))
        parts = (xp.sum(xp.astype(flat[k : k + self.block], xp.float64), axis=0)
                 for k in range(0, flat.shape[0], self.block))  # fmt: skip
        return self._added(xp, parts, values)

    def _plain(self, xp: ModuleType, like: Array) -> bool:
        return not self.format.fixed and self.format.fraction >= (23 if like.dtype == xp.float32 else 52)

    def _added(self, xp: ModuleType, parts: Iterable[Array], like: Array) -> Array:
        total: Array | None = None
        for part in parts:
            total = round_to(xp, part if total is None else total + part, self.format)
        assert total is not None
        result: Array = xp.astype(total, like.dtype)
        return result


@dataclass
class Rounding:
    """The arithmetic of `numerics` on the Einsums of a cascade; `tally` counts, by Einsum, what became of the values.

    `words` are inputs that hold words already and are not rounded again. One object serves one run.

    >>> import numpy as np
    >>> from einsum_cascade import Cascade, load
    >>> from einsum_cascade.interpret import run
    >>> from einsum_cascade.numerics.rules import plain
    >>> cascade, rounding = load(Cascade, "attention_naive"), None
    >>> rounding = Rounding.of(plain("fp16"), cascade.einsums)
    >>> tensors = {"Q": np.full((1, 1), 12.0), "K": np.ones((1, 4)), "V": np.ones((1, 4))}
    >>> tensors = {name: t.astype(np.float32) for name, t in tensors.items()}
    >>> run(cascade, tensors, arithmetic=rounding)["AV"].tolist()
    [[nan]]
    >>> rounding.tally["SN"].overflow
    4
    """

    numerics: Numerics
    formats: Mapping[str, Formats]
    operations: Mapping[str, str]
    words: frozenset[str] = frozenset()
    tally: dict[str, Tally] = field(default_factory=dict)
    held: dict[str, Format] = field(default_factory=dict)

    @classmethod
    def of(cls, numerics: Numerics, einsums: tuple[Einsum, ...], words: Iterable[str] = ()) -> "Rounding":
        """Return the arithmetic for these Einsums; of several with one name the last one's rule holds."""
        return cls(numerics, {e.name: numerics.formats(e) for e in einsums},
                   {e.name: last_operation(e) for e in einsums}, frozenset(words))  # fmt: skip

    def given(self, xp: ModuleType, tensor: str, values: Array) -> Array:
        """Return an input rounded to words."""
        self.held[tensor] = self.numerics.word
        return values if tensor in self.words else round_to(xp, values, self.numerics.word)

    def loaded(self, xp: ModuleType, einsum: str, tensor: str, values: Array, mask: Array | None) -> Array:
        """Return an operand rounded to the input format of the Einsum, and count what that did."""
        formats, held = self.formats.get(einsum), self.held.get(tensor)
        if formats is None and held is not None:
            self.held[einsum] = held  # a view shows what is stored
        if formats is None or (held is not None and (held == formats.input or formats.input.holds(held))):
            return values
        result = round_to(xp, values, formats.input, mask)
        self._count(xp, einsum, (values, result, mask), formats.input, False)
        return result

    def stored(self, xp: ModuleType, einsum: Einsum, values: Array, mask: Array | None) -> Array:
        """Return a result rounded to the output format of its Einsum, and count what that did."""
        output = self.formats[einsum.name].output
        self.held[einsum.name] = output
        result = round_to(xp, values, output, mask)
        # an exponential is never 0: there every 0 is an underflow
        self._count(xp, einsum.name, (values, result, mask), output, self.operations[einsum.name] == "exp")
        return result

    def _count(
        self, xp: ModuleType, name: str, arrays: tuple[Array, Array, Array | None], to: Format, positive: bool
    ) -> None:
        """Count overflows and underflows of values rounded `to` a format; `positive`: none of them was 0 before."""
        values, result, mask = arrays
        tally, size = self.tally.setdefault(name, Tally()), xp.abs(result)
        over = xp.isinf(result)
        if to.saturate and not (to.fixed and to.behind is None):
            most = to.largest or (2 ** (to.width - 1) - 1) * 2.0 ** -(to.behind or 0)
            over = over | ((size >= most) & (result != values))
        under = size == 0 if positive else (size == 0) & (xp.abs(values) > 0)
        tally.values += math.prod(result.shape) if mask is None else _counted(xp, xp.ones_like(over), mask)
        tally.overflow += _counted(xp, over, mask)
        tally.underflow += _counted(xp, under, mask)
        tally.undefined += _counted(xp, xp.isnan(result), mask)

    def function(self, name: str) -> Function | None:
        """Return the machine's exponential, and the function elu1 with it."""
        unit = self.numerics.exponential
        if unit.kind == "exact" or name not in ("exp", "elu1"):
            return None

        def exp(xp: ModuleType, x: Array) -> Array:
            return unit(xp, as_float(xp, x))

        def elu1(xp: ModuleType, x: Array) -> Array:
            x = as_float(xp, x)
            below: Array = xp.where(x < 0, unit(xp, xp.where(x < 0, x, xp.zeros_like(x))), x + 1)
            return below

        return exp if name == "exp" else elu1

    def adder(self, einsum: str) -> Adder | None:
        """Return the accumulator of an Einsum; None where its sums are exact."""
        formats = self.formats.get(einsum)
        accumulate = formats.accumulate if formats else None
        return None if accumulate is None else Accumulator(format=accumulate, block=self.numerics.block)


def _counted(xp: ModuleType, found: Array, mask: Array | None) -> int:
    return int(xp.count_nonzero(found if mask is None else found & mask))
