"""Public: the learning rate below which plain descent is sure to lower E at every step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from fallline._errors import InputError
from fallline.data._blocks import Source
from fallline.data._validate import checked_inputs
from fallline.data.sources._arrays import as_source
from fallline.descent._problem import prepare
from fallline.descent._rates import bound_on_curvature, divisor_of, stable_limit
from fallline.descent._settings import Settings
from fallline.execution._evaluate import Engine
from fallline.execution.engines._threads import thread_engine
from fallline.maths.activations._activation import Activation


def largest_stable_rate(
    X: Any,
    y: Any = None,
    *,
    activation: Any = "identity",
    scaling: str = "none",
    reduction: str = "mean",
    fit_intercept: bool = False,
    sample_weight: Any = None,
    alpha: float = 0.0,
    engine: Engine[Any] | None = None,
    n_jobs: int | None = None,
) -> float:
    """Compute the rate below which no step of plain full-batch descent raises E: 2 ÷ (c λmax).

    λmax is the largest eigenvalue of Σ s x xᵀ ÷ Σ s (``reduction="sum"``: not divided), the intercept's 1
    among the inputs if there is one; c bounds the curvature d²/dh² of ½ (y − f(h))² for all h and the range
    of y. For the identity c = 1 and the limit is exact: above it E grows. For other activations it is a
    guarantee, and larger rates often descend well too.

    Parameters
    ----------
    X : array or CSR matrix (n_samples, n_features), or a source
    y : array (n_samples,) or (n_samples, n_outputs), optional
        None for the identity, which does not need it, and for an activation with a range of its own, of
        which any y inside is allowed for.
    activation : str, Activation or pair of callables
    scaling : {"none", "standard", "whiten"}
        The coordinates that are descended.
    reduction : {"mean", "sum"}
    fit_intercept : bool
    sample_weight : array (n_samples,), optional
    alpha : float
        Strength of the ℓ₂ penalty, which adds its own curvature.
    engine, n_jobs
        As in :func:`fallline.descend`.

    Returns
    -------
    float
        ``descend(..., learning_rate="auto")`` takes half of it, which lowers E fastest in the worst case.

    Raises
    ------
    InputError
        For data that cannot be used, and for an activation whose error curves without bound, such as exp.

    References
    ----------
    Y. Nesterov, Lectures on Convex Optimization, 2nd ed. (2018), theorem 1.2.4 and eq. 1.2.19.

    Examples
    --------
    >>> largest_stable_rate([[1.0], [2.0]], reduction="sum")
    0.4
    """
    f = Activation(activation)
    source = _with_targets(X, y, sample_weight, f)
    settings = Settings(
        activation=f,
        learning_rate="auto",
        method="plain",
        scaling=scaling,
        batch_size=None,
        reduction=reduction,
        fit_intercept=fit_intercept,
        initial_weights=None,
        initial_intercept=0.0,
        initial_parameters=None,
        parameter_bounds=None,
        shared_parameters=False,
        alpha=alpha,
        l1_ratio=0.0,
        shuffle=None,
        random_state=None,
        evaluate=True,
        engine=thread_engine(n_jobs) if engine is None else engine,
    )
    problem = prepare(source, settings)
    targets = problem.targets
    if y is None and np.isfinite(f.range).all():
        targets = replace(targets, low=np.array([f.range[0]]), high=np.array([f.range[1]]))
    bound = bound_on_curvature(f, targets)
    if not np.isfinite(bound):
        raise InputError(
            f"{f.name} has no bound on its curvature for these targets, so no rate is sure to be stable"
        )
    return stable_limit(problem.objective, bound, divisor_of(targets, settings))[0]


def _with_targets(X: Any, y: Any, sample_weight: Any, f: Activation) -> Source:
    """Return a source; without y its targets are 0, or the middle of the range of f."""
    if y is not None or hasattr(X, "raise_for_bad_values"):
        return as_source(X, y, sample_weight)
    if f != Activation("identity") and not np.isfinite(f.range).all():
        raise InputError(f"the curvature of {f.name} depends on the targets: give y")
    middle = float(np.mean(f.range)) if np.isfinite(f.range).all() else 0.0
    return as_source(X, np.full(checked_inputs(X).shape[0], middle), sample_weight)
