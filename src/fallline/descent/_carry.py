"""What a descent carries from step to step, and what it shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from fallline._typing import Array

Memory: TypeAlias = dict[str, Array]
SLOWEST = 1.0 - 1e-6
"""A decrease that keeps more of itself than this is taken to shrink that fast: rounding does not shrink."""


@dataclass(frozen=True, slots=True)
class State:
    """The descent after ``step`` updates.

    Attributes
    ----------
    step : int
        Updates made so far; 0 is the start.
    passes : int
        Reads of X so far, those for scaling, rates and line searches included; not the two at most that a
        :class:`Run` which stopped short takes to say why.
    weights : array (n_features,) or (n_features, n_outputs)
        w, for raw inputs whatever the coordinates.
    intercept : float or array (n_outputs,)
        b.
    error : float
        E = ½ ΣΣ s (y − ŷ)² at these weights; nan with ``evaluate=False``.
    gradient_norm : float
        ‖∂E/∂w, ∂E/∂b, ∂E/∂θ‖, the penalty counted, in the coordinates that are descended; nan where no pass
        computed it.
    learning_rate : float
        η of the step that led here (for methods that bring their own length: the share of it that was taken).
    progressive_error : float
        The error met on the way through the last epoch of updates; nan in full batch.
    penalty : float
        Σs α [(1 − ρ) ½‖w‖² + ρ‖w‖₁]; what descends is error + penalty.
    step_size : float
        Length of the step that led here, in the coordinates that are descended; nan at the start.
    parameters : dict
        Values of the formula's free names: numbers, or arrays (n_outputs,).
    validation_error : float
        E of the records that are held out; nan without any.
    """

    step: int
    passes: int
    weights: Array
    intercept: Any
    error: float
    gradient_norm: float
    learning_rate: float
    progressive_error: float = np.nan
    penalty: float = 0.0
    step_size: float = np.nan
    parameters: Mapping[str, Any] = field(default_factory=dict)
    validation_error: float = np.nan

    @property
    def objective(self) -> float:
        """What descends: E and the penalty."""
        return self.error + self.penalty


class Watch(NamedTuple):
    """What has been seen of a descent from beside it; no step depends on it, but when to stop does.

    Attributes
    ----------
    step : int
        The step up to which it has been watched.
    reads : int
        Reads of X, or of the held-out records, that took.
    lowest : tuple of floats
        With batches, the least error met up to each of the last epochs.
    confirm_from : int
        The step from which on Gauss–Newton may be asked again whether this is the bottom.
    validation_error : float
        E of the held-out records.
    best : State or None
        The state at which that was least.
    stale : int
        Steps since then.
    """

    step: int = -1
    reads: int = 0
    lowest: tuple[float, ...] = ()
    confirm_from: int = 0
    validation_error: float = np.nan
    best: State | None = None
    stale: int = 0


class Carry(NamedTuple):
    """All that the next step needs, and all that a checkpoint holds.

    Attributes
    ----------
    state : State
        What the world sees.
    memory : dict of arrays
        The point in the descended coordinates, what was found there, and what a method remembers.
    rng : dict or None
        State of the random generator that shuffles.
    position : int
        Records of the current epoch already used.
    start : float
        E and the penalty at step 0.
    rises : int
        Steps in a row, up to this one, on which they rose.
    decreases : tuple of floats
        How far the last steps lowered them, at most 20, the latest last; empty for methods whose steps are no
        small share of the way.
    expected_decrease : float
        How far the next step lowers them, to first order; nan with batches.
    is_stuck : bool
        Whether no step lowers them: this is the last carry.
    watch : Watch
        What has been seen from beside, up to this step.
    """

    state: State
    memory: Memory
    rng: dict[str, Any] | None
    position: int
    start: float
    rises: int = 0
    decreases: tuple[float, ...] = ()
    expected_decrease: float = np.nan
    is_stuck: bool = False
    watch: Watch = Watch()

    @property
    def shrinking(self) -> float:
        """The share of itself that a decrease keeps from step to step, of late; 0 where it is not known."""
        half = len(self.decreases) // 2
        before, last = (
            float(np.sum(np.abs(part)))
            for part in (self.decreases[-2 * half : -half], self.decreases[-half:])
        )
        return float(min((last / before) ** (1.0 / half), SLOWEST)) if half and before > 0.0 else 0.0

    def remaining_decrease(self) -> float:
        """Return by how much all the steps to come lower E, if they go on to shrink as they have of late.

        A step of a first-order method is a small share of the way down where the bowl is narrow: the sum of
        the geometric series counts the rest of it.
        """
        next_one = max(self.expected_decrease, *(abs(last) for last in self.decreases[-1:]), 0.0)
        return next_one / (1.0 - self.shrinking)


def shown(carry: Carry) -> State:
    """Return the state of a carry as the world sees it: with what was seen from beside, and its reads."""
    watch, state = carry.watch, carry.state
    return replace(state, passes=state.passes + watch.reads, validation_error=watch.validation_error)


Advance: TypeAlias = Callable[[Carry], Carry]
"""One step."""
