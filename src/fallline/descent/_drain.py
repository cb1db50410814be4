"""Follow a descent until there is a reason to stop, and collect its history."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fallline._errors import DivergenceError
from fallline.descent._carry import Carry, State, shown
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
        self.last = self.descent.carry
        try:
            stop = self._followed()
            stop, message = explain(self.descent.problem, self.last, stop, self.limits.tol)
        except DivergenceError as error:
            if not self.recorder.rows:
                self.recorder.add(error.state, self._seconds())
            return self._finished(self.last._replace(state=error.state), StopReason.DIVERGED, str(error))
        except KeyboardInterrupt as interrupt:
            stop = StopReason.INTERRUPTED
            interrupt.run = self._finished(self.last, stop, str(stop))  # type: ignore[attr-defined]
            raise
        return self._finished(self.last, stop, message)

    def _followed(self) -> StopReason:
        """Follow the descent to where it stops, and return why."""
        descent, stopping = self.descent, Stopping(self.descent.problem, self.limits.tol, self.limits.gtol)
        for iteration, carry in enumerate(descend_from(self.last, descent.advance, descent.advice)):
            self.last, stop = self._watched(carry._replace(watch=self.last.watch), stopping)
            state = shown(self.last)
            self.recorder.add(state, self._seconds())
            asked = [bool(callback(state)) for callback in self.callbacks]
            if stop is None and any(asked):
                stop = StopReason.CALLBACK
            stop = stop or self.limits.reached(iteration, state.passes, self._seconds())
            if stop is not None:
                break
        return stop or StopReason.STUCK

    def _watched(self, carry: Carry, stopping: Stopping) -> tuple[Carry, StopReason | None]:
        """Return the carry with all there is to see of it, and why to stop there, or None."""
        validation, step = self.validation, carry.state.step
        stop, watch = stopping.watched(carry)
        if validation is not None:
            watch = validation.watched(self.descent.problem.objective, carry._replace(watch=watch))
            if stop is None and validation.is_over(watch):
                stop = StopReason.VALIDATION
        return carry._replace(watch=watch._replace(step=step)), stop

    def _seconds(self) -> float:
        return time.perf_counter() - self.started

    def _finished(self, carry: Carry, stop: StopReason, message: str) -> Run:
        """Return a run whose network carries the names of its data and a summary of its training."""
        state, problem = carry.watch.best or shown(carry), self.descent.problem
        baseline = problem.targets.error_of_mean
        training = {
            "records": problem.targets.n_records,
            "error": state.error,
            "baseline_error": baseline,
            "steps": state.step,
            "passes": shown(carry).passes,
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
