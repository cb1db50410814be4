"""Public: a descent drained until it should stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from numbers import Real
from typing import Any

import numpy as np

from fallline._errors import DivergenceError, InputError, warn_caller
from fallline.data._targets import Targets
from fallline.data._validate import checked_integer
from fallline.data.sources._arrays import as_source
from fallline.descent._carry import Carry, State
from fallline.descent._loop import descend_from
from fallline.descent._run import Recorder, Run
from fallline.descent._settings import Settings
from fallline.descent._setup import Descent, prepare
from fallline.descent._stopping import Stopping, StopReason
from fallline.execution._evaluate import Engine
from fallline.execution.engines._threads import thread_engine
from fallline.maths._records import arithmetic_dtype
from fallline.maths.activations._activation import without_free_names
from fallline.maths.network._network import SingleLayer

ROUNDING = 1e-12
"""Share of ½ Σ y² below which an error is not worth a warning."""
Callback = Callable[[State], Any]


def train(
    X: Any,
    y: Any = None,
    *,
    activation: Any = "identity",
    learning_rate: float | str = "auto",
    method: str = "auto",
    scaling: str = "auto",
    batch_size: int | None = None,
    reduction: str = "mean",
    fit_intercept: bool = True,
    initial_weights: Any = None,
    initial_intercept: Any = None,
    sample_weight: Any = None,
    shuffle: bool | None = None,
    random_state: Any = None,
    evaluate: bool = True,
    engine: Engine[Any] | None = None,
    n_jobs: int | None = None,
    max_iter: int = 1000,
    tol: float = 1e-8,
    callbacks: Iterable[Callback] = (),
) -> Run:
    """Train a single-layer network until the bottom of the bowl, and say why it stopped.

    The defaults reach the optimum of E = ½ Σ (y − f(Σ w x + b))² on raw data in a handful of passes.

    Parameters
    ----------
    X, y, activation, learning_rate, method, scaling, batch_size, reduction, fit_intercept
        As in :func:`fallline.descend`, but with an intercept and with method and scaling chosen by default.
    initial_weights, initial_intercept, sample_weight, shuffle, random_state, evaluate, engine, n_jobs
        As in :func:`fallline.descend`.
    max_iter : int
        Most steps, or with batches most epochs.
    tol : float
        Stop when the next step would lower E, to first order, by no more than tol · E; with batches, when
        five epochs in a row have not lowered E by more than that.
    callbacks : iterable of callables
        Each is called with every :class:`State`; one that returns True stops the training.

    Returns
    -------
    Run
        network, history, stop, message, state.

    Raises
    ------
    InputError
        For data or settings that cannot be used.
    KeyboardInterrupt
        Ctrl-C; its attribute ``run`` holds what was reached.

    Warns
    -----
    ConvergenceWarning
        Of scikit-learn, where the training failed (it diverged, had no slope left, or ran into max_iter), or
        ended above the error of predicting the mean.

    References
    ----------
    J. Nocedal and S. J. Wright, Numerical Optimization, 2nd ed. (2006), chs. 7 and 10.

    Examples
    --------
    >>> run = train([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    >>> run.network.weights.round(6), round(run.network.intercept, 6)
    (array([2.]), 1.0)
    >>> run.stop.is_converged
    True
    """
    checked_integer(max_iter, "max_iter", 0)
    if not isinstance(tol, Real) or not tol >= 0.0:
        raise InputError(f"tol must be a number that is not negative, got {tol!r}")
    settings = Settings(
        activation=without_free_names(activation),
        learning_rate=learning_rate,
        method=method,
        scaling=scaling,
        batch_size=batch_size,
        reduction=reduction,
        fit_intercept=fit_intercept,
        initial_weights=initial_weights,
        initial_intercept=initial_intercept,
        shuffle=shuffle,
        random_state=random_state,
        evaluate=evaluate,
        engine=thread_engine(n_jobs) if engine is None else engine,
    )
    started = time.perf_counter()
    source = as_source(X, y, sample_weight)
    descent = prepare(source, settings)
    eps = float(np.finfo(arithmetic_dtype(source.dtype)).eps)
    stopping = Stopping(tol, descent.targets, settings.activation, eps)
    run = drain(descent, stopping, max_iter, tuple(callbacks), started)
    if run.stop.is_failure:
        _warn(run.message)
    elif fit_intercept and _is_worse_than_the_mean(run, descent.targets):
        _warn(
            f"{run.message}; but E = {run.state.error:.6g} there is worse than the {run.baseline_error:.6g} "
            "of predicting the mean of y: start elsewhere (initial_weights, initial_intercept)"
        )
    return run


def drain(
    descent: Descent, stopping: Stopping, max_iter: int, callbacks: tuple[Callback, ...], started: float
) -> Run:
    """Follow a descent until a reason to stop, and collect its history."""
    recorder, carry, stop = Recorder(), descent.carry, StopReason.MAX_ITER
    try:
        for iteration, carry in enumerate(descend_from(descent.carry, descent.advance, descent.advice)):
            recorder.add(carry.state, time.perf_counter() - started)
            reason = _reason(carry, iteration, stopping, callbacks, max_iter)
            if reason is not None:
                stop = reason
                break
    except DivergenceError as error:
        if not recorder.rows:
            recorder.add(error.state, time.perf_counter() - started)
        return _finished(descent, recorder, carry.state, StopReason.DIVERGED, str(error))
    except KeyboardInterrupt as interrupt:
        stop = StopReason.INTERRUPTED
        interrupt.run = _finished(descent, recorder, carry.state, stop, str(stop))  # type: ignore[attr-defined]
        raise
    return _finished(descent, recorder, carry.state, stop, str(stop))


def _finished(descent: Descent, recorder: Recorder, state: State, stop: StopReason, message: str) -> Run:
    """Return a run whose network carries the names of its data and a summary of its training."""
    baseline = descent.targets.error_of_mean
    training = {
        "records": descent.targets.n_records,
        "error": state.error,
        "baseline_error": baseline,
        "steps": state.step,
        "passes": state.passes,
        "stop": stop.name,
        "message": message,
    }
    network = SingleLayer(
        state.weights,
        state.intercept,
        descent.activation,
        signature=descent.signature,
        training=training,
    )
    return Run(network, recorder.history(), stop, message, state, baseline)


def _reason(
    carry: Carry, iteration: int, stopping: Stopping, callbacks: tuple[Callback, ...], max_iter: int
) -> StopReason | None:
    """Return why to stop at this state, if there is a reason; every callback sees every state."""
    asked = [bool(callback(carry.state)) for callback in callbacks]
    reason = stopping(carry)
    if reason is None and any(asked):
        return StopReason.CALLBACK
    return reason if reason is not None or iteration < max_iter else StopReason.MAX_ITER


def _is_worse_than_the_mean(run: Run, targets: Targets) -> bool:
    """Whether E, where it is more than rounding, is above that of predicting the mean."""
    rounding = ROUNDING * targets.squares
    at_the_targets = run.stop in (StopReason.EXACT, StopReason.AT_INFINITY)
    return not at_the_targets and run.state.error > run.baseline_error * (1.0 + 1e-6) + rounding


def _warn(message: str) -> None:
    from sklearn.exceptions import ConvergenceWarning

    warn_caller(message, ConvergenceWarning)
