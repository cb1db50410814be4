"""What `one_step` accepts: numbers that are there, in shapes that fit each other."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np

from fallline._errors import InputError
from fallline._typing import Array


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
