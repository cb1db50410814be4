"""Regression by a single-layer network."""

from __future__ import annotations

from typing import Any, Self

from sklearn.base import MultiOutputMixin, RegressorMixin

from fallline._typing import Array
from fallline.data.sources._arrays import ArraySource
from fallline.faces.estimators._base import SingleLayerEstimator


class SingleLayerRegressor(MultiOutputMixin, RegressorMixin, SingleLayerEstimator):  # type: ignore[misc]
    """Regression ŷ = f(Σ w x + b) that minimises E = ½ Σ s (y − ŷ)², for any activation f.

    Parameters
    ----------
    activation : str, Activation or pair of callables, default "identity"
        f: a name, a formula in ``h`` such as ``"2.5*sigmoid(h) - 1"``, or (f, f′).
    learning_rate : float or "auto"
        A number is the η of the plain method, which ``method="auto"`` then takes.
    method : {"auto", "plain", "lbfgs", "gauss-newton"}
    scaling : {"auto", "none", "standard", "whiten"}
        Coordinates of the descent; weights are for raw inputs whatever it is.
    fit_intercept : bool
    max_iter : int
        Most steps (with batches: epochs).
    tol : float
        Stop when the next step would lower E by no more than tol · E.
    batch_size : int, optional
        Records a step; None is all.
    reduction : {"mean", "sum"}
        Whether a plain step's gradient is divided by its number of records.
    shuffle : bool, optional
        None: batches are shuffled.
    warm_start : bool
        Whether ``fit`` starts from the weights of the last one.
    random_state : int or Generator, optional
    n_jobs : int, optional
        Threads; the bits of the result do not depend on it.
    verbose : int
        1 prints a line a step.

    Attributes
    ----------
    coef_ : array (n_features,) or (n_outputs, n_features)
    intercept_ : float or array (n_outputs,)
    parameters_ : dict
        Values of a formula's free names; empty, as these cannot be learned yet.
    n_iter_ : int
        Steps (with batches: epochs) made.
    loss_curve_ : list of float
        E at every state, the start first.
    history_ : dict of arrays
        See :class:`fallline.Run`.
    stop_reason_ : StopReason
        Why the training stopped; ``stop_message_`` says it with this fit's numbers.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    References
    ----------
    B. Widrow and M. E. Hoff, "Adaptive switching circuits", IRE WESCON Convention Record 4 (1960), 96–104.

    Examples
    --------
    >>> from fallline import SingleLayerRegressor
    >>> model = SingleLayerRegressor("exp").fit([[0.0], [1.0], [2.0]], [1.0, 2.0, 4.0])
    >>> model.predict([[3.0]]).round(4)
    array([8.])
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on X (n, d) and y (n,) or (n, k).

        Raises
        ------
        InputError
            For data or settings that cannot be used.
        """
        return self._fit(ArraySource(X, y, sample_weight), X)

    def predict(self, X: Any) -> Array:
        """Compute ŷ (n,) or (n, k), in the dtype of X."""
        return self._predicted(X)
