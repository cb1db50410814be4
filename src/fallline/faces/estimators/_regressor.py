"""Regression by a single-layer network."""

from __future__ import annotations

from typing import Any, Self

from sklearn.base import MultiOutputMixin, RegressorMixin

from fallline._typing import Array
from fallline.data.sources._arrays import ArraySource
from fallline.faces.estimators._base import SingleLayerEstimator, given


class SingleLayerRegressor(MultiOutputMixin, RegressorMixin, SingleLayerEstimator):  # type: ignore[misc]
    """Regression ŷ = f(Σ w x + b) that minimises E = ½ Σ s (y − ŷ)², for any activation f.

    Parameters
    ----------
    activation : str, Activation or pair of callables, default "identity"
        f: a name, a formula in ``h`` such as ``"2.5*sigmoid(h) - 1"``, or (f, f′). Free names of a formula
        are learned: ``"bottom + (top - bottom)*sigmoid(h)"``.
    learning_rate : float, "auto", "armijo", "normalised", "importance-aware" or callable
        η, as in :func:`fallline.descend`. With a rate that is not "auto" ``method="auto"`` is plain.
    method : {"auto", "plain", "momentum", "nesterov", "adam", "lbfgs", "gauss-newton"}
    scaling : {"auto", "none", "standard", "whiten"}
        Coordinates of the descent; weights are for raw inputs whatever it is.
    fit_intercept : bool
    initial_parameters : dict, optional
        Where free names start: a number, or one for each output. By default f is laid along the targets.
    parameter_bounds : dict, optional
        (low, high) of free names; None is no bound.
    shared_parameters : bool
        One set of parameters for all outputs instead of a set for each.
    alpha : float
        Strength of the penalty: E ÷ Σs + α [(1 − ρ) ½‖w‖² + ρ‖w‖₁] descends.
    l1_ratio : float
        ρ, from 0 to 1; above 0 weights become exactly 0.
    early_stopping : bool
        Hold records out, and keep the weights at which their error is least; ``history_`` has it as
        ``validation_error``.
    validation_fraction : float
        Share of the records that are held out.
    n_iter_no_change : int
        Steps (with batches: epochs) without a new least validation error after which to stop.
    max_iter : int
        Most steps (with batches: epochs).
    max_passes : int, optional
        Most reads of X.
    max_time : float, optional
        Most seconds.
    tol : float
        Stop when the steps to come would lower E and the penalty by no more than tol times their sum.
    gtol : float
        Stop when the norm of the gradient is no more than this; 0 never.
    batch_size : int, optional
        Records a step; None is all.
    reduction : {"mean", "sum"}
        Whether a plain step's gradient is divided by its number of records.
    shuffle : bool, optional
        None: batches are shuffled.
    n_init : int
        Starts: the first as usual, the others at random; the one that ends lowest is kept.
    warm_start : bool
        Whether ``fit`` goes on where the last one ended: on the same data the two are one long fit, bit for
        bit, in a pickle too.
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
        Values of a formula's free names: numbers, or for y (n, k) arrays (k,).
    n_iter_ : int
        Steps (with batches: epochs) that the last fit made.
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
        return self._fit(ArraySource(X, y, sample_weight), given(X, y, sample_weight))

    def predict(self, X: Any) -> Array:
        """Compute ŷ (n,) or (n, k), in the dtype of X."""
        return self._predicted(X)
