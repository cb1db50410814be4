"""What a caller asks for, and the combinations that make no sense."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from fallline._errors import InputError
from fallline.data._validate import checked_integer
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
        if not isinstance(self.fit_intercept, (bool, np.bool_)):
            raise InputError(f"fit_intercept must be True or False, got {self.fit_intercept!r}")
        if self.batch_size is not None:
            checked_integer(self.batch_size, "batch_size", 1)
        if self.batch_size is not None and self.method not in ("plain", "auto"):
            raise InputError(f"method {self.method!r} needs all records at each step: leave batch_size out")
        if self.learning_rate != "auto" and self.method in ("lbfgs", "gauss-newton"):
            raise InputError(f"method {self.method!r} finds its own step: leave learning_rate at 'auto'")


def generator(random_state: Any) -> np.random.Generator:
    """Return a PCG64 generator, whose state a carry can hold; None is seed 0."""
    seed = 0 if random_state is None else random_state
    if isinstance(random_state, np.random.Generator):
        if isinstance(random_state.bit_generator, np.random.PCG64):
            return random_state
        seed = int(random_state.integers(2**63))
    elif isinstance(random_state, np.random.RandomState):
        seed = int(random_state.randint(2**31))
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError):
        raise InputError(
            f"random_state must be a non-negative integer, a Generator or None, got {random_state!r}"
        ) from None


def _check_choice(what: str, value: str, choices: tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in choices:
        raise InputError(f"unknown {what} {value!r}: choose one of {', '.join(map(repr, choices))}")


def _check_rate(rate: float | str) -> None:
    if isinstance(rate, str) and rate == "auto":
        return
    if not isinstance(rate, Real) or not 0.0 < rate < math.inf:
        raise InputError(f"learning_rate must be a positive number or 'auto', got {rate!r}")
