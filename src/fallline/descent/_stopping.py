"""Why a descent stops: an enumeration whose members are sentences."""

from __future__ import annotations

from enum import Enum

import numpy as np

from fallline.data._targets import Targets
from fallline.descent._carry import Carry
from fallline.maths.activations._activation import Activation

EPOCHS_WITHOUT_PROGRESS = 5
EXACT_SHARE = 1e-10
"""Share of the trivial baseline's error above which no error counts as rounding."""
REACHED_AT_INFINITY = 1e-8
"""Share of the trivial baseline's error at which targets at the ends of f's range count as reached."""


class Outcome(Enum):
    """What a reason to stop means for the result."""

    BOTTOM = "the bottom was reached, as far as arithmetic and tol can tell"
    SHORT = "it stopped short of the bottom, as it was told to"
    FAILURE = "it stopped short of the bottom, and nobody asked for that"


class StopReason(Enum):
    """Why a descent stopped; ``str()`` gives the sentence."""

    CONVERGED = (
        Outcome.BOTTOM,
        "converged: the next step would lower the error by less than tol times the error",
    )
    EXACT = Outcome.BOTTOM, "converged: the predictions equal the targets to rounding"
    AT_INFINITY = (
        Outcome.BOTTOM,
        "converged: all targets lie at the ends of the activation's range and are reached to 1e-8 of the "
        "baseline's error; from here the weights would only grow without bound",
    )
    ROUNDING = Outcome.BOTTOM, "converged to rounding: no step, however short, lowers the error any further"
    NO_PROGRESS = (
        Outcome.SHORT,
        "stopped: the error has not fallen by tol times itself in five epochs; at a constant rate batches "
        "wander around the bottom, and a smaller learning_rate comes nearer",
    )
    CALLBACK = Outcome.SHORT, "stopped by a callback"
    INTERRUPTED = Outcome.SHORT, "interrupted: the state reached so far is kept"
    STUCK = (
        Outcome.FAILURE,
        "not converged: the slope says that a step lowers the error, but no step, however short, does; look "
        "at the activation and its slope",
    )
    FLAT = (
        Outcome.FAILURE,
        "not converged: f′(h) is zero for every record, so no gradient is left; start elsewhere or choose "
        "another activation",
    )
    MAX_ITER = (
        Outcome.FAILURE,
        "not converged: max_iter was reached; raise max_iter, or see whether the error still falls",
    )
    DIVERGED = Outcome.FAILURE, "diverged: the last good state is kept"

    def __init__(self, outcome: Outcome, sentence: str) -> None:
        self.outcome = outcome
        self.sentence = sentence

    def __str__(self) -> str:
        return self.sentence

    @property
    def is_converged(self) -> bool:
        """Whether the bottom was reached, as far as arithmetic and ``tol`` can tell."""
        return self.outcome is Outcome.BOTTOM

    @property
    def is_failure(self) -> bool:
        """Whether it stopped short of the bottom, and nobody asked for that."""
        return self.outcome is Outcome.FAILURE


class Stopping:
    """Tests made after every step."""

    def __init__(self, tol: float, targets: Targets, activation: Activation, eps: float) -> None:
        self.tol = tol
        self.rounding = min((4.0 * eps) ** 2 * targets.squares, EXACT_SHARE * targets.error_of_mean)
        self.noise = np.sqrt(eps)
        self.baseline = targets.error_of_mean
        self.at_infinity = _only_reached_at_infinity(targets, activation)
        self.best, self.stale = np.inf, 0

    def __call__(self, carry: Carry) -> StopReason | None:
        """Return why to stop here, or None."""
        error = carry.state.error
        if error <= self.rounding:
            return StopReason.EXACT
        if self.at_infinity and error <= REACHED_AT_INFINITY * max(self.baseline, carry.start_error):
            return StopReason.AT_INFINITY
        if "mass" not in carry.memory:
            return self._no_progress(carry)
        if not carry.memory["mass"].any():
            return StopReason.FLAT
        if carry.is_stuck:
            return StopReason.ROUNDING if carry.expected_decrease <= self.noise * error else StopReason.STUCK
        return StopReason.CONVERGED if carry.expected_decrease <= self.tol * error else None

    def _no_progress(self, carry: Carry) -> StopReason | None:
        error = carry.state.progressive_error if np.isnan(carry.state.error) else carry.state.error
        self.stale = 0 if error < (1.0 - self.tol) * self.best or np.isnan(error) else self.stale + 1
        self.best = min(self.best, error)
        return StopReason.NO_PROGRESS if self.stale >= EPOCHS_WITHOUT_PROGRESS else None


def _only_reached_at_infinity(targets: Targets, activation: Activation) -> bool:
    """Whether the lowest and highest targets are limits of f, which it reaches at infinity alone."""
    with np.errstate(all="ignore"):
        limits = activation.value(np.array([-1e300, 1e300]))
    return bool(np.isin([targets.low, targets.high], limits).all())
