"""Pruning: what attention with cascade pruning keeps, point by point: tokens, heads, values, and bits of both.

A point is one (iteration, layer, head) of a trace or one layer of a schedule; every field is an array over the points,
so that one evaluation takes a whole trace.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace

import numpy as np

from archsim.value import Array
from archsim.workload import Workload

__all__ = ["Pruning", "pruning"]


@dataclass(frozen=True, kw_only=True)
class Pruning:
    """What is kept at each of n points; every field is an array of shape (n,), counts as floats.

    `iteration`, `layer`, `head` : which point; head -1: all live heads of the layer together.
    `tokens` : keys before any pruning; `keys`: those that are live; `values`: those that each query uses of them.
    `candidates` : fraction of the live keys that a query is multiplied with, below 1 after an approximate search.
    `heads` : live heads of the point; `dense_heads`: how many heads would be there without pruning.
    `queries` : a point's queries, `dense_queries` without pruning; `shared`: 1 where keys and values are fetched once
    for all queries of the point (prompts, encoders), 0 where each query fetches its own (generation).
    `head_dim` : words of a key and of a value.
    `key_bits`, `value_bits`, `low_bits` : as stored; the low bits of all live keys are fetched for a query where
    `refetched`, a fraction of the queries (0 or 1 for a single query of a trace).
    """

    name: str
    source: str
    iteration: Array
    layer: Array
    head: Array
    tokens: Array
    keys: Array
    candidates: Array
    values: Array
    heads: Array
    dense_heads: Array
    queries: Array
    dense_queries: Array
    shared: Array
    head_dim: Array
    key_bits: Array
    value_bits: Array
    low_bits: Array
    refetched: Array

    def __len__(self) -> int:
        return len(self.layer)

    @property
    def fetches(self) -> Array:
        """How often live keys are fetched, shape (n,): once for all queries, or for each; a count of all heads."""
        return self.heads * np.where(self.shared > 0, 1, self.queries)

    @property
    def fetched_values(self) -> Array:
        """Values of a fetch, shape (n,): queries that share one need all live values among them (an upper bound)."""
        return np.where(self.shared > 0, self.keys, self.values)

    @property
    def words(self) -> Array:
        """Words of keys and values that are fetched, low bits not counted apart, shape (n,)."""
        return self.fetches * self.head_dim * (self.keys + self.fetched_values)

    @property
    def dense_words(self) -> Array:
        """Words of keys and values that would be fetched without pruning, shape (n,)."""
        fetches = self.dense_heads * np.where(self.shared > 0, 1, self.dense_queries)
        return fetches * self.head_dim * 2 * self.tokens

    @property
    def fetched_bytes(self) -> Array:
        """Bytes of keys, their low bits and values that are fetched, shape (n,).

        Queries that share a fetch fetch the low bits if one of them needs them; they are taken to be independent.
        """
        needed = np.where(self.shared > 0, 1 - (1 - self.refetched) ** self.queries, self.refetched)
        keys = self.keys * (self.key_bits + needed * self.low_bits)
        return self.fetches * self.head_dim * (keys + self.fetched_values * self.value_bits) / 8

    def dense_bytes(self, bits: float) -> Array:
        """Return the bytes of all keys and values of all heads at words of `bits`, shape (n,): the named baseline."""
        return self.dense_words * bits / 8

    @property
    def scored(self) -> Array:
        """Keys that a query is multiplied with, shape (n,), a mean where queries differ."""
        return self.keys * self.candidates

    @property
    def score_macs(self) -> Array:
        """Multiplications of queries and keys, shape (n,): rows that fetch low bits are scored twice."""
        return self.queries * self.heads * self.head_dim * self.scored * (1 + self.refetched)

    @property
    def value_macs(self) -> Array:
        """Multiplications of probabilities and values, shape (n,)."""
        return self.queries * self.heads * self.head_dim * self.values

    @property
    def dense_macs(self) -> Array:
        """Multiplications of queries and keys, and as many of values, without pruning, shape (n,)."""
        return self.dense_queries * self.dense_heads * self.head_dim * self.tokens

    @property
    def refetched_rows(self) -> float:
        """Fraction of the rows (queries of live heads) that fetch low bits."""
        rows = self.queries * self.heads
        return float((rows * self.refetched).sum() / max(rows.sum(), 1))

    @property
    def refetched_keys(self) -> float:
        """Fraction of the fetched keys whose low bits are fetched too."""
        keys = self.queries * self.heads * self.keys
        return float((keys * self.refetched).sum() / max(keys.sum(), 1))

    def elements_ratio(self) -> float:
        """Return dense words over fetched words, all points together: the reduction without that of the bits."""
        return float(self.dense_words.sum() / self.words.sum())

    def bytes_ratio(self, bits: float) -> float:
        """Return dense bytes at words of `bits` over fetched bytes, all points together."""
        return float(self.dense_bytes(bits).sum() / self.fetched_bytes.sum())

    def take(self, which: Array) -> "Pruning":
        """Return the points of a mask or an index array.

        >>> found = pruning("a", "assumed", tokens=[8, 8], keys=[8, 4], layer=[0, 1])
        >>> found.take(found.layer == 1).keys
        array([4.])
        """
        return replace(self, **{name: getattr(self, name)[which] for name in POINTS})

    def sizes(self) -> dict[str, Array]:
        """Return the value of every rank and parameter that cascades of pruned attention name, shape (n,).

        M all live keys (only those are ever stored), J the same where a cascade prunes from M itself, T values, H and
        HL live heads, P queries, E and F words of a key and of a value, LSB the fraction of rows that fetch low bits,
        CANDIDATES and KEPT the fractions of the live keys that are scored and whose values are used.
        """
        return {
            "M": self.keys, "J": self.keys, "T": self.values, "H": self.heads, "HL": self.heads, "P": self.queries,
            "E": self.head_dim, "F": self.head_dim, "LSB": self.refetched,
            "CANDIDATES": self.candidates, "KEPT": self.values / np.maximum(self.keys, 1),
        }  # fmt: skip

    def bits(self) -> dict[str, Array]:
        """Return the width of stored tensors by their usual names, shape (n,)."""
        return {"K": self.key_bits, "KH": self.key_bits, "KL": self.low_bits, "V": self.value_bits}

    def workload(self, base: Workload) -> Workload:
        """Return `base` with the sizes of all points: one evaluation of it evaluates them all."""
        extra = {n: v for n, v in self.sizes().items() if n in ("J", "T", "HL")}
        return replace(
            base, heads=self.heads, kv_heads=None, head_dim=self.head_dim, value_dim=self.head_dim,
            sequence_length=self.keys, query_length=self.queries, ranks={**base.ranks, **extra},
        )  # fmt: skip

    def by_layer(self, bits: float = 16) -> list[dict[str, float]]:
        """Return one row of plain numbers a layer: means over its points, sums of bytes.

        `tokens` before pruning, `keys` and `values` the means over live heads, `heads` live ones a layer and
        iteration, `refetched` the fraction of rows, `fetched_bytes` and `dense_bytes` (words of `bits`) the
        sums.
        """
        rows = []
        for layer in np.unique(self.layer):
            own = self.take(self.layer == layer)
            weight = own.heads * own.queries
            iterations = len(np.unique(own.iteration))
            rows.append(
                {
                    "layer": int(layer),
                    "tokens": float(np.average(own.tokens, weights=weight)),
                    "keys": float(np.average(own.keys, weights=weight)),
                    "values": float(np.average(own.values, weights=weight)),
                    "heads": float(own.heads.sum()) / iterations,
                    "dense_heads": float(own.dense_heads.sum()) / iterations,
                    "refetched": own.refetched_rows,
                    "fetched_bytes": float(own.fetched_bytes.sum()),
                    "dense_bytes": float(own.dense_bytes(bits).sum()),
                }
            )
        return rows

    def summary(self) -> dict[str, object]:
        """Return the totals as plain data; every reduction names its baseline."""
        return {
            "name": self.name,
            "source": self.source,
            "points": len(self),
            "iterations": len(np.unique(self.iteration)),
            "layers": len(np.unique(self.layer)),
            "elements_ratio": self.elements_ratio(),
            "fetched_bytes": float(self.fetched_bytes.sum()),
            "bytes_ratio_against_16_bit": self.bytes_ratio(16),
            "bytes_ratio_against_32_bit": self.bytes_ratio(32),
            "refetched_rows": self.refetched_rows,
            "refetched_keys": self.refetched_keys,
            "macs_ratio": float(2 * self.dense_macs.sum() / (self.score_macs + self.value_macs).sum()),
        }


POINTS = tuple(f.name for f in fields(Pruning) if f.name not in ("name", "source"))
DEFAULTS: Mapping[str, Callable[[Mapping[str, Array]], object]] = {
    "iteration": lambda given: 0,
    "layer": lambda given: np.arange(len(given["tokens"])),
    "head": lambda given: -1,
    "keys": lambda given: given["tokens"],
    "candidates": lambda given: 1,
    "values": lambda given: given["keys"] * given["candidates"],
    "heads": lambda given: 1,
    "dense_heads": lambda given: given["heads"],
    "queries": lambda given: 1,
    "dense_queries": lambda given: given["queries"],
    "shared": lambda given: 0,
    "head_dim": lambda given: 64,
    "key_bits": lambda given: 16,
    "value_bits": lambda given: given["key_bits"],
    "low_bits": lambda given: 0,
    "refetched": lambda given: 0,
}


def pruning(name: str, source: str, **given: object) -> Pruning:
    """Return a Pruning of numbers and arrays that broadcast; what is not given is dense, one 16-bit head of 64 words.

    >>> found = pruning("dense", "assumed", tokens=[100, 100], heads=12)
    >>> found.elements_ratio(), found.bytes_ratio(32)
    (1.0, 2.0)
    """
    values = {n: np.atleast_1d(np.asarray(v, dtype=np.float64)) for n, v in given.items()}
    shape = np.broadcast_shapes(*(v.shape for v in values.values()))
    values = {n: np.array(np.broadcast_to(v, shape)) for n, v in values.items()}
    for field, default in DEFAULTS.items():
        if field not in values:
            values[field] = np.array(np.broadcast_to(np.asarray(default(values), dtype=np.float64), shape))
    return Pruning(name=name, source=source, **values)
