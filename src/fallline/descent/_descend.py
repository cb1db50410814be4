"""Public: the descent as a stream of states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fallline.data.sources._arrays import as_source
from fallline.descent._carry import State
from fallline.descent._loop import descend_from
from fallline.descent._sample import prepared
from fallline.descent._settings import Settings
from fallline.descent._setup import first_descent
from fallline.execution._evaluate import Engine
from fallline.execution.engines._threads import thread_engine
from fallline.maths.activations._activation import Activation


def descend(
    X: Any,
    y: Any = None,
    *,
    activation: Any = "identity",
    learning_rate: Any = "auto",
    method: str = "plain",
    scaling: str = "none",
    batch_size: int | None = None,
    reduction: str = "mean",
    fit_intercept: bool = False,
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
) -> Iterator[State]:
    r"""Descend the error of a single-layer network, a state for every step, without end.

    By default this is the plain rule on raw inputs, w ← w − η ∂E/∂w ÷ n.

    Parameters
    ----------
    X : array or CSR matrix (n_samples, n_features)
        float16, float32 or float64 is read as it lies (float16 computes in float32).
        Or a source, such as :func:`fallline.open_table` returns, which brings y.
    y : array (n_samples,) or (n_samples, n_outputs)
    activation : str, Activation or pair of callables
    learning_rate : float, "auto", "armijo", "normalised", "importance-aware" or callable
        η, in the coordinates that are descended. "auto" is half the rate below which E is guaranteed to
        fall, 1 / (c λmax); where the activation has no such bound, the longest step tried that lowers E, as
        with "armijo". A callable turns the number of steps made into a rate (:class:`InverseScaling`,
        :class:`Exponential`). Record by record also :class:`Normalised` and :class:`ImportanceAware`, which
        fit the step to the record, or their names.
    method : {"plain", "momentum", "nesterov", "adam", "lbfgs", "gauss-newton", "auto"}
        Where a step leads. "auto" is Gauss–Newton where its matrix is cheap beside reading X, else L-BFGS.
    scaling : {"none", "standard", "whiten", "auto"}
        Coordinates: raw inputs, unit variance, or unit variance and uncorrelated. Weights are always
        shown for raw inputs.
    batch_size : int, optional
        Records a step; 1 is record by record, None all records. With batches there is a state an epoch.
    reduction : {"mean", "sum"}
        "mean" divides a step's gradient by its records (times the mean sample weight); "sum" does not.
    fit_intercept : bool
        Whether b is learned.
    initial_weights : array like the weights, "random" or None
        None is zeros with the intercept at which f is nearest to the mean of y; without an intercept, or
        where the slope of f at 0 is 0, small random numbers. "random" is N(0, 1 / n_features).
    initial_intercept : float or array (n_outputs,), optional
        Where it is not learned it stays.
    initial_parameters : dict, optional
        Where the free names of a formula start: a number, or one for each output. By default f is laid along
        the range of the targets.
    parameter_bounds : dict, optional
        (low, high) of free names; None is no bound.
    shared_parameters : bool
        One set of parameters for all outputs instead of a set for each.
    sample_weight : array (n_samples,), optional
    alpha : float
        Strength of the penalty: E ÷ Σs + α [(1 − ρ) ½‖w‖² + ρ‖w‖₁] descends, w for raw inputs.
    l1_ratio : float
        ρ, from 0 to 1. Above 0 weights become exactly 0, by proximal steps.
    shuffle : bool, optional
        None: batches are shuffled (blocks, and rows within them).
    random_state : int or Generator, optional
        None is seed 0, so that every run can be repeated.
    evaluate : bool
        With batches: whether a pass measures E after each epoch; without, ``error`` is nan.
    engine : callable, optional
        A map over blocks; None is threads.
    n_jobs : int, optional
        Threads; None is all usable cores. Results do not depend on it.

    Yields
    ------
    State
        step, passes, weights, intercept, error, gradient_norm, learning_rate and more. The
        stream ends only where a method that searches its step finds none that lowers E: the last state comes
        once more, with the passes of that search counted.

    Raises
    ------
    InputError
        For data or settings that cannot be used.
    DivergenceError
        When E is no longer finite, or is above its start and has risen five steps in a row; it holds the last
        good state and the rate that would have worked.

    References
    ----------
    B. Widrow and M. E. Hoff, "Adaptive switching circuits", IRE WESCON Convention Record 4 (1960), 96–104.

    Examples
    --------
    >>> from itertools import islice
    >>> states = descend([[1.0], [2.0]], [2.0, 4.0], learning_rate=0.2, initial_weights=[0.0])
    >>> [float(state.weights[0]) for state in islice(states, 3)]
    [0.0, 1.0, 1.5]
    """
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
    descent = first_descent(prepared(as_source(X, y, sample_weight), settings))
    return (carry.state for carry in descend_from(descent.carry, descent.advance, descent.advice))
