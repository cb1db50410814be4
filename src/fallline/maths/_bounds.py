"""Facts about an activation that are found numerically, for any formula: inverse and curvature bound."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.optimize import brentq

from fallline._typing import Array
from fallline.maths._gradient import NO_THETA
from fallline.maths.activations._activation import Activation


def _symmetric(low: float, high: float, count: int) -> Array:
    tail = np.logspace(low, high, count)
    return np.concatenate([-tail[::-1], [0.0], tail])


def net_input_nearest(activation: Activation, target: float) -> float:
    """Return the h, of smallest magnitude, where f(h) is nearest to ``target`` and not nearly flat."""
    grid = _symmetric(-6, 300, 3061)
    with np.errstate(all="ignore"):
        value, slopes = activation.pair(grid, NO_THETA)
    gap, slope = np.abs(value - target), np.abs(slopes[0])
    slope[~np.isfinite(slope)] = 0.0
    steepest = slope[np.abs(grid) <= 1.0].max()
    gap[~np.isfinite(gap) | (slope < 1e-3 * steepest)] = np.inf
    nearest = np.flatnonzero(gap == gap.min())
    at = int(nearest[np.argmin(np.abs(grid[nearest]))])
    return _refined(activation, target, grid[max(at - 1, 0) : at + 2])


def _refined(activation: Activation, target: float, around: Array) -> float:
    """Solve f(h) = target beside the middle one of three grid points, where f crosses the target there."""

    def gap(h: float) -> float:
        with np.errstate(all="ignore"):
            return float(activation.pair(np.array([h]), NO_THETA)[0][0]) - target

    for low, high in pairwise(around):
        if gap(low) * gap(high) < 0.0:
            return float(brentq(gap, low, high, rtol=1e-12))
    return float(around[len(around) // 2])


def curvature_bound(activation: Activation, low: float, high: float) -> float:
    """Return the largest d²/dh² of ½ (y − f(h))² over all h and y in [low, high]; inf if it has no bound.

    The second derivative f′² − (y − f) f″ is linear in y: an end of the range has the largest.
    The bound of sigmoid is 0.0771 for y in [0, 1], that of tanh 1.2325 for y in [−1, 1].
    """
    grid = _symmetric(-3, 4, 5601)
    with np.errstate(all="ignore"):
        value, slopes = activation.pair(grid, NO_THETA)
        second = activation.second_slope(grid)
        curvature = slopes[0] ** 2 + np.maximum((value - low) * second, (value - high) * second)
    if not np.isfinite(curvature).all():
        return np.inf
    near = curvature[np.abs(grid) <= 1e3].max()
    return float(near) if curvature.max() <= 1.1 * near else np.inf
