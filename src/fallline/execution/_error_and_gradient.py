"""Public: the error and gradient at given weights."""

from __future__ import annotations

from typing import Any

from fallline._errors import InputError
from fallline._typing import Array
from fallline.data._validate import checked_intercept, checked_weights
from fallline.data.sources._arrays import as_source
from fallline.execution._evaluate import evaluate
from fallline.execution.engines._threads import thread_engine
from fallline.maths._records import Layer
from fallline.maths.activations._activation import Activation


def error_and_gradient(
    X: Any,
    y: Any,
    weights: Any,
    *,
    intercept: Any = 0.0,
    activation: Any = "identity",
    sample_weight: Any = None,
    n_jobs: int | None = None,
) -> tuple[float, Array, Any]:
    """Compute E = ½ Σ s (y − f(Σ w x + b))² and its gradient, in one read of X.

    Parameters
    ----------
    X : array or CSR matrix (n_samples, n_features)
        float16, float32 or float64 in C or Fortran order is read as it lies (float16 computes in float32);
        other numbers are converted to float64.
    y : array (n_samples,) or (n_samples, n_outputs)
    weights : array (n_features,) or (n_features, n_outputs)
    intercept : float or array (n_outputs,)
    activation : str, Activation or pair of callables
        Without free names.
    sample_weight : array (n_samples,), optional
        s, not negative.
    n_jobs : int, optional
        Threads; None is all usable cores. The bits of the result do not depend on it.

    Returns
    -------
    error : float
    gradient : array (n_features,) or, for two-dimensional y, (n_features, n_outputs)
        ∂E/∂w = −Σ s δ x with δ = (y − ŷ) f′(h): a sum, not a mean; float64.
    intercept_gradient : array of shape () or (n_outputs,)
        ∂E/∂b = −Σ s δ.

    Raises
    ------
    InputError
        For shapes that do not fit, and for NaN or infinity (row and column are named).

    References
    ----------
    D. E. Rumelhart, G. E. Hinton and R. J. Williams, "Learning internal representations by error
    propagation", in Parallel Distributed Processing 1 (1986), ch. 8, eqs. 2 and 13.

    Examples
    --------
    >>> error, gradient, _ = error_and_gradient([[1.0, 2.0]], [1.0], [0.5, -0.5])
    >>> error, gradient
    (1.125, array([-1.5, -3. ]))
    """
    source = as_source(X, y, sample_weight)
    _, d, k = source.shape
    layer = Layer(
        checked_weights(weights, d, k), checked_intercept(intercept, k), _without_free_names(activation)
    )
    partial = evaluate(source, layer, thread_engine(n_jobs))
    if not partial.is_finite:
        source.raise_for_bad_values()
    shape = () if source.one_output else (k,)
    return partial.error, partial.weights.reshape(d, *shape), partial.intercept.reshape(shape)


def _without_free_names(spec: Any) -> Activation:
    activation = Activation(spec)
    if activation.parameters:
        names = ", ".join(activation.parameters)
        raise InputError(
            f"the activation {activation.formula!r} has free names ({names}): write numbers for them, or "
            "call one_step, which takes their values"
        )
    return activation
