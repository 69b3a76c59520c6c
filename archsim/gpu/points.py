"""What is measured on a GPU, and the file that holds it: JSON, written after every point, so that a run can go on."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path

from einsum_cascade.document import read, read_text
from einsum_cascade.errors import Diagnostic, Place, SpecError
from einsum_cascade.forms import FORBID, Flag, Integer, Real, Text, read_form

__all__ = ["BACKENDS", "DTYPES", "Measured", "Point", "Session", "Timing", "grid", "read_measured", "text_of"]

BACKENDS = ("math", "flash", "efficient")
"""Kernels of torch.nn.functional.scaled_dot_product_attention."""

DTYPES = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}
BYTES = {"bf16": 2, "fp16": 2, "fp32": 4}


@dataclass(frozen=True, kw_only=True)
class Point:
    """One attention layer and the kernel that computes it; `length` queries and as many keys."""

    __pydantic_config__ = FORBID
    backend: Text
    dtype: Text
    length: Integer
    batch: Integer
    heads: Integer
    head_dim: Integer
    causal: Flag

    @property
    def flops(self) -> int:
        """Multiplications and additions of both products; with a causal mask of the pairs that it leaves."""
        pairs = self.length * (self.length + 1) // 2 if self.causal else self.length**2
        return 4 * self.batch * self.heads * pairs * self.head_dim

    @property
    def bytes(self) -> int:
        """Bytes of Q, K, V and the output, each moved once: the least there is."""
        return 4 * self.batch * self.heads * self.length * self.head_dim * BYTES[self.dtype]


@dataclass(frozen=True, kw_only=True)
class Timing:
    """What a point took: the median `seconds` of `runs`, None where it did not run, `why` not.

    `flops_per_s` and `bytes_per_s` relate the point's `flops` and `bytes` to that. `error` is the largest deviation
    from float64 on the rounded inputs over the largest output, on the last queries of the last head.
    """

    __pydantic_config__ = FORBID
    point: Point
    seconds: Real | None = None
    runs: Integer = 0
    flops_per_s: Real | None = None
    bytes_per_s: Real | None = None
    error: Real | None = None
    why: Text = ""


@dataclass(frozen=True, kw_only=True)
class Session:
    """When (UTC, ISO 8601) and by which command something was measured and added to a file."""

    __pydantic_config__ = FORBID
    date: Text
    command: Text


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A measured roofline and measured times of a device.

    `flops_per_s` dtype -> rate of a large matrix product; `bytes_per_s` of a large copy, read and write both counted.
    """

    __pydantic_config__ = FORBID
    device: Text
    software: Text
    sessions: list[Session] = field(default_factory=list)
    flops_per_s: dict[Text, Real] = field(default_factory=dict)
    bytes_per_s: Real | None = None
    timings: list[Timing] = field(default_factory=list)


def grid(
    lengths: Sequence[int], batches: Sequence[int], heads: Sequence[int], head_dims: Sequence[int],
    dtypes: Sequence[str], backends: Sequence[str] = BACKENDS,
) -> Iterator[Point]:  # fmt: skip
    """Yield all points, short ones first, with a causal mask and without.

    >>> len(list(grid([1024, 2048], [1, 16], [16], [64, 128], ["bf16"])))
    48
    """
    for length, batch, n, size, dtype, causal, backend in product(
        lengths, batches, heads, head_dims, dtypes, (False, True), backends
    ):
        yield Point(backend=backend, dtype=dtype, length=length, batch=batch, heads=n, head_dim=size, causal=causal)


def text_of(measured: Measured) -> str:
    """Return the file's text: a line a timing."""

    def dumped(data: object, indent: int | None = None) -> str:
        # 1e-05 is a number of JSON, but for readers of YAML it needs a point
        return re.sub(r"(?<![\d.])(\d+)e([+-]\d+)(?=[,}\s])", r"\1.0e\2", json.dumps(data, indent=indent))

    head = {k: v for k, v in asdict(measured).items() if k != "timings"}
    lines = ",\n  ".join(dumped(asdict(t)) for t in measured.timings)
    body = dumped(head, 1)[:-2]
    return f'{body},\n "timings": [\n  {lines}\n ]\n}}\n' if lines else f'{body},\n "timings": []\n}}\n'


def read_measured(file: Path) -> Measured:
    """Return what a file holds. Raises SpecError: it cannot be read, or every mistake of its form."""
    document = read(read_text(file), str(file))[0]
    found = read_form(document, Measured)
    wrong = [t.point.dtype for t in found.timings if t.point.dtype not in DTYPES]
    if wrong:
        place = Place(file=str(file))
        raise SpecError([Diagnostic(place=place, message=f"there is no type {wrong[0]}", expected=", ".join(DTYPES))])
    return found
