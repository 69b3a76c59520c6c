"""The two exponentials of the hardware, bit for bit, and the package of constants they are made with.

`exp_unit` is `einsum_cascade.numerics`' unit `poly<degree>`, nothing else: its coefficients and rounding steps stand
there. `exp_on_mac` is the sequence on a processing element's own multiply-accumulate, which takes bfloat16 operands and
a float32 addend, as FuseMax does it (MICRO'24, section V-B): `steps(degree)` operations in a row, 7 at degree 3, of
which the first is the subtraction of the maximum.

With operands of 8 bits, x * log2(e) rounded to bfloat16 would carry an error of |x| * 2**-9 into the result. So only
the whole number n comes from it, and two more operations make r = x - n * ln 2 with ln 2 in two parts, whose product
with n is exact. What is left is the rounding of r (|r| <= 0.35: 7e-4) and of the partial results (7e-4), so
a cubic is enough and the 6 multiply-accumulates that the paper charges pay for it: 1 for n, 2 for r, 3 for the cubic.
"""

import math
from functools import cache
from types import ModuleType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from einsum_cascade.numerics.exponential import COEFFICIENTS, LOG2E, bits, coefficients, exponential
from rtl.bench.models_float import MAC_LATENCY, Floats, bf16, bits16, bits32, float16, mac

__all__ = [
    "exp_on_mac", "exp_package", "exp_unit", "exp_unit_latency", "natural_coefficients", "steps",
]  # fmt: skip

MAGIC = 12582912.0
"""1.5 * 2**23: a float32 sum with it is a whole number, in the low bits of the significand."""

LOG2E_16 = float(bf16([LOG2E])[0])
LN2_HIGH = float(bf16([math.log(2)])[0])
LN2_LOW = float(bf16([math.log(2) - LN2_HIGH])[0])


def exp_unit(x: ArrayLike, degree: int) -> Floats:
    """Return exp(x) as the pipelined `exp_unit` does: float32 to float32."""
    xp: ModuleType = np
    result: Floats = np.asarray(exponential(f"poly{degree}")(xp, xp.asarray(x, dtype=np.float32)))
    return result


def exp_unit_latency(degree: int) -> int:
    """Return the cycles of `exp_unit`: the multiplication by log2(e), two for n and f, Horner's rule, the exponent."""
    return MAC_LATENCY * (1 + degree) + 3


def steps(degree: int) -> int:
    """Return the operations of `exp_on_mac`, the subtraction included.

    >>> steps(3)
    7
    """
    return degree + 4


@cache
def natural_coefficients(degree: int) -> tuple[float, ...]:
    """Return the coefficients of exp(r) over |r| <= ln(2)/2: those of 2**f for f = r/ln(2).

    Float32 numbers; the highest is a bfloat16, since it is an operand of the multiplier.
    """
    scaled = [c * math.log2(math.e) ** k for k, c in enumerate(coefficients(degree))]
    return (*(float(np.float32(c)) for c in scaled[:-1]), float(bf16([scaled[-1]])[0]))


def exp_on_mac(x: ArrayLike, m: ArrayLike, degree: int = 3) -> Floats:
    """Return exp(x - m) in bfloat16 as a processing element does, for m not below x.

    Parameters
    ----------
    x : float32
    m : bfloat16

    >>> exp_on_mac([0.0, -1.0], [0.0, 0.0]).tolist()
    [1.0, 0.369140625]
    """
    c = natural_coefficients(degree)
    d, d16 = mac(np.float32(-1), m, x)
    shifted, _ = mac(d16, LOG2E_16, MAGIC)
    n = ((bits32(shifted).astype(np.int64) + 256) % 512) - 256
    n16 = n.astype(np.float32)
    r, _ = mac(n16, -LN2_HIGH, d)
    _, r16 = mac(n16, -LN2_LOW, r)
    _, p16 = mac(r16, c[-1], c[-2])
    for constant in c[-3::-1]:
        _, p16 = mac(p16, r16, constant)
    return scaled(p16, n, d)


def scaled(p16: Floats, n: NDArray[np.int64], d: Floats) -> Floats:
    """Return p16 * 2**n by an addition to the exponent; 0 where d <= -128 or the exponent leaves, NaN where d is."""
    words = bits16(p16).astype(np.int64)
    exponent = (words >> 7 & 0xFF) + n
    value = float16(np.where(exponent <= 0, 0, (exponent & 0xFF) << 7 | words & 0x7F))
    value = np.where(d <= -128, np.float32(0), value)
    return np.where(np.isnan(d), np.float32(np.nan), value)


def exp_package() -> str:
    """Return the text of rtl/arith/exp_pkg.sv; `python -m rtl.bench.models_exp > rtl/arith/exp_pkg.sv` writes it."""
    lines = [
        "// Constants of the exponentials. Written by python -m rtl.bench.models_exp from einsum_cascade.numerics; a",
        "// test compares. Do not edit.",
        "package exp_pkg;",
        "",
        f"  localparam logic [31:0] Log2E = 32'h{bits((LOG2E,))[0]:08x};",
        f"  localparam logic [31:0] Magic = 32'h{bits((MAGIC,))[0]:08x};  // 1.5 * 2^23",
        "  // As operands of a bfloat16 multiplier.",
        f"  localparam logic [15:0] Log2E16 = 16'h{int(bits16([LOG2E_16])[0]):04x};",
        f"  localparam logic [15:0] MinusLn2High = 16'h{int(bits16([-LN2_HIGH])[0]):04x};",
        f"  localparam logic [15:0] MinusLn2Low = 16'h{int(bits16([-LN2_LOW])[0]):04x};",
    ]
    for name, what, values in (
        ("exp2_coefficient", "2^f over |f| <= 1/2", coefficients),
        ("exp_coefficient", "exp(r) over |r| <= ln(2)/2, the highest a bfloat16", natural_coefficients),
    ):
        lines += ["", f"  // Coefficient k of the polynomial of a degree for {what}."]
        lines += [f"  function automatic logic [31:0] {name}(int unsigned degree, int unsigned k);"]
        lines += ["    case (8 * degree + k)"]
        for degree in COEFFICIENTS:
            lines += [f"      {8 * degree + k}: return 32'h{word:08x};" for k, word in enumerate(bits(values(degree)))]
        lines += ["      default: return '0;  // coverage off: no such polynomial", "    endcase", "  endfunction"]
    return "\n".join([*lines, "", "endpackage", ""])


if __name__ == "__main__":
    print(exp_package(), end="")
