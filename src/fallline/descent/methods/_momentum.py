"""Momentum, the heavy ball: each step keeps a share of the one before (Polyak, 1964)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fallline._typing import Array
from fallline.descent._carry import Memory
from fallline.descent._objective import Evaluation
from fallline.descent._penalty import Penalty


@dataclass(frozen=True)
class Momentum:
    """Δw = −η ∂E/∂w ÷ ``divisor`` + β Δw of the last step.

    B. T. Polyak, "Some methods of speeding up the convergence of iteration methods", USSR Comput. Math.
    Math. Phys. 4(5) (1964), 1–17, eq. 9.
    """

    divisor: float
    penalty: Penalty
    share: float = 0.9
    needs_curvature: ClassVar[bool] = False
    goes_by_rate: ClassVar[bool] = True

    def propose(self, at: Evaluation, memory: Memory, rate: float) -> Array:
        """Return where the ball rolls to."""
        length = rate / self.divisor
        rolled = at.point - length * at.gradient
        if "velocity" in memory:
            rolled += self.share * memory["velocity"]
        return self.penalty.shrunk(rolled, length)

    def remember(self, at: Evaluation, memory: Memory, rate: float, after: Evaluation) -> Memory:
        """Keep the step."""
        return {"velocity": after.point - at.point}
