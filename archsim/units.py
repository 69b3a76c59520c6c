"""Quantities with units at the edge of a file: "16 MiB" -> 16777216.0 bytes; SI inside. GiB is not GB.

A table of the units that designs use, instead of a units library: importing one costs more time than a whole
evaluation.
"""

import re

from einsum_cascade.errors import Diagnostic, Place, SpecError, did_you_mean

__all__ = ["DIMENSIONS", "quantity"]

BINARY = {"": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
METRIC = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12}
BYTES = {f"{p}B": f for p, f in {**BINARY, **METRIC}.items() if p not in ("m", "u", "n", "p")}
BITS = {
    f"{p}{u}": f / 8 for p, f in {**BINARY, **METRIC}.items() for u in ("b", "bit") if p not in ("m", "u", "n", "p")
}
DIMENSIONS = {
    "bytes": {**BYTES, **BITS},
    "bytes per second": {f"{u}/s": f for u, f in {**BYTES, **BITS}.items()},
    "hertz": {f"{p}Hz": METRIC[p] for p in ("", "k", "M", "G")},
    "joules": {f"{p}J": METRIC[p] for p in ("", "m", "u", "n", "p")} | {"fJ": 1e-15},
    "square metres": {"m2": 1.0, "mm2": 1e-6, "um2": 1e-12},
    "watts": {f"{p}W": METRIC[p] for p in ("", "m", "u", "k")},
    "seconds": {f"{p}s": METRIC[p] for p in ("", "m", "u", "n", "p")},
}
NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S*)\s*")


def quantity(text: str | int | float, dimension: str, place: Place) -> float:
    """Return a quantity in SI units (bytes, bytes per second, hertz, joules, square metres, watts, seconds).

    Raises SpecError at a number without a unit, an unknown unit, and a unit of another dimension.

    >>> quantity("400 GiB/s", "bytes per second", Place())
    429496729600.0
    >>> quantity("16 MB", "bytes", Place())
    16000000.0
    """
    units = DIMENSIONS[dimension]
    match = NUMBER.fullmatch(str(text))
    expected = f"a number and a unit of {dimension}, such as 16 {next(reversed(units))}"
    if match is None:
        raise SpecError([Diagnostic(place=place, message=f"{text} is not a quantity", expected=expected)])
    number, unit = float(match.group(1)), match.group(2)
    if unit in units:
        return number * units[unit]
    other = next((name for name, table in DIMENSIONS.items() if unit in table), "")
    message = f"{text} is in {other}" if other else f"unknown unit {unit}" if unit else f"{text} has no unit"
    raise SpecError([Diagnostic(place=place, message=message, expected=expected, hint=did_you_mean(unit, units))])
