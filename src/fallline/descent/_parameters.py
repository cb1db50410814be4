"""The free names of a formula: where they start, how far they may go, and in which units they descend."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from fallline._errors import InputError
from fallline._typing import Array
from fallline.data._targets import Targets
from fallline.descent._settings import Settings
from fallline.maths.activations._activation import Activation

RAMP = np.linspace(-3.0, 3.0, 25)
"""Net inputs over which f is laid along the range of the targets."""
ONE_SIDED = tuple(np.linspace(start, end, 13) for start, end in ((0, 3), (3, 0), (-3, 0), (0, -3)))
"""The same for a unit without an intercept, whose inputs may all be on one side."""
FIRST_GUESSES = (1.0, 0.1, 10.0, -1.0)


def starting_parameters(settings: Settings, targets: Targets) -> Array:
    """Return θ (p, k), or (p, 1) where shared: what the caller gave, and else what suits the targets.

    The parameters by default let f(h), for h from −3 to 3, run along the targets from the lowest to the
    highest: the least squares of that are solved from a few first guesses.
    """
    names, k = settings.activation.parameters, len(targets.mean)
    given = _checked(settings.initial_parameters or {}, names, "initial_parameters")
    columns = 1 if settings.shared_parameters else k
    low, high = bounds(settings, columns)
    if not names:
        return np.zeros((0, columns))
    theta = np.empty((len(names), columns))
    for j in range(columns):
        of_output = slice(None) if settings.shared_parameters else slice(j, j + 1)
        ends = float(targets.low[of_output].min()), float(targets.high[of_output].max())
        ramps = (RAMP,) if settings.fit_intercept else (RAMP, *ONE_SIDED)
        theta[:, j] = along_the_targets(settings.activation, ends, ramps, (low[:, j], high[:, j]))
    for i, name in enumerate(names):
        if name in given:
            theta[i] = _row(given[name], columns, f"initial_parameters[{name!r}]")
            if (theta[i] < low[i]).any() or (theta[i] > high[i]).any():
                what = f"initial_parameters[{name!r}] is {given[name]!r}"
                raise InputError(f"{what}, outside of its parameter_bounds: start within them")
    return theta


def bounds(settings: Settings, columns: int) -> tuple[Array, Array]:
    """Return the lowest and highest θ (p, columns); infinite where the caller set none."""
    names = settings.activation.parameters
    given = _checked(settings.parameter_bounds or {}, names, "parameter_bounds")
    low, high = np.full((len(names), columns), -np.inf), np.full((len(names), columns), np.inf)
    for i, name in enumerate(names):
        if name in given:
            low[i], high[i] = _pair(given[name], name, columns)
    return low, high


def scales(activation: Activation, intercept: Array, theta: Array) -> Array:
    """Return the units of θ in scaled coordinates: a unit moves f at the start about as a unit of h does.

    Powers of two, so that to scale costs no digit, and a bound is kept to the last one.
    """
    if not theta.size:
        return np.ones_like(theta)
    h = intercept if theta.shape[1] == len(intercept) else intercept[:1]
    with np.errstate(all="ignore"):
        slopes = np.abs(activation.pair(h, theta)[1])
        ratio = slopes[0] / slopes[1:]
        usable = np.isfinite(ratio) & (ratio > 0.0)
        return np.exp2(np.round(np.log2(np.where(usable, ratio, 1.0))))


def along_the_targets(
    activation: Activation, ends: tuple[float, float], ramps: tuple[Array, ...], limits: tuple[Array, Array]
) -> Array:
    """Return the θ (p,) with which f over a ramp is nearest to a straight line through the targets."""
    middle, reach = sum(ends) / 2, (ends[1] - ends[0]) / 2 or 1.0
    low, high = limits
    best, least = np.clip(np.ones(len(low)), low, high), math.inf
    for ramp, guess in product(ramps, FIRST_GUESSES):
        wanted = middle + reach * np.linspace(-1.0, 1.0, len(ramp))
        start = np.clip(np.full(len(low), guess), *_inside(low, high))
        found = least_squares(
            partial(_gaps, activation, ramp, wanted, reach),
            start,
            bounds=_apart(low, high),
            x_scale="jac",
            max_nfev=30,
        )
        if found.cost < (1.0 - 1e-6) * least:
            best, least = found.x, found.cost
    return np.clip(best, low, high)


def _gaps(activation: Activation, h: Array, wanted: Array, reach: float, theta: Array) -> Any:
    """Return how far f is from what is wanted, in units of the reach of the targets."""
    with np.errstate(all="ignore"):
        value = activation.pair(h, theta)[0]
        return np.nan_to_num((value - wanted) / reach, nan=1e6, posinf=1e6, neginf=-1e6)


def _inside(low: Array, high: Array) -> tuple[Array, Array]:
    """Return bounds a little inside the given ones, where a search may start."""
    margin = np.where(np.isfinite(high - low), 1e-6 * (high - low), 1e-6)
    return low + margin, high - margin


def _apart(low: Array, high: Array) -> tuple[Array, Array]:
    """Return bounds of which none is empty, as SciPy wants them."""
    return low, np.where(high > low, high, low + 1e-9 * np.maximum(1.0, np.abs(low)))


def _checked(given: Any, names: tuple[str, ...], what: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise InputError(f"{what} must be a mapping from a name to its value, got {type(given).__name__}")
    for name in given:
        if name not in names:
            known = ", ".join(names) or "none"
            raise InputError(f"{what} names {name!r}, but the free names of the activation are: {known}")
    return given


def _row(value: Any, columns: int, what: str) -> Array:
    """Return one number for each column."""
    try:
        numbers = np.asarray(value, dtype=np.float64)
        row = np.broadcast_to(numbers, (columns,))
    except (TypeError, ValueError):
        raise InputError(f"{what} must be a number, or {columns} of them, got {value!r}") from None
    if not np.isfinite(row).all():
        raise InputError(f"{what} must be finite, got {value!r}")
    return row


def _pair(pair: Any, name: str, columns: int) -> tuple[Array, Array]:
    what = f"parameter_bounds[{name!r}]"
    try:
        low, high = pair
    except (TypeError, ValueError):
        raise InputError(f"{what} must be a pair (low, high), got {pair!r}") from None
    lows = np.full(columns, -np.inf) if low is None or low == -math.inf else _row(low, columns, what)
    highs = np.full(columns, np.inf) if high is None or high == math.inf else _row(high, columns, what)
    if (lows > highs).any():
        raise InputError(f"{what} is empty: {low!r} is above {high!r}")
    return lows, highs
