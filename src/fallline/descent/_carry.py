"""What a descent carries from step to step, and what it shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from fallline._typing import Array

Memory: TypeAlias = dict[str, Array]


@dataclass(frozen=True, slots=True)
class State:
    """The descent after ``step`` updates.

    Attributes
    ----------
    step : int
        Updates made so far; 0 is the start.
    passes : int
        Reads of X so far, those for scaling, rates and line searches included.
    weights : array (n_features,) or (n_features, n_outputs)
        w, for raw inputs whatever the coordinates.
    intercept : float or array (n_outputs,)
        b.
    error : float
        E = ½ ΣΣ s (y − ŷ)² at these weights; nan with ``evaluate=False``.
    gradient_norm : float
        ‖∂E/∂w, ∂E/∂b‖ in the coordinates that are descended; nan where no pass computed it.
    learning_rate : float
        η of the step that led here (for other directions than the plain one: the share of it that was taken).
    progressive_error : float
        The error met on the way through the last epoch of updates; nan in full batch.
    """

    step: int
    passes: int
    weights: Array
    intercept: Array
    error: float
    gradient_norm: float
    learning_rate: float
    progressive_error: float = np.nan


class Carry(NamedTuple):
    """All that the next step needs, and all that a checkpoint holds.

    Attributes
    ----------
    state : State
        What the world sees.
    memory : dict of arrays
        The point in the descended coordinates, the next direction, and what a method remembers.
    rng : dict or None
        State of the random generator that shuffles.
    position : int
        Records of the current epoch already used.
    start_error : float
        E at step 0.
    rises : int
        Steps in a row, up to this one, on which E rose.
    expected_decrease : float
        How far the next step lowers E, to first order; nan with batches.
    is_stuck : bool
        Whether no step along the direction lowers E: this is the last carry.
    """

    state: State
    memory: Memory
    rng: dict[str, Any] | None
    position: int
    start_error: float
    rises: int = 0
    expected_decrease: float = np.nan
    is_stuck: bool = False


Advance: TypeAlias = Callable[[Carry], Carry]
"""One step."""
