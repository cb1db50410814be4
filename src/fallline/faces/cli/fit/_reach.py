"""Targets that an activation cannot reach."""

from __future__ import annotations

import math

import numpy as np

from fallline._errors import InputError
from fallline._typing import Array
from fallline.data.tables._source import TableSource
from fallline.maths.activations._activation import Activation

ROOM = 1.05
"""Share by which a suggested activation reaches beyond the largest target."""


def check_reach(source: TableSource, activation: Activation) -> None:
    """Refuse a target that the activation cannot reach, and say which row has it."""
    low, high = activation.range
    y = source.y.reshape(len(source.y), -1)
    beyond = (y < low) | (y > high)
    if not beyond.any():
        return
    row, output = (int(index) for index in np.argwhere(beyond)[0])
    column = source.signature.output_names[output]
    raise InputError(
        f"{source.table}, row {source.row_numbers[row]}, column {column!r} holds {y[row, output]:g}, but "
        f"{activation.name} reaches from {low:g} to {high:g} only: {_advice(activation, y)}"
    )


def _advice(activation: Activation, y: Array) -> str:
    low, high = activation.range
    if activation.formula is not None and 0.0 < high < math.inf:
        factor = float(f"{ROOM * np.abs(y).max() / high:.2g}")
        if factor * low <= y.min():
            return f"choose an activation that reaches it, such as '{factor:g}*{_as_call(activation)}'"
    return "choose an activation that reaches it, or rescale the target"


def _as_call(activation: Activation) -> str:
    return f"{activation.name}(h)" if activation.name.isidentifier() else f"({activation.formula})"
