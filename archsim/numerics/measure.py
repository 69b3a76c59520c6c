"""Measure a cascade in a machine's arithmetic against float64 on the same rounded inputs."""

import time
from dataclasses import dataclass, field, replace
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from archsim.numerics.inputs import Tensors
from einsum_cascade.cascade import Cascade, shape
from einsum_cascade.constants import Value
from einsum_cascade.errors import Diagnostic, SpecError
from einsum_cascade.interpret import Array, run_split
from einsum_cascade.interpret.backend import namespace
from einsum_cascade.numerics.formats import round_to
from einsum_cascade.numerics.rounding import Rounding, Tally
from einsum_cascade.numerics.rules import Numerics, RuleForm, last_operation
from einsum_cascade.reference import expected

__all__ = ["Measurement", "Platform", "check_cascade", "measure"]

Reals = NDArray[np.float64]

PROBE = 256.0  # the identity times this: weights far below 1 are then normal numbers of 8-bit formats too
ELEMENTS = 1 << 25  # of a block: scores, and of the values that probe the weights


@dataclass(frozen=True, kw_only=True)
class Platform:
    """Where to compute: the array library and, for torch, the device."""

    library: str = "numpy"
    device: str = "cpu"

    def array(self, values: Reals, double: bool) -> tuple[ModuleType, Array]:
        """Return the namespace, and values as an array there; real ones as float32 or float64."""
        narrow = values.astype(np.float64 if double else np.float32) if values.dtype.kind == "f" else values
        xp = namespace(self.library, [])
        if self.library == "numpy":
            return xp, narrow  # type: ignore[return-value]
        import torch

        return xp, torch.asarray(narrow, device=self.device)


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """A cascade in a format against float64 on the rounded inputs.

    `error_max` largest |x - ref| over the largest |ref|, `error_rms` likewise of root mean squares, both over the
    queries that survived (None: none did); `lost` queries whose output is not finite, or 0 throughout
    and ought not to be (a query that sees no key is not lost), of `queries`.

    Of the attention weights of `rows` queries: `kl_mean`, `kl_max` Kullback-Leibler divergence of the machine's from
    the exact ones in nats, `mass` the largest deviation of their sum from 1; None where no row survived.

    `overflow`, `underflow`, `undefined` count operands and results, over all Einsums; `by_einsum` one by one.
    """

    cascade: str
    format: str
    exponential: str
    length: int
    queries: int
    rows: int
    error_max: float | None
    error_rms: float | None
    lost: int
    kl_mean: float | None
    kl_max: float | None
    mass: float | None
    overflow: int
    underflow: int
    undefined: int
    seconds: float
    by_einsum: dict[str, Tally] = field(default_factory=dict)


def check_cascade(cascade: Cascade) -> None:
    """Raise SpecError unless a cascade takes Q, K and V of one head, gives AV, and has a reference."""
    wanted = {"Q": 2, "K": 2, "V": 2}
    if {n: len(d) for n, d in cascade.inputs.items()} != wanted or "AV" not in cascade.outputs:
        found = ", ".join(cascade.inputs) + " -> " + ", ".join(cascade.outputs)
        message, expected_ = f"{cascade.name} cannot be measured: it is {found}", "Q[E,P], K[E,M], V[F,M] -> AV[F,P]"
        raise SpecError([Diagnostic(place=cascade.place, message=message, expected=expected_)])
    if not cascade.expect.reference:
        message = f"{cascade.name} cannot be measured: it has no reference"
        raise SpecError([Diagnostic(place=cascade.place, message=message, hint="state it: expect: {reference: ...}")])


def measure(
    cascade: Cascade, numerics: Numerics, tensors: Tensors, *, place: Platform | None = None, rows: int = 16
) -> Measurement:
    """Run a cascade in a machine's arithmetic and compare.

    The attention weights are what the machine returns for V = the identity (times `PROBE`), its last rounding left out;
    so they include how it sums, whatever the cascade calls its weights.

    Parameters
    ----------
    tensors : Q (E, P), K (E, M), V (F, M)
    rows : queries, the last ones, of which the weights are measured; for long sequences that takes most of the time

    Raises SpecError as `check_cascade` and `run_split` do.

    >>> from archsim.numerics.inputs import make_tensors
    >>> from einsum_cascade import load
    >>> from einsum_cascade.numerics.rules import plain
    >>> found = measure(load(Cascade, "attention_3pass"), plain("bf16"), make_tensors("normal", 64, 8))
    >>> 1e-4 < found.error_max < 2e-2, found.lost
    (True, 0)
    """
    check_cascade(cascade)
    place, start = place or Platform(), time.perf_counter()
    keys, queries = tensors["K"].shape[1], tensors["Q"].shape[1]
    given = _rounded(numerics, tensors, place)
    rounding = Rounding.of(numerics, cascade.einsums, given)
    found = _machine(cascade, numerics, given, place, rounding)
    wanted = _exact(cascade, given)
    alive = np.isfinite(found).all(axis=0) & ((found != 0).any(axis=0) | (wanted == 0).all(axis=0))
    error_max = error_rms = None
    if alive.any():
        difference, right = found[:, alive] - wanted[:, alive], wanted[:, alive]
        error_max = _ratio(np.abs(difference).max(), np.abs(right).max())
        error_rms = _ratio(np.sqrt((difference**2).mean()), np.sqrt((right**2).mean()))
    kl, mass = _weights(cascade, numerics, given, place, rows)
    tally = rounding.tally
    return Measurement(
        cascade=cascade.name, format=numerics.word.name, exponential=numerics.exponential.name, length=keys,
        queries=queries, rows=min(rows, queries), error_max=error_max, error_rms=error_rms, lost=int((~alive).sum()),
        kl_mean=float(kl.mean()) if len(kl) else None, kl_max=float(kl.max()) if len(kl) else None,
        mass=float(mass.max()) if len(mass) else None, overflow=sum(t.overflow for t in tally.values()),
        underflow=sum(t.underflow for t in tally.values()), undefined=sum(t.undefined for t in tally.values()),
        seconds=time.perf_counter() - start, by_einsum=tally,
    )  # fmt: skip


