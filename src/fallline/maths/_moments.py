"""Mean and scatter of columns, in one pass and without cancellation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fallline._typing import Array
from fallline.maths._gradient import tiles
from fallline.maths._records import is_sparse


@dataclass(frozen=True, slots=True)
class Moments:
    """Weighted mean and scatter of records, joined by ``+`` as Chan, Golub and LeVeque (1983, eq. 2.1) do.

    Attributes
    ----------
    mass : float
        Σ s.
    mean : array (d,)
        Σ s x / Σ s.
    scatter : array (d,) or (d, d)
        Σ s (x − mean)² of each column, or the matrix Σ s (x − mean)(x − mean)ᵀ.
    """

    mass: float
    mean: Array
    scatter: Array

    def __add__(self, other: Moments) -> Moments:
        mass = self.mass + other.mass
        if mass == 0.0:
            return self
        gap = other.mean - self.mean
        product = np.outer(gap, gap) if self.scatter.ndim == 2 else gap * gap
        return Moments(
            mass,
            self.mean + gap * (other.mass / mass),
            self.scatter + other.scatter + product * (self.mass * other.mass / mass),
        )

    @property
    def variance(self) -> Array:
        """The variance of each column."""
        scatter = np.diagonal(self.scatter) if self.scatter.ndim == 2 else self.scatter
        return scatter / self.mass

    @property
    def second_moment(self) -> Array:
        """Σ s x² of each column, or the matrix Σ s x xᵀ."""
        product = np.outer(self.mean, self.mean) if self.scatter.ndim == 2 else self.mean**2
        return self.scatter + self.mass * product


def block_moments(X: Any, sample_weight: Array | None, *, full: bool = False) -> Moments:
    """Return the moments of the rows of X: of each column, or (``full``) with the matrix of products."""
    if is_sparse(X) and not full:
        return _sparse_moments(X, sample_weight)
    d = X.shape[1]
    total = Moments(0.0, np.zeros(d), np.zeros((d, d) if full else d))
    for rows in tiles(X.shape[0], 8 * d):
        total += _tile_moments(dense(X[rows]), None if sample_weight is None else sample_weight[rows], full)
    return total


def dense(x: Any) -> Array:
    """Return rows as a float64 array."""
    return np.asarray(x.toarray() if is_sparse(x) else x, dtype=np.float64)


def _tile_moments(x: Array, sample_weight: Array | None, full: bool) -> Moments:
    s = np.ones(len(x)) if sample_weight is None else sample_weight.astype(np.float64)
    mass = float(s.sum())
    mean = s @ x / mass if mass > 0.0 else np.zeros(x.shape[1])
    centred = (x - mean) * np.sqrt(s)[:, None]
    scatter = centred.T @ centred if full else np.einsum("ij,ij->j", centred, centred)
    return Moments(mass, mean, scatter)


def _sparse_moments(X: Any, sample_weight: Array | None) -> Moments:
    """Sum over what is stored; all else is zero, −mean from the mean."""
    (n, d), s = X.shape, sample_weight
    s = np.ones(n) if s is None else s.astype(np.float64)
    mass = float(s.sum())
    weights, values = np.repeat(s, np.diff(X.indptr)), X.data.astype(np.float64)
    mean = np.bincount(X.indices, weights * values, minlength=d) / (mass or 1.0)
    stored = np.bincount(X.indices, weights, minlength=d)
    squares = np.bincount(X.indices, weights * (values - mean[X.indices]) ** 2, minlength=d)
    return Moments(mass, mean, squares + (mass - stored) * mean**2)
