"""The one loop, and the guard that watches every step of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from fallline._errors import DivergenceError
from fallline.descent._carry import Advance, Carry, State
from fallline.execution._arithmetic import step_arithmetic

RISES_ALLOWED = 4


def descend_from(carry: Carry, advance: Advance, advice: Callable[[float], str]) -> Iterator[Carry]:
    """Yield the carry of every step, until no step lowers E; then the last one comes again, as stuck.

    Raises
    ------
    DivergenceError
        At the step where E, or a weight, is no longer finite, or where E is above its start and
        has risen five steps in a row. ``advice`` says what would have worked instead of a rate.
    """
    _check_start(carry)
    while True:
        yield carry
        if carry.is_stuck:
            return
        with step_arithmetic():
            following = advance(carry)
        carry = guarded(carry, following, advice)


def guarded(before: Carry, after: Carry, advice: Callable[[float], str]) -> Carry:
    """Return ``after`` with its count of rising steps, or raise where the descent has left the bowl."""
    state, what = after.state, ""
    rises = before.rises + 1 if state.objective > before.state.objective else 0
    in_batches = np.isfinite(state.progressive_error)
    # batches wander around the bottom: to rise a little above a start near it means nothing
    above = (2.0 if in_batches else 1.0) * after.start
    if not _is_finite(after):
        what = "the error is no longer finite"
    elif rises > RISES_ALLOWED and state.objective > above:
        turns = "epochs" if in_batches else "steps"
        what = (
            f"the error has risen {rises} {turns} in a row, from {after.start:.6g} to {state.objective:.6g}"
        )
    if what:
        raise DivergenceError(_sentence(after, what, advice(state.learning_rate)), before.state)
    return after._replace(rises=rises)


def is_out_of_bounds(state: State) -> bool:
    """Whether E was measured and it, or its gradient, is not finite."""
    return not np.isnan(state.error) and not np.isfinite(state.error + state.gradient_norm)


def _check_start(carry: Carry) -> None:
    state = carry.state
    if is_out_of_bounds(state):
        raise DivergenceError(
            f"the error at the start is {state.error:.6g} and the norm of its gradient "
            f"{state.gradient_norm:.6g}: give initial_weights and initial_intercept where they are finite",
            state,
        )


def _is_finite(carry: Carry) -> bool:
    state = carry.state
    seen = state.progressive_error if np.isnan(state.error) else state.error + state.gradient_norm
    return bool(np.isfinite(seen) and np.isfinite(state.weights).all() and np.isfinite(state.intercept).all())


def _sentence(carry: Carry, what: str, advice: str) -> str:
    state = carry.state
    return f"diverged at step {state.step}: {what}, at learning rate {state.learning_rate:.6g}; {advice}"
