"""A step over all records: a method's direction, a search's distance."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fallline._typing import Array
from fallline.descent._carry import Carry, Memory, State
from fallline.descent._objective import Evaluation, Objective
from fallline.descent._search import Line, Move, Search
from fallline.descent.methods._method import Method


@dataclass(frozen=True)
class FullBatch:
    """The advance of full-batch descent: state t holds w_t and E(w_t), memory the direction from there."""

    objective: Objective
    method: Method
    search: Search

    def start(self, point: Array, passes: int) -> Carry:
        """Evaluate the start, and find the first direction."""
        weights, intercept = self.objective.raw(point)
        state = State(0, passes + 1, weights, intercept, np.nan, np.nan, np.nan)
        carry = Carry(state, {}, None, 0, np.nan)
        carry = self._at(carry, point, self.evaluate(point), {})
        return carry._replace(start_error=carry.state.error)

    def evaluate(self, point: Array) -> Evaluation:
        """Read X once, with the Gauss–Newton matrix where the method needs it."""
        look = self.objective.with_curvature if self.method.needs_curvature else self.objective.at
        return look(point)

    def __call__(self, carry: Carry) -> Carry:
        """Make one step; where none lowers E, hand back the same state, its passes counted, as stuck."""
        memory, state = carry.memory, carry.state
        point, direction = memory["point"], memory["direction"]
        slope, rate = _slope(memory), self.search.first_rate(state.learning_rate)
        move = self.search(Line(self.evaluate, point, direction, state.error, slope, rate))
        if not isinstance(move, Move):
            return carry._replace(state=replace(state, passes=state.passes + move), is_stuck=True)
        weights, intercept = self.objective.raw(move.point)
        state = replace(
            state,
            step=state.step + 1,
            passes=state.passes + move.passes,
            weights=weights,
            intercept=intercept,
            learning_rate=move.rate,
        )
        change = move.evaluation.gradient - memory["gradient"]
        kept = self.method.remember(memory, move.point - point, change)
        return self._at(carry._replace(state=state), move.point, move.evaluation, kept)

    def _at(self, carry: Carry, point: Array, evaluation: Evaluation, kept: Memory) -> Carry:
        """Return the carry with what was found at a point, and the direction from there."""
        kept = {**kept, "point": point, "gradient": evaluation.gradient, "mass": evaluation.mass}
        kept["direction"] = self.method.direction(evaluation, kept)
        state = replace(carry.state, error=evaluation.error, gradient_norm=evaluation.gradient_norm)
        expected = -_slope(kept) * self.search.first_rate(state.learning_rate)
        return carry._replace(state=state, memory=kept, expected_decrease=expected)


def _slope(memory: Memory) -> float:
    """Return the derivative of E along the direction."""
    return float(np.vdot(memory["gradient"], memory["direction"]))
