"""One step of the delta rule with every number visible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Any, Literal, TypeVar

import numpy as np

from fallline._errors import InputError
from fallline._typing import Array
from fallline.maths.activations._activation import Activation, without_free_names
from fallline.maths.ledger._derivation import Derivation, derive
from fallline.maths.ledger._document import html_fragment, text
from fallline.maths.ledger._input import check_settings, first_place, fitting_arrays
from fallline.maths.ledger._view import ledger_parts

T = TypeVar("T")


def _symbol(formula: Callable[[Ledger], T]) -> cached_property[T]:
    """Compute a number of the step when it is first asked for, and keep it, read-only."""

    @wraps(formula)
    def compute(ledger: Ledger) -> T:
        with np.errstate(all="ignore"):
            value = formula(ledger)
        if isinstance(value, np.ndarray):
            value.setflags(write=False)
        return value

    return cached_property(compute)


@dataclass(frozen=True, eq=False, repr=False)
class Ledger:
    """Every number of one step of the delta rule, as `one_step` returns it.

    Arrays are float64 and read-only. With y of shape (n,), the numbers of records have shape (n,), those of
    weights (n_features,), and those of the intercept are scalars; with y of shape (n, k), the shapes are
    (n, k), (n_features, k) and (k,). Printed, a ledger is a text table; in a notebook, an HTML table.

    Attributes
    ----------
    X, y, weights, intercept, activation, learning_rate, reduction, fit_intercept
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

    @_symbol
    def h(self) -> Array:
        """Net input of each record, h = Σ w x + b."""
        return self._net_input(self.weights, self.intercept)

    @_symbol
    def y_hat(self) -> Array:
        """Prediction, ŷ = f(h)."""
        return np.asarray(self.activation.value(self.h))

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
        return np.asarray(self.activation.slope(self.h))

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
    def finite_difference(self) -> Array:
        """∂E/∂w once more, without the chain rule: (E(w + s) − E(w − s)) / 2s for each weight in turn."""
        return np.stack([self._central_difference(x) for x in self.X.T])

    @_symbol
    def intercept_finite_difference(self) -> Array:
        """∂E/∂b once more, likewise."""
        return self._central_difference(np.ones(len(self.X)))

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
    def new_weights(self) -> Array:
        """Weights after the step, w + Δw."""
        return self.weights + self.delta_w

    @_symbol
    def new_intercept(self) -> Array:
        """Intercept after the step, b + Δb."""
        return self.intercept + self.delta_intercept

    @_symbol
    def new_error(self) -> float:
        """E after the step, at w + Δw and b + Δb (which is b without ``fit_intercept``)."""
        y_hat = self.activation.value(self._net_input(self.new_weights, self.new_intercept))
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

    def _central_difference(self, x: Array) -> Array:
        """Return (E(w + s) − E(w − s)) / 2s for the weights of one input.

        The step moves no h by more than ∛(ε max(1, |h|)): there the error of the formula, of the order of
        the step squared, meets the rounding of h. The difference of squares is taken as a product, so that a
        large y costs no digits.
        """
        h, y = self.h.T, self.y.T
        step = np.cbrt(np.finfo(np.float64).eps * max(1.0, np.abs(h).max()))
        reach = np.abs(x).max() or 1.0
        up, down = (self.activation.value(h + s * (x / reach)) for s in (step, -step))
        difference = 0.5 * np.sum((down - up) * (2 * y - up - down), axis=-1)
        return np.asarray(difference / (2 * step) * reach)


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
) -> Ledger:
    """Take one step of the delta rule, w ← w + η Σ δ x, and show every number on the way.

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
        f, as `Activation` takes it; without free names.
    learning_rate : float
        η, positive.
    reduction : {"mean", "sum"}, default "mean"
        Whether the step divides the gradient by the number of records.
    fit_intercept : bool, default False
        Whether the step moves the intercept as well, as a weight whose input is always 1.

    Returns
    -------
    Ledger
        The numbers, in float64, computed as they are asked for.

    Raises
    ------
    InputError
        If shapes do not fit, a number is not finite, a setting is unknown, or f or f′ is not finite at a
        record.

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
    """
    f = without_free_names(activation)
    check_settings(learning_rate, reduction)
    arrays = fitting_arrays(X, y, weights, intercept)
    ledger = Ledger(*arrays, f, float(learning_rate), reduction, bool(fit_intercept))
    _check_defined(ledger)
    return ledger


def _check_defined(ledger: Ledger) -> None:
    """Refuse a record at which f or its slope has no finite value."""
    for name, values in (("h", ledger.h), ("f(h)", ledger.y_hat), ("f′(h)", ledger.slope)):
        if not np.isfinite(values).all():
            place = first_place(~np.isfinite(values))
            at = "" if name == "h" else f", where h = {ledger.h[place]:g}"
            raise InputError(
                f"{name} is {values[place]} for record {place[0]}{at}: choose weights that keep f(h) finite"
            )
