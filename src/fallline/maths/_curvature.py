"""Error, gradient and Gauss–Newton matrix of a block, computed in coordinates z of the inputs.

The matrix Σ s f′(h)² z zᵀ is the Hessian of E without its residual term (Nocedal and Wright,
Numerical Optimization, 2nd ed., eq. 10.24). Rows are moved to z, in float64, before products are
formed: on raw inputs a product loses twice the digits of the ratio of mean to spread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from fallline._typing import Array
from fallline.maths._gradient import tile_gradient, tiles
from fallline.maths._moments import dense
from fallline.maths._partial import Partial
from fallline.maths._records import Layer, Records


def block_in_coordinates(
    records: Records,
    to_coordinates: Callable[[Array], Array],
    layer: Layer,
    *,
    curvature: bool,
    fit_intercept: bool,
) -> Partial:
    """Sum over a block, with the Gauss–Newton matrices if asked for; the layer is that of z."""
    (m, k), (n, d) = layer.weights.shape, records.X.shape
    size = m + fit_intercept
    total = replace(Partial.zero(m, k), curvature=np.zeros((k, size, size) if curvature else 0))
    for rows in tiles(n, 8 * (d + 4 * k)):
        tile = records.rows(rows)
        z = to_coordinates(dense(tile.X))
        partial, slope = tile_gradient(tile._replace(X=z), layer)
        if curvature:
            columns = np.column_stack([z, np.ones(len(z))]) if fit_intercept else z
            partial = replace(partial, curvature=gauss_newton_matrices(columns, slope, tile.sample_weight))
        total += partial
    return total


def gauss_newton_matrices(z: Array, slope: Array, sample_weight: Array | None) -> Array:
    """Return Σ s f′(h_j)² z zᵀ for each output j: (k, m, m)."""
    if sample_weight is not None:
        slope = slope * np.sqrt(sample_weight)[:, None]
    matrices = np.empty((slope.shape[1], z.shape[1], z.shape[1]))
    for j, weight in enumerate(slope.T):
        scaled = z * weight[:, None]
        matrices[j] = scaled.T @ scaled
    return matrices
