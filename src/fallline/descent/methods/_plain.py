"""The rule of the seed: straight down the slope, Δw = −η ∂E/∂w."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fallline._typing import Array
from fallline.descent._carry import Memory
from fallline.descent._objective import Evaluation
from fallline.descent._penalty import Penalty


@dataclass(frozen=True)
class Plain:
    """w − η ∂E/∂w ÷ ``divisor``; under an ℓ₁ penalty followed by its proximal step.

    Beck and Teboulle, SIAM J. Imaging Sci. 2 (2009), 183–202, eq. 3.2 (the proximal step).
    """

    divisor: float
    penalty: Penalty
    needs_curvature: ClassVar[bool] = False
    goes_by_rate: ClassVar[bool] = True

    def propose(self, at: Evaluation, memory: Memory, rate: float) -> Array:
        """Return the point down the slope."""
        length = rate / self.divisor
        return self.penalty.shrunk(at.point - length * at.gradient, length)

    def remember(self, at: Evaluation, memory: Memory, rate: float, after: Evaluation) -> Memory:
        """Keep nothing."""
        return {}
