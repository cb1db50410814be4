"""What a caller asks for, and the combinations that make no sense."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fallline._errors import InputError
from fallline.descent._coordinates import SCALINGS
from fallline.execution._evaluate import Engine
from fallline.maths.activations._activation import Activation

METHODS = ("plain", "lbfgs", "gauss-newton", "auto")
REDUCTIONS = ("mean", "sum")


@dataclass(frozen=True)
class Settings:
    """What a caller asks for; :func:`fallline.descend` describes each."""

    activation: Activation
    learning_rate: float | str
    method: str
    scaling: str
    batch_size: int | None
    reduction: str
    fit_intercept: bool
    initial_weights: Any
    initial_intercept: Any
    shuffle: bool | None
    random_state: Any
    evaluate: bool
    engine: Engine[Any]

    def __post_init__(self) -> None:
        _check_choice("method", self.method, METHODS)
        _check_choice("scaling", self.scaling, SCALINGS)
        _check_choice("reduction", self.reduction, REDUCTIONS)
        _check_rate(self.learning_rate)
        if self.batch_size is not None and self.batch_size < 1:
            raise InputError(f"batch_size must be at least 1, or None for all records, got {self.batch_size}")
        if self.batch_size is not None and self.method not in ("plain", "auto"):
            raise InputError(f"method {self.method!r} needs all records at each step: leave batch_size out")
        if self.learning_rate != "auto" and self.method in ("lbfgs", "gauss-newton"):
            raise InputError(f"method {self.method!r} finds its own step: leave learning_rate at 'auto'")


def _check_choice(what: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(f"unknown {what} {value!r}: choose one of {', '.join(map(repr, choices))}")


def _check_rate(rate: float | str) -> None:
    if rate == "auto":
        return
    if isinstance(rate, str) or not (np.isfinite(rate) and rate > 0):
        raise InputError(f"learning_rate must be a positive number or 'auto', got {rate!r}")
