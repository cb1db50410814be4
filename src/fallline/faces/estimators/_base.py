"""What both estimators share: settings in, a trained network out."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from fallline._errors import InputError
from fallline._typing import Array
from fallline.data._validate import check_finite, checked_inputs, column_names
from fallline.data.sources._arrays import ArraySource
from fallline.descent._carry import State
from fallline.descent._drain import Callback
from fallline.descent._run import Run
from fallline.descent._train import train
from fallline.faces.estimators._callbacks import HAS_CALLBACKS, CallbackSupport, FitTask, ending_callbacks
from fallline.maths.network._network import SingleLayer

OWN = ("warm_start", "verbose")
"""Parameters of an estimator that are none of ``train``."""


class SingleLayerEstimator(CallbackSupport, BaseEstimator):  # type: ignore[misc]
    """Parameters and fitted attributes of both estimators."""

    def __init__(
        self,
        activation: Any = "identity",
        *,
        learning_rate: Any = "auto",
        method: str = "auto",
        scaling: str = "auto",
        fit_intercept: bool = True,
        initial_parameters: Mapping[str, Any] | None = None,
        parameter_bounds: Mapping[str, Any] | None = None,
        shared_parameters: bool = False,
        alpha: float = 0.0,
        l1_ratio: float = 0.0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        max_iter: int = 1000,
        max_passes: int | None = None,
        max_time: float | None = None,
        tol: float = 1e-8,
        gtol: float = 0.0,
        batch_size: int | None = None,
        reduction: str = "mean",
        shuffle: bool | None = None,
        n_init: int = 1,
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
        self.initial_parameters = initial_parameters
        self.parameter_bounds = parameter_bounds
        self.shared_parameters = shared_parameters
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.max_iter = max_iter
        self.max_passes = max_passes
        self.max_time = max_time
        self.tol = tol
        self.gtol = gtol
        self.batch_size = batch_size
        self.reduction = reduction
        self.shuffle = shuffle
        self.n_init = n_init
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

    @ending_callbacks
    def _fit(self, source: ArraySource, data: dict[str, Any], **fitted: Any) -> Self:
        """Train on checked records; data is what the caller gave, ``fitted`` what it makes of the classes."""
        settings = {name: getattr(self, name) for name in self.get_params(deep=False) if name not in OWN}
        start = self._start(source, fitted) if self.warm_start and hasattr(self, "network_") else {}
        task = self._task(data, fitted) if HAS_CALLBACKS else None
        wanted: tuple[Callback | None, ...] = (task, _print_state if self.verbose else None)
        callbacks = list(filter(None, wanted))
        try:
            run = train(source, callbacks=callbacks, **{**settings, **start})
        except KeyboardInterrupt as interrupt:
            if hasattr(interrupt, "run"):
                self._keep(interrupt.run, data, fitted)
            raise
        self._keep(run, data, fitted)
        if task:
            task.end(self.__dict__)
        return self

    def _start(self, source: ArraySource, fitted: dict[str, Any]) -> dict[str, Any]:
        """Return where the last fit ended, if it was of the same inputs, outputs and classes."""
        network, expected = self.network_, (source.shape.n_features, *source.y.shape[1:])
        same = all(np.array_equal(getattr(self, name), value) for name, value in fitted.items())
        if network.weights.shape != expected or not same:
            raise InputError(
                f"warm_start goes on from weights of shape {network.weights.shape}, but these data need "
                f"{expected} and the same classes: set warm_start=False"
            )
        if hasattr(self, "_run"):
            return {"warm_start": self._run}
        return {
            "initial_weights": network.weights,
            "initial_intercept": network.intercept,
            "initial_parameters": network.parameters or None,
        }

    def __getstate__(self) -> dict[str, Any]:
        """Return what a pickle holds: the last run itself only where a fit may go on from it."""
        state: dict[str, Any] = super().__getstate__()
        return state if self.warm_start else {name: kept for name, kept in state.items() if name != "_run"}

    def _task(self, data: dict[str, Any], fitted: dict[str, Any]) -> FitTask:
        def fitted_at(state: State) -> dict[str, Any]:
            model = copy(self)
            network = SingleLayer(
                state.weights, state.intercept, self.activation, parameters=state.parameters
            )
            model._keep_network(network, data, fitted)
            return model.__dict__

        return FitTask(self, self.max_iter if self.n_init == 1 else None, data, fitted_at)

    def _keep(self, run: Run, data: dict[str, Any], fitted: dict[str, Any]) -> None:
        self._keep_network(run.network, data, fitted)
        self._run = run
        self.n_iter_ = len(run.history["step"]) - 1
        self.loss_curve_ = run.history["error"].tolist()
        self.history_ = run.history
        self.stop_reason_ = run.stop
        self.stop_message_ = run.message

    def _keep_network(self, network: SingleLayer, data: dict[str, Any], fitted: dict[str, Any]) -> None:
        validate_data(self, data["X"], skip_check_array=True)
        for name, value in fitted.items():
            setattr(self, name, value)
        self.network_ = network
        self.coef_ = network.weights.T
        self.intercept_ = network.intercept
        self.parameters_ = network.parameters

    def _predicted(self, X: Any) -> Array:
        inputs = self._inputs(X)
        h = self.network_.net_input(inputs)
        if not np.isfinite(h).all():
            check_finite(inputs, "X", column_names(X))
        return np.asarray(self.network_.activation.value(h, **self.parameters_))


def _print_state(state: State) -> None:
    print(
        f"step {state.step:>6}  passes {state.passes:>6}  E {state.error:<14.8g} "
        f"gradient {state.gradient_norm:<12.4g} rate {state.learning_rate:.4g}"
    )


def given(X: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
    """Return the data of a fit as scikit-learn's callbacks know them."""
    metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
    return {"X": X, "y": y, "metadata": metadata}
