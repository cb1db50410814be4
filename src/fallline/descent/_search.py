"""How far to go along a direction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from fallline._typing import Array
from fallline.descent._objective import Evaluation

HALVINGS = 40
SUFFICIENT = 1e-4
"""The share of the decrease promised to first order that a step must reach (Armijo)."""


class Move(NamedTuple):
    """A step that was taken: how far, where it led, what E is there and how many passes it took."""

    rate: float
    point: Array
    evaluation: Evaluation
    passes: int


class Line(NamedTuple):
    """The way before a search: E and its derivative at the start, and the first rate to try."""

    evaluate: Callable[[Array], Evaluation]
    point: Array
    direction: Array
    error: float
    slope: float
    first_rate: float

    def move(self, rate: float, passes: int = 1) -> Move:
        """Return the step of that length, for one more pass."""
        point = self.point + rate * self.direction
        return Move(rate, point, self.evaluate(point), passes)


class Search(Protocol):
    """Choose how far to go."""

    def first_rate(self, last_rate: float) -> float:
        """Return the rate to try first; ``last_rate`` is that of the last step, nan at the start."""
        ...

    def __call__(self, line: Line) -> Move | int:
        """Return the step to take, or the passes that were spent to find none that lowers E."""
        ...


@dataclass(frozen=True)
class Constant:
    """Go the same share of the direction at every step, wherever it leads."""

    rate: float

    def first_rate(self, last_rate: float) -> float:
        """Return the rate."""
        return self.rate

    def __call__(self, line: Line) -> Move | int:
        """Return the step."""
        return line.move(line.first_rate)


@dataclass(frozen=True)
class Halving:
    """Go the whole way, or half of it, or a quarter … until E falls as far as Armijo (1966) asks.

    The first trial is ``first``, or ``growth`` times the last rate where there was one.
    """

    first: float = 1.0
    growth: float | None = None

    def first_rate(self, last_rate: float) -> float:
        """Return the longest step to try."""
        return self.first if self.growth is None or np.isnan(last_rate) else self.growth * last_rate

    def __call__(self, line: Line) -> Move | int:
        """Return the first trial that lowers E enough."""
        rate = line.first_rate
        for trial in range(1, HALVINGS + 1):
            move = line.move(rate, passes=trial)
            enough = line.error + SUFFICIENT * rate * line.slope
            if move.evaluation.error < line.error and move.evaluation.error <= enough:
                return move
            rate /= 2
        return HALVINGS
