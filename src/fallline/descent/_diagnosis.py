"""Why a descent that stopped short has not arrived: one more pass, and the sentence that follows from it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fallline._errors import InputError
from fallline._typing import Array
from fallline.data._blocks import Block
from fallline.descent._carry import Carry
from fallline.descent._problem import Problem
from fallline.descent._settings import FINDS_ITS_STEP
from fallline.descent._stopping import StopReason, reaches_only_at_infinity
from fallline.execution._evaluate import source_moments, sum_over_blocks
from fallline.maths._bounds import poles
from fallline.maths._records import Layer

FLAT_SHARE = 1e-4
"""Share of the greatest slope below which a unit counts as saturated."""
FACTORS = 2.0 ** np.arange(21)
"""Weights are made so many times longer to see whether E falls all the way to infinity."""
FAR_OUT = 25.0
"""Net input at which the usual activations have come as near to their limits as they show."""
ILL_CONDITIONED = 30.0
"""Condition of standardised inputs from which on they count as collinear.

Belsley, Kuh and Welsch, Regression Diagnostics (1980), section 3.2.
"""
LARGEST_MATRIX = 1024


@dataclass(frozen=True, slots=True)
class Look:
    """What the net inputs of some records are like; joined by ``+``.

    ``flat`` and ``mass`` are Σ s over saturated and all predictions, ``lost`` what the former add to E,
    ``misplaced`` the predictions on the wrong side of the middle of the targets, ``across`` what those of the
    wrong sign add to E; ``outwards`` is E with h times 1, 2, 4 …; ``low`` and ``high`` (k,) are h's ends.
    """

    flat: float
    mass: float
    lost: float
    misplaced: float
    across: float
    outwards: Array
    low: Array
    high: Array

    @property
    def falls_outwards(self) -> bool:
        """Whether E falls all the way as the weights grow."""
        return bool((np.diff(self.outwards) <= 0.0).all() and self.outwards[-1] < self.outwards[0])

    def __add__(self, other: Look) -> Look:
        return Look(
            self.flat + other.flat,
            self.mass + other.mass,
            self.lost + other.lost,
            self.misplaced + other.misplaced,
            self.across + other.across,
            self.outwards + other.outwards,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
        )


def explain(problem: Problem, carry: Carry, stop: StopReason, tol: float) -> tuple[StopReason, str]:
    """Return the reason behind a stop that no test of convergence explains, with this run's numbers."""
    steps = steps_to_come(carry, tol)
    about = f"; about {steps:,} more steps would be needed" if steps else ""
    if stop in (StopReason.MAX_PASSES, StopReason.MAX_TIME):
        return stop, f"{stop}{about}"
    if stop not in (StopReason.MAX_ITER, StopReason.STUCK):
        return stop, str(stop)
    look = look_at(problem, carry.memory["point"])
    if found := _pole(problem, carry, look):
        return found
    if look.flat > 0.5 * look.mass and look.lost > 0.5 * carry.state.error:
        share = f" ({100.0 * look.flat / look.mass:.0f} % of them)"
        sentence = str(StopReason.SATURATED).replace("most records", f"most records{share}")
        return StopReason.SATURATED, sentence
    if reaches_only_at_infinity(problem) and not problem.settings.alpha and look.falls_outwards:
        if look.misplaced == 0.0:
            return StopReason.SEPARABLE, str(StopReason.SEPARABLE)
        if max(-look.low.min(), look.high.max()) > FAR_OUT:
            return StopReason.MINIMUM_AT_INFINITY, str(StopReason.MINIMUM_AT_INFINITY)
    if stop is not StopReason.MAX_ITER or problem.method in FINDS_ITS_STEP:
        return stop, f"{stop}{about}"
    condition = condition_of(problem)
    if condition > ILL_CONDITIONED:
        what = "of unlike scales or nearly" if problem.objective.coordinates.is_raw else "nearly"
        numbers = f"{what} collinear (condition {condition:.2g}){about};"
        return StopReason.COLLINEAR, str(StopReason.COLLINEAR).replace("nearly collinear;", numbers)
    return stop, f"{stop}{about}"


