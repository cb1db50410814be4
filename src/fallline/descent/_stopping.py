"""Why a descent stops: an enumeration whose members are sentences, and the tests made after every step."""

from __future__ import annotations

from enum import Enum

import numpy as np

from fallline.descent._carry import Carry, Watch
from fallline.descent._choices import is_cheap
from fallline.descent._problem import Problem
from fallline.descent.methods._gauss_newton import GaussNewton
from fallline.execution._arithmetic import step_arithmetic
from fallline.maths._records import arithmetic_dtype

EPOCHS_WITHOUT_PROGRESS = 5
EXACT_SHARE = 1e-10
"""Share of the trivial baseline's error above which no error counts as rounding."""
REACHED_AT_INFINITY = 1e-8
"""Share of the trivial baseline's error at which targets at the ends of f's range count as reached."""

CONFIRMED = 10.0
"""Multiple of tol that Gauss–Newton may still promise where another method has stopped."""


class Outcome(Enum):
    """What a reason to stop means for the result."""

    BOTTOM = "the bottom was reached, as far as arithmetic and tol can tell"
    SHORT = "it stopped short of the bottom, as it was told to"
    FAILURE = "it stopped short of the bottom, and nobody asked for that"


class StopReason(Enum):
    """Why a descent stopped; ``str()`` gives the sentence."""

    CONVERGED = (
        Outcome.BOTTOM,
        "converged: the steps to come would lower the error by less than tol times the error",
    )
    LEVEL = Outcome.BOTTOM, "converged: the norm of the gradient is at most gtol"
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
    VALIDATION = (
        Outcome.SHORT,
        "stopped early: the error of the held-out records has stopped falling; the weights at which it was "
        "least are kept",
    )
    CALLBACK = Outcome.SHORT, "stopped by a callback"
    INTERRUPTED = Outcome.SHORT, "interrupted: the state reached so far is kept"
    MAX_PASSES = Outcome.SHORT, "stopped: max_passes was reached"
    MAX_TIME = Outcome.SHORT, "stopped: max_time was reached"
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
    SATURATED = (
        Outcome.FAILURE,
        "not converged: f′(h) is nearly zero for most records, and so is what they add to the gradient; "
        "start nearer to 0 or scale the inputs",
    )
    SEPARABLE = (
        Outcome.FAILURE,
        "not converged: the classes can be separated without error, so the error falls for ever as the "
        "weights grow; add a penalty (alpha) or take the weights as they are",
    )
    MINIMUM_AT_INFINITY = (
        Outcome.FAILURE,
        "not converged: some records are fitted ever better as the weights grow, so the bottom lies at "
        "infinity; add a penalty (alpha) or take the weights as they are",
    )
    POLE = (
        Outcome.FAILURE,
        "not converged: the activation has a pole among the net inputs of the records, which no descent "
        "crosses; start on the other side of it (initial_weights, initial_intercept)",
    )
    COLLINEAR = (
        Outcome.FAILURE,
        "not converged: inputs nearly collinear; choose scaling='whiten' or method='gauss-newton'",
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
    """Tests made after every step; what falls is E and the penalty."""

    def __init__(self, problem: Problem, tol: float, gtol: float) -> None:
        targets = problem.targets
        eps = float(np.finfo(arithmetic_dtype(problem.objective.source.dtype)).eps)
        self.tol, self.gtol = tol, gtol
        self.rounding = min((4.0 * eps) ** 2 * targets.squares, EXACT_SHARE * targets.error_of_mean)
        self.noise = np.sqrt(eps)
        self.baseline = targets.error_of_mean
        self.at_infinity = reaches_only_at_infinity(problem)
        self.problem = problem

    def watched(self, carry: Carry) -> tuple[StopReason | None, Watch]:
        """Return why to stop here, or None, and what there was to see."""
        watch = self._with_lowest(carry)
        reason = self._reason(carry, watch)
        if reason is StopReason.CONVERGED and self._needs_confirmation():
            if carry.state.step < watch.confirm_from:
                return None, watch
            watch = watch._replace(reads=watch.reads + 1)
            if not self._is_confirmed(carry):
                # as many steps again are made before the next question as before this one
                return None, watch._replace(confirm_from=2 * carry.state.step + 1)
        return reason, watch

    def _reason(self, carry: Carry, watch: Watch) -> StopReason | None:
        state = carry.state
        total = state.objective
        if total <= self.rounding:
            return StopReason.EXACT
        if self.at_infinity and total <= REACHED_AT_INFINITY * max(self.baseline, carry.start):
            return StopReason.AT_INFINITY
        if 0.0 < self.gtol >= state.gradient_norm:
            return StopReason.FLAT if self._is_flat(carry) else StopReason.LEVEL
        if "mass" not in carry.memory:
            return self._no_progress(watch)
        if self._is_flat(carry):
            return StopReason.FLAT
        if carry.is_stuck:
            return StopReason.ROUNDING if carry.expected_decrease <= self.noise * total else StopReason.STUCK
        if carry.remaining_decrease() <= self.tol * total:
            return StopReason.CONVERGED
        return None

    def _needs_confirmation(self) -> bool:
        """Whether Gauss–Newton is to be asked, too: not where its matrix costs more than reading X.

        Other methods take a narrow valley, along which they creep, for the bottom.
        """
        shape = self.problem.objective.source.shape
        return self.problem.method != "gauss-newton" and is_cheap(shape, shape.n_outputs)

    def _is_confirmed(self, carry: Carry) -> bool:
        """Whether Gauss–Newton sees nothing left to gain either, in one more pass."""
        objective = self.problem.objective
        with step_arithmetic():
            at = objective.with_curvature(carry.memory["point"])
            method = GaussNewton(objective.coordinates, objective.penalty, objective.within_bounds)
            bottom = method.propose(at, {}, 1.0)
        sharp = objective.penalty.sharp
        promised = -np.vdot(at.gradient, bottom - at.point) - sharp(bottom) + sharp(at.point)
        return bool(promised <= CONFIRMED * self.tol * at.total)

    def _is_flat(self, carry: Carry) -> bool:
        return "mass" in carry.memory and not carry.memory["mass"][0].any()

    def _no_progress(self, watch: Watch) -> StopReason | None:
        lowest = watch.lowest
        is_level = len(lowest) > EPOCHS_WITHOUT_PROGRESS and lowest[-1] >= (1.0 - self.tol) * lowest[0]
        return StopReason.NO_PROGRESS if is_level else None

    def _with_lowest(self, carry: Carry) -> Watch:
        """Return what was seen, with the least error met up to this epoch."""
        state, watch = carry.state, carry.watch
        error = state.progressive_error if np.isnan(state.error) else state.objective
        if "mass" in carry.memory or np.isnan(error) or watch.step == state.step:
            return watch
        least = min(*watch.lowest[-1:], error, np.inf)
        return watch._replace(lowest=(*watch.lowest[-EPOCHS_WITHOUT_PROGRESS:], least))


def reaches_only_at_infinity(problem: Problem) -> bool:
    """Whether the lowest and highest targets are limits of f, which it reaches at infinity alone."""
    activation, targets = problem.objective.activation, problem.targets
    if activation.parameters:
        return False
    with np.errstate(all="ignore"):
        limits = activation.value(np.array([-1e300, 1e300]))
    return bool(np.isin([targets.low, targets.high], limits).all())
