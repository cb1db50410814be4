"""Going on from a run that has stopped, as if it never had."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fallline._typing import Array
from fallline.data._validate import checked_intercept, checked_weights
from fallline.descent._carry import Carry
from fallline.descent._coordinates import Coordinates
from fallline.descent._problem import Problem
from fallline.descent._run import Run
from fallline.descent._settings import generator
from fallline.descent._setup import Descent, descent_from
from fallline.descent._stopping import StopReason


def going_on(problem: Problem, run: Run) -> Descent:
    """Return the descent from where a run ended.

    Its memory is true of this problem too, if method and coordinates are the same to the last bit, and so
    are E and its gradient at its point; elsewhere only its weights and parameters are taken over. Patience
    that had run out begins again.
    """
    coordinates = problem.objective.coordinates
    alike = run.method == problem.method and _same_coordinates(run.coordinates, coordinates)
    point = run.carry.memory["point"] if alike else _its_point(problem, run)
    descent = descent_from(problem, point, generator(problem.settings.random_state))
    if not alike or not _is_met_again(run.carry, descent.carry):
        return descent
    passes = run.carry.state.passes + descent.carry.state.passes
    state, watch = replace(run.carry.state, passes=passes), run.carry.watch
    if run.stop in (StopReason.NO_PROGRESS, StopReason.VALIDATION):
        watch = watch._replace(lowest=(), stale=0)
    return replace(descent, carry=run.carry._replace(state=state, is_stuck=False, watch=watch))


def _its_point(problem: Problem, run: Run) -> Array:
    """Return the point of the weights, intercept and parameters of a run."""
    network, (_, d, k) = run.network, problem.objective.source.shape
    weights = checked_weights(network.weights, d, k, "the weights of warm_start")
    intercept = checked_intercept(network.intercept, k, "the intercept of warm_start")
    theta = problem.start.theta.copy()
    for row, name in zip(theta, problem.objective.activation.parameters, strict=True):
        row[:] = network.parameters.get(name, row)
    return problem.objective.coordinates.unfold(weights, intercept, theta)


def _is_met_again(before: Carry, now: Carry) -> bool:
    """Whether E, and in full batch its gradient, are those of the carry, and their memories are alike."""
    if (before.rng is None) != (now.rng is None) or not before.memory.keys() >= now.memory.keys():
        return False
    same_error = before.state.error == now.state.error or np.isnan(before.state.error)
    return same_error and all(
        np.array_equal(before.memory[name], now.memory[name]) for name in now.memory.keys() & {"gradient"}
    )


def _same_coordinates(one: Coordinates, other: Coordinates) -> bool:
    """Whether two points mean the same in both, to the last bit."""
    pairs = [(getattr(one, name), getattr(other, name)) for name in ("centre", "transform", "theta_scale")]
    if not one.fit_intercept:
        pairs.append((one.fixed_intercept, other.fixed_intercept))
    return one.fit_intercept == other.fit_intercept and all(np.array_equal(a, b) for a, b in pairs)
