"""The error and gradient of one block of records in NumPy: the reference, and the kernel of many outputs.

Rows are taken a tile at a time, so that net input, prediction, delta and gradient of a tile
are computed while its rows lie in the cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fallline._typing import Array
from fallline.maths._activation import Activation
from fallline.maths._partial import Partial

TILE_BYTES = 256 * 1024


def arithmetic_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype in which records of ``dtype`` are computed: float16 in float32, others as they are."""
    return np.dtype(np.float32) if dtype == np.float16 else dtype


def tiles(n_records: int, n_features: int, n_outputs: int, itemsize: int) -> Iterator[slice]:
    """Cut a block's rows into slices whose rows and net inputs stay in the cache."""
    rows = max(16, TILE_BYTES // (itemsize * (n_features + 4 * n_outputs)))
    return (slice(start, min(start + rows, n_records)) for start in range(0, n_records, rows))


def block_gradient(
    X: Any,
    y: Array,
    sample_weight: Array | None,
    weights: Array,
    intercept: Array,
    activation: Activation,
) -> Partial:
    """Sum error and gradient over the rows of X (dense or CSR); y is (n, k), weights (d, k), intercept (k,)."""
    dtype = arithmetic_dtype(X.dtype)
    W, b = weights.astype(dtype), intercept.astype(dtype)
    total = Partial.zero(*W.shape)
    for rows in tiles(*X.shape, W.shape[1], dtype.itemsize):
        x = X[rows].astype(dtype, copy=False)
        s = None if sample_weight is None else sample_weight[rows]
        total += tile_gradient(x, y[rows], s, W, b, activation)[0]
    return total


def tile_gradient(
    x: Any,
    y: Array,
    sample_weight: Array | None,
    weights: Array,
    intercept: Array,
    activation: Activation,
) -> tuple[Partial, Array]:
    """Return the sums over one tile, and f′(h) of its records, in the dtype of ``weights``."""
    dtype = weights.dtype
    value, slopes = activation.pair(x @ weights + intercept, np.zeros(0, dtype))
    residual = y.astype(dtype, copy=False) - value
    weighted = residual if sample_weight is None else residual * sample_weight.astype(dtype)[:, None]
    delta = weighted * slopes[0]
    slope_squared = slopes[0] ** 2 if sample_weight is None else slopes[0] ** 2 * sample_weight[:, None]
    partial = Partial(
        error=0.5 * float(np.sum(weighted * residual, dtype=np.float64)),
        weights=-np.asarray(x.T @ delta, dtype=np.float64),
        intercept=-delta.sum(axis=0, dtype=np.float64),
        parameters=np.zeros(0),
        mass=slope_squared.sum(axis=0, dtype=np.float64),
        curvature=np.zeros(0),
    )
    return partial, slopes[0]
