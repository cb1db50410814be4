"""The rule of the seed: straight down the slope, Δw = −η ∂E/∂w."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fallline._typing import Array
from fallline.descent._carry import Memory
from fallline.descent._objective import Evaluation


@dataclass(frozen=True)
class Plain:
    """−∂E/∂w ÷ ``divisor``, still to be multiplied by the learning rate."""

    divisor: float
    needs_curvature: ClassVar[bool] = False

    def direction(self, evaluation: Evaluation, memory: Memory) -> Array:
        """Return the direction of steepest descent."""
        return -evaluation.gradient / self.divisor

    def remember(self, memory: Memory, step: Array, gradient_change: Array) -> Memory:
        """Keep nothing."""
        return {}
