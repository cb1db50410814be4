"""What both estimators share: settings in, a trained network out."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from fallline._errors import InputError
from fallline._typing import Array
from fallline.data._validate import check_finite, checked_inputs, column_names
from fallline.data.sources._arrays import ArraySource
from fallline.descent._carry import State
from fallline.descent._run import Run
from fallline.descent._train import train

OWN = ("warm_start", "verbose")
"""Parameters of an estimator that are none of ``train``."""


class SingleLayerEstimator(BaseEstimator):  # type: ignore[misc]
    """Parameters and fitted attributes of both estimators."""

    def __init__(
        self,
        activation: Any = "identity",
        *,
        learning_rate: float | str = "auto",
        method: str = "auto",
        scaling: str = "auto",
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float = 1e-8,
        batch_size: int | None = None,
        reduction: str = "mean",
        shuffle: bool | None = None,
        warm_start: bool = False,
        random_state: Any = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.activation = activation
        self.learning_rate = learning_rate
        self.method = method
        self.scaling = scaling
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.batch_size = batch_size
        self.reduction = reduction
        self.shuffle = shuffle
        self.warm_start = warm_start
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _inputs(self, X: Any) -> Any:
        """Return X checked, and its columns compared with those of the training."""
        check_is_fitted(self)
        checked, expected = checked_inputs(X, column_names(X)), self.n_features_in_
        if checked.shape[1] != expected:
            raise InputError(
                f"X has {checked.shape[1]} features, but {type(self).__name__} is expecting {expected} "
                "features as input: give the columns it was trained on"
            )
        validate_data(self, X, reset=False, skip_check_array=True)
        return checked

    def _fit(self, source: ArraySource, X: Any, **fitted: Any) -> Self:
        """Train on checked records; X is as the caller gave it, with its names; ``fitted`` is kept too."""
        start = self._warm_start(source, fitted) if self.warm_start and hasattr(self, "network_") else {}
        settings = {name: getattr(self, name) for name in self.get_params(deep=False) if name not in OWN}
        callbacks = [_print_state] if self.verbose else []
        try:
            run = train(source, None, callbacks=callbacks, **settings, **start)
        except KeyboardInterrupt as interrupt:
            if hasattr(interrupt, "run"):
                self._keep(interrupt.run, X, fitted)
            raise
        self._keep(run, X, fitted)
        return self

    def _warm_start(self, source: ArraySource, fitted: dict[str, Any]) -> dict[str, Any]:
        """Return where the last fit ended, if it was of the same inputs, outputs and classes."""
        weights, expected = self.network_.weights, (source.shape.n_features, *source.y.shape[1:])
        same = all(np.array_equal(getattr(self, name), value) for name, value in fitted.items())
        if weights.shape != expected or not same:
            raise InputError(
                f"warm_start goes on from weights of shape {weights.shape}, but these data need {expected} "
                "and the same classes: set warm_start=False"
            )
        return {"initial_weights": weights, "initial_intercept": self.network_.intercept}

    def _keep(self, run: Run, X: Any, fitted: dict[str, Any]) -> None:
        validate_data(self, X, skip_check_array=True)
        for name, value in fitted.items():
            setattr(self, name, value)
        self.network_ = run.network
        self.coef_ = run.network.weights.T
        self.intercept_ = run.network.intercept
        self.parameters_: dict[str, float] = {}
        self.n_iter_ = len(run.history["step"]) - 1
        self.loss_curve_ = run.history["error"].tolist()
        self.history_ = run.history
        self.stop_reason_ = run.stop
        self.stop_message_ = run.message

    def _predicted(self, X: Any) -> Array:
        inputs = self._inputs(X)
        h = self.network_.net_input(inputs)
        if not np.isfinite(h).all():
            check_finite(inputs, "X", column_names(X))
        return np.asarray(self.network_.activation.value(h))


def _print_state(state: State) -> None:
    print(
        f"step {state.step:>6}  passes {state.passes:>6}  E {state.error:<14.8g} "
        f"gradient {state.gradient_norm:<12.4g} rate {state.learning_rate:.4g}"
    )
