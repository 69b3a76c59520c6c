"""Number formats of 32 bits and fewer, and rounding to them on any array library, to nearest, ties to even.

| name | what |
|---|---|
| fp64, fp32 | the array's own types |
| tf32, bf16, fp16 | 1+8+10, 1+8+7 and 1+5+10 bits; overflow gives infinity |
| e4m3, e5m2 | 8 bits (OCP 8-bit floating point specification 1.0, 2023: e4m3 has no infinity, its largest is 448) |
| intN | N bits, symmetric, one scale for what is rounded at once: largest magnitude / (2**(N-1) - 1) |
| qI.F | fixed point with I bits before the point, sign included, and F behind it |

Subnormal numbers are kept. 8-bit and fixed-point numbers saturate (infinity too), as conversion instructions for them
do; the others become infinite, unless `saturate` says otherwise.
"""

import re
from dataclasses import dataclass, replace
from types import ModuleType

from einsum_cascade.errors import Diagnostic, Place, SpecError, did_you_mean
from einsum_cascade.interpret.backend import Array

__all__ = ["Format", "number_format", "round_to"]


@dataclass(frozen=True, kw_only=True)
class Format:
    """A number format.

    Floating point: `exponent` bits, `fraction` bits (behind the leading one), `largest` finite number. Fixed point:
    `width` bits, of which `behind` stand behind the point; None: the scale follows the largest magnitude.
    """

    name: str
    exponent: int = 0
    fraction: int = 0
    largest: float = 0.0
    width: int = 0
    behind: int | None = None
    saturate: bool = False

    @property
    def fixed(self) -> bool:
        """Whether the format is fixed point."""
        return self.width > 0

    @property
    def bits(self) -> int:
        """Bits of a number."""
        return self.width or 1 + self.exponent + self.fraction

    @property
    def least_normal(self) -> float:
        """The least normal number of a floating-point format."""
        return float(2.0 ** (2 - 2 ** (self.exponent - 1)))

    def holds(self, other: "Format") -> bool:
        """Return whether every number of `other` is one of this format, so that rounding would change nothing.

        >>> number_format("fp32").holds(number_format("bf16")), number_format("fp16").holds(number_format("bf16"))
        (True, False)
        """
        if self == other and (self.behind is not None or not self.fixed):
            return True
        floats = not self.fixed and not other.fixed
        return floats and self.fraction >= other.fraction and self.exponent >= other.exponent


def _binary(name: str, exponent: int, fraction: int, largest: float = 0.0, saturate: bool = False) -> Format:
    largest = largest or (2 - 2.0**-fraction) * 2.0 ** (2 ** (exponent - 1) - 1)
    return Format(name=name, exponent=exponent, fraction=fraction, largest=largest, saturate=saturate)


FLOATS = {
    f.name: f
    for f in (
        _binary("fp64", 11, 52), _binary("fp32", 8, 23), _binary("tf32", 8, 10), _binary("bf16", 8, 7),
        _binary("fp16", 5, 10), _binary("e4m3", 4, 3, 448.0, True), _binary("e5m2", 5, 2, saturate=True),
    )
}  # fmt: skip
ALIASES = {"float64": "fp64", "float32": "fp32", "bfloat16": "bf16", "float16": "fp16", "fp8_e4m3": "e4m3",
           "fp8_e5m2": "e5m2"}  # fmt: skip


def number_format(name: str, saturate: bool | None = None, place: Place | None = None) -> Format:
    """Return the format of this name; `saturate` None: as the format does.

    Raises SpecError, at `place`: there is no such format.

    >>> number_format("bf16").largest, number_format("int12").bits, number_format("q4.8").behind
    (3.3895313892515355e+38, 12, 8)
    """
    integer, point = re.fullmatch(r"int(\d{1,2})", name), re.fullmatch(r"q(\d{1,2})\.(\d{1,2})", name)
    found = FLOATS.get(ALIASES.get(name, name))
    if integer and 2 <= int(integer.group(1)) <= 32:
        found = Format(name=name, width=int(integer.group(1)), saturate=True)
    elif point and int(point.group(1)) >= 1 and 2 <= int(point.group(1)) + int(point.group(2)) <= 32:
        width, behind = int(point.group(1)) + int(point.group(2)), int(point.group(2))
        found = Format(name=name, width=width, behind=behind, saturate=True)
    if found is None:
        place = place or Place(file="number format", column=1, length=len(name), text=name)
        expected = "one of " + ", ".join(FLOATS) + ", int2 ... int32, or qI.F of up to 32 bits"
        hint = did_you_mean(name, [*FLOATS, *ALIASES, "int8", "int12"])
        raise SpecError([Diagnostic(place=place, message=f"there is no number format {name}", expected=expected,
                                    hint=hint)])  # fmt: skip
    return found if saturate is None or found.fixed else replace(found, saturate=saturate)


def round_to(xp: ModuleType, x: Array, given: Format, mask: Array | None = None) -> Array:
    """Return `x` (float32 or float64) rounded to a format, in its own type; NaN stays.

    `mask`: what is present; elsewhere values do not count for the scale of an intN. One that is wider than the type
    of `x` changes nothing.

    >>> import numpy as np
    >>> x = np.asarray([1.01, -300.0, 1e-9, 70000.0])
    >>> round_to(np, x, number_format("fp16")).tolist()
    [1.009765625, -300.0, 0.0, inf]
    >>> round_to(np, x, number_format("e4m3")).tolist()
    [1.0, -288.0, 0.0, 448.0]
    """
    if given.fixed:
        return _fixed(xp, x, given, mask)
    single = x.dtype == xp.float32
    have = 23 if single else 52
    if given.fraction >= have:
        whole: Array = xp.clip(x, -given.largest, given.largest) if given.saturate and given.fraction == have else x
        return whole
    native = getattr(xp, {"bf16": "bfloat16", "fp16": "float16"}.get(given.name, ""), None)
    if single and native is not None and not given.saturate:
        with_type: Array = xp.astype(xp.astype(x, native), xp.float32)  # the library's own conversion
        return with_type
    kind = xp.int32 if single else xp.int64
    shift = have - given.fraction
    pattern = x.view(kind)
    pattern = (pattern + ((1 << (shift - 1)) - 1) + ((pattern >> shift) & 1)) & -(1 << shift)
    result = pattern.view(x.dtype)
    if not single or given.exponent < 8:
        quantum = given.least_normal * 2.0**-given.fraction
        small = xp.abs(x) < given.least_normal
        result = xp.where(small, xp.round(xp.where(small, x, 0.0) * (1 / quantum)) * quantum, result)
    over = xp.abs(result) > given.largest
    most = given.largest if given.saturate else float("nan") if given.name == "e4m3" else float("inf")
    result = xp.where(over, xp.copysign(xp.full_like(x, most), x), result)
    rounded: Array = xp.where(xp.isnan(x), x, result)
    return rounded


def _fixed(xp: ModuleType, x: Array, given: Format, mask: Array | None) -> Array:
    """Round to a multiple of the step, within -most .. most of it (two's complement has one number more below)."""
    most = 2 ** (given.width - 1) - 1
    finite = xp.isfinite(x) if mask is None else xp.isfinite(x) & mask
    if given.behind is not None:
        step: float | Array = 2.0**-given.behind
    else:
        top = xp.max(xp.where(finite, xp.abs(x), xp.zeros_like(x)))
        step = xp.where(top / most > 0, top / most, xp.ones_like(top))  # a subnormal top may leave no step
    whole = xp.clip(xp.round(x / step), -float(most), float(most))
    rounded: Array = whole * step
    return rounded
