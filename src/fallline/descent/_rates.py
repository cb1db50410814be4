"""Learning rates that are safe, and why.

If the second derivative of ½ (y − f(h))² in h is at most c, that of E along any direction is at most
c λmax(Σ s z zᵀ), and plain descent with η < 2 / (c λmax) never raises E (Nesterov, Lectures on Convex
Optimization, 2nd ed., theorem 1.2.4 and eq. 1.2.19). For the identity c = 1 and the limit is exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fallline._errors import InputError
from fallline.data._blocks import Block, Source
from fallline.data._targets import Targets
from fallline.descent._coordinates import Coordinates
from fallline.descent._objective import Objective
from fallline.execution._evaluate import Engine, sum_over_blocks
from fallline.maths._bounds import curvature_bound, net_input_nearest
from fallline.maths._moments import Moments, block_moments
from fallline.maths.activations._activation import Activation

FULL_FEATURES = 1024
"""Inputs up to which λmax is taken from the matrix of products; beyond, its trace bounds it."""


def source_moments(source: Source, engine: Engine[Any], *, full: bool) -> Moments:
    """Return the moments of X, in one pass; raise where they are not finite."""

    def task(block: Block) -> Moments:
        return block_moments(block.records.X, block.records.sample_weight, full=full)

    moments: Moments = sum_over_blocks(task, source, engine)
    if not np.isfinite(moments.scatter).all():
        source.raise_for_bad_values()
        raise InputError("the squares of X overflow: divide its largest columns by a power of ten")
    return moments


def largest_eigenvalue(source: Source, engine: Engine[Any], coordinates: Coordinates) -> float:
    """Return λmax(Σ s z zᵀ) in the given coordinates, or an upper bound of it, in one pass."""
    full = source.shape.n_features <= FULL_FEATURES or coordinates.transform.ndim == 2
    moments = source_moments(source, engine, full=full)
    offset = moments.mean - coordinates.centre
    moments = Moments(moments.mass, offset, moments.scatter)
    if not full:
        return float(_trace(moments, coordinates))
    matrix = coordinates.transposed(coordinates.transposed(moments.second_moment).T)
    if coordinates.fit_intercept:
        edge = coordinates.transposed(moments.mass * offset[:, None])
        matrix = np.block([[matrix, edge], [edge.T, np.array([[moments.mass]])]])
    return float(np.linalg.eigvalsh(matrix)[-1])


def _trace(moments: Moments, coordinates: Coordinates) -> float:
    """Return the trace of Σ s z zᵀ, which is at least λmax."""
    if coordinates.transform.ndim == 2:
        trace = np.trace(coordinates.transposed(coordinates.transposed(moments.second_moment).T))
    else:
        second = moments.second_moment
        trace = (np.diagonal(second) if second.ndim == 2 else second) @ coordinates.transform**2
    return float(trace + moments.mass * coordinates.fit_intercept)


def bound_on_curvature(activation: Activation, targets: Targets) -> float:
    """Return c for the range of the targets; inf where the activation has no bound."""
    return curvature_bound(activation, float(targets.low.min()), float(targets.high.max()))


def batch_rate(objective: Objective, targets: Targets) -> float:
    """Return a third of 1 / (c mean ‖z‖²), in one pass.

    This is the bound of Widrow and Stearns (Adaptive Signal Processing, 1985, ch. 6) for the mean
    square of the weights to settle; c is taken at the start where f has no bound on its curvature.
    """
    coordinates = objective.coordinates
    full = coordinates.transform.ndim == 2
    moments = source_moments(objective.source, objective.engine, full=full)
    moments = Moments(moments.mass, moments.mean - coordinates.centre, moments.scatter)
    squares = _trace(moments, coordinates) / moments.mass
    bound = bound_on_curvature(objective.activation, targets)
    if not np.isfinite(bound):
        nearest = [net_input_nearest(objective.activation, float(mean)) for mean in targets.mean]
        bound = float(np.max(objective.activation.slope(np.array(nearest)) ** 2))
    return 1.0 / (3.0 * max(bound, np.finfo(float).tiny) * squares)


def advice(objective: Objective, targets: Targets, divisor: float, batch_size: int | None) -> str:
    """Say which learning rate would have worked; raise where it is the data that are bad."""
    objective.source.raise_for_bad_values()
    if batch_size is not None:
        return f"a learning rate of {batch_rate(objective, targets):.6g} is usually safe here"
    bound = bound_on_curvature(objective.activation, targets)
    if not np.isfinite(bound):
        return "learning_rate='auto' shortens a step until the error falls"
    limit = (
        2.0
        * divisor
        / (bound * largest_eigenvalue(objective.source, objective.engine, objective.coordinates))
    )
    return (
        f"below {limit:.6g} the error is sure to fall at every step (learning_rate='auto' takes half of it)"
    )
