"""Adam: every coordinate at its own rate, from running means of its gradient and of the square of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fallline._typing import Array
from fallline.descent._carry import Memory
from fallline.descent._objective import Evaluation

MEAN, SQUARE, SMALL = 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class Adam:
    """Δw = −η m̂ / (√v̂ + 1e-8).

    D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1, with the
    constants given there.
    """

    divisor: float
    needs_curvature: ClassVar[bool] = False
    goes_by_rate: ClassVar[bool] = True

    def propose(self, at: Evaluation, memory: Memory, rate: float) -> Array:
        """Return the point after the update."""
        kept = self._means(at, memory)
        mean, square = kept["mean"] / (1.0 - MEAN ** kept["t"]), kept["square"] / (1.0 - SQUARE ** kept["t"])
        return np.asarray(at.point - rate * mean / (np.sqrt(square) + SMALL))

    def remember(self, at: Evaluation, memory: Memory, rate: float, after: Evaluation) -> Memory:
        """Keep the running means."""
        return self._means(at, memory)

    def _means(self, at: Evaluation, memory: Memory) -> Memory:
        g, zero = at.gradient / self.divisor, np.zeros_like(at.gradient)
        return {
            "t": memory.get("t", np.zeros(())) + 1.0,
            "mean": MEAN * memory.get("mean", zero) + (1.0 - MEAN) * g,
            "square": SQUARE * memory.get("square", zero) + (1.0 - SQUARE) * g * g,
        }
