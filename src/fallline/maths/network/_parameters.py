"""Values of the free names of a formula: a number for all outputs, or one for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from fallline._errors import InputError
from fallline._typing import Array
from fallline.maths.activations._activation import Activation

Parameters: TypeAlias = dict[str, float | Array]
"""By name, in the formula's order: a float, or a float64 array (n_outputs,)."""


def parameter_values(activation: Activation, given: Any, outputs: tuple[int, ...]) -> Parameters:
    """Return a copy of the values given for the free names of an activation.

    ``outputs`` is the shape of an output, () or (n_outputs,). None stands for no values.

    Raises
    ------
    InputError
        If a name is missing or unknown, or its value is neither a number nor an array of that shape.
    """
    given = {} if given is None else given
    if not isinstance(given, Mapping):
        raise InputError(
            f"parameters is of type {type(given).__name__}: give a mapping of free names to their values"
        )
    _check_names(activation, given)
    return {name: _value(name, given[name], outputs) for name in activation.parameters}


def _check_names(activation: Activation, given: Mapping[Any, Any]) -> None:
    if missing := ", ".join(name for name in activation.parameters if name not in given):
        raise InputError(
            f"the activation {activation.name!r} has free names ({missing}) without a value: "
            "give each one in parameters"
        )
    if unknown := ", ".join(repr(name) for name in given if name not in activation.parameters):
        known = ", ".join(activation.parameters) or "none"
        raise InputError(
            f"the activation {activation.name!r} has no free names {unknown}: its free names are {known}"
        )


def _value(name: str, value: Any, outputs: tuple[int, ...]) -> float | Array:
    try:
        array = np.array(value)
    except ValueError:
        array = np.array(None)
    if array.dtype.kind not in "biuf":
        raise InputError(f"the parameter {name} is not made of numbers: give it a number")
    if array.shape not in ((), outputs):
        needed = f"a number or an array of shape {outputs}" if outputs else "a number"
        raise InputError(f"the parameter {name} has shape {array.shape}: give it {needed}")
    numbers = array.astype(np.float64)
    return numbers if numbers.ndim else float(numbers)
