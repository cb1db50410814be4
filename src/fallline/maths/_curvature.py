"""Error, gradient and Gauss–Newton matrix of a block, in coordinates z of the inputs.

The matrix Σ s f′(h)² z zᵀ is the Hessian of E without its residual term (Nocedal and Wright,
Numerical Optimization, 2nd ed., eq. 10.24). Rows are moved to z, in float64, before the products are
formed: on raw inputs a product loses twice the digits of the ratio of mean to spread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from fallline._typing import Array
from fallline.maths._activation import Activation
from fallline.maths._gradient import tile_gradient, tiles
from fallline.maths._moments import dense
from fallline.maths._partial import Partial


def block_curvature(
    X: Any,
    y: Array,
    sample_weight: Array | None,
    to_coordinates: Callable[[Array], Array],
    weights: Array,
    intercept: Array,
    activation: Activation,
    fit_intercept: bool,
) -> Partial:
    """Sum over a block; weights (m, k) and intercept (k,) are those of z = to_coordinates(x)."""
    (m, k), size = weights.shape, len(weights) + fit_intercept
    total = replace(Partial.zero(m, k), curvature=np.zeros((k, size, size)))
    for rows in tiles(X.shape[0], X.shape[1], k, 8):
        z = to_coordinates(dense(X[rows]))
        s = None if sample_weight is None else sample_weight[rows]
        partial, slope = tile_gradient(z, y[rows], s, weights, intercept, activation)
        columns = np.column_stack([z, np.ones(len(z))]) if fit_intercept else z
        total += replace(partial, curvature=gauss_newton_matrices(columns, slope, s))
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
