"""The error and gradient of one block of records in NumPy: the reference, and the kernel of many outputs.

Rows are taken a tile at a time, so that net input, prediction, delta and gradient of a tile
are computed while its rows lie in the cache.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fallline._typing import Array
from fallline.maths._partial import Partial
from fallline.maths._records import Layer, Records

TILE_BYTES = 256 * 1024
NO_CURVATURE = np.zeros(0)


def tiles(n_records: int, record_bytes: int) -> Iterator[slice]:
    """Cut rows into slices that stay in the second-level cache."""
    rows = max(16, TILE_BYTES // record_bytes)
    return (slice(start, min(start + rows, n_records)) for start in range(0, n_records, rows))


def block_gradient(records: Records, layer: Layer) -> Partial:
    """Sum error and gradient over records, in their arithmetic dtype within a tile and float64 across."""
    dtype = records.arithmetic_dtype
    layer = layer.astype(dtype)
    (n, d), k = records.X.shape, len(layer.intercept)
    total = Partial.zero(d, k, len(layer.theta))
    for rows in tiles(n, dtype.itemsize * (d + 4 * k)):
        tile = records.rows(rows)
        total += tile_gradient(tile._replace(X=tile.X.astype(dtype, copy=False)), layer)[0]
    return total


def tile_gradient(tile: Records, layer: Layer) -> tuple[Partial, Array]:
    """Return the sums over a tile, and f′(h) and ∂f/∂θ of its records (1 + p, n, k), in the layer's dtype."""
    dtype = layer.weights.dtype
    value, slopes = layer.activation.pair(tile.X @ layer.weights + layer.intercept, layer.theta)
    residual = tile.y.astype(dtype, copy=False) - value
    weighted = tile.weighted(residual)
    delta = weighted * slopes[0]
    partial = Partial(
        error=0.5 * float(np.sum(weighted * residual, dtype=np.float64)),
        weights=-np.asarray(tile.X.T @ delta, dtype=np.float64),
        intercept=-delta.sum(axis=0, dtype=np.float64),
        theta=-(weighted * slopes[1:]).sum(axis=1, dtype=np.float64),
        mass=np.array([tile.weighted(slope**2).sum(axis=0, dtype=np.float64) for slope in slopes]),
        curvature=NO_CURVATURE,
    )
    return partial, slopes
