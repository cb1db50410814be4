"""The one loop, and the guard that watches every step of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from fallline._errors import DivergenceError
from fallline.descent._carry import Advance, Carry, State
from fallline.execution._arithmetic import step_arithmetic

RISES_ALLOWED = 4


def descend_from(carry: Carry, advance: Advance, advice: Callable[[], str]) -> Iterator[Carry]:
    """Yield the carry of every step, for as long as a step can be made.

    Raises
    ------
    DivergenceError
        At the step where E, or a weight, is no longer finite, or where E is above its start and
        has risen five steps in a row. ``advice`` says what would have worked.
    """
    _check_start(carry)
    while True:
        yield carry
        with step_arithmetic():
            following = advance(carry)
        if following is None:
            return
        carry = guarded(carry, following, advice)


def guarded(before: Carry, after: Carry, advice: Callable[[], str]) -> Carry:
    """Return ``after`` with its count of rising steps, or raise where the descent has left the bowl."""
    state = after.state
    rises = before.rises + 1 if state.error > before.state.error else 0
    if not _is_finite(after):
        raise DivergenceError(_sentence(after, "the error is no longer finite", advice()), before.state)
    if rises > RISES_ALLOWED and state.error > after.start_error:
        what = (
            f"the error has risen {rises} steps in a row, from {after.start_error:.6g} to {state.error:.6g}"
        )
        raise DivergenceError(_sentence(after, what, advice()), before.state)
    return after._replace(rises=rises)


def is_out_of_bounds(state: State) -> bool:
    """Whether E was measured and it, or its gradient, is not finite."""
    return not np.isnan(state.error) and not np.isfinite(state.error + state.gradient_norm)


def _check_start(carry: Carry) -> None:
    state = carry.state
    if is_out_of_bounds(state):
        raise DivergenceError(
            f"the error at the start is {state.error:.6g} and the norm of its gradient "
            f"{state.gradient_norm:.6g}: start from smaller weights, or with scaling='standard'",
            state,
        )


def _is_finite(carry: Carry) -> bool:
    state = carry.state
    seen = state.progressive_error if np.isnan(state.error) else state.error
    return bool(np.isfinite(seen) and np.isfinite(state.weights).all() and np.isfinite(state.intercept).all())


def _sentence(carry: Carry, what: str, advice: str) -> str:
    state = carry.state
    return f"diverged at step {state.step}: {what}, at learning rate {state.learning_rate:.6g}; {advice}"
