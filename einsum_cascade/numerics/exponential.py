"""Exponential units of accelerators: exp(x) = 2**n * 2**f in float32, step by step as a machine does it.

The steps, each with one rounding to nearest, ties to even, of float32 (24 bits):

1. t = x * LOG2E                     one multiplication (LOG2E itself is a float32)
2. n = t rounded to a whole number, ties to even
3. f = t - n                         exact, |f| <= 1/2
4. p = 2**f by the unit's `kind`
     poly    Horner: p = c[d]; then p = fma(p, f, c[k]) for k = d-1, ..., 0: d multiply-accumulates, one rounding each
     taylor  the same with c[k] = ln(2)**k / k!
     table   u = (f + 1/2) * N: one rounding in the sum, the product is exact since N is a power of two;
             j = the whole part of u (N - 1 at most), r = u - j exact; p = fma(D[j], r, T[j]) with T[j] = 2**(j/N - 1/2)
             and D[j] = T[j+1] - T[j], both float32
5. exp(x) = p * 2**n                 n is added to the exponent; 0 below 2**-126, infinity from 2**128 on

So `poly` of degree d takes d + 1 multiply-accumulates (step 1 is one): 6 for degree 5, the cost that FuseMax
(MICRO'24, section VI-A) charges for an exponential. NaN gives NaN.
"""

import math
import re
from dataclasses import dataclass
from functools import cache
from types import ModuleType

import numpy as np

from einsum_cascade.errors import Diagnostic, Place, SpecError, did_you_mean
from einsum_cascade.interpret.backend import Array, device_of, namespace
from einsum_cascade.numerics.fitting import approximation_error
from einsum_cascade.numerics.fused import BLOCK, fused, scaled_by_power

__all__ = ["COEFFICIENTS", "LOG2E", "Exponential", "bits", "bound", "coefficients", "exponential", "measured_error"]

LOG2E = 1.44269502162933349609375
"""log2(e) rounded to float32: 0x3fb8aa3b."""

UNIT_ROUNDOFF = 2.0**-24

COEFFICIENTS: dict[int, tuple[float, ...]] = {
    3: (1.0, 0.6932829022407532, 0.24221095442771912, 0.05500893294811249),
    4: (1.0, 0.6931241750717163, 0.24024099111557007, 0.055906426161527634, 0.009582852944731712),
    5: (1.0, 0.6931470036506653, 0.24022242426872253, 0.05550733581185341, 0.009671512991189957,
        0.001326472731307149),
    6: (1.0, 0.6931471824645996, 0.24022647738456726, 0.055503323674201965, 0.00961843691766262,
        0.0013398873852565885, 0.00015353361959569156),
    7: (1.0, 0.6931471824645996, 0.24022650718688965, 0.055504102259874344, 0.009618038311600685,
        0.0013333935057744384, 0.00015466756303794682, 1.5196156709862407e-05),
}  # fmt: skip
"""Degree -> c[0], c[1], ...: the coefficients of `fitting.fit`, each rounded to float32."""


def coefficients(degree: int) -> tuple[float, ...]:
    """Return c[0], c[1], ..., c[degree] of 2**f over |f| <= 1/2; each is a float32. Raises KeyError at other degrees.

    >>> coefficients(3)
    (1.0, 0.6932829022407532, 0.24221095442771912, 0.05500893294811249)
    """
    return COEFFICIENTS[degree]


def bits(values: tuple[float, ...]) -> tuple[int, ...]:
    """Return the bit patterns of float32 numbers, for hardware.

    >>> [hex(b) for b in bits((LOG2E, *coefficients(3)))]
    ['0x3fb8aa3b', '0x3f800000', '0x3f317afd', '0x3e780626', '0x3d61510c']
    """
    return tuple(int(b) for b in np.asarray(values, dtype=np.float32).view(np.uint32))


