"""Learning rates that are safe, and why.

If the second derivative of ½ (y − f(h))² in h is at most c, that of E along any direction is at most
c λmax(Σ s z zᵀ), and plain descent with η < 2 / (c λmax) never raises E (Nesterov, Lectures on Convex
Optimization, 2nd ed., theorem 1.2.4 and eq. 1.2.19). For the identity c = 1 and the limit is exact.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from fallline._typing import Array
from fallline.data._blocks import Block, Source
from fallline.data._targets import Targets
from fallline.descent._coordinates import Coordinates
from fallline.descent._objective import Objective
from fallline.descent._parameters import RAMP
from fallline.descent._problem import Problem
from fallline.descent._settings import Settings
from fallline.descent._start import nearest_intercept
from fallline.execution._evaluate import Engine, source_moments, sum_over_blocks
from fallline.maths._bounds import curvature_bound
from fallline.maths._gradient import block_gradient
from fallline.maths._moments import Moments
from fallline.maths._partial import Partial
from fallline.maths._records import NO_THETA, Layer
from fallline.maths.activations._activation import Activation

TINY = 1e-290
FULL_FEATURES = 1024
"""Inputs up to which λmax is taken from the matrix of products."""
PROBES, MOST_ITERATIONS, CLOSE = 4, 20, 0.01


def largest_eigenvalue(source: Source, engine: Engine[Any], coordinates: Coordinates) -> tuple[float, int]:
    """Return λmax(Σ s z zᵀ) in the given coordinates, and the passes that took.

    From the matrix of products where there are few inputs, else by power iteration.
    """
    if source.shape.n_features > FULL_FEATURES:
        return _by_power_iteration(source, engine, coordinates)
    moments = source_moments(source, engine, full=True)
    offset = moments.mean - coordinates.centre
    second = Moments(moments.mass, offset, moments.scatter).second_moment
    matrix = coordinates.transposed(coordinates.transposed(second).T)
    if coordinates.fit_intercept:
        edge = coordinates.transposed(moments.mass * offset[:, None])
        matrix = np.block([[matrix, edge], [edge.T, np.array([[moments.mass]])]])
    return max(float(np.linalg.eigvalsh(matrix)[-1]), TINY) if matrix.size else TINY, 1


def _by_power_iteration(source: Source, engine: Engine[Any], coordinates: Coordinates) -> tuple[float, int]:
    """Return λmax of a few probes at a time, its residual added so that it is seldom too small.

    Golub and Van Loan, Matrix Computations, 4th ed., section 8.2.4 (orthogonal iteration), theorem 8.1.13
    (the residual bounds the distance to an eigenvalue).
    """
    plain = replace(coordinates, theta_scale=NO_THETA, fixed_intercept=np.zeros(PROBES))
    size = coordinates.rank + coordinates.fit_intercept
    probes = np.linalg.qr(np.random.default_rng(0).normal(size=(size, PROBES)))[0]
    passes, last = 0, 0.0
    while True:
        images = _product(source, engine, plain, probes)
        values, vectors = np.linalg.eigh(probes.T @ images)
        passes, found = passes + 1, float(values[-1])
        if found - last <= CLOSE * found or passes == MOST_ITERATIONS:
            residual = images @ vectors[:, -1] - found * (probes @ vectors[:, -1])
            return max(found + float(np.linalg.norm(residual)), TINY), passes
        probes, last = np.linalg.qr(images)[0], found


def _product(source: Source, engine: Engine[Any], coordinates: Coordinates, probes: Array) -> Array:
    """Return Σ s z (zᵀ u) for the columns u: the gradient of the identity where all targets are 0."""
    weights, intercept, _ = coordinates.fold(probes.ravel())
    layer = Layer(weights, intercept, Activation("identity"))

    def task(block: Block) -> Partial:
        zeros = np.zeros((len(block.records.y), PROBES))
        return block_gradient(block.records._replace(y=zeros), layer)

    partial: Partial = sum_over_blocks(task, source, engine)
    pulled = coordinates.pull(partial.weights, partial.intercept, NO_THETA)
    if not np.isfinite(pulled).all():
        source.raise_for_bad_values()
    return pulled.reshape(-1, PROBES)


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


def stable_limit(objective: Objective, bound: float, divisor: float) -> tuple[float, int]:
    """Return the rate 2 ÷ (c λmax) below which E is sure to fall, and the passes that took."""
    steepest, passes = largest_eigenvalue(objective.source, objective.engine, objective.coordinates)
    return 2.0 * divisor / (bound * steepest + objective.penalty.steepness), passes


def usual_curvature(problem: Problem) -> float:
    """Return f′² where the descent is likely to go, for activations whose error curves without bound.

    With free parameters the largest over the usual net inputs; else that where f meets the targets.
    """
    activation, theta = problem.objective.activation, problem.start.theta
    if activation.parameters:
        h = np.broadcast_to(RAMP[:, None], (len(RAMP), theta.shape[1]))
    else:
        targets = problem.targets
        ends = (replace(targets, mean=end) for end in (targets.low, targets.mean, targets.high))
        h = np.array([nearest_intercept(problem.settings, at, theta) for at in ends])
    squares = activation.pair(h, theta)[1][0] ** 2
    return float(np.max(squares[np.isfinite(squares)], initial=0.0)) or 1.0


def batch_rate(problem: Problem) -> float:
    """Return a third of 1 / (c mean ‖z‖²), in one pass; for sums over a batch, divided by its size.

    This is the bound of Widrow and Stearns (Adaptive Signal Processing, 1985, ch. 6) for the mean
    square of the weights to settle; c is what is usual where f has no bound on its curvature.
    """
    objective, targets, settings = problem.objective, problem.targets, problem.settings
    coordinates = objective.coordinates
    full = coordinates.transform.ndim == 2
    moments = source_moments(objective.source, objective.engine, full=full)
    moments = Moments(moments.mass, moments.mean - coordinates.centre, moments.scatter)
    squares = _trace(moments, coordinates) / moments.mass + len(problem.start.theta)
    bound = bound_on_curvature(objective.activation, targets)
    bound = bound if np.isfinite(bound) else usual_curvature(problem)
    terms = 1 if settings.reduction == "mean" else min(settings.batch_size or 1, targets.n_records)
    return 1.0 / max((3.0 * bound * squares + objective.penalty.steepness / targets.mass) * terms, TINY)


def advice(problem: Problem, rate: float) -> str:
    """Say which learning rate would have worked instead of ``rate``; raise where the data are bad."""
    objective, targets, settings = problem.objective, problem.targets, problem.settings
    objective.source.raise_for_bad_values()
    widest = _widest_input(objective)
    if settings.batch_size is not None:
        usual = min(batch_rate(problem), rate / 4.0)
        return f"a learning rate of {usual:.6g} is usually safe here{widest}"
    bound = bound_on_curvature(objective.activation, targets)
    if not np.isfinite(bound):
        return f"learning_rate='auto' shortens a step until the error falls{widest}"
    limit, _ = stable_limit(objective, bound, divisor_of(targets, settings))
    return (
        f"below {limit:.6g} the error is sure to fall at every step (learning_rate='auto' takes half of it)"
        f"{widest}"
    )


def _widest_input(objective: Objective) -> str:
    """Name the raw input with the largest root mean square: with scaling "none" it sets the pace."""
    if not objective.coordinates.is_raw:
        return ""
    moments = source_moments(objective.source, objective.engine, full=False)
    scale = np.sqrt(moments.second_moment / moments.mass)
    i, signature = int(scale.argmax()), objective.source.signature
    name = f"x{i}" if signature is None else signature.input_names[i]
    return f"; the input with the largest scale is {name} (root mean square {scale[i]:.6g})"
