"""A pruning schedule: how much each layer keeps, by a list or by SpAtten's interpolation -> Pruning."""

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from archsim.prune.pruning import Pruning, pruning
from archsim.value import Array
from einsum_cascade.document import Document, find_one
from einsum_cascade.errors import Diagnostic, SpecError
from einsum_cascade.forms import FORBID, Integer, Real, Text, read_form

__all__ = ["Ramp", "Schedule", "find_schedule", "interpolated", "names", "read_schedule", "scheduled"]


@dataclass(frozen=True, kw_only=True)
class Ramp:
    """A pruned fraction that grows along the layers: nothing in the front, then linear with this average.

    `start` of the first layer that prunes (None: the average throughout); it ends at 2 average - start. `front` is the
    fraction of the layers in which nothing is pruned (None: 15% for tokens and 30% for heads).
    """

    __pydantic_config__ = FORBID
    average: Real
    start: Real | None = None
    front: Real | None = None


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The form of a schedule file.

    `keep_tokens`, `keep_heads` : kept fraction of every layer, one number a layer; or `prune_tokens`, `prune_heads`:
    a ramp; or neither: all are kept. `values` : fraction of its live keys whose values a query uses. `queries` None:
    one a live token, as in an encoder: pruned tokens ask no more, and the others share what is fetched; a number of
    queries is generated one by one, each with its own fetches. `refetched` : fraction of the queries that need
    `low_bits` more of each key.
    """

    __pydantic_config__ = FORBID
    schedule: Text
    source: Text
    description: Text = ""
    layers: Integer
    heads: Integer
    head_dim: Integer = 64
    tokens: Integer
    queries: Integer | None = None
    keep_tokens: list[Real] | None = None
    prune_tokens: Ramp | None = None
    keep_heads: list[Real] | None = None
    prune_heads: Ramp | None = None
    values: Real = 1
    key_bits: Real = 12
    value_bits: Real = 12
    low_bits: Real = 0
    refetched: Real = 0


TOKEN_FRONT, HEAD_FRONT = 0.15, 0.30
"""SpAtten (HPCA'21), section V: the front 15% of the layers prune no tokens, the front 30% no heads."""


def interpolated(layers: int, ramp: Ramp, front: float) -> Array:
    """Return the pruned fraction of every layer, shape (layers,): 0 in the front, then start .. 2 average - start.

    Source: SpAtten (HPCA'21), section V-A. The front is rounded up to whole layers.

    >>> interpolated(4, Ramp(average=0.5, start=0.25), 0.25)
    array([0.  , 0.25, 0.5 , 0.75])
    """
    unpruned = min(layers, int(np.ceil(layers * (front if ramp.front is None else ramp.front) - 1e-9)))
    start = ramp.average if ramp.start is None else ramp.start
    rest = np.linspace(start, 2 * ramp.average - start, layers - unpruned)
    if len(rest) == 1:
        rest = np.array([float(ramp.average)])
    return np.concatenate([np.zeros(unpruned), rest])


def scheduled(given: Schedule) -> Pruning:
    """Return what a schedule keeps, one point a layer.

    Counts are rounded down, as the artifact's runs do (0.7 of 1024 tokens: 716), but one token and one head stay. What
    is pruned never comes back: a layer keeps no more than the one before.

    >>> ramp = Ramp(average=0.5, start=0.3)
    >>> form = Schedule(schedule="s", source="assumed", layers=4, heads=8, tokens=100, prune_tokens=ramp)
    >>> scheduled(form).keys
    array([100.,  70.,  50.,  30.])
    """
    keys = _kept(given.layers, given.tokens, given.keep_tokens, given.prune_tokens, TOKEN_FRONT)
    heads = _kept(given.layers, given.heads, given.keep_heads, given.prune_heads, HEAD_FRONT)
    return pruning(
        given.schedule, given.source, layer=np.arange(given.layers), tokens=given.tokens, keys=keys,
        values=np.maximum(1, _floor(keys * given.values)), heads=heads, dense_heads=given.heads,
        queries=keys if given.queries is None else given.queries, shared=given.queries is None,
        dense_queries=given.tokens if given.queries is None else given.queries, head_dim=given.head_dim,
        key_bits=given.key_bits, value_bits=given.value_bits, low_bits=given.low_bits, refetched=given.refetched,
    )  # fmt: skip


def _floor(count: Array) -> Array:
    return np.floor(count + 1e-9)  # 0.7 * 10 is 7, not 6.999...


def _kept(layers: int, count: int, listed: list[Real] | None, ramp: Ramp | None, front: float) -> Array:
    fraction = np.ones(layers) if listed is None else np.asarray(listed, dtype=np.float64)
    if ramp is not None:
        fraction = 1 - interpolated(layers, ramp, front)
    result: Array = np.minimum.accumulate(np.maximum(1, _floor(count * fraction)))
    return result


def check_schedule(document: Document, given: Schedule) -> None:
    """Refuse what no schedule can be. Raises SpecError with every mistake and its place."""
    wrong = []

    def refuse(path: str | tuple[str | int, ...], message: str, expected: str = "") -> None:
        place = document.place(*((path,) if isinstance(path, str) else path))
        wrong.append(Diagnostic(place=place, message=message, expected=expected))

    for f in fields(given):
        value = getattr(given, f.name)
        whole = f.name in ("layers", "heads", "head_dim", "tokens", "queries", "key_bits", "value_bits")
        if whole and value is not None and value <= 0:
            refuse(f.name, f"{f.name} is {value}", "a positive number")
        if f.name in ("values", "refetched") and not 0 <= value <= 1:
            refuse(f.name, f"{f.name} is {value}", "a fraction between 0 and 1")
    if given.low_bits < 0:
        refuse("low_bits", f"low_bits is {given.low_bits}", "0 or more")
    for noun in ("tokens", "heads"):
        listed, ramp = getattr(given, f"keep_{noun}"), getattr(given, f"prune_{noun}")
        if listed is not None and ramp is not None:
            refuse(f"prune_{noun}", f"keep_{noun} says already what is kept", f"keep_{noun} or prune_{noun}")
        if listed is not None and len(listed) != given.layers:
            refuse(f"keep_{noun}", f"{len(listed)} numbers", f"{given.layers}, one a layer")
        for k, value in enumerate(listed or ()):
            if not 0 < value <= 1:
                refuse((f"keep_{noun}", k), f"layer {k} keeps {value}", "a fraction above 0, at most 1")
            elif k and value > (listed or [])[k - 1]:
                refuse(
                    (f"keep_{noun}", k),
                    f"layer {k} keeps {value}, more than the layer before",
                    "what is pruned stays so",
                )
        if ramp is not None:
            start = ramp.average if ramp.start is None else ramp.start
            if not 0 <= start <= ramp.average or not 2 * ramp.average - start < 1:
                message = f"from {start} to {2 * ramp.average - start:g} along the layers"
                refuse(f"prune_{noun}", message, "0 <= start <= average, and an end (2 average - start) below 1")
            if ramp.front is not None and not 0 <= ramp.front <= 1:
                refuse((f"prune_{noun}", "front"), f"front is {ramp.front}", "a fraction between 0 and 1")
    if wrong:
        raise SpecError(wrong)


def read_schedule(document: Document, tokens: int | None = None) -> Pruning:
    """Return what the schedule of a YAML document keeps, of `tokens` tokens where given.

    Raises SpecError with every mistake of the document.

    >>> from einsum_cascade.document import read
    >>> text = "schedule: s\\nsource: assumed\\nlayers: 2\\nheads: 4\\ntokens: 64\\nkeep_tokens: [1, 0.5]"
    >>> read_schedule(read(text, "s.yaml")[0]).keys
    array([64., 32.])
    """
    form = read_form(document, Schedule)
    check_schedule(document, form)
    return scheduled(form if tokens is None else replace(form, tokens=tokens))


def names() -> dict[str, Path]:
    """Return the schedules that come with archsim, with their files.

    >>> "gpt2_small_wikitext2" in names()
    True
    """
    return {f.stem: f for f in sorted((Path(__file__).parent / "schedules").glob("*.yaml"))}


def find_schedule(name: str | Path, tokens: int | None = None) -> Pruning:
    """Return what the schedule of this name, or in this file, keeps; of `tokens` tokens where given.

    Raises SpecError: nothing of that name, or every mistake of the file.

    >>> find_schedule("gpt2_small_wikitext2").keys[:3]
    array([921., 716., 204.])
    """
    hint = "`archsim pruning` shows all; a file is given by its path"
    return read_schedule(find_one("schedule", name, names(), hint), tokens)
