"""Gauss–Newton: the whitening of the inputs, refreshed at each pass with the weights f′(h)².

The step solves (Σ s f′² z zᵀ) p = −∂E/∂v for each output (Nocedal and Wright, Numerical
Optimization, 2nd ed., eq. 10.23); directions in which the inputs do not vary are left alone, which
gives the step of minimum norm in the coordinates descended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fallline._typing import Array
from fallline.descent._carry import Memory
from fallline.descent._objective import Evaluation

RANK_TOLERANCE = 1e-14


@dataclass(frozen=True)
class GaussNewton:
    """The step to the bottom of the bowl that E has where f is replaced by its tangent."""

    needs_curvature: ClassVar[bool] = True

    def direction(self, evaluation: Evaluation, memory: Memory) -> Array:
        """Return the Gauss–Newton step of every output."""
        columns = zip(evaluation.curvature, evaluation.gradient.T, strict=True)
        return np.column_stack([_minimum_norm_solution(matrix, -g) for matrix, g in columns])

    def remember(self, memory: Memory, step: Array, gradient_change: Array) -> Memory:
        """Keep nothing."""
        return {}


def _minimum_norm_solution(matrix: Array, right: Array) -> Array:
    if not matrix.size or not np.isfinite(matrix).all():
        return np.full_like(right, np.nan)
    eigenvalues, axes = np.linalg.eigh(matrix)
    kept = eigenvalues > RANK_TOLERANCE * max(eigenvalues[-1], 0.0)
    axes = axes[:, kept]
    return np.asarray(axes @ ((axes.T @ right) / eigenvalues[kept]))
