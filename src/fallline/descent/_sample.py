"""What a sample of many records tells: coordinates and a start, at a small share of a pass.

Newton's step on all records costs far more than reading them. On some of them it is cheap, and its matrix
there is nearly that of all: in coordinates whitened by it, from where it led, L-BFGS has little left to do
(Bollapragada, Byrd and Nocedal, "Exact and inexact subsampled Newton methods", IMA J. Numer. Anal. 39 (2019),
545–578, section 2, for how near the two matrices are).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fallline.data._blocks import Shape, Source
from fallline.data._draws import PREVIEW, draws
from fallline.data._targets import survey, warn_about
from fallline.data.sources._arrays import ArraySource
from fallline.descent._carry import Carry
from fallline.descent._choices import choose_method
from fallline.descent._coordinates import standardised, whitened
from fallline.descent._loop import descend_from
from fallline.descent._problem import Problem, prepare, problem_in
from fallline.descent._settings import Settings
from fallline.descent._setup import first_descent
from fallline.descent._start import Start
from fallline.execution._arithmetic import step_arithmetic
from fallline.maths._moments import block_moments

RECORDS_PER_INPUT = 100
LEAST_RECORDS = 5_000
LARGEST_SHARE = 1 / 16
MOST_INPUTS = 512
MOST_STEPS = 20
WELL_CONDITIONED = 1e-8
"""Least ratio of the eigenvalues of the sample's matrix for which it is trusted."""


def prepared(source: Source, settings: Settings) -> Problem:
    """Resolve every "auto", and find coordinates and the start; from a sample where that pays.

    Warn of targets that the activation cannot reach.
    """
    found = _informed(source, settings) if _is_worth_it(source, settings) else None
    problem = prepare(source, settings) if found is None else found
    warn_about(problem.targets, settings.activation, source.signature)
    return problem


def _is_worth_it(source: Source, settings: Settings) -> bool:
    """Whether L-BFGS goes to work on so many records that a sample of them is next to nothing."""
    free = (settings.method, settings.scaling, settings.learning_rate) == ("auto", "auto", "auto")
    given = (settings.initial_weights, settings.initial_intercept, settings.initial_parameters)
    shape = source.shape
    return (
        free
        and all(each is None for each in given)
        and choose_method(source, settings) == "lbfgs"
        and shape.n_features <= MOST_INPUTS
        and _size(shape) <= LARGEST_SHARE * shape.n_records
    )


def _size(shape: Shape) -> int:
    return max(LEAST_RECORDS, RECORDS_PER_INPUT * shape.n_features)


def _informed(source: Source, settings: Settings) -> Problem | None:
    """Return the problem as the bottom of the sample suggests it; None where that tells nothing."""
    shape = source.shape
    numbers = np.sort(draws(0, PREVIEW).choice(shape.n_records, _size(shape), replace=False))
    records = source.take(numbers)
    sample = ArraySource(records.X, records.y, records.sample_weight)
    with step_arithmetic():
        small = prepare(sample, replace(settings, method="gauss-newton", scaling="standard"))
        bottom = _bottom(small)
        if bottom is None:
            return None
        layer = small.objective.layer(bottom.memory["point"])
        slopes = layer.activation.pair(records.X @ layer.weights + layer.intercept, layer.theta)[1]
        weight = records.weighted(slopes[0] ** 2).sum(axis=1)
        if not np.isfinite(weight).all() or not weight.any():
            return None
        moments = block_moments(records.X, weight, full=True)
        fixed = small.objective.coordinates.fixed_intercept
        coordinates = whitened(
            moments, standardised(moments, settings.fit_intercept, fixed), WELL_CONDITIONED
        )
        if coordinates is None:
            return None
        start = Start(layer.weights, layer.intercept, layer.theta)
        return problem_in(coordinates, source, settings, survey(source), "lbfgs", start, 1)


def _bottom(problem: Problem) -> Carry | None:
    """Return the carry at the bottom of a small problem, if there is one within a few steps."""
    descent = first_descent(problem)
    for step, carry in enumerate(descend_from(descent.carry, descent.advance, descent.advice)):
        if carry.expected_decrease <= 1e-6 * carry.state.objective or carry.is_stuck:
            return carry
        if step == MOST_STEPS:
            break
    return None
