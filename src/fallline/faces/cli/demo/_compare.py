"""The demo's problems solved by other libraries: what each of them took, and where it ended."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import least_squares, minimize
from scipy.special import expit, logit

from fallline._typing import Array
from fallline.descent._train import train
from fallline.faces.cli.demo._problems import Problem

SOLVES = 5
SCALING_PASSES = 2
"""Reads of X to standardise it: one for means and deviations, one to write the copy."""


class Fit(NamedTuple):
    """A solver's predictions for any X, and its passes: a count, at least that, or None for no count."""

    predict: Callable[[Array], Array]
    passes: int | None
    at_least: bool = False


Solve = Callable[[Problem], Fit]


@dataclass(frozen=True)
class Row:
    """What a solver took (``seconds``: the least of five), E on the training set, the chief test score."""

    solver: str
    inputs: str
    passes: int | None
    at_least: bool
    seconds: float
    error: float
    score: float


class Unit(NamedTuple):
    """f, f′ as a function of ŷ, and the inverse of f."""

    value: Any
    slope: Callable[[Array], Array]
    inverse: Any


UNITS = {
    "tanh": Unit(np.tanh, lambda y_hat: 1.0 - y_hat**2, np.arctanh),
    "sigmoid": Unit(expit, lambda y_hat: y_hat * (1.0 - y_hat), logit),
}


def compare(problem: Problem) -> list[Row]:
    """Solve a problem with every solver, each on one thread."""
    from threadpoolctl import threadpool_limits

    with warnings.catch_warnings(), threadpool_limits(limits=1):
        warnings.simplefilter("ignore")  # a solver that gives up shows it by its error
        return [_row(problem, *solver) for solver in (*SOLVERS, *NEAREST[problem.name])]


def _row(problem: Problem, name: str, inputs: str, solve: Solve) -> Row:
    fit, seconds = _timed(solve, problem)
    residual = problem.y_train - fit.predict(problem.X_train)
    scores = problem.scores(problem.y_test, fit.predict(problem.X_test))
    error = 0.5 * float(residual @ residual)
    return Row(name, inputs, fit.passes, fit.at_least, seconds, error, next(iter(scores.values())))


def _timed(solve: Solve, problem: Problem) -> tuple[Fit, float]:
    seconds = []
    for _ in range(SOLVES):
        started = time.perf_counter()
        fit = solve(problem)
        seconds.append(time.perf_counter() - started)
    return fit, min(seconds)


def _standardised(solve: Solve) -> Solve:
    """Return the solver at work on inputs of mean 0 and variance 1."""

    def solve_standardised(problem: Problem) -> Fit:
        from sklearn.preprocessing import StandardScaler

        scaler = StandardScaler().fit(problem.X_train)
        fit = solve(replace(problem, X_train=scaler.transform(problem.X_train)))
        passes = None if fit.passes is None else fit.passes + SCALING_PASSES
        return Fit(lambda X: fit.predict(scaler.transform(X)), passes, fit.at_least)

    return solve_standardised


def _fallline(problem: Problem) -> Fit:
    run = train(problem.X_train, problem.y_train, activation=problem.activation, n_jobs=1)
    return Fit(run.network.predict, run.state.passes)


def _lbfgs(problem: Problem) -> Fit:
    Z, y, unit = _with_ones(problem.X_train), problem.y_train, UNITS[problem.activation]

    def error_and_gradient(v: Array) -> tuple[float, Array]:
        y_hat = unit.value(Z @ v)
        residual = y - y_hat
        return 0.5 * residual @ residual, -(residual * unit.slope(y_hat)) @ Z

    found = minimize(error_and_gradient, _start(problem), jac=True, method="L-BFGS-B")
    return Fit(lambda X: np.asarray(unit.value(_with_ones(X) @ found.x)), int(found.nfev))


def _least_squares(problem: Problem) -> Fit:
    Z, y, unit = _with_ones(problem.X_train), problem.y_train, UNITS[problem.activation]

    def residuals(v: Array) -> Array:
        return np.asarray(unit.value(Z @ v) - y)

    def jacobian(v: Array) -> Array:
        return np.asarray(unit.slope(unit.value(Z @ v))[:, None] * Z)

    found = least_squares(residuals, _start(problem), jacobian, method="lm", x_scale="jac")
    return Fit(lambda X: np.asarray(unit.value(_with_ones(X) @ found.x)), found.nfev + (found.njev or 0))


def _start(problem: Problem) -> Array:
    """Return weights 0 and the intercept at which f is the mean of y, where fallline starts too."""
    intercept = UNITS[problem.activation].inverse(problem.y_train.mean())
    return np.append(np.zeros(problem.X_train.shape[1]), intercept)


def _with_ones(X: Array) -> Array:
    return np.column_stack([X, np.ones(len(X))])


def _linear_regression(problem: Problem) -> Fit:
    from sklearn.linear_model import LinearRegression

    return Fit(LinearRegression().fit(problem.X_train, problem.y_train).predict, None)


def _sgd(problem: Problem) -> Fit:
    from sklearn.linear_model import SGDRegressor

    model = SGDRegressor(random_state=0).fit(problem.X_train, problem.y_train)
    return Fit(model.predict, int(model.n_iter_))


def _logistic_regression(penalty: float) -> Solve:
    def solve(problem: Problem) -> Fit:
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=penalty).fit(problem.X_train, problem.y_train)
        evaluations = int(model.n_iter_[0]) + 1
        return Fit(lambda X: np.asarray(model.predict_proba(X)[:, 1]), evaluations, at_least=True)

    return solve


SOLVERS = (
    ("fallline", "raw", _fallline),
    ("SciPy L-BFGS-B", "raw", _lbfgs),
    ("SciPy L-BFGS-B", "scaled", _standardised(_lbfgs)),
    ("SciPy least_squares", "raw", _least_squares),
)
NEAREST = {
    "diabetes": (
        ("LinearRegression", "raw", _linear_regression),
        ("SGDRegressor", "scaled", _standardised(_sgd)),
    ),
    "breast cancer": (
        ("LogisticRegression", "scaled", _standardised(_logistic_regression(1.0))),
        ("LogisticRegression C=∞", "scaled", _standardised(_logistic_regression(np.inf))),
    ),
}
