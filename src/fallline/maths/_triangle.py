"""Whitening without the products XᵀX: the triangle of a QR, block by block.

XᵀX has the square of the condition number of X: beyond 1e8 its smallest eigenvalues are rounding errors.
The factor R of X = QR has the condition of X itself, and R of stacked rows is R of their stacked factors
(Demmel, Grigori, Hoemmen and Langou, 2012, "Communication-optimal parallel and sequential QR and LU
factorizations", §3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fallline._typing import Array
from fallline.maths._gradient import TILE_BYTES, tiles
from fallline.maths._moments import dense

RANK_TOLERANCE = 64 * float(np.finfo(np.float64).eps)
"""How far above rounding a direction must vary, so that its length is known to 1/64.

Rounding is eps times d · the longest direction, as a QR leaves its rows off by d·eps of their norm at most
(Higham, 2002, "Accuracy and Stability of Numerical Algorithms", §19.3), and times the centre, in standard
deviations: numbers that lie far from zero are only known, and weights of them only usable, to that.
"""


@dataclass(frozen=True, slots=True)
class Triangle:
    """The factor R of the rows √s (1, (x − centre) scale), joined by ``+``.

    The ones come first, so that R without its first row is the factor of the inputs about their own mean:
    a centre is a mean that was rounded, and what it leaves would pass for a direction of its own.

    Attributes
    ----------
    factor : array (min(n, 1 + d), 1 + d)
        Upper triangular, its diagonal not negative; RᵀR is the sum of the products of the rows.
    """

    factor: Array

    def __add__(self, other: Triangle) -> Triangle:
        return Triangle(_factor(np.vstack([self.factor, other.factor])))


class Whitening(NamedTuple):
    """Standardised inputs u = (x − centre) scale turned to axes on which they are uncorrelated.

    Attributes
    ----------
    transform : array (d, r)
        z = u @ transform has unit variance and no correlation; longest axis of u first.
    inverse : array (d, r)
        u = z @ inverse.T, up to directions in which u does not vary; inverse.T @ transform = 1.
    condition : float
        The length of the longest axis over the shortest one's, 1 where there are none.
    """

    transform: Array
    inverse: Array
    condition: float

    @property
    def is_short(self) -> bool:
        """Whether the rank r is less than d: some direction does not vary beyond rounding."""
        d, rank = self.transform.shape
        return bool(rank < d)


def block_triangle(X: Any, sample_weight: Array | None, centre: Array, scale: Array) -> Triangle:
    """Return the triangle of the rows of X, dense or CSR, computed in float64.

    ``scale`` is 0 for a column that is constant, which then has no part in any axis.
    """
    n, d = X.shape
    total = Triangle(np.zeros((0, 1 + d)))
    # At least four triangles high: joining costs as much as the rows of one more.
    for rows in tiles(n, min(8 * d, TILE_BYTES // (4 * d))):
        x = dense(X[rows])
        tile = np.column_stack([np.ones(len(x)), (x - centre) * scale])
        if sample_weight is not None:
            tile *= np.sqrt(sample_weight[rows].astype(np.float64))[:, None]
        total += Triangle(tile)
    return total


def whitening(triangle: Triangle, offset: Array, fit_intercept: bool) -> Whitening:
    """Return the whitening from the singular values of R = U S Vᵀ: transform √m V/S, inverse V S/√m, m = Σ s.

    ``offset`` (d,) is |centre| · scale. The variance is about the mean of u with ``fit_intercept``, else
    about 0: then the matrix of second moments of z is 1.
    """
    root_mass, first = triangle.factor[0, 0], int(fit_intercept)
    _, lengths, axes = np.linalg.svd(triangle.factor[first:, 1:] / root_mass, full_matrices=False)
    rounding = len(offset) * lengths.max(initial=0.0) + np.abs(axes) @ offset
    kept = lengths > RANK_TOLERANCE * rounding
    lengths, axes = lengths[kept], axes[kept].T
    condition = float(lengths[0] / lengths[-1]) if len(lengths) else 1.0
    return Whitening(axes / lengths, axes * lengths, condition)


def _factor(rows: Array) -> Array:
    """Return R of a QR of the rows, of all signs the one whose diagonal is not negative."""
    factor: Array = np.asarray(np.linalg.qr(rows, mode="r"))
    return factor * np.where(np.diagonal(factor) < 0.0, -1.0, 1.0)[:, None]
