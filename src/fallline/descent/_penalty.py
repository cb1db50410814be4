"""The penalty beside E: Σs α [(1 − ρ) ½‖w‖² + ρ‖w‖₁] over the raw weights, the intercept left free.

Zou and Hastie, "Regularization and variable selection via the elastic net", J. R. Stat. Soc. B 67
(2005), 301–320, in the scaling of scikit-learn's ElasticNet; ρ is ``l1_ratio``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fallline._typing import Array
from fallline.descent._coordinates import Coordinates


@dataclass(frozen=True)
class Penalty:
    """The penalty as a function of a point; ``l2`` is Σs α (1 − ρ), ``l1`` is Σs α ρ."""

    l2: float
    l1: float
    coordinates: Coordinates

    def value(self, point: Array) -> float:
        """Return both parts together."""
        # without a penalty it is 0 even where ‖w‖² overflows
        smooth = self.l2 * 0.5 * float(np.sum(self._raw(point) ** 2)) if self.l2 else 0.0
        return smooth + self.sharp(point)

    def gradient(self, point: Array) -> Array:
        """Return the gradient of the smooth part."""
        gradient = np.zeros_like(point)
        if self.l2:
            w = self.l2 * self._raw(point)
            gradient[: self.coordinates.n_weights] = self.coordinates.transposed(w).ravel()
        return gradient

    @cached_property
    def matrix(self) -> Array:
        """The second derivatives of the smooth part by the weights of one output: l2 TᵀT (r, r)."""
        T = self.coordinates.transform
        return self.l2 * (np.diag(T * T) if T.ndim == 1 else T.T @ T)

    @property
    def steepness(self) -> float:
        """The largest second derivative of the smooth part."""
        T = self.coordinates.transform
        if not self.l2 or not T.size:
            return 0.0
        return self.l2 * float(np.max(T * T) if T.ndim == 1 else np.linalg.norm(T, 2) ** 2)

    @cached_property
    def thresholds(self) -> Array:
        """What multiplies |v| of each weight of a point in diagonal coordinates (r k,)."""
        k = len(self.coordinates.fixed_intercept)
        return np.repeat(self.l1 * np.abs(self.coordinates.transform), k)

    def sharp(self, point: Array) -> float:
        """Return the part that has corners, Σs α ρ ‖w‖₁."""
        return self.l1 * float(np.sum(np.abs(self._raw(point)))) if self.l1 else 0.0

    def shrunk(self, point: Array, length: float) -> Array:
        """Return the proximal step of the sharp part: weights go towards zero, and no further."""
        if not self.l1:
            return point
        weights = point[: self.coordinates.n_weights]
        size = np.maximum(np.abs(weights) - length * self.thresholds, 0.0)
        return np.concatenate([np.sign(weights) * size, point[len(weights) :]])

    def steepest(self, point: Array, gradient: Array) -> Array:
        """Return the subgradient of least norm, given the gradient of E and the smooth part.

        It is zero at the bottom (Rockafellar, Convex Analysis, 1970, theorem 27.1).
        """
        if not self.l1:
            return gradient
        n = self.coordinates.n_weights
        weights, slope, corner = point[:n], gradient[:n], self.thresholds
        at_zero = np.sign(slope) * np.maximum(np.abs(slope) - corner, 0.0)
        least = np.where(weights == 0.0, at_zero, slope + np.sign(weights) * corner)
        return np.concatenate([least, gradient[n:]])

    def _raw(self, point: Array) -> Array:
        return self.coordinates.times(self.coordinates.split(point)[0])
