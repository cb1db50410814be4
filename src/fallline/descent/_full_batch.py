"""A step over all records: a method's direction, a search's distance."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fallline._typing import Array
from fallline.descent._carry import Carry, Memory, State
from fallline.descent._objective import Evaluation, Objective
from fallline.descent._search import Line, Search
from fallline.descent.methods._method import Method


@dataclass(frozen=True)
class FullBatch:
    """The advance of full-batch descent: state t holds w_t and E(w_t), memory the direction from there."""

    objective: Objective
    method: Method
    search: Search

    def start(self, point: Array, passes: int) -> Carry:
        """Evaluate the start, and find the first direction."""
        evaluation = self.evaluate(point)
        weights, intercept = self.objective.raw(point)
        state = State(0, passes + 1, weights, intercept, evaluation.error, norm(evaluation), np.nan)
        direction = self.method.direction(evaluation, {})
        memory = {"point": point, **_remembered(evaluation), "direction": direction}
        return Carry(state, memory, None, 0, evaluation.error)

    def evaluate(self, point: Array) -> Evaluation:
        """Read X once, with the Gauss–Newton matrix where the method needs it."""
        return (
            self.objective.with_curvature(point) if self.method.needs_curvature else self.objective.at(point)
        )

    def __call__(self, carry: Carry) -> Carry | None:
        """Make one step."""
        memory, state = carry.memory, carry.state
        point, gradient, direction = (memory[key] for key in ("point", "gradient", "direction"))
        slope = float(np.vdot(gradient, direction))
        move = self.search(Line(self.evaluate, point, direction, state.error, slope, state.learning_rate))
        if move is None:
            return None
        evaluation = move.evaluation
        kept = self.method.remember(memory, move.point - point, evaluation.gradient - gradient)
        kept |= {"point": move.point, **_remembered(evaluation)}
        kept["direction"] = self.method.direction(evaluation, kept)
        weights, intercept = self.objective.raw(move.point)
        state = replace(
            state,
            step=state.step + 1,
            passes=state.passes + move.passes,
            weights=weights,
            intercept=intercept,
            error=evaluation.error,
            gradient_norm=norm(evaluation),
            learning_rate=move.rate,
        )
        return carry._replace(state=state, memory=kept)


def _remembered(evaluation: Evaluation) -> Memory:
    return {"gradient": evaluation.gradient, "mass": evaluation.mass}


def norm(evaluation: Evaluation) -> float:
    """Return ‖∂E/∂point‖."""
    return float(np.linalg.norm(evaluation.gradient))


def expected_decrease(carry: Carry) -> float:
    """Return −gᵀp: how far E falls along the next direction, to first order."""
    return -float(np.vdot(carry.memory["gradient"], carry.memory["direction"]))
