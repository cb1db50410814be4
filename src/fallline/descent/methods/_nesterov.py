"""Nesterov's accelerated descent, started afresh where it rolls uphill.

Points are those at which the gradient is taken, ahead of the iterates x of the textbook, so that a
step reads X once: x⁺ = point − η ∂E/∂w, point⁺ = x⁺ + β (x⁺ − x).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fallline._typing import Array
from fallline.descent._carry import Memory
from fallline.descent._objective import Evaluation
from fallline.descent._penalty import Penalty


@dataclass(frozen=True)
class Nesterov:
    """β = (a − 1) / a⁺ with a⁺ = (1 + √(1 + 4a²)) / 2.

    Beck and Teboulle, SIAM J. Imaging Sci. 2 (2009), 183–202, eqs. 4.1 to 4.3; the restart is that by
    gradient of O'Donoghue and Candès, Found. Comput. Math. 15 (2015), 715–732, section 3.2.
    """

    divisor: float
    penalty: Penalty
    needs_curvature: ClassVar[bool] = False
    goes_by_rate: ClassVar[bool] = True

    def propose(self, at: Evaluation, memory: Memory, rate: float) -> Array:
        """Return the point from which the next gradient is taken."""
        x, last, a = self._step(at, memory, rate)
        return x + (a - 1.0) / _following(a) * (x - last)

    def remember(self, at: Evaluation, memory: Memory, rate: float, after: Evaluation) -> Memory:
        """Keep x and a⁺."""
        x, _, a = self._step(at, memory, rate)
        return {"x": x, "a": np.asarray(_following(a))}

    def _step(self, at: Evaluation, memory: Memory, rate: float) -> tuple[Array, Array, float]:
        """Return x⁺, x and a."""
        length = rate / self.divisor
        x = self.penalty.shrunk(at.point - length * at.gradient, length)
        last = memory.get("x", at.point)
        rolls_uphill = np.vdot(at.point - x, x - last) > 0.0
        return x, last, 1.0 if "a" not in memory or rolls_uphill else float(memory["a"])


def _following(a: float) -> float:
    return float((1.0 + np.sqrt(1.0 + 4.0 * a * a)) / 2.0)
