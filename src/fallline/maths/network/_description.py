"""What a model file says of a network beside its numbers: canonical JSON, in both directions."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, get_args

import numpy as np

from fallline._errors import InputError
from fallline._typing import Array
from fallline.maths.network._network import SingleLayer
from fallline.maths.network._parameters import Parameters
from fallline.maths.network._signature import Column, Kind, Signature

FORMAT = 1
WRITERS = ("fallline", "numpy")
"""Packages whose versions are noted."""


def described(network: SingleLayer) -> dict[str, Any]:
    """Return the description of a network, as JSON will give it back."""
    signature = network.signature
    no_columns = dict.fromkeys(("inputs", "targets", "class_targets"))
    content: dict[str, Any] = {
        "format": FORMAT,
        "activation": network.activation.spec,
        "parameters": _finite(network.parameters),
        "training": network.training,
    }
    content |= no_columns if signature is None else asdict(signature)
    return {name: _plain(value) for name, value in content.items()}


def canonical(network: SingleLayer, versions: Mapping[str, str], checksum: str) -> str:
    """Return the one text, in ASCII, that describes a network."""
    content = described(network) | {"versions": versions, "sha256": checksum}
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def network_of(text: str, weights: Array, intercept: Array) -> SingleLayer:
    """Return the network of a description and its numbers.

    Raises
    ------
    InputError
        If the text is not canonical: written otherwise, or with more or less in it.
    ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError
        If it is no description.
    """
    content = json.loads(text)
    network = SingleLayer(
        weights,
        intercept,
        content["activation"],
        parameters=content["parameters"],
        signature=_signature(content),
        training=content["training"],
    )
    versions = {name: _string(content["versions"][name]) for name in WRITERS}
    if canonical(network, versions, content["sha256"]) != text:
        raise InputError("its description is not written as fallline writes it")
    return network


def _finite(parameters: Parameters) -> dict[str, Any]:
    """Return numbers and lists of numbers, or refuse what is not finite."""
    for name, value in parameters.items():
        if not np.isfinite(value).all():
            raise InputError(f"the parameter {name} is not finite")
    return {name: np.asarray(value).tolist() for name, value in parameters.items()}


def _plain(value: Any) -> Any:
    """Return what JSON has for a value: null for a number that is not finite."""
    match value:
        case np.generic():
            return _plain(value.item())
        case Mapping() if all(isinstance(key, str) for key in value):
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case float() if not math.isfinite(value):
            return None
        case None | str() | int() | float():
            return value
    kind = type(value).__name__
    raise InputError(f"a file holds text, numbers, lists and mappings by name, and no {kind}")


def _signature(content: Mapping[str, Any]) -> Signature | None:
    if content["inputs"] is None:
        return None
    low, high = content["class_targets"]
    if not (math.isfinite(low) and math.isfinite(high)):
        raise InputError("a class target is not finite")
    inputs, targets = (tuple(map(_column, content[name])) for name in ("inputs", "targets"))
    return Signature(inputs, targets, (low, high))


def _column(column: Mapping[str, Any]) -> Column:
    if column["kind"] not in get_args(Kind):
        raise InputError("a column is of no known kind")
    return Column(_string(column["name"]), column["kind"], tuple(map(_string, column["categories"])))


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise InputError("something else than text stands where text belongs")
    return value