def _ratio(error: np.floating, right: np.floating) -> float:
    """Return an error over the size of what is right, the error itself where that is 0."""
    return float(error / (right or 1.0))


def _rounded(numerics: Numerics, tensors: Tensors, place: Platform) -> Tensors:
    """Return the inputs as the machine holds them, in float64."""
    result: Tensors = {}
    for name, values in tensors.items():
        xp, array = place.array(values, numerics.double)
        result[name] = _numpy(round_to(xp, array, numerics.word))
    return result


def _machine(cascade: Cascade, numerics: Numerics, given: Tensors, place: Platform, rounding: Rounding) -> Reals:
    """Return the machine's output for inputs that are words, in float64."""
    arrays: dict[str, Array] = {}
    xp: ModuleType | None = None
    for name, values in given.items():
        xp, arrays[name] = place.array(values, numerics.double)
    size = max(1, ELEMENTS // max(given["K"].shape[1], given["V"].shape[0]))
    return _numpy(run_split(cascade, arrays, size=size, xp=xp, arithmetic=rounding)["AV"])


def _numpy(array: Array) -> Reals:
    there = getattr(array, "cpu", lambda: array)()
    return np.asarray(there).astype(np.float64)


def _exact(cascade: Cascade, given: Tensors) -> Reals:
    """Return the reference's output in float64, block by block of queries."""
    keys, queries = given["K"].shape[1], given["Q"].shape[1]
    size = max(1, ELEMENTS // 4 // keys)
    names = shape(cascade, _sizes(given))
    parts = []
    for start in range(0, queries, size):
        part = {**given, "Q": given["Q"][:, start : start + size]}
        sizes = {**names, "P": part["Q"].shape[1]}
        if "OFF" in names:  # the name by which masks know where the first query stands
            sizes["OFF"] = int(names["OFF"]) + start
        parts.append(expected(cascade, part, sizes)["AV"])
    return np.concatenate(parts, axis=-1)


def _sizes(given: Tensors) -> dict[str, Value]:
    (e, p), (f, m) = given["Q"].shape, given["V"].shape
    return {"E": e, "P": p, "F": f, "M": m}


def _weights(
    cascade: Cascade, numerics: Numerics, given: Tensors, place: Platform, rows: int
) -> tuple[Reals, Reals]:  # fmt: skip
    """Return, of the queries that survived, the divergence of the weights, and how far their sum is from 1."""
    keys = given["K"].shape[1]
    if not rows:
        return np.zeros(0), np.zeros(0)
    last = {**given, "Q": given["Q"][:, -rows:]}
    step = max(1, ELEMENTS // keys)
    machine, exact = [], []
    unrounded = _unrounded(cascade, numerics)
    for start in range(0, keys, step):
        some = np.arange(start, min(start + step, keys))
        probe = np.zeros((len(some), keys))
        probe[some - start, some] = 1.0
        rounding = Rounding.of(unrounded, cascade.einsums, last)
        machine.append(_machine(cascade, unrounded, {**last, "V": probe * PROBE}, place, rounding) / PROBE)
        exact.append(_exact(cascade, {**last, "V": probe}))
    a, r = np.concatenate(machine), np.concatenate(exact)
    total = a.sum(axis=0)
    alive = np.isfinite(a).all(axis=0) & (total > 0)
    a, r, total = a[:, alive], r[:, alive], total[alive]
    if not alive.any():
        return np.zeros(0), np.zeros(0)
    share = np.maximum(a / total, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(share > 0, share * (np.log(share) - np.log(r)), 0)
    return terms.sum(axis=0), np.abs(total - 1)


def _unrounded(cascade: Cascade, numerics: Numerics) -> Numerics:
    """Return the numerics with outputs of the cascade left unrounded."""
    changed = dict(numerics.einsums)
    for e in cascade.einsums:
        if e.name in cascade.outputs:
            rule = numerics.einsums.get(e.name) or numerics.operations.get(last_operation(e)) or RuleForm()
            changed[e.name] = replace(rule, output="fp64" if numerics.double else "fp32")
    return replace(numerics, einsums=changed)
