"""Classification by a single-layer network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from fallline._errors import InputError
from fallline._typing import Array
from fallline.data._validate import check_finite, checked_inputs, column_names
from fallline.data.sources._arrays import ArraySource
from fallline.faces.estimators._base import SingleLayerEstimator, given
from fallline.maths.activations._activation import Activation
from fallline.maths.network._signature import class_targets_for


class SingleLayerClassifier(ClassifierMixin, SingleLayerEstimator):  # type: ignore[misc]
    """Classification by the squared error of a single-layer network.

    Two classes are one unit, more are a unit a class. A record's target is 1 for its class and for the
    others 0, or −1 where the activation reaches from −1 to 1.

    Parameters
    ----------
    activation : str, Activation or pair of callables, default "sigmoid"
        f; see :class:`fallline.SingleLayerRegressor` for it and the other parameters.

    Attributes
    ----------
    classes_ : array (n_classes,)
    targets_ : array (2,)
        What a unit is trained towards for the other classes and for its own.
    coef_ : array (1, n_features) or (n_classes, n_features)
    intercept_ : array (1,) or (n_classes,)
    parameters_, n_iter_, loss_curve_, history_, stop_reason_, n_features_in_, feature_names_in_
        As in :class:`fallline.SingleLayerRegressor`.

    References
    ----------
    G. W. Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78
    (1950), 1–3: the squared error of a probability is least at the true one.

    Examples
    --------
    >>> from fallline import SingleLayerClassifier
    >>> model = SingleLayerClassifier().fit([[0.0], [1.0], [2.0], [3.0]], ["no", "yes", "no", "yes"])
    >>> model.predict([[-9.0], [9.0]]).tolist()
    ['no', 'yes']
    """

    def __init__(
        self,
        activation: Any = "sigmoid",
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
        super().__init__(
            activation,
            learning_rate=learning_rate,
            method=method,
            scaling=scaling,
            fit_intercept=fit_intercept,
            initial_parameters=initial_parameters,
            parameter_bounds=parameter_bounds,
            shared_parameters=shared_parameters,
            alpha=alpha,
            l1_ratio=l1_ratio,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            max_iter=max_iter,
            max_passes=max_passes,
            max_time=max_time,
            tol=tol,
            gtol=gtol,
            batch_size=batch_size,
            reduction=reduction,
            shuffle=shuffle,
            n_init=n_init,
            warm_start=warm_start,
            random_state=random_state,
            n_jobs=n_jobs,
            verbose=verbose,
        )

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on X (n, d) and labels y (n,) of any kind.

        Raises
        ------
        InputError
            For data or settings that cannot be used, and for fewer than two classes.
        """
        inputs = checked_inputs(X, column_names(X))
        labels = checked_labels(y, inputs.shape[0])
        classes, codes = np.unique(labels, return_inverse=True)
        if len(classes) < 2:
            raise InputError(
                f"y has 1 class ({classes.tolist()[0]!r}) in {len(labels)} sample(s): "
                "at least two classes are needed"
            )
        low, high = class_targets_for(Activation(self.activation))
        units = np.arange(1, 2) if len(classes) == 2 else np.arange(len(classes))
        targets = np.where(codes[:, None] == units, high, low)
        source = ArraySource(inputs, targets, sample_weight, column_names(X))
        fitted = {"classes_": classes, "targets_": np.array([low, high])}
        return self._fit(source, given(X, y, sample_weight), **fitted)

    def decision_function(self, X: Any) -> Array:
        """Return ŷ less the middle of its targets: (n,) for two classes, else (n, n_classes)."""
        scores = self._predicted(X) - sum(map(float, self.targets_)) / 2
        return scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X: Any) -> Array:
        """Return the label whose unit is nearest to its target."""
        scores = self.decision_function(X)
        codes = (scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)
        return np.asarray(self.classes_[codes])

    def predict_proba(self, X: Any) -> Array:
        """Return ŷ moved from its targets to [0, 1]; for more than two classes divided by their sum."""
        y_hat = self._predicted(X)
        low, high = map(float, self.targets_)
        share = np.clip((y_hat - low) / (high - low), 0.0, 1.0)
        if len(self.classes_) == 2:
            return np.hstack([1.0 - share, share])
        share += np.where(share.sum(axis=1, keepdims=True) == 0.0, 1.0, 0.0)
        return np.asarray(share / share.sum(axis=1, keepdims=True))


def checked_labels(y: Any, n_samples: int) -> Array:
    """Return labels (n,) that can be told apart and put in order."""
    if y is None:
        raise InputError("y is missing: this estimator requires y to be passed, but the target y is None")
    try:
        labels = np.asarray(column_or_1d(y, warn=True))
    except ValueError as error:
        raise InputError(f"{str(error).rstrip('.')}: give one label for each row") from None
    if len(labels) != n_samples:
        raise InputError(
            f"X and y have inconsistent numbers of samples: {n_samples} rows in X and {len(labels)} in y"
        )
    if labels.dtype.kind == "f":
        check_finite(labels, "y")
    if labels.dtype == object:
        _check_objects(labels.tolist())
    try:
        check_classification_targets(labels)
    except ValueError as error:
        raise InputError(str(error)) from None
    return labels


def _check_objects(labels: list[Any]) -> None:
    missing = [row for row, label in enumerate(labels) if label is None or label != label]
    if missing:
        raise InputError(f"y contains {labels[missing[0]]} at row {missing[0]}: drop the record or label it")
    kinds = sorted({type(label).__name__ for label in labels})
    if len(kinds) > 1:
        raise InputError(f"y mixes labels of the types {', '.join(kinds)}: turn them all into one")
