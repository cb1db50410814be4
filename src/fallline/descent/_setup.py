"""From a problem to a first carry and the advance that follows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fallline._typing import Array
from fallline.descent._advances import epochs, full_batch
from fallline.descent._carry import Carry
from fallline.descent._epochs import Epochs
from fallline.descent._full_batch import FullBatch
from fallline.descent._loop import is_out_of_bounds
from fallline.descent._problem import Problem
from fallline.descent._rates import advice
from fallline.descent._settings import generator
from fallline.descent._start import starting_point
from fallline.execution._arithmetic import step_arithmetic


@dataclass(frozen=True)
class Descent:
    """A first carry, the advance that follows any carry, and the advice for when it leaves the bowl."""

    problem: Problem
    carry: Carry
    advance: FullBatch | Epochs
    advice: Callable[[float], str]


def first_descent(problem: Problem) -> Descent:
    """Return the descent from the start that was asked for."""
    rng = generator(problem.settings.random_state)
    point = starting_point(problem.start, problem.settings, problem.objective.coordinates, rng)
    return descent_from(problem, point, rng)


def descent_from(problem: Problem, point: Array, rng: np.random.Generator) -> Descent:
    """Return the descent from a point; E is evaluated there."""
    with step_arithmetic():
        point = problem.objective.within_bounds(point)
        advance: FullBatch | Epochs
        if problem.settings.batch_size is None:
            advance, reads = full_batch(problem)
            carry = advance.start(point, problem.passes + reads)
        else:
            advance, reads = epochs(problem, problem.settings.batch_size)
            carry = advance.start(point, problem.passes + reads, rng)
        if is_out_of_bounds(carry.state):
            problem.objective.source.raise_for_bad_values()

    def advise(rate: float) -> str:
        return advice(problem, rate)

    return Descent(problem, carry, advance, advise)
