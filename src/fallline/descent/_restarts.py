"""Several starts, of which the one that ends lowest is kept: for errors with more than one bottom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from fallline.descent._problem import Problem
from fallline.descent._run import Run
from fallline.descent._settings import generator
from fallline.descent._setup import Descent, descent_from
from fallline.descent._start import nearest_intercept

SMALLEST, LARGEST = 0.1, 10.0
"""Between these lies the length of the weights of a random start, in the coordinates descended."""


def elsewhere(problem: Problem, attempt: int) -> Descent:
    """Return the descent from a random start.

    Directions of the weights are uniform and their length is log-uniform, for nobody knows how steep the
    unit has to be; intercepts are drawn as widely around the usual one, parameters within a factor and
    beside it.
    """
    settings, objective = problem.settings, problem.objective
    rng = generator(settings.random_state).spawn(attempt)[-1]
    coordinates, theta = objective.coordinates, problem.start.theta
    length = np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST)))
    theta = theta * np.exp(rng.normal(scale=0.5, size=theta.shape))
    theta = theta + coordinates.theta_scale * rng.normal(scale=0.5, size=theta.shape)
    intercept = problem.start.intercept
    if settings.fit_intercept:
        intercept = nearest_intercept(settings, problem.targets, theta)
        intercept = intercept + length * rng.normal(size=intercept.shape)
    directions = rng.normal(size=(coordinates.rank, len(intercept)))
    directions /= np.linalg.norm(directions, axis=0)
    point = coordinates.join(length * directions, intercept, theta)
    return descent_from(problem, point, rng)


def lowest(n_starts: int, run_from: Callable[[int], Run]) -> Run:
    """Return the run that ends lowest, with what all of them came to."""
    runs = [run_from(attempt) for attempt in range(n_starts)]
    ends = np.array([run.state.objective for run in runs])
    ends = np.where(np.isnan(ends), np.inf, ends)
    best = runs[int(np.argmin(ends))]
    if n_starts == 1:
        return best
    least, most = ends.min(), ends[np.isfinite(ends)].max(initial=ends.min())
    near = least * (1.0 + 1e-6)
    message = f"{best.message}; {np.sum(ends <= near)} of {n_starts} starts ended at {least:.6g}"
    if most > near:
        message += f", others at up to {most:.6g}"
    return replace(best, message=message, restarts=ends)
