"""Where a descent starts."""

from __future__ import annotations

import numpy as np

from fallline._errors import InputError
from fallline._typing import Array
from fallline.data._targets import Targets
from fallline.data._validate import checked_intercept, checked_weights
from fallline.descent._objective import Objective
from fallline.descent._settings import Settings
from fallline.maths._bounds import net_input_nearest
from fallline.maths.activations._activation import Activation

START_SPREAD = 0.01


def starting_point(
    objective: Objective, settings: Settings, targets: Targets, rng: np.random.Generator
) -> Array:
    """Return the point of the initial weights and intercept.

    By default weights are 0 and the intercept is where f(b) is nearest to the mean of y; without an
    intercept, or where f is flat or not finite there, weights are small normals in the coordinates descended.
    """
    _, d, k = objective.source.shape
    intercept = initial_intercept(objective, settings, targets)
    weights = settings.initial_weights
    if isinstance(weights, str):
        if weights != "random":
            raise InputError(f"initial_weights must be an array, 'random' or None, got {weights!r}")
        return objective.coordinates.unfold(rng.normal(scale=d**-0.5, size=(d, k)), intercept)
    if weights is not None:
        return objective.coordinates.unfold(checked_weights(weights, d, k, "initial_weights"), intercept)
    point = objective.coordinates.unfold(np.zeros((d, k)), intercept)
    if not settings.fit_intercept or not _is_lively_at(objective.activation, intercept):
        rows = slice(None, -1 if settings.fit_intercept else None)
        point[rows] = START_SPREAD * rng.normal(size=point[rows].shape)
    return point


def initial_intercept(objective: Objective, settings: Settings, targets: Targets) -> Array:
    """Return the intercepts (k,) to start from."""
    if settings.fit_intercept and settings.initial_weights is None and settings.initial_intercept is None:
        return np.array([net_input_nearest(objective.activation, float(mean)) for mean in targets.mean])
    return given_intercept(settings, objective.source.shape.n_outputs)


def given_intercept(settings: Settings, n_outputs: int) -> Array:
    """Return the initial intercept (k,) as the caller gave it; 0 by default."""
    given = 0.0 if settings.initial_intercept is None else settings.initial_intercept
    return checked_intercept(given, n_outputs, "initial_intercept")


def _is_lively_at(activation: Activation, h: Array) -> bool:
    with np.errstate(all="ignore"):
        value, slope = activation.value(h), activation.slope(h)
    return bool(np.isfinite(value).all() and np.all(slope != 0.0))
