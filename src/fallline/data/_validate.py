"""Checks of what people pass in: one sentence that says what is wrong, where, and what to do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

from fallline._errors import InputError, NoNumberError
from fallline._typing import Array
from fallline.maths._records import is_sparse

FLOATS = (np.float16, np.float32, np.float64)


def checked_inputs(X: Any, names: Sequence[str] | None = None) -> Any:
    """Return X as a two-dimensional float array or CSR matrix, without a copy where it is one already."""
    if X is None or isinstance(X, (str, bytes)):
        raise InputError(f"X is {X!r}: give the numbers themselves, one row a record")
    array = _canonical(X.tocsr()) if is_sparse(X) else as_array(X, "X")
    if array.ndim != 2:
        raise InputError(
            f"X must be two-dimensional (n_samples, n_features), got shape {array.shape}. Reshape your data: "
            "X.reshape(-1, 1) for a single feature, X.reshape(1, -1) for a single sample"
        )
    n_samples, n_features = array.shape
    if n_samples == 0:
        raise InputError(
            f"X has no rows: 0 sample(s) (shape={array.shape}) while a minimum of 1 is required."
        )
    if n_features == 0:
        raise InputError(
            f"X has no columns: 0 feature(s) (shape={array.shape}) while a minimum of 1 is required."
        )
    return _as_floats(array, "X", names)


def as_array(values: Any, what: str) -> Array:
    """Return anything array-like as an array."""
    try:
        return np.asarray(values)
    except ValueError:
        lengths = [len(row) if hasattr(row, "__len__") else 1 for row in values]
        odd = next((row for row, length in enumerate(lengths) if length != lengths[0]), 0)
        raise InputError(
            f"{what} has rows of different lengths: row {odd} has {lengths[odd]} entries, row 0 has "
            f"{lengths[0]}; make them equal"
        ) from None


def column_names(X: Any) -> list[str] | None:
    """Return the column names of a table."""
    columns = getattr(X, "columns", None)
    return None if columns is None else [str(column) for column in columns]


def _canonical(X: Any) -> Any:
    """Return a CSR matrix in which no cell is stored twice."""
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


def _as_floats(array: Any, what: str, names: Sequence[str] | None = None) -> Any:
    """Return float16/32/64 as they lie, other numbers as float64, and refuse the rest."""
    if array.dtype in FLOATS and array.dtype.isnative:
        return array if _is_ordered(array) else np.ascontiguousarray(array)
    if array.dtype.kind == "c":
        raise InputError(
            f"Complex data not supported: {what} has dtype {array.dtype}; "
            "pass real and imaginary parts as columns"
        )
    if array.dtype.kind not in "biufO":
        raise InputError(
            f"{what} must hold numbers, got dtype {array.dtype}: turn text or dates into numbers first"
        )
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise NoNumberError(_no_number(array, what, names, error)) from None


def _is_ordered(array: Any) -> bool:
    return is_sparse(array) or array.flags.c_contiguous or array.flags.f_contiguous


def _no_number(array: Array, what: str, names: Sequence[str] | None, error: Exception) -> str:
    """Say which cell of an object array is no number."""
    for index in np.ndindex(array.shape):
        try:
            float(array[index])
        except (TypeError, ValueError):
            return (
                f"{what} holds {array[index]!r} at {place(index, names)}, which is no number: "
                f"turn it into one, or drop the column{_reason(error)}"
            )
    return f"{what} cannot be read as numbers: {error}"


def _reason(error: Exception) -> str:
    """Quote what Python says of a thing that is not even text."""
    return f" (argument must be a string or a number: {error})" if isinstance(error, TypeError) else ""


def place(index: tuple[int, ...], names: Sequence[str] | None = None) -> str:
    """Return 'row 3, column 2 ('bmi')' for an index, counted from 0 as NumPy does."""
    text = f"row {index[0]}"
    if len(index) > 1:
        text += f", column {index[1]}"
        if names is not None:
            text += f" ({names[index[1]]!r})"
    return text


def checked_targets(y: Any, n_samples: int) -> Array:
    """Return y as a finite float array (n,) or (n, k) with a row for each row of X."""
    if y is None:
        raise InputError("y is missing: this estimator requires y to be passed, but the target y is None")
    array = as_array(y, "y")
    if array.ndim not in (1, 2) or 0 in array.shape[1:]:
        raise InputError(f"y must have shape (n_samples,) or (n_samples, n_outputs), got {array.shape}")
    if len(array) != n_samples:
        raise InputError(
            f"X and y have inconsistent numbers of samples: {n_samples} rows in X and {len(array)} in y"
        )
    array = _as_floats(array, "y")
    check_finite(array, "y")
    return np.asarray(array)


def checked_sample_weight(sample_weight: Any, n_samples: int) -> Array | None:
    """Return finite, non-negative weights (n,) with a positive sum, or None."""
    if sample_weight is None:
        return None
    array = as_array(sample_weight, "sample_weight")
    if array.ndim == 0:
        array = np.full(n_samples, array)
    if array.shape != (n_samples,):
        raise InputError(
            f"sample_weight.shape == {array.shape}, expected {(n_samples,)}: give one weight for each row"
        )
    array = _as_floats(array, "sample_weight")
    check_finite(array, "sample_weight")
    if (array < 0).any():
        row = int(np.argmax(array < 0))
        raise InputError(f"sample_weight is {array[row]} at row {row}: weights must not be negative")
    if not array.any():
        raise InputError("every sample_weight is zero: at least one record must count")
    return np.asarray(array)


def check_finite(
    array: Any,
    what: str,
    names: Sequence[str] | None = None,
    *,
    first_row: int = 0,
) -> None:
    """Raise an InputError that names the first NaN or infinity."""
    values = array.data if is_sparse(array) else array
    with np.errstate(all="ignore"):
        if np.isfinite(values.sum()):
            return
    finite = np.isfinite(values)
    if finite.all():
        return
    flat = int(np.argmin(finite))
    index: tuple[int, ...]
    if is_sparse(array):
        index = (int(np.searchsorted(array.indptr, flat, side="right")) - 1, int(array.indices[flat]))
    else:
        index = tuple(int(i) for i in np.unravel_index(flat, values.shape))
    kind = "NaN" if np.isnan(values.flat[flat]) else "infinity"
    where = place((index[0] + first_row, *index[1:]), names)
    raise InputError(f"{what} contains {kind} at {where}: drop the record or replace the cell by a number")


def checked_weights(weights: Any, n_features: int, n_outputs: int, what: str = "weights") -> Array:
    """Return weights as a float64 array (d, k), from (d,) or (d, k)."""
    array = _start(weights, what)
    if array.shape not in {(n_features, n_outputs)} | ({(n_features,)} if n_outputs == 1 else set()):
        raise InputError(
            f"{what} must have shape {(n_features, n_outputs)} (n_features, n_outputs)"
            f"{f' or {(n_features,)}' if n_outputs == 1 else ''}, got {array.shape}"
        )
    return array.reshape(n_features, n_outputs)


def checked_intercept(intercept: Any, n_outputs: int, what: str = "intercept") -> Array:
    """Return the intercept as a float64 array (k,), from a number or (k,)."""
    array = _start(intercept, what)
    if array.ndim and array.shape != (n_outputs,):
        raise InputError(f"{what} must be a number or have shape {(n_outputs,)}, got {array.shape}")
    return np.broadcast_to(array, (n_outputs,)).copy()


def _start(values: Any, what: str) -> Array:
    array = np.asarray(_as_floats(as_array(values, what), what), dtype=np.float64)
    if not np.isfinite(array).all():
        raise InputError(f"{what} contains NaN or infinity ({array.tolist()}): give finite numbers")
    return array


def checked_integer(value: Any, what: str, least: int) -> int:
    """Return an integer that is at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise InputError(f"{what} must be an integer of at least {least}, got {value!r}")
    return int(value)


def checked_positive(value: Any, what: str) -> float:
    """Return a number above 0 and finite."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0.0 < float(value) < math.inf:
        raise InputError(f"{what} must be a positive number, got {value!r}")
    return float(value)


def checked_at_least_zero(value: Any, what: str) -> float:
    """Return a number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0.0 <= float(value) < math.inf:
        raise InputError(f"{what} must be a number that is not negative, got {value!r}")
    return float(value)
