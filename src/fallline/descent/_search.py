"""How far to go: the rate of a step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from fallline._typing import Array
from fallline.descent._carry import State
from fallline.descent._objective import Evaluation
from fallline.descent._schedules import Schedule, rate_at

HALVINGS = 40
SUFFICIENT = 1e-4
"""The share of the decrease promised to first order that a step must reach (Armijo)."""


class Move(NamedTuple):
    """A step that was taken: its rate, what was found where it led, and how many passes it took."""

    rate: float
    evaluation: Evaluation
    passes: int


class Path(NamedTuple):
    """The way before a search: where a rate leads, what is there, and the change it promises."""

    point: Callable[[float], Array]
    evaluate: Callable[[Array], Evaluation]
    promised: Callable[[Array], float]
    start: float

    def move(self, rate: float, passes: int = 1) -> Move:
        """Return the step of that rate, for one more pass."""
        return Move(rate, self.evaluate(self.point(rate)), passes)


class Search(Protocol):
    """Choose how far to go."""

    def first_rate(self, state: State) -> float:
        """Return the rate to try first from a state."""
        ...

    def __call__(self, path: Path, first_rate: float) -> Move | int:
        """Return the step to take, or the passes that were spent to find none that lowers E."""
        ...


@dataclass(frozen=True)
class Scheduled:
    """Go as far as a schedule says, wherever it leads."""

    schedule: Schedule

    def first_rate(self, state: State) -> float:
        """Return the rate of the next step."""
        return rate_at(self.schedule, state.step)

    def __call__(self, path: Path, first_rate: float) -> Move | int:
        """Return the step."""
        return path.move(first_rate)


@dataclass(frozen=True)
class Halving:
    """Go the whole way, or half of it, or a quarter … until E falls as far as Armijo (1966) asks.

    The first trial is ``first``, or ``growth`` times the last rate where there was one, at most ``most``.
    """

    first: float = 1.0
    growth: float = np.inf
    most: float = 1.0

    def first_rate(self, state: State) -> float:
        """Return the longest step to try."""
        last = state.learning_rate
        return self.first if np.isnan(last) else min(self.growth * last, self.most)

    def __call__(self, path: Path, first_rate: float) -> Move | int:
        """Return the first trial that lowers E enough."""
        rate = first_rate
        for trial in range(1, HALVINGS + 1):
            move = path.move(rate, passes=trial)
            total = move.evaluation.total
            enough = path.start + SUFFICIENT * path.promised(move.evaluation.point)
            if total < path.start and total <= enough:
                return move
            rate /= 2
        return HALVINGS
