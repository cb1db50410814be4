"""A step over all records: a method's way, a search's distance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from fallline._typing import Array
from fallline.descent._carry import Carry, Memory, State
from fallline.descent._objective import Evaluation, Objective
from fallline.descent._search import Move, Path, Search
from fallline.descent._states import state_at
from fallline.descent.methods._gauss_newton import wants_hessian
from fallline.descent.methods._method import Method

REMEMBERED = 20
"""Decreases that the carry remembers."""
SEEN = ("point", "gradient", "mass", "curvature")
"""What of an evaluation lies in the carry's memory; the rest is in its state."""


@dataclass(frozen=True)
class FullBatch:
    """The advance of full-batch descent: state t holds w_t and E(w_t), memory what was found there."""

    objective: Objective
    method: Method
    search: Search

    def start(self, point: Array, passes: int) -> Carry:
        """Evaluate the start."""
        at = self.seen(point)
        state = state_at(self.objective, at, step=0, passes=passes + 1)
        carry = Carry(state, {}, None, 0, at.total)
        return self._at(carry, at, state, {})

    def seen(self, point: Array, memory: Memory | None = None) -> Evaluation:
        """Read X once, with the matrix that the method needs after what it remembers."""
        if not self.method.needs_curvature:
            return self.objective.at(point)
        return self.objective.with_curvature(point, hessian=wants_hessian(memory or {}))

    def __call__(self, carry: Carry) -> Carry:
        """Make one step; where none lowers E, hand back the same state, its passes counted, as stuck."""
        state, at = carry.state, _seen(carry)
        path = Path(
            partial(self._point, at, carry.memory),
            partial(self.seen, memory=carry.memory),
            partial(self._promised, at),
            at.total,
        )
        move = self.search(path, self.search.first_rate(state))
        if not isinstance(move, Move):
            return carry._replace(state=replace(state, passes=state.passes + move), is_stuck=True)
        after = state_at(
            self.objective,
            move.evaluation,
            step=state.step + 1,
            passes=state.passes + move.passes,
            learning_rate=move.rate,
            step_size=float(np.linalg.norm(move.evaluation.point - at.point)),
        )
        kept = self.method.remember(at, carry.memory, move.rate, move.evaluation)
        decreases = carry.decreases
        if self.method.goes_by_rate:
            decreases = (*decreases[1 - REMEMBERED :], at.total - move.evaluation.total)
        return self._at(carry._replace(decreases=decreases), move.evaluation, after, kept)

    def _at(self, carry: Carry, at: Evaluation, state: State, kept: Memory) -> Carry:
        """Return the carry at a point, and how far the next step should lower E."""
        memory = {**kept, **{name: getattr(at, name) for name in SEEN}}
        if self.method.goes_by_rate:  # the share of the gradient: what has been remembered may lead uphill
            following = self.method.propose(at, {}, self.search.first_rate(state))
        else:
            following = self.method.propose(at, memory, 1.0)
        expected = -self._promised(at, following)
        return carry._replace(state=state, memory=memory, expected_decrease=expected)

    def _point(self, at: Evaluation, memory: Memory, rate: float) -> Array:
        """Return where a step leads."""
        return self.objective.within_bounds(self.method.propose(at, memory, rate))

    def _promised(self, at: Evaluation, point: Array) -> float:
        """Return the change of E and penalty on the way to a point, to first order."""
        penalty = self.objective.penalty
        return float(np.vdot(at.gradient, point - at.point)) + penalty.sharp(point) - penalty.sharp(at.point)


def _seen(carry: Carry) -> Evaluation:
    """Return what was found at the point of a carry."""
    state = carry.state
    point, gradient, mass, curvature = (carry.memory[name] for name in SEEN)
    return Evaluation(point, state.error, state.penalty, gradient, state.gradient_norm, mass, curvature)