def steps_to_come(carry: Carry, tol: float) -> int | None:
    """Return after how many steps the rest is below tol, if decreases go on to shrink as the last did."""
    ratio, rest = carry.shrinking, carry.remaining_decrease()
    enough = tol * carry.state.objective
    if not 0.0 < ratio < 1.0 or not math.isfinite(rest) or not 0.0 < enough < rest:
        return None
    return math.ceil((math.log(rest) - math.log(enough)) / -math.log(ratio))


def look_at(problem: Problem, point: Array) -> Look:
    """Read X once more, for the net inputs at a point."""
    objective, targets = problem.objective, problem.targets
    layer = objective.layer(point)
    middle = (targets.low + targets.high) / 2.0
    greatest = _greatest_slope(problem)

    def task(block: Block) -> Look:
        X, y, s = block.records
        h = np.asarray(X @ layer.weights, dtype=np.float64) + layer.intercept
        value, slopes = layer.activation.pair(h, layer.theta)
        weight = np.ones((len(y), 1)) if s is None else s.astype(np.float64)[:, None]
        flat = weight * (np.abs(slopes[0]) < FLAT_SHARE * greatest)
        return Look(
            float(flat.sum()),
            float(weight.sum()) * y.shape[1],
            0.5 * float(np.sum(flat * (y - value) ** 2)),
            float(np.sum(weight * ((value > middle) != (y > middle)))),
            0.5 * float(np.sum(weight * (value * y < 0.0) * (y - value) ** 2)),
            np.array([_error(layer, factor * h, y, weight) for factor in FACTORS]),
            h.min(axis=0),
            h.max(axis=0),
        )

    look: Look = sum_over_blocks(task, objective.source, objective.engine)
    return look


def condition_of(problem: Problem) -> float:
    """Return the ratio of the longest to the shortest axis of the inputs in the coordinates descended.

    1 where there are too many inputs to tell, and for directions that do not vary at all.
    """
    objective = problem.objective
    coordinates = objective.coordinates
    if objective.source.shape.n_features > LARGEST_MATRIX:
        return 1.0
    try:
        moments = source_moments(objective.source, objective.engine, full=True)
    except InputError:
        return 1.0
    spread = moments.scatter if problem.settings.fit_intercept else moments.second_moment
    matrix = coordinates.transposed(coordinates.transposed(spread).T)
    eigenvalues = np.linalg.eigvalsh(matrix) if matrix.size else np.ones(1)
    varying = eigenvalues[eigenvalues > 1e-14 * eigenvalues[-1]]
    return float(np.sqrt(varying[-1] / varying[0])) if varying.size else 1.0


def _error(layer: Layer, h: Array, y: Array, weight: Array) -> float:
    value = layer.activation.pair(h, layer.theta)[0]
    return 0.5 * float(np.sum(weight * (y - value) ** 2))


def _greatest_slope(problem: Problem) -> float:
    """Return the greatest |f′| of an activation that levels off at both ends; nothing else saturates: 0."""
    activation = problem.objective.activation
    if activation.parameters or not np.isfinite(activation.range).all():
        return 0.0
    return float(np.max(np.abs(activation.slope(np.linspace(-10.0, 10.0, 2001)))))


def _pole(problem: Problem, carry: Carry, look: Look) -> tuple[StopReason, str] | None:
    """Say so where records lie on both sides of a pole of f, and most of E is of those on the wrong one."""
    if look.across < 0.5 * carry.state.error:
        return None
    theta = problem.objective.layer(carry.memory["point"]).theta
    columns = np.broadcast_to(theta, (len(theta), len(look.low))).T
    for j, own in enumerate(columns):
        for pole in poles(problem.objective.activation, tuple(own.tolist())):
            if look.low[j] < pole < look.high[j]:
                sentence = str(StopReason.POLE).replace("a pole", f"a pole at h = {pole:.4g}")
                return StopReason.POLE, sentence
    return None
