"""Facts about an activation that are found numerically, for any formula: inverse and curvature bound."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.optimize import brentq

from fallline._typing import Array
from fallline.maths.activations._activation import Activation

FLAT = 1e-6
LEAP, GROWTH = 1.0, 1e6
FLAT_WHERE_OUT_OF_REACH = 1e-3
REFINEMENTS, REFINED, POINTS = 4, 16, 64


def net_input_nearest(activation: Activation, target: float, theta: tuple[float, ...] = ()) -> float:
    """Return the h, of smallest magnitude, where f(h) is nearest to ``target`` and not flat."""
    grid, value, slope = _table(activation, theta)
    gap = value - target
    with np.errstate(all="ignore"):
        crossings = np.flatnonzero(np.isfinite(gap[:-1] + gap[1:]) & (np.sign(gap[:-1]) != np.sign(gap[1:])))
    for at in sorted(crossings, key=lambda i: float(np.abs(grid[i : i + 2]).min())):
        h = _crossing(activation, theta, target, grid[at], grid[at + 1])
        if h is not None:
            return h
    beside_zero = np.abs(slope[[np.argmin(np.abs(grid - 1.0)), np.argmin(np.abs(grid + 1.0))]]).max()
    lively = np.abs(slope) >= FLAT_WHERE_OUT_OF_REACH * beside_zero
    distance = np.where(lively & np.isfinite(gap), np.abs(gap), np.inf)
    nearest = np.flatnonzero(distance == distance.min())
    return float(grid[nearest[np.argmin(np.abs(grid[nearest]))]])


@lru_cache(maxsize=8)
def _table(activation: Activation, theta: tuple[float, ...]) -> tuple[Array, Array, Array]:
    """Return net inputs with f and f′ there: every output of a layer looks into the same table."""
    grid = _symmetric(-6, 20, 2601)
    return grid, *_pair(activation, grid, theta)


def _crossing(
    activation: Activation, theta: tuple[float, ...], target: float, low: float, high: float
) -> float | None:
    """Solve f(h) = target between two points; None at a pole, or where f is flat."""

    def gap(h: float) -> float:
        return float(_pair(activation, np.array([h]), theta)[0][0]) - target

    ends = gap(low), gap(high)
    h = float(brentq(gap, low, high, rtol=1e-12)) if all(ends) else float(high if ends[0] else low)
    value, slope = (float(part[0]) for part in _pair(activation, np.array([h]), theta))
    is_pole = not abs(value - target) <= 1e-6 * max(abs(target), *map(abs, ends))
    return None if is_pole or abs(slope) * max(1.0, abs(h)) <= FLAT * abs(target) else h


@lru_cache(maxsize=64)
def poles(activation: Activation, theta: tuple[float, ...] = ()) -> tuple[float, ...]:
    """Return the net inputs at which f leaps from one infinity to the other, or to the same one again."""
    grid, value, _ = _table(activation, theta)
    with np.errstate(all="ignore"):
        steep = np.abs(np.diff(value)) > LEAP * (1.0 + np.minimum(np.abs(value[:-1]), np.abs(value[1:])))
    near = np.abs(grid[:-1]) < 1e6
    found = (_narrowed(activation, theta, grid[i], grid[i + 1]) for i in np.flatnonzero(steep & near))
    gaps = grid[~np.isfinite(value) & (np.abs(grid) < 1.0)]
    beside = ((h, _pair(activation, h + np.array([-1e-9, 1e-9]), theta)[0]) for h in gaps)
    alone = [float(h) for h, around in beside if np.isfinite(around).all()]
    return tuple(sorted({*alone, *(pole for pole in found if pole is not None)}))


def _narrowed(activation: Activation, theta: tuple[float, ...], low: float, high: float) -> float | None:
    """Return where between two points |f| grows without end, if it does."""
    at_the_ends = np.abs(_pair(activation, np.array([low, high]), theta)[0]).max()
    for _ in range(60):
        h = np.linspace(low, high, 5)
        value = np.abs(_pair(activation, h, theta)[0])
        highest = int(np.argmax(np.where(np.isnan(value), np.inf, value)))
        low, high = h[max(highest - 1, 0)], h[min(highest + 1, 4)]
    return float(h[highest]) if not value[highest] / GROWTH <= at_the_ends else None


def curvature_bound(activation: Activation, low: float, high: float) -> float:
    """Return the largest d²/dh² of ½ (y − f(h))² over all h and y in [low, high]; inf if it has no bound.

    The second derivative f′² − (y − f) f″ is linear in y: an end of the range has the largest.
    The bound of sigmoid is 0.0771 for y in [0, 1], that of tanh 1.2325 for y in [−1, 1]. It is searched on a
    grid that is refined where f bends: a unit steeper than about 1,000 may slip through. Free parameters,
    which scale f as they like, leave it without a bound.
    """
    if activation.parameters:
        return np.inf
    grid = _refined(activation, _symmetric(-3, 4, 5601))
    value, slope = _pair(activation, grid)
    with np.errstate(all="ignore"):
        second = activation.second_slope(grid)
        curvature = slope**2 + np.maximum((value - low) * second, (value - high) * second)
    if not np.isfinite(curvature).all():
        return np.inf
    near = float(curvature[np.abs(grid) <= 1e3].max())
    unbounded = curvature.max() > 1.1 * near or near <= 0.0
    return np.inf if unbounded or _jumps(grid, value, slope, (low, high), near) else near


def _jumps(grid: Array, value: Array, slope: Array, targets: tuple[float, float], bound: float) -> bool:
    """Whether the slope −(y − f) f′ of the error rises somewhere faster than its curvature can explain."""
    rises = [np.diff((value - y) * slope) / np.diff(grid) for y in targets]
    return bool(np.max(rises) > 2.0 * bound)


def _refined(activation: Activation, grid: Array) -> Array:
    """Add points where f or f′ bends between two points more than its derivatives there explain."""
    for _ in range(REFINEMENTS):
        value, slope = _pair(activation, grid)
        second = activation.second_slope(grid)
        step = np.diff(grid)
        with np.errstate(all="ignore"):
            surprise = _share(np.diff(value) - step * _middle(slope))
            surprise += _share(np.diff(slope) - step * _middle(second))
        worst = np.argsort(np.nan_to_num(surprise))[-REFINED:]
        finer = [np.linspace(grid[i], grid[i + 1], POINTS)[1:-1] for i in worst]
        grid = np.unique(np.concatenate([grid, *finer]))
    return grid


def _middle(values: Array) -> Array:
    return np.asarray((values[:-1] + values[1:]) / 2.0)


def _share(gaps: Array) -> Array:
    """Return magnitudes as shares of the largest."""
    magnitudes = np.where(np.isfinite(gaps), np.abs(gaps), 0.0)
    return np.asarray(magnitudes / (magnitudes.max() or 1.0))


def _symmetric(low: float, high: float, count: int) -> Array:
    tail = np.logspace(low, high, count)
    return np.concatenate([-tail[::-1], [0.0], tail])


def _pair(activation: Activation, h: Array, theta: tuple[float, ...] = ()) -> tuple[Array, Array]:
    with np.errstate(all="ignore"):
        value, slopes = activation.pair(h, theta)
    return value, slopes[0]
