"""Rounding to formats, against ml_dtypes and NumPy's own types."""

import array_api_compat.numpy as xp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einsum_cascade import SpecError
from einsum_cascade.numerics.formats import FLOATS, Format, number_format, round_to

ml_dtypes = pytest.importorskip("ml_dtypes")

ORACLES = {"bf16": ml_dtypes.bfloat16, "fp16": np.float16, "e4m3": ml_dtypes.float8_e4m3fn,
           "e5m2": ml_dtypes.float8_e5m2}  # fmt: skip


def samples() -> np.ndarray:
    """Every exponent, all ties of short formats, and the edges of the range."""
    rng = np.random.default_rng(0)
    every = rng.integers(0, 2**32, 200_000, dtype=np.uint64).astype(np.uint32).view(np.float32)
    ties = np.arange(0, 2**16, dtype=np.uint32) << 16
    halves = (ties | 0x8000).view(np.float32)
    small = np.ldexp(rng.integers(-(2**12), 2**12, 20_000).astype(np.float32), -28)
    edges = np.asarray([0, -0.0, np.inf, -np.inf, np.nan, 448, 449, 463.9, 464, 464.1, 480, 57344, 61440, 61439, 65504,
                        65519, 65520, 3.4e38], dtype=np.float32)  # fmt: skip
    return np.concatenate([every, ties.view(np.float32), halves, small, edges, -edges])


def oracle(name: str, x: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return x.astype(ORACLES[name]).astype(x.dtype)


@pytest.mark.parametrize("name", ORACLES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_against_ml_dtypes(name: str, dtype: type) -> None:
    with np.errstate(all="ignore"):
        x = samples().astype(dtype)
    with np.errstate(all="ignore"):
        found = np.asarray(round_to(xp, x, number_format(name, saturate=False)))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, oracle(name, x))
    np.testing.assert_array_equal(np.signbit(found)[~np.isnan(found)], np.signbit(x)[~np.isnan(found)])


@pytest.mark.parametrize("name", ["tf32", *ORACLES])
def test_rounding_is_idempotent_and_monotone(name: str) -> None:
    with np.errstate(all="ignore"):
        x = np.sort(samples()[~np.isnan(samples())])
        once = np.asarray(round_to(xp, x, number_format(name)))
        np.testing.assert_array_equal(round_to(xp, once, number_format(name)), once)
    assert (np.diff(once[np.isfinite(once)]) >= 0).all()


@given(st.floats(-1e4, 1e4))
def test_double_is_rounded_once(x: float) -> None:
    found = float(round_to(xp, np.asarray([x]), number_format("fp16"))[0])
    assert found == float(np.float16(x))


@pytest.mark.parametrize("name", ["fp32", "fp64"])
def test_wide_formats_leave_the_type(name: str) -> None:
    x = np.asarray([1 / 3, 1e-300])
    single = x.astype(np.float32)
    assert round_to(xp, single, number_format(name)) is single
    if name == "fp32":
        np.testing.assert_array_equal(round_to(xp, x, number_format(name)), single.astype(np.float64))


def test_saturation() -> None:
    x = np.asarray([1e6, -1e6, np.inf, 500.0])
    assert np.asarray(round_to(xp, x, number_format("e4m3"))).tolist() == [448, -448, 448, 448]
    assert np.asarray(round_to(xp, x, number_format("fp16", saturate=True))).tolist() == [65504, -65504, 65504, 500]


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=20), st.integers(2, 16))
def test_integers_with_a_scale(values: list[float], bits: int) -> None:
    x = np.asarray(values)
    found, most = np.asarray(round_to(xp, x, number_format(f"int{bits}"))), 2 ** (bits - 1) - 1
    step = np.abs(x).max() / most
    if step > 1e-300:
        assert np.abs(found - x).max() <= step / 2 * (1 + 1e-9)
        assert np.abs(np.round(found / step) - found / step).max() < 1e-6


def test_scale_heeds_presence() -> None:
    x, mask = np.asarray([1.0, 0.5, 1e9]), np.asarray([True, True, False])
    assert np.asarray(round_to(xp, x, number_format("int8"), mask))[:2] == pytest.approx([1, 64 / 127])
    assert np.asarray(round_to(xp, np.zeros(3), number_format("int8"))).tolist() == [0, 0, 0]


def test_fixed_point() -> None:
    x = np.asarray([1.2, -1.2, 100.0, -100.0, 2.0**-5])
    assert np.asarray(round_to(xp, x, number_format("q4.4"))).tolist() == [1.1875, -1.1875, 7.9375, -7.9375, 0]


def test_holds() -> None:
    wide, narrow = number_format("fp32"), number_format("bf16")
    assert wide.holds(narrow) and wide.holds(wide) and not narrow.holds(wide)
    assert number_format("q4.4").holds(number_format("q4.4"))
    assert not number_format("int8").holds(number_format("int8"))  # its scale may differ
    assert not wide.holds(number_format("int8")) and not number_format("tf32").holds(number_format("fp32"))


def test_bits() -> None:
    assert {n: f.bits for n, f in FLOATS.items()} == {"fp64": 64, "fp32": 32, "tf32": 19, "bf16": 16, "fp16": 16,
                                                      "e4m3": 8, "e5m2": 8}  # fmt: skip
    assert isinstance(number_format("bfloat16"), Format) and number_format("bfloat16") == number_format("bf16")


@pytest.mark.parametrize(
    ("name", "hint"), [("bf17", "bf16"), ("int1", "int"), ("int64", "int8"), ("q0.8", ""), ("", "")]
)
def test_unknown(name: str, hint: str) -> None:
    with pytest.raises(SpecError, match=f"there is no number format {name}") as caught:
        number_format(name)
    assert hint in str(caught.value)


def test_torch_gives_the_same_numbers() -> None:
    torch = pytest.importorskip("torch")
    import array_api_compat.torch

    x = samples()
    for name in [*FLOATS, "int8", "q4.8"]:
        with np.errstate(all="ignore"):
            wanted = np.asarray(round_to(xp, x, number_format(name)))
        found = np.asarray(round_to(array_api_compat.torch, torch.asarray(x), number_format(name)))
        np.testing.assert_array_equal(found, wanted)
