"""What a caller asks for, and the combinations that make no sense."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fallline._errors import InputError
from fallline.data._validate import checked_at_least_zero, checked_integer
from fallline.descent._coordinates import SCALINGS
from fallline.descent._schedules import kind_of
from fallline.execution._evaluate import Engine
from fallline.maths.activations._activation import Activation

REDUCTIONS = ("mean", "sum")
FULL_BATCH = {
    "plain": ("auto", "number", "schedule", "armijo"),
    "momentum": ("auto", "number", "schedule"),
    "nesterov": ("auto", "number", "schedule"),
    "lbfgs": ("auto",),
    "gauss-newton": ("auto",),
}
"""The kinds of learning rate that go with each method where a step takes all records."""
BATCHES = {
    "plain": ("auto", "number", "schedule", "normalised", "importance-aware"),
    "momentum": ("auto", "number", "schedule"),
    "nesterov": ("auto", "number", "schedule"),
    "adam": ("auto", "number", "schedule"),
}
"""The same where a step takes a batch of them."""
METHODS = tuple({**FULL_BATCH, **BATCHES, "auto": ()})
FINDS_ITS_STEP = ("lbfgs", "gauss-newton")
"""Methods that need no learning rate."""
SPARSE = ("plain", "nesterov", "gauss-newton")
"""Methods that know corners, and so lead to weights of exactly zero."""


@dataclass(frozen=True)
class Settings:
    """What a caller asks for; :func:`fallline.descend` describes each."""

    activation: Activation
    learning_rate: Any
    method: str
    scaling: str
    batch_size: int | None
    reduction: str
    fit_intercept: bool
    initial_weights: Any
    initial_intercept: Any
    initial_parameters: Mapping[str, Any] | None
    parameter_bounds: Mapping[str, Any] | None
    shared_parameters: bool
    alpha: float
    l1_ratio: float
    shuffle: bool | None
    random_state: Any
    evaluate: bool
    engine: Engine[Any]

    def __post_init__(self) -> None:
        _check_choice("method", self.method, METHODS)
        _check_choice("scaling", self.scaling, SCALINGS)
        _check_choice("reduction", self.reduction, REDUCTIONS)
        for name in ("fit_intercept", "shared_parameters"):
            if not isinstance(getattr(self, name), (bool, np.bool_)):
                raise InputError(f"{name} must be True or False, got {getattr(self, name)!r}")
        if self.batch_size is not None:
            checked_integer(self.batch_size, "batch_size", 1)
        checked_at_least_zero(self.alpha, "alpha")
        if checked_at_least_zero(self.l1_ratio, "l1_ratio") > 1.0:
            raise InputError(f"l1_ratio is the share of the ℓ₁ part, from 0 to 1, got {self.l1_ratio!r}")
        _check_pair(self)
        if self.is_sparse:
            _check_sparse(self)

    @property
    def is_sparse(self) -> bool:
        """Whether the penalty has corners."""
        return self.alpha > 0.0 and self.l1_ratio > 0.0

    @property
    def own_method(self) -> str:
        """The method, "plain" for "auto" where a rate or batches ask for it."""
        if self.method == "auto" and (self.batch_size is not None or self.learning_rate != "auto"):
            return "plain"
        return self.method


def _check_pair(settings: Settings) -> None:
    """Refuse a method with a learning rate that does not go with it."""
    kind, method = kind_of(settings.learning_rate), settings.own_method
    if method == "auto":
        return
    in_batches = settings.batch_size is not None
    table = BATCHES if in_batches else FULL_BATCH
    if method not in table:
        change = "leave batch_size out" if in_batches else "give a batch_size"
        records = "all records" if in_batches else "batches of records"
        raise InputError(f"method {method!r} needs {records} at each step: {change}")
    if kind not in table[method]:
        if table[method] == ("auto",):
            raise InputError(f"method {method!r} finds its own step: leave learning_rate at 'auto'")
        needs = "a batch_size of 1" if kind in BATCHES["plain"] else "all records at each step"
        others = [name for name, kinds in table.items() if kind in kinds]
        advice = f"choose method {' or '.join(map(repr, others))}" if others else f"it needs {needs}"
        raise InputError(f"a learning rate of the kind {kind!r} does not go with method {method!r}: {advice}")
    if kind in ("normalised", "importance-aware") and settings.batch_size != 1:
        raise InputError(f"the learning rate {kind!r} is for one record a step: give batch_size=1")
    if kind in ("normalised", "importance-aware") and settings.alpha > 0.0:
        raise InputError(f"the learning rate {kind!r} knows no penalty: give a number, or leave alpha out")
    if kind == "importance-aware" and settings.activation != Activation("identity"):
        raise InputError("the learning rate 'importance-aware' is for the identity: choose 'normalised'")


def _check_sparse(settings: Settings) -> None:
    """Refuse what an ℓ₁ penalty cannot go with: it is a sum over inputs, not over mixtures of them."""
    if settings.scaling == "whiten":
        raise InputError(
            "an ℓ₁ penalty needs coordinates that are inputs: choose scaling 'standard' or 'none'"
        )
    if settings.method not in (*SPARSE, "auto"):
        raise InputError(f"an ℓ₁ penalty goes with {', '.join(SPARSE)}, not with method {settings.method!r}")
    if settings.shared_parameters:
        raise InputError("an ℓ₁ penalty needs parameters of each output: leave shared_parameters out")


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
