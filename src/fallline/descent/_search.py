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


class Search(Protocol):
    """Choose how far to go; None where no step lowers E."""

    def __call__(
        self,
        evaluate: Callable[[Array], Evaluation],
        point: Array,
        direction: Array,
        error: float,
        slope: float,
        last_rate: float,
    ) -> Move | None:
        """Return the move; ``slope`` is the derivative of E along the direction."""
        ...


@dataclass(frozen=True)
class Constant:
    """Go the same share of the direction at every step."""

    rate: float

    def __call__(
        self,
        evaluate: Callable[[Array], Evaluation],
        point: Array,
        direction: Array,
        error: float,
        slope: float,
        last_rate: float,
    ) -> Move | None:
        """Return the move, wherever it leads."""
        new = point + self.rate * direction
        return Move(self.rate, new, evaluate(new), 1)


@dataclass(frozen=True)
class Halving:
    """Go the whole way, or half of it, or a quarter … until E falls as far as Armijo (1966) asks.

    The first trial is ``first``, or ``growth`` times the last rate where there was one.
    """

    first: float = 1.0
    growth: float | None = None

    def __call__(
        self,
        evaluate: Callable[[Array], Evaluation],
        point: Array,
        direction: Array,
        error: float,
        slope: float,
        last_rate: float,
    ) -> Move | None:
        """Return the first trial that lowers E enough."""
        rate = self.first if self.growth is None or np.isnan(last_rate) else self.growth * last_rate
        for trial in range(1, HALVINGS + 1):
            new = point + rate * direction
            evaluation = evaluate(new)
            if evaluation.error < error and evaluation.error <= error + SUFFICIENT * rate * slope:
                return Move(rate, new, evaluation, trial)
            rate /= 2
        return None
