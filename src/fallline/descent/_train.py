"""Public: a descent drained until it should stop."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from fallline._errors import InputError, warn_caller
from fallline.data._validate import checked_at_least_zero, checked_integer, checked_positive
from fallline.data.sources._arrays import as_source
from fallline.descent._drain import Callback, Drain, Limits
from fallline.descent._problem import Problem
from fallline.descent._restarts import elsewhere, lowest
from fallline.descent._run import Recorder, Run
from fallline.descent._sample import prepared
from fallline.descent._settings import Settings
from fallline.descent._setup import first_descent
from fallline.descent._stopping import StopReason
from fallline.descent._validation import held_out
from fallline.descent._warm_start import going_on
from fallline.execution._evaluate import Engine
from fallline.execution.engines._threads import thread_engine
from fallline.maths.activations._activation import Activation

ROUNDING = 1e-12
"""Share of ½ Σ y² below which an error is not worth a warning."""


def train(
    X: Any,
    y: Any = None,
    *,
    activation: Any = "identity",
    learning_rate: Any = "auto",
    method: str = "auto",
    scaling: str = "auto",
    batch_size: int | None = None,
    reduction: str = "mean",
    fit_intercept: bool = True,
    initial_weights: Any = None,
    initial_intercept: Any = None,
    initial_parameters: Mapping[str, Any] | None = None,
    parameter_bounds: Mapping[str, Any] | None = None,
    shared_parameters: bool = False,
    sample_weight: Any = None,
    alpha: float = 0.0,
    l1_ratio: float = 0.0,
    shuffle: bool | None = None,
    random_state: Any = None,
    evaluate: bool = True,
    engine: Engine[Any] | None = None,
    n_jobs: int | None = None,
    max_iter: int = 1000,
    max_passes: int | None = None,
    max_time: float | None = None,
    tol: float = 1e-8,
    gtol: float = 0.0,
    early_stopping: bool = False,
    validation_fraction: float = 0.1,
    n_iter_no_change: int = 5,
    n_init: int = 1,
    warm_start: Run | None = None,
    keep: str | None = None,
    callbacks: Iterable[Callback] = (),
    progress: bool = False,
) -> Run:
    """Train a single-layer network until the bottom of the bowl, and say why it stopped.

    The defaults reach the optimum of E = ½ Σ (y − f(Σ w x + b))² on raw data in a handful of passes.

    Parameters
    ----------
    X, y, activation, learning_rate, method, scaling, batch_size, reduction, fit_intercept
        As in :func:`fallline.descend`, but with an intercept and with method and scaling chosen by default.
    initial_weights, initial_intercept, initial_parameters, parameter_bounds, shared_parameters
        As in :func:`fallline.descend`.
    sample_weight, alpha, l1_ratio, shuffle, random_state, evaluate, engine, n_jobs
        As in :func:`fallline.descend`.
    max_iter : int
        Most steps, or with batches most epochs.
    max_passes : int, optional
        Most reads of X.
    max_time : float, optional
        Most seconds; the step that is under way is finished.
    tol : float
        Stop when the steps to come would lower E and the penalty, to first order, by no more than tol times
        their sum (steps that go by a learning rate are taken to go on shrinking as the last two did); with
        batches, when five epochs in a row have not lowered it by more than that.
    gtol : float
        Stop when ``State.gradient_norm`` is no more than this; 0 never.
    early_stopping : bool
        Hold some records out, decided by the number of each, and keep the weights at which their error is
        least; stop when it has not fallen for ``n_iter_no_change`` steps.
    validation_fraction : float
        Share of the records that are held out.
    n_iter_no_change : int
        Steps (with batches: epochs) without a new least validation error.
    n_init : int
        Starts: the first as above, the others at random; the run that ends lowest is returned.
    warm_start : Run, optional
        Go on where this run ended. On the same data with the same settings the two are one long run, bit for
        bit; otherwise only its weights and parameters are taken over.
    keep : {"weights"}, optional
        What the history keeps beside numbers: the weights of at most 1,000 states.
    callbacks : iterable of callables
        Each is called with every :class:`State`; one that returns True stops the training.
    progress : bool
        Show a line that moves, in a terminal or a notebook, with the time that is left.

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
    started = time.perf_counter()
    settings = Settings(
        activation=Activation(activation),
        learning_rate=learning_rate,
        method=method,
        scaling=scaling,
        batch_size=batch_size,
        reduction=reduction,
        fit_intercept=fit_intercept,
        initial_weights=initial_weights,
        initial_intercept=initial_intercept,
        initial_parameters=initial_parameters,
        parameter_bounds=parameter_bounds,
        shared_parameters=shared_parameters,
        alpha=alpha,
        l1_ratio=l1_ratio,
        shuffle=shuffle,
        random_state=random_state,
        evaluate=evaluate,
        engine=thread_engine(n_jobs) if engine is None else engine,
    )
    limits = Limits(
        checked_integer(max_iter, "max_iter", 0),
        None if max_passes is None else checked_integer(max_passes, "max_passes", 1),
        None if max_time is None else checked_positive(max_time, "max_time"),
        checked_at_least_zero(tol, "tol"),
        checked_at_least_zero(gtol, "gtol"),
    )
    if checked_integer(n_init, "n_init", 1) > 1 and not evaluate:
        raise InputError("several starts are compared by their error: leave evaluate at True, or n_init at 1")
    if keep not in (None, "weights"):
        raise InputError(f"keep must be 'weights' or None, got {keep!r}")
    source, validation = as_source(X, y, sample_weight), None
    if early_stopping:
        source, validation = held_out(source, validation_fraction, n_iter_no_change, settings)
    watchers = tuple(callbacks)
    if warm_start is not None and not fit_intercept and initial_intercept is None:
        settings = replace(settings, initial_intercept=warm_start.network.intercept)
    problem = prepared(source, settings)

    def run_from(attempt: int) -> Run:
        if attempt > 0:
            descent = elsewhere(problem, attempt)
        else:
            descent = first_descent(problem) if warm_start is None else going_on(problem, warm_start)
        return Drain(descent, limits, watchers, started, validation, Recorder(keep == "weights")).run()

    with ExitStack() as stack:
        if progress:
            from fallline.descent._progress import Progress

            watchers = (*watchers, stack.enter_context(Progress(limits, n_init)))
        run = lowest(n_init, run_from)
    if run.stop.is_failure:
        _warn(run.message)
    elif fit_intercept and _is_worse_than_the_mean(run, problem):
        _warn(
            f"{run.message}; but E = {run.state.error:.6g} there is worse than the {run.baseline_error:.6g} "
            "of predicting the mean of y: start elsewhere (n_init, initial_weights, initial_intercept)"
        )
    return run


def _is_worse_than_the_mean(run: Run, problem: Problem) -> bool:
    """Whether E, where it is more than rounding, is above that of predicting the mean."""
    rounding = ROUNDING * problem.targets.squares
    at_the_targets = run.stop in (StopReason.EXACT, StopReason.AT_INFINITY)
    return not at_the_targets and run.state.error > run.baseline_error * (1.0 + 1e-6) + rounding


def _warn(message: str) -> None:
    from sklearn.exceptions import ConvergenceWarning

    warn_caller(message, ConvergenceWarning)
