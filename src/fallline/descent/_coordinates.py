"""Coordinates in which a descent is done: raw, standardised or whitened inputs.

z = (x − centre) T, so h = vᵀ z + c is the raw h = wᵀ x + b with w = T v and b = c − centreᵀ w.
Kernels only know raw weights: v is folded into them, and the gradient is pulled back,
∂E/∂v = Tᵀ (∂E/∂w − centre ∂E/∂b).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fallline._typing import Array
from fallline.maths._moments import Moments

SCALINGS = ("none", "standard", "whiten", "auto")
RANK_TOLERANCE = 1e-12


@dataclass(frozen=True)
class Coordinates:
    """A change of inputs: ``centre`` (d,), ``transform`` (d,) for scales or (d, r), and its inverse.

    Points are arrays (r, k), with the intercepts c as a last row where ``fit_intercept``;
    elsewhere ``fixed_intercept`` (k,) is added and the centre is zero.
    """

    centre: Array
    transform: Array
    inverse: Array
    fit_intercept: bool
    fixed_intercept: Array

    def apply(self, x: Array) -> Array:
        """Move rows x (n, d) to z (n, r)."""
        centred = x - self.centre
        return centred * self.transform if self.transform.ndim == 1 else centred @ self.transform

    @property
    def is_raw(self) -> bool:
        """Whether z is x."""
        return self.transform.ndim == 1 and not self.centre.any() and bool((self.transform == 1.0).all())

    @property
    def offset(self) -> float:
        """The largest distance of a centre from zero, in units of the coordinates."""
        centre = self.centre if self.transform.ndim == 1 else self.centre[:, None]
        return float(np.abs(centre * self.transform).max(initial=0.0))

    def transposed(self, columns: Array) -> Array:
        """Return Tᵀ a for columns a (d, k)."""
        return self.transform[:, None] * columns if self.transform.ndim == 1 else self.transform.T @ columns

    def split(self, point: Array) -> tuple[Array, Array]:
        """Return the weights v (r, k) and intercepts c (k,) of a point."""
        return (point[:-1], point[-1]) if self.fit_intercept else (point, self.fixed_intercept)

    def join(self, weights: Array, intercept: Array) -> Array:
        """Return the point of weights v (r, k) and intercepts c (k,), or a gradient from its two parts."""
        return np.vstack([weights, intercept]) if self.fit_intercept else weights

    def fold(self, point: Array) -> tuple[Array, Array]:
        """Return the raw weights w (d, k) and intercepts b (k,) of a point."""
        v, c = self.split(point)
        w = self.transform[:, None] * v if self.transform.ndim == 1 else self.transform @ v
        return w, c - self.centre @ w

    def unfold(self, weights: Array, intercept: Array) -> Array:
        """Return the point that stands for raw weights and intercepts."""
        v = self.inverse[:, None] * weights if self.inverse.ndim == 1 else self.inverse.T @ weights
        return self.join(v, intercept + self.centre @ weights)

    def pull(self, weights: Array, intercept: Array) -> Array:
        """Return the gradient at a point from the raw gradients ∂E/∂w (d, k) and ∂E/∂b (k,)."""
        return self.join(self.transposed(weights - np.outer(self.centre, intercept)), intercept)


def raw(n_features: int, fit_intercept: bool, fixed_intercept: Array) -> Coordinates:
    """Return the inputs as they are."""
    ones = np.ones(n_features)
    return Coordinates(np.zeros(n_features), ones, ones, fit_intercept, fixed_intercept)


def from_moments(scaling: str, moments: Moments, fit_intercept: bool, fixed_intercept: Array) -> Coordinates:
    """Return standardised coordinates (unit variance) or whitened ones (also uncorrelated).

    Without an intercept nothing can be centred: the second moment takes the place of the variance.
    """
    centre = moments.mean if fit_intercept else np.zeros_like(moments.mean)
    spread = moments.scatter if fit_intercept else moments.second_moment
    scale, varies = _scales(spread, centre, moments.mass)
    if scaling == "standard":
        return Coordinates(centre, 1.0 / scale, scale, fit_intercept, fixed_intercept)
    correlation = spread / moments.mass / np.outer(scale, scale) * np.outer(varies, varies)
    eigenvalues, axes = np.linalg.eigh(correlation)
    kept = eigenvalues > RANK_TOLERANCE * eigenvalues[-1]
    root, axes = np.sqrt(eigenvalues[kept]), axes[:, kept]
    return Coordinates(
        centre, axes / scale[:, None] / root, axes * scale[:, None] * root, fit_intercept, fixed_intercept
    )


def _scales(spread: Array, centre: Array, mass: float) -> tuple[Array, Array]:
    """Return standard deviations, 1 for columns that are constant to rounding, and which are not."""
    variance = (np.diagonal(spread) if spread.ndim == 2 else spread) / mass
    varies = variance > (1e-13 * centre) ** 2
    return np.sqrt(np.where(varies, variance, 1.0)), varies
