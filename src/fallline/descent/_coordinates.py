"""Coordinates in which a descent is done: raw, standardised or whitened inputs.

z = (x − centre) T, so h = vᵀ z + c is the raw h = wᵀ x + b with w = T v and b = c − centreᵀ w.
Kernels only know raw weights: v is folded into them, and the gradient is pulled back,
∂E/∂v = Tᵀ (∂E/∂w − centre ∂E/∂b). Free parameters θ of the activation are divided by their scales.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from fallline._typing import Array
from fallline.data._blocks import Block, Source
from fallline.execution._evaluate import Engine, source_moments, sum_over_blocks
from fallline.maths._moments import Moments
from fallline.maths._records import NO_THETA
from fallline.maths._triangle import Triangle, block_triangle, whitening

SCALINGS = ("none", "standard", "whiten", "auto")
COLLINEAR = 1e-12
"""Share of the largest eigenvalue of XᵀX below which the smallest has lost too many of its digits."""


@dataclass(frozen=True)
class Coordinates:
    """A change of inputs: ``centre`` (d,), ``transform`` (d,) for scales or (d, r), and its inverse.

    A point is one vector: the weights v (r, k), row by row, then the intercepts c (k,) where
    ``fit_intercept``, then θ ÷ ``theta_scale`` (p, k), or (p, 1) where all outputs share θ. Elsewhere
    ``fixed_intercept`` (k,) is added and the centre is zero.
    """

    centre: Array
    transform: Array
    inverse: Array
    fit_intercept: bool
    fixed_intercept: Array
    theta_scale: Array = field(default_factory=lambda: NO_THETA)

    @property
    def is_diagonal(self) -> bool:
        """Whether each coordinate belongs to one input."""
        return self.transform.ndim == 1

    @property
    def is_raw(self) -> bool:
        """Whether z is x."""
        return self.is_diagonal and not self.centre.any() and bool((self.transform == 1.0).all())

    @property
    def offset(self) -> float:
        """The largest distance of a centre from zero, in units of the coordinates."""
        centre = self.centre if self.is_diagonal else self.centre[:, None]
        return float(np.abs(centre * self.transform).max(initial=0.0))

    @property
    def n_weights(self) -> int:
        """How many numbers of a point are weights; they come first."""
        return self.rank * len(self.fixed_intercept)

    @property
    def n_thetas(self) -> int:
        """How many are parameters; they come last."""
        return self.theta_scale.size

    @property
    def rank(self) -> int:
        """How many coordinates there are, r."""
        return int(self.transform.shape[-1])

    @property
    def shares_theta(self) -> bool:
        """Whether several outputs have one set of parameters."""
        return self.n_thetas > 0 and self.theta_scale.shape[1] < len(self.fixed_intercept)

    def apply(self, x: Array) -> Array:
        """Move rows x (n, d) to z (n, r)."""
        centred = x - self.centre
        return centred * self.transform if self.is_diagonal else centred @ self.transform

    def times(self, v: Array) -> Array:
        """Return T v for weights v (r, k)."""
        return self.transform[:, None] * v if self.is_diagonal else self.transform @ v

    def transposed(self, columns: Array) -> Array:
        """Return Tᵀ a for columns a (d, k)."""
        return self.transform[:, None] * columns if self.is_diagonal else self.transform.T @ columns

    def split(self, point: Array) -> tuple[Array, Array, Array]:
        """Return the weights v (r, k), intercepts c (k,) and parameters θ of a point."""
        k, end = len(self.fixed_intercept), len(point) - self.n_thetas
        v, c = point[: self.n_weights].reshape(-1, k), point[self.n_weights : end]
        theta = point[end:].reshape(self.theta_scale.shape) * self.theta_scale
        return v, c if self.fit_intercept else self.fixed_intercept, theta

    def join(self, weights: Array, intercept: Array, theta: Array) -> Array:
        """Return the point of weights v (r, k), intercepts c (k,) and parameters θ."""
        c = intercept if self.fit_intercept else intercept[:0]
        return np.concatenate([weights.ravel(), c, (theta / self.theta_scale).ravel()])

    def gradient(self, weights: Array, intercept: Array, theta: Array) -> Array:
        """Return ∂E/∂point from its parts; that by a shared parameter is a sum over the outputs."""
        if theta.shape != self.theta_scale.shape:
            theta = theta.sum(axis=1, keepdims=True)
        g = intercept if self.fit_intercept else intercept[:0]
        return np.concatenate([weights.ravel(), g, (theta * self.theta_scale).ravel()])

    def by_output(self, point: Array) -> Array:
        """Return a row for each output: its weights, its intercept and its parameters, still scaled."""
        k, end = len(self.fixed_intercept), len(point) - self.n_thetas
        own = point[:end].reshape(-1, k)
        theta = point[end:].reshape(self.theta_scale.shape)
        return np.vstack([own, np.broadcast_to(theta, (len(theta), k))]).T

    def from_outputs(self, rows: Array) -> Array:
        """Return the vector of which these are the rows by output."""
        n = rows.shape[1] - len(self.theta_scale)
        theta = rows[:, n:].T[:, : self.theta_scale.shape[1]]
        return np.concatenate([rows[:, :n].T.ravel(), theta.ravel()])

    def fold(self, point: Array) -> tuple[Array, Array, Array]:
        """Return the raw weights w (d, k), intercepts b (k,) and parameters θ of a point."""
        v, c, theta = self.split(point)
        w = self.times(v)
        return w, c - self.centre @ w, theta

    def unfold(self, weights: Array, intercept: Array, theta: Array = NO_THETA) -> Array:
        """Return the point that stands for raw weights, intercepts and parameters."""
        v = self.inverse[:, None] * weights if self.inverse.ndim == 1 else self.inverse.T @ weights
        return self.join(v, intercept + self.centre @ weights, theta)

    def pull(self, weights: Array, intercept: Array, theta: Array) -> Array:
        """Return ∂E/∂point from the raw gradients ∂E/∂w (d, k), ∂E/∂b (k,) and ∂E/∂θ (p, k)."""
        return self.gradient(self.transposed(weights - np.outer(self.centre, intercept)), intercept, theta)


def raw(n_features: int, fit_intercept: bool, fixed_intercept: Array) -> Coordinates:
    """Return the inputs as they are."""
    ones = np.ones(n_features)
    return Coordinates(np.zeros(n_features), ones, ones, fit_intercept, fixed_intercept)


def find_coordinates(
    source: Source, engine: Engine[Any], scaling: str, fit_intercept: bool, fixed_intercept: Array
) -> tuple[Coordinates, int]:
    """Return the coordinates to descend in, and the passes that took.

    "standard" is unit variance, "whiten" also no correlation. Where the inputs are nearly collinear the
    products XᵀX have lost the digits that whitening needs: a second pass takes them from a QR, and so does
    "standard, or whiten where collinear".
    """
    if scaling == "none":
        return raw(source.shape.n_features, fit_intercept, fixed_intercept), 0
    moments = source_moments(source, engine, full=scaling != "standard")
    standard = standardised(moments, fit_intercept, fixed_intercept)
    if scaling == "standard":
        return standard, 1
    white = whitened(moments, standard, COLLINEAR)
    if white is None:
        return _from_triangle(source, engine, standard, moments), 2
    return white if scaling == "whiten" else standard, 1


def standardised(moments: Moments, fit_intercept: bool, fixed_intercept: Array) -> Coordinates:
    """Return coordinates of unit variance.

    Without an intercept nothing can be centred: the second moment takes the place of the variance.
    """
    centre = moments.mean if fit_intercept else np.zeros_like(moments.mean)
    scale, _ = _scales(_spread(moments, fit_intercept), centre, moments.mass)
    return Coordinates(centre, 1.0 / scale, scale, fit_intercept, fixed_intercept)


def whitened(moments: Moments, standard: Coordinates, least: float) -> Coordinates | None:
    """Return coordinates without correlation, or None where the shortest axis is too short for that.

    ``least`` is the least share of the longest, both in squares: eigenvalues of the correlation matrix.
    """
    eigenvalues, axes = np.linalg.eigh(_correlation(moments, standard))
    if eigenvalues.size and not eigenvalues[0] > least * eigenvalues[-1]:
        return None
    root, scale = np.sqrt(eigenvalues), standard.inverse[:, None]
    return replace(standard, transform=axes / scale / root, inverse=axes * scale * root)


def _spread(moments: Moments, fit_intercept: bool) -> Array:
    return moments.scatter if fit_intercept else moments.second_moment


def _correlation(moments: Moments, standard: Coordinates) -> Array:
    """Return the mean products of the standardised inputs; those that are constant stand alone."""
    spread = _spread(moments, standard.fit_intercept)
    scale, varies = _scales(spread, standard.centre, moments.mass)
    products = spread / moments.mass / np.outer(scale, scale) * np.outer(varies, varies)
    return np.asarray(products + np.diag(1.0 - varies))


def _from_triangle(
    source: Source, engine: Engine[Any], standard: Coordinates, moments: Moments
) -> Coordinates:
    """Return whitened coordinates from a blockwise QR of the standardised inputs, in one more pass."""
    fit_intercept = standard.fit_intercept
    _, varies = _scales(_spread(moments, fit_intercept), standard.centre, moments.mass)
    scale = np.where(varies, standard.transform, 0.0)

    def task(block: Block) -> Triangle:
        return block_triangle(block.records.X, block.records.sample_weight, standard.centre, scale)

    triangle: Triangle = sum_over_blocks(task, source, engine)
    found = whitening(triangle, np.abs(standard.centre) * scale, fit_intercept)
    return replace(
        standard,
        transform=found.transform * scale[:, None],
        inverse=found.inverse * standard.inverse[:, None],
    )


def _scales(spread: Array, centre: Array, mass: float) -> tuple[Array, Array]:
    """Return standard deviations, 1 for columns that are constant to rounding, and which are not."""
    variance = (np.diagonal(spread) if spread.ndim == 2 else spread) / mass
    varies = variance > (1e-13 * centre) ** 2
    return np.sqrt(np.where(varies, variance, 1.0)), varies
