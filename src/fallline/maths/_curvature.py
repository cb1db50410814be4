"""Error, gradient and Gauss–Newton matrix of a block, computed in coordinates z of the inputs.

The matrix Σ s a aᵀ, a = (f′(h) z, ∂f/∂θ), is the Hessian of E without its residual term (Nocedal and Wright,
Numerical Optimization, 2nd ed., eq. 10.24), which is −Σ s (y − ŷ) f″(h) z zᵀ. Rows are moved to z, in
float64, before products are formed: on raw inputs a product loses twice the digits of the ratio of mean to
spread.
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
    bending: bool = False,
) -> Partial:
    """Sum over a block, with the Gauss–Newton matrices if asked for; the layer is that of z.

    With ``bending`` the residual terms of the Hessian come too: curvature is then (2, k, m, m).
    """
    (m, k), (n, d) = layer.weights.shape, records.X.shape
    p = len(layer.theta)
    size = m + fit_intercept + p
    shape = (2, k, size, size) if bending else (k, size, size)
    total = replace(Partial.zero(m, k, p), curvature=np.zeros(shape if curvature else 0))
    for rows in tiles(n, 8 * (d + 4 * k)):
        tile = records.rows(rows)
        z = to_coordinates(dense(tile.X))
        partial, slopes = tile_gradient(tile._replace(X=z), layer)
        if curvature:
            columns = np.column_stack([z, np.ones(len(z))]) if fit_intercept else z
            matrices = gauss_newton_matrices(columns, slopes, tile.sample_weight)
            if bending:
                matrices = np.array([matrices, residual_matrices(tile._replace(X=z), columns, layer)])
            partial = replace(partial, curvature=matrices)
        total += partial
    return total


def gauss_newton_matrices(z: Array, slopes: Array, sample_weight: Array | None) -> Array:
    """Return Σ s a aᵀ with a = (f′(h_j) z, ∂f/∂θ) for each output j; slopes are (1 + p, n, k)."""
    if sample_weight is not None:
        slopes = slopes * np.sqrt(sample_weight)[:, None]
    (p, _, k), m = slopes.shape, z.shape[1]
    matrices = np.empty((k, m + p - 1, m + p - 1))
    for j in range(k):
        jacobian = np.column_stack([z * slopes[0, :, j, None], slopes[1:, :, j].T])
        matrices[j] = jacobian.T @ jacobian
    return matrices


def residual_matrices(tile: Records, columns: Array, layer: Layer) -> Array:
    """Return −Σ s (y − ŷ) f″(h_j) z zᵀ for each output j; ``columns`` are z, and 1 for an intercept."""
    h = tile.X @ layer.weights + layer.intercept
    value = layer.activation.pair(h)[0]
    pull = -tile.weighted(tile.y - value) * layer.activation.second_slope(h)
    return np.array([columns.T @ (columns * pull[:, j, None]) for j in range(h.shape[1])])
