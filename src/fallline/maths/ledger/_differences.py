"""Gradients once more, without the chain rule: E a little above and a little below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fallline._typing import Array

if TYPE_CHECKING:
    from fallline.maths.ledger._ledger import Ledger

EPSILON = np.finfo(np.float64).eps


def weight_difference(ledger: Ledger, x: Array) -> Array:
    """Return (E(w + s) − E(w − s)) / 2s for the weights of one input.

    The step moves no h by more than ∛(ε max(1, |h|)): there the error of the formula, of the order of the
    step squared, meets the rounding of h.
    """
    h = ledger.h
    step = np.cbrt(EPSILON * max(1.0, np.abs(h).max()))
    reach = np.abs(x).max() or 1.0
    change = (step * (x / reach)).reshape(-1, *[1] * (h.ndim - 1))
    up, down = (ledger.activation.value(moved, **ledger.parameters) for moved in (h + change, h - change))
    return np.asarray(_rise(ledger, up, down).sum(axis=0) / (2 * step) * reach)


def parameter_difference(ledger: Ledger, name: str) -> Any:
    """Return (E(θ + s) − E(θ − s)) / 2s for one free name.

    The step moves no ŷ by more than ∛ε of the largest y or ŷ, nor θ, on which f may hardly depend, by more
    than ∛ε of that or of |θ|; but it always moves θ by some of its digits.
    """
    value = ledger.parameters[name]
    axis = 0 if np.ndim(value) else None
    size = np.maximum(np.abs(ledger.y), np.abs(ledger.y_hat)).max(axis=axis)
    size, steepest = np.where(size, size, 1.0), np.abs(ledger.parameter_slope[name]).max(axis=axis)
    reach = np.minimum(size / steepest, np.maximum(size, np.abs(value)))
    step = np.cbrt(EPSILON) * np.maximum(reach, np.cbrt(EPSILON) * np.abs(value))
    above, below = value + step, value - step
    up, down = (
        ledger.activation.value(ledger.h, **{**ledger.parameters, name: moved}) for moved in (above, below)
    )
    return summed(value, _rise(ledger, up, down) / (above - below))


def summed(value: float | Array, numbers: Array) -> Any:
    """Return the sum over the records for a free name's value, and over the outputs too if they share it."""
    return numbers.sum(axis=0) if np.ndim(value) else float(numbers.sum())


def _rise(ledger: Ledger, up: Array, down: Array) -> Array:
    """Return ½(y − ŷ)² at ``up`` less that at ``down``, as a product: so a large y costs no digits."""
    rise: Array = 0.5 * (down - up) * (2 * ledger.y - up - down)
    return rise
