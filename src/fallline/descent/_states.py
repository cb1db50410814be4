"""From an evaluation to the state that is shown: raw units, in the shapes that follow y."""

from __future__ import annotations

from typing import Any

import numpy as np

from fallline._typing import Array
from fallline.descent._carry import State
from fallline.descent._objective import Evaluation, Objective


def state_at(
    objective: Objective,
    at: Evaluation,
    *,
    step: int,
    passes: int,
    learning_rate: float = np.nan,
    step_size: float = np.nan,
    progressive_error: float = np.nan,
) -> State:
    """Return the state of an evaluation."""
    weights, intercept, theta = objective.coordinates.fold(at.point)
    one = objective.source.one_output
    return State(
        step=step,
        passes=passes,
        weights=weights[:, 0] if one else weights,
        intercept=float(intercept[0]) if one else intercept,
        error=at.error,
        gradient_norm=at.gradient_norm,
        learning_rate=learning_rate,
        progressive_error=progressive_error,
        penalty=at.penalty,
        step_size=step_size,
        parameters=named(objective.activation.parameters, theta, one),
    )


def named(names: tuple[str, ...], theta: Array, one_output: bool) -> dict[str, Any]:
    """Return parameters by name: a number where there is one of each, else an array (k,)."""
    single = one_output or theta.shape[1] == 1
    return {name: float(row[0]) if single else row.copy() for name, row in zip(names, theta, strict=True)}
