"""Where a descent starts."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fallline._errors import InputError
from fallline._typing import Array
from fallline.data._targets import Targets
from fallline.data._validate import checked_intercept, checked_weights
from fallline.descent._coordinates import Coordinates
from fallline.descent._settings import Settings
from fallline.maths._bounds import net_input_nearest

START_SPREAD = 0.01


class Start(NamedTuple):
    """Raw weights (d, k), or None for those by default; intercepts (k,) and parameters (p, k) or (p, 1)."""

    weights: Array | None
    intercept: Array
    theta: Array


def chosen_start(settings: Settings, targets: Targets, theta: Array, shape: Any) -> Start:
    """Return what the caller gave, and for the rest the intercept at which f is nearest to the mean of y."""
    _, d, k = shape
    weights = settings.initial_weights
    if isinstance(weights, str) and weights != "random":
        raise InputError(f"initial_weights must be an array, 'random' or None, got {weights!r}")
    given = settings.initial_intercept is not None or (weights is not None and not isinstance(weights, str))
    if given or isinstance(weights, str) or not settings.fit_intercept:
        intercept = given_intercept(settings, k)
    else:
        intercept = nearest_intercept(settings, targets, theta)
    checked = None
    if weights is not None and not isinstance(weights, str):
        checked = checked_weights(weights, d, k, "initial_weights")
    return Start(checked, intercept, theta)


def nearest_intercept(settings: Settings, targets: Targets, theta: Array) -> Array:
    """Return for each output the net input at which f is nearest to the mean of its targets."""
    columns = np.broadcast_to(theta, (len(theta), len(targets.mean))).T
    pairs = zip(targets.mean.tolist(), columns.tolist(), strict=True)
    return np.array([net_input_nearest(settings.activation, mean, tuple(own)) for mean, own in pairs])


def starting_point(
    start: Start, settings: Settings, coordinates: Coordinates, rng: np.random.Generator
) -> Array:
    """Return the point of a start.

    Weights are 0 by default; without an intercept, or where f is flat or not finite there, small
    normals in the coordinates descended.
    """
    weights, intercept, theta = start
    d, k = len(coordinates.centre), len(intercept)
    if isinstance(settings.initial_weights, str):
        weights = rng.normal(scale=d**-0.5, size=(d, k))
    if weights is not None:
        return coordinates.unfold(weights, intercept, theta)
    point = coordinates.unfold(np.zeros((d, k)), intercept, theta)
    if not settings.fit_intercept or not _is_lively_at(settings, intercept, theta):
        n = coordinates.n_weights
        point[:n] = START_SPREAD * rng.normal(size=n)
    return point


def given_intercept(settings: Settings, n_outputs: int) -> Array:
    """Return the initial intercept (k,) as the caller gave it; 0 by default."""
    given = 0.0 if settings.initial_intercept is None else settings.initial_intercept
    return checked_intercept(given, n_outputs, "initial_intercept")


def _is_lively_at(settings: Settings, h: Array, theta: Array) -> bool:
    with np.errstate(all="ignore"):
        value, slopes = settings.activation.pair(h, theta)
    return bool(np.isfinite(value).all() and np.all(slopes[0] != 0.0))
