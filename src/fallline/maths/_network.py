"""A trained unit, or a row of them: ŷ = f(Σ w x + b)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fallline._errors import InputError
from fallline._typing import Array
from fallline.maths._records import arithmetic_dtype, is_sparse
from fallline.maths.activations._activation import Activation


class SingleLayer:
    """A single-layer network ŷ_j = f(Σ_i w_ij x_i + b_j).

    Parameters
    ----------
    weights : array (n_features,) or (n_features, n_outputs)
        w, for raw inputs.
    intercept : float or array (n_outputs,), default 0.0
        b.
    activation : str, Activation or pair of callables, default "identity"
        f; see :class:`fallline.Activation`.

    Raises
    ------
    InputError
        If shapes do not fit.

    References
    ----------
    B. Widrow and M. E. Hoff, "Adaptive switching circuits", IRE WESCON Convention Record 4 (1960), 96–104.

    Examples
    --------
    >>> net = SingleLayer([0.5, -0.5], intercept=0.1, activation="tanh")
    >>> net.net_input([[1.0, 2.0]])
    array([-0.4])
    >>> net.predict([[1.0, 2.0]]).round(4)
    array([-0.3799])
    """

    def __init__(self, weights: npt.ArrayLike, intercept: Any = 0.0, activation: Any = "identity") -> None:
        self.weights = np.array(weights, dtype=np.float64)
        if self.weights.ndim not in (1, 2):
            raise InputError(
                f"weights must have shape (n_features,) or (n_features, n_outputs), got {self.weights.shape}"
            )
        outputs = self.weights.shape[1:]
        intercepts = np.array(intercept, dtype=np.float64)
        if intercepts.ndim and intercepts.shape != outputs:
            raise InputError(f"intercept must be a number or have shape {outputs}, got {intercepts.shape}")
        self.intercept: Any = np.broadcast_to(intercepts, outputs).copy() if outputs else float(intercepts)
        self.activation = Activation(activation)

    def net_input(self, X: Any) -> Array:
        """Compute h = Σ w x + b: (n,) or (n, n_outputs), in the dtype in which X computes.

        Raises
        ------
        InputError
            If X has not as many columns as there are weights, or holds no numbers.
        """
        inputs = X if is_sparse(X) else np.asarray(X)
        if inputs.ndim != 2 or inputs.shape[1] != len(self.weights):
            raise InputError(
                f"X has shape {inputs.shape}, but the network takes (n_samples, {len(self.weights)}): "
                "give the inputs it was trained on"
            )
        if inputs.dtype.kind not in "biufO":
            raise InputError(f"X must hold numbers, got dtype {inputs.dtype}: turn them into numbers first")
        dtype = arithmetic_dtype(inputs.dtype) if inputs.dtype.kind == "f" else np.dtype(np.float64)
        product = inputs.astype(dtype, copy=False) @ self.weights.astype(dtype)
        return np.asarray(product + np.asarray(self.intercept, dtype=dtype))

    def predict(self, X: Any) -> Array:
        """Compute ŷ = f(h) for rows X (n, n_features)."""
        return np.asarray(self.activation.value(self.net_input(X)))

    def __repr__(self) -> str:
        shape = "×".join(map(str, self.weights.shape))
        return f"SingleLayer({shape} weights, activation={self.activation.name!r})"
