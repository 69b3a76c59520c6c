"""What pruning and keys of fewer bits do to the output: a cascade on several heads against full attention in float64.

The inputs of a pruning cascade are recognised by name: Q, V, and K or its high and low bits KH and KL, of shape (heads,
size, tokens); IMP the importance of tokens and HIMP that of heads, as an earlier layer would have left them. That layer
is drawn from the same model of scores: with `trace` inputs its tokens are important for the same reason, noise that all
queries and heads share.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsim.numerics.inputs import Tensors, make_tensors
from archsim.prune.scores import attention_map
from einsum_cascade.cascade import Cascade, shape
from einsum_cascade.constants import Value, evaluate
from einsum_cascade.einsum import accesses
from einsum_cascade.errors import Diagnostic, Place, SpecError
from einsum_cascade.interpret import run
from einsum_cascade.numerics.rounding import Rounding
from einsum_cascade.numerics.rules import Numerics
from einsum_cascade.parse import parse_expression

__all__ = ["Layer", "Pruned", "measure_pruned", "pruning_layer", "settings"]

Reals = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Layer:
    """Inputs of a layer by name, and its exact output: all tokens, all bits, float64, shape (heads, size, queries)."""

    tensors: Tensors
    exact: Reals


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """The error of a cascade at one setting of its parameters, as in `Measurement`.

    `kept`: Einsum -> the share of its points that is computed, for those with a condition on data (low bits that are
    fetched for some queries only) or on selected coordinates.
    """

    cascade: str
    format: str
    setting: dict[str, float]
    error_max: float | None
    error_rms: float | None
    lost: int
    queries: int
    kept: dict[str, float]


def pruning_layer(
    cascade: Cascade, kind: str, *, heads: int, tokens: int, queries: int, head: int = 64, seed: int = 0,
    scale: float = 1.0, high: int = 8, low: int = 4,
) -> Layer:  # fmt: skip
    """Return the inputs that a pruning cascade names, and what full attention makes of them.

    Keys that come as KH and KL are quantized linearly and symmetrically to `high` + `low` bits with one scale a head
    (SpAtten, section III-D); KL is what lies below the high bits.

    Raises SpecError: the cascade has an input that is not among those of this module, or is one for a single head.
    """
    random = np.random.default_rng(seed)
    shared = random.normal(size=tokens)

    def drawn(start: int) -> dict[str, Reals]:
        own = [make_tensors(kind, tokens, queries, head, start + h, scale, shared) for h in range(heads)]
        return {name: np.stack([t[name] for t in own]) for name in "QKV"}

    layer, earlier = drawn(seed + 1), drawn(seed + 1 + heads)
    exact = _attention(layer)
    before = _attention({**earlier, "V": np.broadcast_to(np.eye(tokens), (heads, tokens, tokens))})
    most = np.abs(layer["K"]).max(axis=(1, 2), keepdims=True)
    step = most / (2 ** (high + low - 1) - 1)
    whole = np.round(layer["K"] / step)
    upper = np.floor(whole / 2**low) * 2**low
    known = {
        "Q": layer["Q"] * np.sqrt(head),  # the cascades divide by it
        "K": layer["K"], "V": layer["V"], "KH": upper * step, "KL": (whole - upper) * step,
        "IMP": before.sum(axis=(0, 2)), "HIMP": np.abs(_attention(earlier)).sum(axis=(1, 2)),
    }  # fmt: skip
    wrong = [f"it has an input {n}" for n in cascade.inputs if n not in known]
    wrong += [f"its {n} has {len(axes)} axes, not {known[n].ndim}" for n, axes in cascade.inputs.items()
              if n in known and len(axes) != known[n].ndim]  # fmt: skip
    wrong += ["it has no AV"] if "AV" not in cascade.outputs else []
    if wrong:
        message = f"{cascade.name} cannot be measured: {wrong[0]}"
        raise SpecError([Diagnostic(place=cascade.place, message=message,
                                    expected="inputs among " + ", ".join(known) + ", the output AV")])  # fmt: skip
    return Layer(tensors={n: known[n] for n in cascade.inputs}, exact=exact)


def _attention(t: Mapping[str, Reals]) -> Reals:
    weight = attention_map(np.swapaxes(t["Q"], 1, 2) @ t["K"])
    result: Reals = t["V"] @ np.swapaxes(weight, 1, 2)
    return result


def settings(cascade: Cascade, layer: Layer, vary: Mapping[str, Sequence[str]]) -> Iterator[dict[str, Value]]:
    """Yield every combination of the values of some parameters, each an expression over ranks and earlier ones: M//2.

    Raises SpecError: an unknown parameter, or a text that is no expression.
    """
    sizes = _sizes(cascade, layer)
    known = shape(cascade, sizes)
    wrong = [n for n in vary if n not in known]
    if wrong:
        raise SpecError([Diagnostic(place=cascade.place, message=f"{cascade.name} has no rank or parameter {wrong[0]}",
                                    expected=", ".join(known))])  # fmt: skip
    for texts in itertools.product(*vary.values()):
        setting: dict[str, Value] = {}
        for name, text in zip(vary, texts, strict=True):
            expression = parse_expression(text, Place(file=f"--vary {name}", column=1, text=text))
            setting[name] = evaluate(expression, shape(cascade, {**sizes, **setting}))
        yield setting


def _sizes(cascade: Cascade, layer: Layer) -> dict[str, Value]:
    result: dict[str, Value] = {}
    for name, dimensions in cascade.inputs.items():
        for d, n in zip(dimensions, layer.tensors[name].shape, strict=True):
            result.setdefault(getattr(d, "name", ""), n)
    return {n: v for n, v in result.items() if n}


def measure_pruned(
    cascade: Cascade, numerics: Numerics, layer: Layer, setting: Mapping[str, Value]
) -> Pruned:  # fmt: skip
    """Run a pruning cascade at one setting and compare with full attention. Raises SpecError as `run` does."""
    partial = [e for e in cascade.einsums if any(accesses(s) for c in e.conditions for s in (c.left, c.right))]
    rounding = Rounding.of(numerics, cascade.einsums)
    kind = np.float64 if numerics.double else np.float32
    given = {n: t.astype(kind) for n, t in layer.tensors.items()}
    names = shape(cascade, {**_sizes(cascade, layer), **setting})
    keep = [e.name for e in partial]
    found = run(cascade, given, sizes=dict(setting), arithmetic=rounding, keep=keep, presence=True)
    output = np.asarray(found["AV"][0]).astype(np.float64)
    wanted = _live_heads(cascade, layer, names)
    alive = np.isfinite(output).all(axis=1) & (output != 0).any(axis=1)
    error_max = error_rms = None
    if alive.any():
        some = np.swapaxes(output, 1, 2)[alive] - np.swapaxes(wanted, 1, 2)[alive]
        right = np.swapaxes(wanted, 1, 2)[alive]
        error_max = float(np.abs(some).max() / np.abs(right).max())
        error_rms = float(np.sqrt((some**2).mean() / (right**2).mean()))
    return Pruned(cascade=cascade.name, format=numerics.word.name, setting={n: float(v) for n, v in setting.items()},
                  error_max=error_max, error_rms=error_rms, lost=int((~alive).sum()), queries=int(alive.size),
                  kept={e.name: _share(found[e.name][1]) for e in partial if e.name not in cascade.outputs
                        and len(cascade.definitions(e.name)) == 1})  # fmt: skip


def _share(mask: object) -> float:
    """Return the share of the points that are present."""
    return 1.0 if mask is None else float(np.asarray(mask).mean())


def _live_heads(cascade: Cascade, layer: Layer, names: Mapping[str, Value]) -> Reals:
    """Return the exact output of the heads that are kept, the most important ones in their order."""
    if "HIMP" not in layer.tensors:
        return layer.exact
    first = next(e for e in cascade.einsums if any(a.tensor == "HIMP" for a in accesses(e.expression)))
    chosen = run(cascade, layer.tensors, sizes=dict(names), keep=[first.name])[first.name]
    result: Reals = layer.exact[np.asarray(chosen)]
    return result
