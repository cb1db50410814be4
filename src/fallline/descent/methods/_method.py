"""The contract of a method."""

from __future__ import annotations

from typing import Protocol

from fallline._typing import Array
from fallline.descent._carry import Memory
from fallline.descent._objective import Evaluation


class Method(Protocol):
    """Where to go from a point, given E and its gradient there."""

    @property
    def needs_curvature(self) -> bool:
        """Whether evaluations must bring the Gauss–Newton matrices."""
        ...

    def direction(self, evaluation: Evaluation, memory: Memory) -> Array:
        """Return the step, of the point's shape, that the method proposes."""
        ...

    def remember(self, memory: Memory, step: Array, gradient_change: Array) -> Memory:
        """Return what the method keeps after a step that was taken."""
        ...
