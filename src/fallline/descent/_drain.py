"""Follow a descent until there is a reason to stop, and collect its history."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from fallline._errors import DivergenceError
from fallline.descent._carry import Carry, State
from fallline.descent._diagnosis import explain
from fallline.descent._loop import descend_from
from fallline.descent._run import Recorder, Run
from fallline.descent._setup import Descent
from fallline.descent._stopping import Stopping, StopReason
from fallline.descent._validation import Validation
from fallline.maths.network._network import SingleLayer

Callback = Callable[[State], Any]


@dataclass(frozen=True)
class Limits:
    """When to stop; None is never."""

    max_iter: int
    max_passes: int | None
    max_time: float | None
    tol: float
    gtol: float

    def reached(self, iteration: int, passes: int, seconds: float) -> StopReason | None:
        """Return which limit of effort is reached, if one is."""
        if iteration >= self.max_iter:
            return StopReason.MAX_ITER
        if self.max_passes is not None and passes >= self.max_passes:
            return StopReason.MAX_PASSES
        if self.max_time is not None and seconds >= self.max_time:
            return StopReason.MAX_TIME
        return None


@dataclass
class Drain:
    """One descent on its way: what was seen of it, and why it stops."""

    descent: Descent
    limits: Limits
    callbacks: tuple[Callback, ...]
    started: float
    validation: Validation | None
    recorder: Recorder

    def run(self) -> Run:
        """Descend until a reason to stop."""
        carry = self.descent.carry
        try:
            carry, stop = self._followed()
            stop, message = explain(self.descent.problem, carry, stop, self.limits.tol)
        except DivergenceError as error:
            if not self.recorder.rows:
                self.recorder.add(error.state, self._seconds())
            return self._finished(carry._replace(state=error.state), StopReason.DIVERGED, str(error))
        except KeyboardInterrupt as interrupt:
            stop = StopReason.INTERRUPTED
            interrupt.run = self._finished(self.last, stop, str(stop))  # type: ignore[attr-defined]
            raise
        return self._finished(carry, stop, message)

    def _followed(self) -> tuple[Carry, StopReason]:
        """Return the carry at which to stop, and why."""
        descent, stopping = self.descent, Stopping(self.descent.problem, self.limits.tol, self.limits.gtol)
        self.last = descent.carry
        for iteration, carry in enumerate(descend_from(descent.carry, descent.advance, descent.advice)):
            self.last = carry
            state = carry.state
            if self.validation is not None:
                state = self.validation.seen(descent.problem.objective, carry)
            stop = stopping(carry)
            state = replace(state, passes=state.passes + stopping.reads)
            self.recorder.add(state, self._seconds())
            asked = [bool(callback(state)) for callback in self.callbacks]
            if stop is None and self.validation is not None and self.validation.is_over:
                stop = StopReason.VALIDATION
            if stop is None and any(asked):
                stop = StopReason.CALLBACK
            stop = stop or self.limits.reached(iteration, state.passes, self._seconds())
            if stop is not None:
                break
        return carry, stop or StopReason.STUCK

    def _seconds(self) -> float:
        return time.perf_counter() - self.started

    def _finished(self, carry: Carry, stop: StopReason, message: str) -> Run:
        """Return a run whose network carries the names of its data and a summary of its training."""
        best = None if self.validation is None else self.validation.best
        state, problem = best or carry.state, self.descent.problem
        baseline = problem.targets.error_of_mean
        training = {
            "records": problem.targets.n_records,
            "error": state.error,
            "baseline_error": baseline,
            "steps": state.step,
            "passes": carry.state.passes,
            "stop": stop.name,
            "message": message,
        }
        network = SingleLayer(
            state.weights,
            state.intercept,
            problem.objective.activation,
            parameters=state.parameters,
            signature=problem.objective.source.signature,
            training=training,
        )
        history = self.recorder.history()
        coordinates = problem.objective.coordinates
        return Run(network, history, stop, message, state, baseline, carry, coordinates, problem.method)