@dataclass(frozen=True, kw_only=True)
class Exponential:
    """An exponential unit: `kind` exact, poly, taylor or table; `size` its degree or its number of intervals.

    `exact` is the exponential of the array library, in the type of the argument.
    """

    kind: str
    size: int = 0

    @property
    def name(self) -> str:
        """The name by which `exponential` finds it."""
        return self.kind + (str(self.size) if self.size else "")

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one exponential, the multiplication by log2(e) included; 0 where it is not said."""
        return {"exact": 0, "table": 2}.get(self.kind, self.size + 1)

    def __call__(self, xp: ModuleType, x: Array) -> Array:
        """Return exp(x), in the type of `x`; the unit itself takes and gives float32.

        >>> import numpy as np
        >>> exponential("poly5")(np, np.float32([0, -1, -200, 100])).tolist()
        [1.0, 0.3678794801235199, 0.0, inf]
        """
        if self.kind == "exact":
            exact: Array = xp.exp(x)
            return exact
        flat = xp.reshape(xp.astype(x, xp.float32), (-1,))
        result = xp.empty_like(flat)
        for start in range(0, math.prod(x.shape), BLOCK):
            result[start : start + BLOCK] = self._block(xp, flat[start : start + BLOCK])
        shaped: Array = xp.astype(xp.reshape(result, x.shape), x.dtype)
        return shaped

    def _block(self, xp: ModuleType, x: Array) -> Array:
        inside = xp.clip(xp.where(xp.isnan(x), xp.zeros_like(x), x), -150.0, 150.0)  # beyond: 0 and infinity
        t = inside * xp.asarray(LOG2E, dtype=xp.float32, device=device_of(x))
        n = xp.round(t)
        f = t - n
        p = self._interpolated(xp, f) if self.kind == "table" else self._horner(xp, f)
        result: Array = xp.where(xp.isnan(x), x, scaled_by_power(xp, p, n))
        return result

    def _horner(self, xp: ModuleType, f: Array) -> Array:
        c = coefficients(self.size) if self.kind == "poly" else _taylor(self.size)
        p: Array = xp.full_like(f, c[-1])
        for constant in reversed(c[:-1]):
            p = fused(xp, p, f, constant)
        return p

    def _interpolated(self, xp: ModuleType, f: Array) -> Array:
        places, steps = (xp.asarray(np.asarray(t, dtype=np.float32), device=device_of(f)) for t in _table(self.size))
        u = (f + 0.5) * self.size
        j = xp.clip(xp.floor(u), 0.0, self.size - 1.0)
        at = xp.astype(j, xp.int64)
        result: Array = fused(xp, xp.take(steps, at, axis=0), u - j, xp.take(places, at, axis=0))
        return result


EXACT = Exponential(kind="exact")
KNOWN = ("exact", *(f"poly{d}" for d in COEFFICIENTS), "taylor5", "table64", "table256")


def exponential(name: str, place: Place | None = None) -> Exponential:
    """Return the unit of this name: exact, poly3 ... poly7, taylor2 ... taylor9, or tableN, N a power of two to 1024.

    Raises SpecError at another name, at `place`.

    >>> exponential("poly5").macs, exponential("table64").size
    (6, 64)
    """
    match = re.fullmatch(r"(exact|poly|taylor|table)(\d{0,4})", name)
    kind, size = (match.group(1), int(match.group(2) or 0)) if match else ("", 0)
    fits = {"exact": name == "exact", "poly": size in COEFFICIENTS, "taylor": 2 <= size <= 9,
            "table": size in [2**k for k in range(1, 11)]}  # fmt: skip
    if not fits.get(kind, False):
        place = place or Place(file="exponential", column=1, length=len(name), text=name)
        expected = "exact, poly3 ... poly7, taylor2 ... taylor9, or tableN with N a power of two up to 1024"
        message = f"there is no exponential unit {name}"
        raise SpecError([Diagnostic(place=place, message=message, expected=expected, hint=did_you_mean(name, KNOWN))])
    return Exponential(kind=kind, size=size)


@cache
def _taylor(degree: int) -> tuple[float, ...]:
    return tuple(float(np.float32(math.log(2) ** k / math.factorial(k))) for k in range(degree + 1))


@cache
def _table(intervals: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return 2**f at the left ends of the intervals of [-1/2, 1/2], and the differences to the next, in float32."""
    ends = np.exp2(np.arange(intervals + 1) / intervals - 0.5).astype(np.float32)
    return tuple(map(float, ends[:-1])), tuple(map(float, np.diff(ends)))


def bound(unit: Exponential, largest: float = 20.0) -> float:
    """Return a bound on the relative error over -largest <= x <= 0, to first order in the unit roundoff u = 2**-24.

    The sum of: the error of the polynomial (or chord) with its float32 coefficients; the roundings of Horner's rule,
    sum_k u |p_k f**k| / 2**f at the worst f, p_k the k-th partial result; and of t, |x| (u + the relative error of
    LOG2E), since an error of t is one of ln(2) times that in the result. Not for `exact`.

    >>> f"{bound(exponential('poly5')):.2g}, {bound(exponential('poly5'), 1.0):.2g}"
    '1.7e-06, 2.7e-07'
    """
    f = np.linspace(-0.5, 0.5, 20_001)
    u = UNIT_ROUNDOFF
    if unit.kind == "table":
        places, steps = (np.asarray(t) for t in _table(unit.size))
        j = np.clip(np.floor((f + 0.5) * unit.size), 0, unit.size - 1).astype(int)
        line = places[j] + steps[j] * ((f + 0.5) * unit.size - j)
        approximation = float(np.abs(line / np.exp2(f) - 1).max())
        rounding = u * float(np.max(np.abs(line) / np.exp2(f))) + u
    else:
        c = coefficients(unit.size) if unit.kind == "poly" else _taylor(unit.size)
        approximation = approximation_error(c, 20_001)
        partial, total = np.full_like(f, c[-1]), np.zeros_like(f)
        for k in range(len(c) - 2, -1, -1):
            partial = partial * f + c[k]
            total += np.abs(partial * f**k)
        rounding = u * float(np.max(total / np.exp2(f)))
    constant = abs(LOG2E * math.log(2) - 1)
    return approximation + rounding + largest * (u + constant)


def measured_error(unit: Exponential, largest: float = 20.0, points: int = 1_000_000) -> float:
    """Return the largest relative error against float64 over evenly spaced float32 in -largest <= x <= 0.

    >>> measured_error(exponential("poly5"), points=20_001) < bound(exponential("poly5"))
    True
    """
    xp = namespace("numpy", [])
    x = np.linspace(-largest, 0, points).astype(np.float32)
    found = np.asarray(unit(xp, xp.asarray(x))).astype(np.float64)
    return float(np.abs(found / np.exp(x.astype(np.float64)) - 1).max())
