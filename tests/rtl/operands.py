"""Operands for floating-point units, by named classes: what uniformly random numbers never meet."""

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint32]

SPECIAL = np.array(
    [0, 0x80000000, 1, 0x80000001, 0x7FFFFF, 0x800000, 0x80800000, 0x3F800000, 0xBF800000, 0x7F7FFFFF, 0xFF7FFFFF,
     0x7F800000, 0xFF800000, 0x7FC00000, 0x7F800001, 0xFFFFFFFF, 0x00800001, 0x00FFFFFF, 0x7F000000, 0x34000000],
    dtype=np.uint32,
)  # fmt: skip

CLASSES = ("any", "special", "moderate", "near cancel", "tie", "carry", "tiny", "huge", "sparse")


def words(rng: np.random.Generator, n: int) -> Words:
    """Give any bit patterns at all."""
    return rng.integers(0, 1 << 32, size=n, dtype=np.uint32)


def moderate(rng: np.random.Generator, n: int, spread: float = 4.0) -> Words:
    """Give normally distributed magnitudes around 1."""
    x = rng.normal(size=n) * np.exp2(rng.normal(size=n) * spread)
    return x.astype(np.float32).view(np.uint32)


def triples(rng: np.random.Generator, kind: str, n: int, narrow: bool) -> tuple[Words, Words, Words]:
    """Give operands a, b, c of one class as float32 bit patterns; `narrow`: a and b are bfloat16."""
    mask = np.uint32(0xFFFF0000 if narrow else 0xFFFFFFFF)
    a, b, c = moderate(rng, n) & mask, moderate(rng, n) & mask, moderate(rng, n)
    with np.errstate(all="ignore"):
        product = a.view(np.float32).astype(np.float64) * b.view(np.float32)
        if kind == "any":
            a, b, c = words(rng, n) & mask, words(rng, n) & mask, words(rng, n)
        elif kind == "special":
            a, b, c = (rng.choice(SPECIAL, n) for _ in range(3))
            a, b = a & mask, b & mask
        elif kind == "near cancel":
            c = (-product * (1 + rng.integers(-3, 4, n) * 2.0**-23)).astype(np.float32).view(np.uint32)
        elif kind == "tie":  # a product of a few bits far below c: guard and sticky alone decide
            a = ((rng.integers(0, 8, n) << 20) + 0x3F800000).astype(np.uint32)
            b = ((127 + rng.integers(-26, -20, n)) << 23).astype(np.uint32)
            c = (0x3F800000 + rng.integers(0, 16, n) + (rng.integers(0, 2, n) << 31)).astype(np.uint32)
        elif kind == "carry":  # all ones, so that rounding carries through the whole significand
            c = (0x3FFFFFF0 + rng.integers(0, 32, n)).astype(np.uint32)
            b = ((127 + rng.integers(-26, -20, n)) << 23).astype(np.uint32)
            a = (0x3F800000 | (rng.integers(0, 128, n) << 16)).astype(np.uint32)
        elif kind == "tiny":
            low = rng.integers(1, 40, n)
            a, b = (
                (low << 23).astype(np.uint32) | (a & 0x807F0000),
                ((127 - low) << 23).astype(np.uint32) | (b & 0x7F0000),
            )
            c = (words(rng, n) & np.uint32(0x81FFFFFF)) * rng.integers(0, 2, n).astype(np.uint32)
        elif kind == "huge":
            a = (a & np.uint32(0x807FFFFF)) | ((190 + rng.integers(0, 4, n)) << 23).astype(np.uint32)
            b = (b & np.uint32(0x807FFFFF)) | ((188 + rng.integers(0, 4, n)) << 23).astype(np.uint32)
            c = (words(rng, n) & np.uint32(0x80FFFFFF)) | np.uint32(0x7E000000)
            a, b = a & mask, b & mask
        elif kind == "sparse":
            a, b, c = (np.where(rng.random(n) < 0.5, np.uint32(0), x) for x in (a, b, c))
    return a & mask, b & mask, c
