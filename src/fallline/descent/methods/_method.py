"""The contract of a method."""

from __future__ import annotations

from typing import ClassVar, Protocol

from fallline._typing import Array
from fallline.descent._carry import Memory
from fallline.descent._objective import Evaluation


class Method(Protocol):
    """Where to go from a point, given what one read of X told there.

    ``needs_curvature``: whether evaluations must bring the Gauss–Newton matrices. ``goes_by_rate``: whether
    a step is a learning rate times a gradient; others bring their own length, of which 1 is the whole.
    """

    needs_curvature: ClassVar[bool]
    goes_by_rate: ClassVar[bool]

    def propose(self, at: Evaluation, memory: Memory, rate: float) -> Array:
        """Return the point that a step of this rate leads to."""
        ...

    def remember(self, at: Evaluation, memory: Memory, rate: float, after: Evaluation) -> Memory:
        """Return what the method keeps after a step that was taken."""
        ...
