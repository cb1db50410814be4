"""SciPy's L-BFGS-B on fallline's E and gradient, from the same start: only the way down is another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import minimize

import fallline


def scales(X: Any) -> Any:
    """Return the standard deviations of columns, 1 for those that are constant."""
    scale = X.std(axis=0, dtype=np.float64)
    return np.where(scale > 0.0, scale, 1.0)


def standardised(X: Any) -> Any:
    """Return X, in its dtype, with columns of mean 0 and variance 1; constant ones become 0."""
    return ((X.astype(np.float64) - X.mean(axis=0, dtype=np.float64)) / scales(X)).astype(X.dtype)


def start(X: Any, y: Any, activation: str) -> Any:
    """Return the default start, weights with the intercept as a last row (d + 1, …)."""
    state = next(fallline.descend(X, y, activation=activation, scaling="none", fit_intercept=True))
    return np.vstack([state.weights.reshape(X.shape[1], -1), state.intercept]).reshape(-1, *y.shape[1:])


def descend(
    X: Any,
    y: Any,
    activation: str,
    point: Any,
    watch: Callable[[float], object],
    *,
    most: int,
    penalty: Any = 0.0,
) -> None:
    """Descend E + ½ Σ penalty w² from ``point``, every value shown to ``watch``, ``most`` of them at most.

    ``penalty`` is a number, or one for each input (d,).
    """

    def evaluate(flat: Any) -> tuple[float, Any]:
        *_, b = point = flat.reshape(shape)
        w = point[:-1]
        E, g, gb = fallline.error_and_gradient(X, y, w, intercept=b, activation=activation)
        pull = (np.broadcast_to(penalty, len(w)) * w.T).T
        total = E + 0.5 * float(np.sum(pull * w))
        watch(total)
        return total, np.concatenate([(g + pull).ravel(), np.ravel(gb)])

    shape = point.shape
    options = {"maxiter": most, "maxfun": most, "ftol": 0.0, "gtol": 0.0}
    minimize(evaluate, point.ravel(), jac=True, method="L-BFGS-B", options=options)
