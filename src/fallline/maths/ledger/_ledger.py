"""One step of the delta rule with every number visible."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Any, Literal, TypeVar

import numpy as np

from fallline._typing import Array
from fallline.maths.activations._activation import Activation
from fallline.maths.ledger._derivation import Derivation, derive
from fallline.maths.ledger._differences import parameter_difference, summed, weight_difference
from fallline.maths.ledger._document import html_fragment, text
from fallline.maths.ledger._input import check_defined, check_settings, fitting_arrays, fitting_parameters
from fallline.maths.ledger._view import ledger_parts
from fallline.maths.network._parameters import Parameters

T = TypeVar("T")


def _symbol(formula: Callable[[Ledger], T]) -> cached_property[T]:
    """Compute a number of the step when it is first asked for, and keep it, read-only."""

    @wraps(formula)
    def compute(ledger: Ledger) -> T:
        with np.errstate(all="ignore"):
            value = formula(ledger)
        for array in value.values() if isinstance(value, dict) else (value,):
            if isinstance(array, np.ndarray):
                array.setflags(write=False)
        return value

    return cached_property(compute)


@dataclass(frozen=True, eq=False, repr=False)
class Ledger:
    """Every number of one step of the delta rule, as `one_step` returns it.

    Arrays are float64 and read-only. With y of shape (n,), the numbers of records have shape (n,), those of
    weights (n_features,), and those of the intercept are scalars; with y of shape (n, k), the shapes are
    (n, k), (n_features, k) and (k,). Numbers of the free names, θ, are dictionaries by name: a float
    for a value that all outputs share, an array (k,) for one of each. Printed, a ledger is a text table; in a
    notebook, an HTML table.

    Attributes
    ----------
    X, y, weights, intercept, activation, learning_rate, reduction, fit_intercept, parameters
        What the step was computed from.
    """

    X: Array
    y: Array
    weights: Array
    intercept: Array
    activation: Activation
    learning_rate: float
    reduction: str
    fit_intercept: bool
    parameters: Parameters

    @_symbol
    def h(self) -> Array:
        """Net input of each record, h = Σ w x + b."""
        return self._net_input(self.weights, self.intercept)

    @_symbol
    def y_hat(self) -> Array:
        """Prediction, ŷ = f(h)."""
        return self._value(self.h, self.parameters)

    @_symbol
    def residual(self) -> Array:
        """Error of each prediction in its first form, y − ŷ."""
        return self.y - self.y_hat

    @_symbol
    def squared_error(self) -> Array:
        """Error in its second form, (y − ŷ)²."""
        return self.residual**2

    @_symbol
    def error_share(self) -> Array:
        """Error in its third form, ½(y − ŷ)²: what a prediction adds to E."""
        return 0.5 * self.squared_error

    @_symbol
    def error(self) -> float:
        """E = ½ ΣΣ (y − ŷ)², over records and outputs, whatever the reduction."""
        return float(self.error_share.sum())

    @_symbol
    def slope(self) -> Array:
        """Slope of the activation, f′(h)."""
        return np.asarray(self.activation.slope(self.h, **self.parameters))

    @_symbol
    def parameter_slope(self) -> dict[str, Array]:
        """Slope of the activation by each free name, ∂f/∂θ at each h."""
        theta = np.array(np.broadcast_arrays(*self.parameters.values()))
        _, slopes = self.activation.pair(self.h, theta)
        return dict(zip(self.parameters, slopes[1:], strict=True))

    @_symbol
    def delta(self) -> Array:
        """Error term, δ = (y − ŷ) f′(h)."""
        return self.residual * self.slope

    @_symbol
    def gradient(self) -> Array:
        """∂E/∂w = −Σ δ x, summed over the records, whatever the reduction."""
        return -(self.X.T @ self.delta)

    @_symbol
    def intercept_gradient(self) -> Array:
        """∂E/∂b = −Σ δ."""
        total: Array = self.delta.sum(axis=0)
        return -total

    @_symbol
    def parameter_gradient(self) -> Parameters:
        """∂E/∂θ = −Σ (y − ŷ) ∂f/∂θ over the records, and over the outputs that share θ."""
        return {
            name: -summed(self.parameters[name], self.residual * slope)
            for name, slope in self.parameter_slope.items()
        }

    @_symbol
    def finite_difference(self) -> Array:
        """∂E/∂w once more, without the chain rule: (E(w + s) − E(w − s)) / 2s for each weight in turn."""
        return np.stack([weight_difference(self, x) for x in self.X.T])

    @_symbol
    def intercept_finite_difference(self) -> Array:
        """∂E/∂b once more, likewise."""
        return weight_difference(self, np.ones(len(self.X)))

    @_symbol
    def parameter_finite_difference(self) -> Parameters:
        """∂E/∂θ once more, likewise."""
        return {name: parameter_difference(self, name) for name in self.parameters}

    @property
    def divisor(self) -> int:
        """What the step divides the gradient by: the number of records for "mean", 1 for "sum"."""
        return len(self.X) if self.reduction == "mean" else 1

    @_symbol
    def delta_w(self) -> Array:
        """Δw = −η ∂E/∂w ÷ divisor."""
        return -self.learning_rate * self.gradient / self.divisor

    @_symbol
    def delta_intercept(self) -> Array:
        """Δb = −η ∂E/∂b ÷ divisor, or 0 without ``fit_intercept``."""
        gradient = self.intercept_gradient if self.fit_intercept else 0.0 * self.intercept
        return -self.learning_rate * gradient / self.divisor

    @_symbol
    def delta_parameters(self) -> Parameters:
        """Δθ = −η ∂E/∂θ ÷ divisor."""
        gradients = self.parameter_gradient.items()
        return {name: -self.learning_rate * gradient / self.divisor for name, gradient in gradients}

    @_symbol
    def new_weights(self) -> Array:
        """Weights after the step, w + Δw."""
        return self.weights + self.delta_w

    @_symbol
    def new_intercept(self) -> Array:
        """Intercept after the step, b + Δb."""
        return self.intercept + self.delta_intercept

    @_symbol
    def new_parameters(self) -> Parameters:
        """Values of the free names after the step, θ + Δθ."""
        return {name: value + self.delta_parameters[name] for name, value in self.parameters.items()}

    @_symbol
    def new_error(self) -> float:
        """E after the step, at w + Δw, b + Δb (which is b without ``fit_intercept``) and θ + Δθ."""
        y_hat = self._value(self._net_input(self.new_weights, self.new_intercept), self.new_parameters)
        return 0.5 * float(np.sum((self.y - y_hat) ** 2))

    def derivation(self, record: int = 0, output: int = 0) -> Derivation:
        """Walk the chain rule with the numbers of one record and one output, both numbered from 0.

        Returns
        -------
        Derivation
            ``str()`` gives it as plain text, ``.latex`` and ``.html`` as LaTeX and HTML.

        Raises
        ------
        InputError
            If the ledger has no such record or output.

        Examples
        --------
        >>> import fallline
        >>> ledger = fallline.one_step([[1, 2]], [1], [0.5, -0.5], activation="tanh", learning_rate=0.1)
        >>> print(str(ledger.derivation()).splitlines()[0])
        The delta rule for record 0 (numbering starts at 0). The activation and its
        """
        return derive(self, record, output)

    def __repr__(self) -> str:
        return text(ledger_parts(self))

    def _repr_html_(self) -> str:
        return html_fragment(ledger_parts(self))

    @property
    def uses_intercept(self) -> bool:
        """Whether the intercept plays a part: it moves, or it is not 0."""
        return self.fit_intercept or bool(np.any(self.intercept))

    def _net_input(self, weights: Array, intercept: Array) -> Array:
        return np.asarray(self.X @ weights + intercept)

    def _value(self, h: Array, parameters: Parameters) -> Array:
        return np.asarray(self.activation.value(h, **parameters))


def one_step(
    X: Any,
    y: Any,
    weights: Any,
    *,
    intercept: Any = 0.0,
    activation: Any,
    learning_rate: float,
    reduction: Literal["mean", "sum"] = "mean",
    fit_intercept: bool = False,
    parameters: Mapping[str, Any] | None = None,
) -> Ledger:
    """Take one step of the delta rule, w ← w + η Σ δ x, and show every number on the way.

    The free names of a formula take the same step: θ ← θ + η Σ (y − ŷ) ∂f/∂θ.

    Parameters
    ----------
    X : array-like (n_samples, n_features)
        Records, one a row.
    y : array-like (n_samples,) or (n_samples, n_outputs)
        Wanted outputs.
    weights : array-like (n_features,) or (n_features, n_outputs)
        Weights before the step.
    intercept : float or array-like (n_outputs,), default 0
        Added to every net input.
    activation : str, pair of callables or Activation
        f, as `Activation` takes it.
    learning_rate : float
        η, positive.
    reduction : {"mean", "sum"}, default "mean"
        Whether the step divides the gradient by the number of records.
    fit_intercept : bool, default False
        Whether the step moves the intercept as well, as a weight whose input is always 1.
    parameters : mapping, optional
        Each free name of the formula, θ, with its value before the step: a number, or for y
        (n_samples, n_outputs) also an array (n_outputs,) with one for each output.

    Returns
    -------
    Ledger
        The numbers, in float64, computed as they are asked for.

    Raises
    ------
    InputError
        If shapes do not fit, a number is not finite, a setting is unknown, a free name has no value, or f or
        one of its slopes is not finite at a record.

    References
    ----------
    B. Widrow and M. E. Hoff, "Adaptive switching circuits", IRE WESCON Convention Record 4 (1960), 96–104.

    D. E. Rumelhart, G. E. Hinton and R. J. Williams, "Learning internal representations by error
    propagation", Parallel Distributed Processing 1 (1986), 318–362, equations 1, 2 and 13.

    Examples
    --------
    >>> import fallline
    >>> ledger = fallline.one_step(
    ...     [[1, 2, 3, 4]], [0.5], [0.5, -0.5, 0.3, 0.1], activation="sigmoid", learning_rate=0.5
    ... )
    >>> print(ledger.y_hat, ledger.delta)
    [0.68997448] [-0.04063738]
    >>> ledger = fallline.one_step(
    ...     [[1.0]], [2], [0], activation="top*sigmoid(h)", learning_rate=0.5, parameters={"top": 3}
    ... )
    >>> print(ledger.parameter_slope, ledger.parameter_gradient, ledger.new_parameters)
    {'top': array([0.5])} {'top': -0.25} {'top': 3.125}
    """
    f = Activation(activation)
    check_settings(learning_rate, reduction)
    arrays = fitting_arrays(X, y, weights, intercept)
    theta = fitting_parameters(f, parameters, arrays[1].shape[1:])
    ledger = Ledger(*arrays, f, float(learning_rate), reduction, bool(fit_intercept), theta)
    check_defined(ledger)
    return ledger
