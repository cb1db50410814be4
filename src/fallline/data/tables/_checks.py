"""What makes a table useless to learn from, though every cell of it can be read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

from fallline._errors import DataWarning, InputError, warn_caller
from fallline._typing import Array, FloatArray
from fallline.data.tables._wording import listing
from fallline.maths.network._signature import Signature

COUNTED_ROWS = 20
"""Rows from which on a column that counts them is no coincidence."""


def check_targets(table: str, y: FloatArray, signature: Signature) -> None:
    """Refuse a single row, and a target that never changes."""
    if len(y) == 1:
        raise InputError(f"{table} has 1 row to learn from: give at least 2, better 10 for each input")
    for name, values in zip(signature.output_names, np.atleast_2d(y.T), strict=True):
        if values.min() == values.max():
            raise InputError(
                f"{table}: the target {name!r} is {values[0]:g} in every row, so there is nothing to learn: "
                "choose another"
            )


def check_inputs(table: str, X: FloatArray, row_numbers: Array, signature: Signature) -> None:
    """Refuse columns that never change or hold the same as another; warn of those that count the rows."""
    columns = list(_columns(X, signature))
    for name, numbers in columns:
        if len(X) >= COUNTED_ROWS and np.array_equal(np.diff(numbers[:, 0]), np.diff(row_numbers)):
            warn_caller(f"column {name!r} counts the rows: drop it, unless their order matters", DataWarning)
    constant = [name for name, numbers in columns if (numbers == numbers[0]).all()]
    if constant:
        what = f"column {constant[0]!r} is" if len(constant) == 1 else f"columns {listing(constant)} are each"
        raise InputError(f"{table}: {what} the same in every row: drop {','.join(constant)}")
    first: dict[bytes, str] = {}
    for name, numbers in columns:
        twin = first.setdefault(hashlib.sha256(numbers.tobytes()).digest(), name)
        if twin != name:
            raise InputError(f"{table}: columns {twin!r} and {name!r} hold the same numbers: drop {name}")


def _columns(X: FloatArray, signature: Signature) -> Iterator[tuple[str, FloatArray]]:
    """Yield the name of each column and its numbers."""
    start = 0
    for column in signature.inputs:
        stop = start + len(column.feature_names)
        yield column.name, X[:, start:stop]
        start = stop
