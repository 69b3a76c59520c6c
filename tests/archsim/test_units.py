"""Quantities: every unit by an independent table, GiB apart from GB, and the text of every mistake."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.units import DIMENSIONS, quantity
from einsum_cascade.errors import Place, SpecError

# The SI brochure (2019) and IEC 80000-13, written out.
SIZES = {
    "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 1024, "MiB": 1_048_576, "GiB": 1_073_741_824, "TiB": 1_099_511_627_776,
    "b": 0.125, "bit": 0.125, "kb": 125, "kbit": 125, "Kb": 125, "Kbit": 125, "Mb": 125e3, "Mbit": 125e3,
    "Gb": 125e6, "Gbit": 125e6, "Tb": 125e9, "Tbit": 125e9, "Kib": 128, "Kibit": 128, "Mib": 131_072,
    "Mibit": 131_072, "Gib": 134_217_728, "Gibit": 134_217_728, "Tib": 137_438_953_472, "Tibit": 137_438_953_472,
}  # fmt: skip
EXPECTED = {
    "bytes": SIZES,
    "bytes per second": {f"{u}/s": v for u, v in SIZES.items()},
    "hertz": {"Hz": 1, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9},
    "joules": {"J": 1, "mJ": 1e-3, "uJ": 1e-6, "nJ": 1e-9, "pJ": 1e-12, "fJ": 1e-15},
    "square metres": {"m2": 1, "mm2": 1e-6, "um2": 1e-12},
    "watts": {"W": 1, "mW": 1e-3, "uW": 1e-6, "kW": 1e3},
    "seconds": {"s": 1, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12},
}
PLACE = Place(file="d.yaml", line=3, column=8, length=2, text="clock: 10")


def message(text: str | float, dimension: str) -> str:
    with pytest.raises(SpecError) as caught:
        quantity(text, dimension, PLACE)
    return str(caught.value)


@pytest.mark.parametrize("dimension", EXPECTED)
def test_every_unit_has_its_value_and_there_are_no_others(dimension: str) -> None:
    found = {unit: quantity(f"1 {unit}", dimension, PLACE) for unit in DIMENSIONS[dimension]}
    assert found == pytest.approx(EXPECTED[dimension], rel=1e-15, abs=0)
    assert set(DIMENSIONS) == set(EXPECTED)


def test_binary_and_metric_prefixes_are_apart() -> None:
    gibi, giga = (quantity(f"400 {u}/s", "bytes per second", PLACE) for u in ("GiB", "GB"))
    assert (gibi, giga) == (429_496_729_600, 400_000_000_000)
    assert quantity("8 Mb", "bytes", PLACE) == quantity("1 MB", "bytes", PLACE)
    assert quantity("8 Mib", "bytes", PLACE) == quantity("1 MiB", "bytes", PLACE)


@given(st.floats(0, 1e12), st.sampled_from(sorted(SIZES)), st.sampled_from(["", " ", "   "]))
def test_a_number_and_its_unit_multiply(number: float, unit: str, space: str) -> None:
    assert quantity(f" {number!r}{space}{unit} ", "bytes", PLACE) == number * DIMENSIONS["bytes"][unit]


@pytest.mark.parametrize("text", ["1.5e3 Hz", "1500Hz", ".15e4 Hz", "+1500. Hz", "1.5 kHz", "15e+2Hz"])
def test_ways_to_write_a_number(text: str) -> None:
    assert quantity(text, "hertz", PLACE) == 1500


def test_a_sign_is_kept() -> None:
    assert quantity("-2 pJ", "joules", PLACE) == -2e-12


@pytest.mark.parametrize(
    ("text", "dimension", "first"),
    [
        ("940", "hertz", "940 has no unit"),
        (940, "hertz", "940 has no unit"),
        (0.5, "joules", "0.5 has no unit"),
        ("16 MiB", "bytes per second", "16 MiB is in bytes"),
        ("16 MiB/s", "bytes", "16 MiB/s is in bytes per second"),
        ("1 GHz", "seconds", "1 GHz is in hertz"),
        ("1 ns", "hertz", "1 ns is in seconds"),
        ("3 um2", "joules", "3 um2 is in square metres"),
        ("3 kW", "joules", "3 kW is in watts"),
        ("16 QiB", "bytes", "unknown unit QiB"),
        ("16 mib", "bytes", "unknown unit mib"),
        ("16 mB", "bytes", "unknown unit mB"),
        ("MiB", "bytes", "MiB is not a quantity"),
        ("", "bytes", " is not a quantity"),
        ("1 2 MiB", "bytes", "1 2 MiB is not a quantity"),
        ("1,5 MiB", "bytes", "1,5 MiB is not a quantity"),
        ("0x10 B", "bytes", "0x10 B is not a quantity"),
        ("nan B", "bytes", "nan B is not a quantity"),
        ("1_000 B", "bytes", "1_000 B is not a quantity"),
        ("twelve MB", "bytes", "twelve MB is not a quantity"),
    ],
)
def test_what_is_no_quantity_of_the_dimension(text: str | float, dimension: str, first: str) -> None:
    found = message(text, dimension).splitlines()
    assert found[0].startswith("d.yaml:3:8: ")
    assert first in found[0]
    assert found[1:3] == ["    clock: 10", "           ^^"]
    assert found[3].startswith(f"  expected: a number and a unit of {dimension}, such as 16 ")


def test_a_near_unit_is_proposed() -> None:
    assert "hint: did you mean MiB/s or " in message("16 MiB", "bytes per second")
    assert message("2 hz", "hertz").endswith("hint: did you mean Hz?")
    assert message("7 W", "square metres").endswith("hint: known: m2, mm2, um2")
