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
from fallline.descent._settings import Settings
from fallline.execution._evaluate import Engine, sum_over_blocks
from fallline.maths._bounds import curvature_bound, net_input_nearest
from fallline.maths._moments import Moments, block_moments
from fallline.maths.activations._activation import Activation

TINY = float(np.finfo(np.float64).tiny)
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
        return max(_trace(moments, coordinates), TINY)
    matrix = coordinates.transposed(coordinates.transposed(moments.second_moment).T)
    if coordinates.fit_intercept:
        edge = coordinates.transposed(moments.mass * offset[:, None])
        matrix = np.block([[matrix, edge], [edge.T, np.array([[moments.mass]])]])
    return max(float(np.linalg.eigvalsh(matrix)[-1]), TINY) if matrix.size else TINY


def _trace(moments: Moments, coordinates: Coordinates) -> float:
    """Return the trace of Σ s z zᵀ, which is at least λmax."""
    if coordinates.transform.ndim == 2:
        trace = np.trace(coordinates.transposed(coordinates.transposed(moments.second_moment).T))
    else:
        second = moments.second_moment
        trace = (np.diagonal(second) if second.ndim == 2 else second) @ coordinates.transform**2
    return float(trace + moments.mass * coordinates.fit_intercept)


def divisor_of(targets: Targets, settings: Settings) -> float:
    """Return by what a full-batch gradient is divided: records × mean sample weight, or 1."""
    return targets.mass if settings.reduction == "mean" else 1.0


def bound_on_curvature(activation: Activation, targets: Targets) -> float:
    """Return c for the range of the targets; inf where the activation has no bound."""
    return curvature_bound(activation, float(targets.low.min()), float(targets.high.max()))


def batch_rate(objective: Objective, targets: Targets, settings: Settings) -> float:
    """Return a third of 1 / (c mean ‖z‖²), in one pass; for sums over a batch, divided by its size.

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
    terms = 1 if settings.reduction == "mean" else min(settings.batch_size or 1, targets.n_records)
    return 1.0 / max(3.0 * bound * squares * terms, TINY)


def advice(objective: Objective, targets: Targets, settings: Settings, rate: float) -> str:
    """Say which learning rate would have worked instead of ``rate``; raise where the data are bad."""
    objective.source.raise_for_bad_values()
    if settings.batch_size is not None:
        usual = min(batch_rate(objective, targets, settings), rate / 4.0)
        return f"a learning rate of {usual:.6g} is usually safe here"
    bound = bound_on_curvature(objective.activation, targets)
    if not np.isfinite(bound):
        return "learning_rate='auto' shortens a step until the error falls"
    steepest = largest_eigenvalue(objective.source, objective.engine, objective.coordinates)
    limit = 2.0 * divisor_of(targets, settings) / (bound * steepest)
    return (
        f"below {limit:.6g} the error is sure to fall at every step (learning_rate='auto' takes half of it)"
    )
