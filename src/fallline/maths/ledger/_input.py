"""What `one_step` accepts: numbers that are there, in shapes that fit each other."""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from fallline._errors import InputError
from fallline._typing import Array
from fallline.maths.activations._activation import Activation
from fallline.maths.network._parameters import Parameters, parameter_values

if TYPE_CHECKING:
    from fallline.maths.ledger._ledger import Ledger


def check_settings(learning_rate: float, reduction: str) -> None:
    """Refuse a rate that is not positive and finite, and an unknown reduction."""
    if not isinstance(learning_rate, Real) or not 0 < learning_rate < math.inf:
        raise InputError(f"learning_rate is {learning_rate!r}: give a positive, finite number")
    if reduction not in ("mean", "sum"):
        raise InputError(f'reduction is {reduction!r}: choose "mean" or "sum"')


def fitting_arrays(X: Any, y: Any, weights: Any, intercept: Any) -> tuple[Array, Array, Array, Array]:
    """Return read-only float64 copies whose shapes fit each other."""
    X, y = _numbers("X", X), _numbers("y", y)
    weights, intercept = _numbers("weights", weights), _numbers("intercept", intercept)
    if X.ndim != 2 or X.size == 0:
        raise InputError(f"X has shape {X.shape}: give a row for each record and a column for each input")
    if y.ndim not in (1, 2) or y.size == 0 or len(y) != len(X):
        raise InputError(f"y has shape {y.shape}, but X has shape {X.shape}: give y a row for each of X")
    outputs = y.shape[1:]
    intercept = np.full(outputs, intercept) if intercept.ndim == 0 else intercept
    for name, array, needed in (
        ("weights", weights, (X.shape[1], *outputs)),
        ("intercept", intercept, outputs),
    ):
        if array.shape != needed:
            data = f"X of shape {X.shape} and y of shape {y.shape}"
            raise InputError(f"{name} has shape {array.shape}, but {data} need {needed}")
    for array in (X, y, weights, intercept):
        array.setflags(write=False)
    return X, y, weights, intercept[()]


def fitting_parameters(activation: Activation, parameters: Any, outputs: tuple[int, ...]) -> Parameters:
    """Return finite values of an activation's free names, the arrays read-only, for outputs of a shape."""
    values = parameter_values(activation, parameters, outputs)
    for name, value in values.items():
        numbers = np.asarray(value)
        if not np.isfinite(numbers).all():
            place = first_place(~np.isfinite(numbers))
            where = f" for output {place[0]}" if place else ""
            raise InputError(f"the parameter {name} is {numbers[place]}{where}: give a finite number there")
        numbers.setflags(write=False)
    return values


def check_defined(ledger: Ledger) -> None:
    """Refuse a record at which f or one of its slopes has no finite value."""
    slopes = ((f"∂f/∂{name}", slope) for name, slope in ledger.parameter_slope.items())
    for name, values in (("h", ledger.h), ("f(h)", ledger.y_hat), ("f′(h)", ledger.slope), *slopes):
        if not np.isfinite(values).all():
            place = first_place(~np.isfinite(values))
            at = "" if name == "h" else f", where h = {ledger.h[place]:g}"
            free = "weights and parameters" if ledger.parameters else "weights"
            raise InputError(
                f"{name} is {values[place]} for record {place[0]}{at}: choose {free} that keep f(h) finite"
            )


def first_place(mask: Array) -> tuple[int, ...]:
    """Return the indices of the first true element."""
    return tuple(map(int, np.argwhere(mask)[0]))


def _numbers(name: str, values: Any) -> Array:
    """Return a float64 copy, or say what is no number, and where."""
    try:
        array = np.asarray(values)
    except ValueError:
        raise InputError(f"{name} has rows of different lengths: make them equal") from None
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name} has dtype {array.dtype}: convert it to numbers")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        place = first_place(~np.isfinite(array))
        where = ", ".join(f"{axis} {i}" for axis, i in zip(("row", "column"), place, strict=False))
        raise InputError(f"{name} is {array[place]}{where and f' in {where}'}: give a finite number there")
    return array
