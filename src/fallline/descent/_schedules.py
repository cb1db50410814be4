"""Learning rates that change on the way, and rules that fit the step to the record.

A schedule is any callable that turns the number of steps made so far into a rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any, TypeAlias

import numpy as np

from fallline._errors import InputError
from fallline._typing import Array
from fallline.data._validate import checked_positive

LEAST_RATE = float(np.finfo(np.float64).tiny)
"""No schedule of ours runs down to zero."""
Schedule: TypeAlias = Callable[[int], float]


@dataclass(frozen=True)
class InverseScaling:
    """η_t = initial / (1 + t)^power: slow enough to arrive anywhere, fast enough to settle for ½ < power ≤ 1.

    Parameters
    ----------
    initial : float
        η of the first step.
    power : float, default 0.5

    References
    ----------
    H. Robbins and S. Monro, "A stochastic approximation method", Ann. Math. Stat. 22 (1951), 400–407.

    Examples
    --------
    >>> rate = InverseScaling(0.8, power=1.0)
    >>> rate(0), rate(3)
    (0.8, 0.2)
    """

    initial: float
    power: float = 0.5

    def __post_init__(self) -> None:
        checked_positive(self.initial, "initial")
        checked_positive(self.power, "power")

    def __call__(self, step: int) -> float:
        """Return the rate after ``step`` steps."""
        return max(float(self.initial / (1.0 + step) ** self.power), LEAST_RATE)


@dataclass(frozen=True)
class Exponential:
    """η_t = initial · factor^t.

    Parameters
    ----------
    initial : float
        η of the first step.
    factor : float
        What a step leaves of it, above 0 and at most 1.

    References
    ----------
    C. Darken, J. Chang and J. Moody, "Learning rate schedules for faster stochastic gradient search", IEEE
    Workshop on Neural Networks for Signal Processing (1992), 3–12.

    Examples
    --------
    >>> Exponential(0.8, factor=0.5)(2)
    0.2
    """

    initial: float
    factor: float

    def __post_init__(self) -> None:
        checked_positive(self.initial, "initial")
        if checked_positive(self.factor, "factor") > 1.0:
            raise InputError(
                f"factor is {self.factor!r}: a rate that grows without end diverges; give 1 at most"
            )

    def __call__(self, step: int) -> float:
        """Return the rate after ``step`` steps."""
        return max(self.initial * self.factor**step, LEAST_RATE)


@dataclass(frozen=True)
class Normalised:
    """Record by record, a step of η / (c ‖x‖²), the intercept's 1 counted: the normalised LMS rule.

    c bounds the curvature of ½ (y − f(h))² in h (1 for the identity), so no record is overshot for η < 2.

    Parameters
    ----------
    rate : float, default 0.5
        η, above 0 and below 2.

    References
    ----------
    S. Haykin, Adaptive Filter Theory, 5th ed. (2014), section 7.1, eqs. 7.12 and 7.25.

    Examples
    --------
    >>> Normalised(1.0)
    Normalised(rate=1.0)
    """

    rate: float = 0.5

    def __post_init__(self) -> None:
        if checked_positive(self.rate, "rate") >= 2.0:
            raise InputError(f"the rate of Normalised is {self.rate!r}: give less than 2, or steps overshoot")


@dataclass(frozen=True)
class ImportanceAware:
    """Record by record, for the identity: as far as infinitely many infinitesimal steps would lead.

    Δw = (1 − exp(−η s ‖x‖²)) / ‖x‖² · (y − ŷ) x, s being the record's weight: the prediction moves towards y
    and never past it, whatever η is.

    Parameters
    ----------
    rate : float, default 0.5
        η.

    References
    ----------
    N. Karampatziakis and J. Langford, "Online importance weight aware updates", UAI 2011, table 1.

    Examples
    --------
    >>> ImportanceAware(0.1)
    ImportanceAware(rate=0.1)
    """

    rate: float = 0.5

    def __post_init__(self) -> None:
        checked_positive(self.rate, "rate")


def kind_of(rate: Any) -> str:
    """Return the kind of a learning rate, as the table of methods names it; raise where it is none."""
    match rate:
        case "auto" | "armijo":
            return str(rate)
        case Normalised() | "normalised":
            return "normalised"
        case ImportanceAware() | "importance-aware":
            return "importance-aware"
        case _ if callable(rate):
            return "schedule"
        case Real() if not isinstance(rate, bool) and 0.0 < float(rate) < math.inf:
            return "number"
    raise InputError(
        f"learning_rate must be a positive number or 'auto', 'armijo', 'normalised', 'importance-aware' or a "
        f"callable that turns a step into a rate, got {rate!r}"
    )


def rate_at(schedule: Schedule, step: int) -> float:
    """Return the rate of a schedule for a step; raise where it is none."""
    return checked_positive(schedule(step), f"learning_rate for step {step}")


def rates_from(schedule: Schedule, step: int, count: int) -> Array:
    """Return the rates of the next updates."""
    if isinstance(schedule, Fixed):
        return np.full(count, schedule.rate)
    return np.array([rate_at(schedule, step + i) for i in range(count)])


@dataclass(frozen=True)
class Fixed:
    """The same rate at every step."""

    rate: float

    def __call__(self, step: int) -> float:
        """Return the rate."""
        return self.rate
