"""The two real data sets of the demo: raw as they were measured, cut in two, and how they are scored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fallline._typing import Array

LOWEST, HIGHEST = 25.0, 346.0
"""Range of the disease score in the diabetes set."""

Scores = dict[str, float]


@dataclass(frozen=True)
class Problem:
    """Records to train on and to test with, an activation, and scores of predictions, the chief one first."""

    name: str
    story: str
    activation: str
    estimator: str
    baseline: str
    loader: str
    load: tuple[str, ...]
    scores: Callable[[Array, Array], Scores]
    X_train: Array
    X_test: Array
    y_train: Array
    y_test: Array

    @property
    def code(self) -> tuple[str, ...]:
        """Lines of Python, complete, the last of which is the chief score on the test set."""
        return (
            f"from sklearn.datasets import {self.loader}",
            "from sklearn.model_selection import train_test_split",
            f"from fallline import {self.estimator}",
            *self.load,
            "X, X_test, y, y_test = train_test_split(X, y, random_state=0)",
            f'{self.estimator}("{self.activation}").fit(X, y).score(X_test, y_test)',
        )


def diabetes() -> Problem:
    """Return the diabetes set of Efron, Hastie, Johnstone and Tibshirani (2004), its target within ±0.9."""
    from sklearn.datasets import load_diabetes

    X, y = load_diabetes(return_X_y=True, scaled=False)
    return Problem(
        name="diabetes",
        story="442 patients: age, sex, body mass index, blood pressure and six blood values tell how far the "
        "disease has gone a year later, a score from 25 to 346 that is mapped to -0.9 to 0.9 for tanh.",
        activation="tanh",
        estimator="SingleLayerRegressor",
        baseline="mean of y",
        loader="load_diabetes",
        load=(
            "X, y = load_diabetes(return_X_y=True, scaled=False)",
            f"y = -0.9 + 1.8 * (y - {LOWEST:.0f}) / ({HIGHEST:.0f} - {LOWEST:.0f})",
        ),
        scores=_regression_scores,
        **_split(X, -0.9 + 1.8 * (y - LOWEST) / (HIGHEST - LOWEST)),
    )


def breast_cancer() -> Problem:
    """Return the breast cancer set of Street, Wolberg and Mangasarian (1993)."""
    from sklearn.datasets import load_breast_cancer

    X, y = load_breast_cancer(return_X_y=True)
    return Problem(
        name="breast cancer",
        story="569 tumours: 30 measurements of their cell nuclei, from radius to fractal dimension, tell "
        "benign (1) from malignant (0), the two ends of the sigmoid.",
        activation="sigmoid",
        estimator="SingleLayerClassifier",
        baseline="majority class",
        loader="load_breast_cancer",
        load=("X, y = load_breast_cancer(return_X_y=True)",),
        scores=_classification_scores,
        **_split(X, y.astype(np.float64)),
    )


def _split(X: Array, y: Array) -> dict[str, Array]:
    from sklearn.model_selection import train_test_split

    parts = train_test_split(X, y, random_state=0)
    return dict(zip(("X_train", "X_test", "y_train", "y_test"), parts, strict=True))


def _regression_scores(y: Array, y_hat: Array) -> Scores:
    from sklearn.metrics import r2_score, root_mean_squared_error

    points = (HIGHEST - LOWEST) / 1.8
    return {"r2": float(r2_score(y, y_hat)), "rmse": points * float(root_mean_squared_error(y, y_hat))}


def _classification_scores(y: Array, y_hat: Array) -> Scores:
    return {"accuracy": float(np.mean((y_hat > 0.5) == (y > 0.5)))}
