"""Rounding at every number of every short format: the numbers are listed from the definition, not by a library.

Between two neighbours a and b lies a tie: what is below goes to a, what is above to b, the tie to the even one. So the
neighbours, the ties and the numbers next to the ties are all there is to try.
"""

import array_api_compat.numpy as xp
import numpy as np
import pytest

from einsum_cascade.numerics.formats import number_format, round_to

Reals = np.ndarray

BITS = {"e4m3": (4, 3), "e5m2": (5, 2), "fp16": (5, 10), "bf16": (8, 7), "tf32": (8, 10)}


def numbers(name: str) -> Reals:
    """Every finite number that is not negative, from the definition: 0.F below the normal numbers, then 1.F."""
    exponent, fraction = BITS[name]
    bias = 2 ** (exponent - 1) - 1
    parts = np.arange(2**fraction) / 2**fraction
    fields = np.arange(1, 2**exponent - (name != "e4m3"))  # the last exponent is infinity and NaN, but in e4m3
    normal = np.ldexp(1 + parts[None, :], (fields - bias)[:, None]).ravel()
    found = np.concatenate([np.ldexp(parts, 1 - bias), normal])
    return found[:-1] if name == "e4m3" else found  # S.1111.111 is NaN


def cases(name: str) -> tuple[Reals, Reals]:
    """Positive inputs and their roundings, above the largest number but for saturation."""
    all_of_them = numbers(name)
    following = np.append(all_of_them[1:], 2 * all_of_them[-1] - all_of_them[-2])
    ties = (all_of_them + following) / 2
    at = np.arange(len(all_of_them))
    even = np.where(
        at % 2 == 0, all_of_them, following
    )  # patterns count up from 0, so an even place is an even pattern
    x = np.concatenate([all_of_them, np.nextafter(ties, 0), ties, np.nextafter(ties, np.inf)])
    return x, np.concatenate([all_of_them, all_of_them, even, following])


@pytest.mark.parametrize("name", BITS)
def test_how_many(name: str) -> None:
    exponent, fraction = BITS[name]
    lost = 1 if name == "e4m3" else 2**fraction
    assert len(numbers(name)) == 2 ** (exponent + fraction) - lost == len(np.unique(numbers(name)))
    assert numbers(name)[-1] == number_format(name).largest and numbers(name)[1] == np.ldexp(
        1.0, 2 - 2 ** (exponent - 1) - fraction
    )


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("name", BITS)
def test_every_number_and_tie(name: str, sign: float) -> None:
    x, wanted = cases(name)
    over = wanted > number_format(name).largest
    for saturate in (False, True):
        beyond = number_format(name).largest if saturate else np.nan if name == "e4m3" else np.inf
        found = np.asarray(round_to(xp, sign * x, number_format(name, saturate=saturate)))
        np.testing.assert_array_equal(found, sign * np.where(over, beyond, wanted))
        np.testing.assert_array_equal(np.signbit(found)[~np.isnan(found)], sign < 0)


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("name", BITS)
def test_every_number_and_tie_in_single_precision(name: str, library: str) -> None:
    x, wanted = cases(name)
    with np.errstate(over="ignore"):
        single = x.astype(np.float32)
    kept = single.astype(np.float64) == x  # of neighbours of a tie those that float32 has, and all ties
    assert kept.sum() >= 2 * len(numbers(name)) - 1
    single, wanted = single[kept], wanted[kept]
    for saturate in (False, True):
        given = number_format(name, saturate=saturate)
        beyond = given.largest if saturate else np.nan if name == "e4m3" else np.inf
        if library == "torch":
            torch = pytest.importorskip("torch")
            import array_api_compat.torch

            found = round_to(array_api_compat.torch, torch.asarray(single), given).numpy()
        else:
            with np.errstate(over="ignore"):
                found = np.asarray(round_to(xp, single, given))
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, np.where(wanted > given.largest, beyond, wanted))


@pytest.mark.parametrize("name", [*BITS, "fp32"])
@pytest.mark.parametrize("saturate", [False, True])
def test_infinities_nan_and_zeros(name: str, saturate: bool) -> None:
    given = number_format(name, saturate=saturate)
    top = given.largest if saturate else np.nan if name == "e4m3" else np.inf
    found = np.asarray(round_to(xp, np.asarray([np.inf, -np.inf, np.nan, 0.0, -0.0, 5e-324, -5e-324]), given))
    np.testing.assert_array_equal(found, [top, -top, np.nan, 0, 0, 0, 0])
    assert np.signbit(found)[3:].tolist() == [False, True, False, True]


@pytest.mark.parametrize(("name", "kind"), [("fp32", np.float32), ("fp64", np.float64)])
def test_the_type_itself_may_saturate(name: str, kind: type) -> None:
    x = np.asarray([np.inf, -np.inf, 1.5, np.nan], dtype=kind)
    most = float(np.finfo(kind).max)
    found = np.asarray(round_to(xp, x, number_format(name, saturate=True)))
    np.testing.assert_array_equal(found, [most, -most, 1.5, np.nan])
    assert found.dtype == kind and round_to(xp, x, number_format(name)) is x


@pytest.mark.parametrize("name", ["q1.7", "q4.4", "q8.0", "q3.9"])
def test_every_fixed_point_number_and_tie(name: str) -> None:
    given = number_format(name)
    most, step = 2 ** (given.width - 1) - 1, 2.0 ** -(given.behind or 0)
    whole = np.arange(-most, most + 1)
    ties = whole[:-1] + 0.5
    even = np.where(whole[:-1] % 2 == 0, whole[:-1], whole[1:])
    x = np.concatenate(
        [whole, ties, np.nextafter(ties, -1e9), np.nextafter(ties, 1e9), [most + 0.5, -most - 1, 1e9, np.inf, -np.inf]]
    )
    wanted = np.concatenate([whole, even, whole[:-1], whole[1:], [most, -most, most, most, -most]])
    np.testing.assert_array_equal(np.asarray(round_to(xp, x * step, given)), wanted * step)
    assert np.isnan(np.asarray(round_to(xp, np.asarray([np.nan]), given)))[0]


@pytest.mark.parametrize("bits", [4, 8, 12])
def test_every_integer_and_tie(bits: int) -> None:
    most = 2 ** (bits - 1) - 1
    whole = np.arange(-most, most + 1)
    ties = whole[:-1] + 0.5
    even = np.where(whole[:-1] % 2 == 0, whole[:-1], whole[1:])
    x, wanted = np.concatenate([whole, ties]), np.concatenate([whole, even])
    for scale in (1.0, 0.25, 2.0**20):  # of powers of two, so that the scale is exact
        np.testing.assert_array_equal(np.asarray(round_to(xp, x * scale, number_format(f"int{bits}"))), wanted * scale)
