"""Attention problems for the tile, as commands with operands."""

from collections.abc import Iterator

import numpy as np

from rtl.bench.models_float import MAC_LATENCY, Floats, bf16
from rtl.bench.models_tile import Shape, TileCommand


def normal(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> Floats:
    """Give normally distributed bfloat16 numbers."""
    return bf16((rng.normal(size=shape) * scale).astype(np.float32))


def block(
    shape: Shape, q: Floats, k: Floats, v: Floats, *, offset: int | None = None, skip: bool = True
) -> Iterator[TileCommand]:
    """Cut the attention of one block of queries into commands.

    Parameters
    ----------
    q : shape (E, 4*cols)
    k, v : shapes (E, M), (F, M), any M
    offset : causal: query p sees the keys up to p + offset; None: all
    skip : leave tiles out that the mask hides from all queries
    """
    queries, length = MAC_LATENCY * shape.cols, k.shape[1]
    starts = range(0, length, shape.rows)
    if offset is not None and skip:
        starts = range(0, max(1, min(length, queries + offset)), shape.rows)
    for start in starts:
        rows = min(shape.rows, length - start)
        pad = ((0, 0), (0, shape.rows - rows))
        yield TileCommand(
            first=start == 0,
            last=start == starts[-1],
            causal=offset is not None,
            rows=rows,
            base=start - (offset or 0),
            q=q.reshape(shape.keys, MAC_LATENCY, shape.cols),
            k=np.pad(k[:, start : start + rows], pad, constant_values=np.float32(3)),
            v=np.pad(v[:, start : start + rows], pad, constant_values=np.float32(5)),
        )


def reference(q: Floats, k: Floats, v: Floats, offset: int | None = None) -> np.ndarray:
    """Return softmax(q k) v in float64, shape (F, P); 0 where nothing is visible."""
    score = np.einsum("ep,em->mp", q.astype(float), k.astype(float))
    if offset is not None:
        m, p = np.indices(score.shape)
        score = np.where(m <= p + offset, score, -np.inf)
    top = score.max(axis=0)
    weight = np.exp(score - np.where(np.isfinite(top), top, 0))
    total = weight.sum(axis=0)
    return v.astype(float) @ (weight / np.where(total, total, 1))
