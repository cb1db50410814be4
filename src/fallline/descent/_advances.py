"""The advance of a problem: its method with the rate that goes with it, over all records or in batches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fallline._errors import InputError
from fallline.descent._epochs import Epochs
from fallline.descent._full_batch import FullBatch
from fallline.descent._penalty import Penalty
from fallline.descent._problem import Problem
from fallline.descent._rates import (
    batch_rate,
    bound_on_curvature,
    divisor_of,
    stable_limit,
    usual_curvature,
)
from fallline.descent._schedules import Fixed, ImportanceAware, Normalised, Schedule, kind_of
from fallline.descent._search import Halving, Scheduled, Search
from fallline.descent.methods._adam import Adam
from fallline.descent.methods._gauss_newton import GaussNewton
from fallline.descent.methods._lbfgs import LBFGS
from fallline.descent.methods._method import Method
from fallline.descent.methods._momentum import Momentum
from fallline.descent.methods._nesterov import Nesterov
from fallline.descent.methods._plain import Plain
from fallline.maths._updates import FIXED, IMPORTANCE_AWARE, NORMALISED, Updates

USUAL_ADAM_RATE = 0.001


def full_batch(problem: Problem) -> tuple[FullBatch, int]:
    """Return the advance over all records, and the passes its rate took."""
    objective, divisor = problem.objective, divisor_of(problem.targets, problem.settings)
    coordinates, penalty = objective.coordinates, objective.penalty
    if problem.method == "gauss-newton":
        return FullBatch(
            objective, GaussNewton(coordinates, penalty, objective.within_bounds), Halving(growth=2.0)
        ), 0
    if problem.method == "lbfgs":
        return FullBatch(objective, LBFGS(coordinates), Halving()), 0
    search, reads = _search(problem, divisor)
    return FullBatch(objective, _by_rate(problem.method, divisor, penalty), search), reads


def _by_rate(method: str, divisor: float, penalty: Penalty) -> Method:
    """Return a method that goes by a learning rate."""
    if method == "adam":
        return Adam(divisor)
    if method == "momentum":
        return Momentum(divisor, penalty)
    return Nesterov(divisor, penalty) if method == "nesterov" else Plain(divisor, penalty)


def _search(problem: Problem, divisor: float) -> tuple[Search, int]:
    """Return how such a method chooses its rate over all records, and the passes that took."""
    rate, kind = problem.settings.learning_rate, kind_of(problem.settings.learning_rate)
    if kind == "number":
        return Scheduled(Fixed(float(rate))), 0
    if kind == "schedule":
        return Scheduled(rate), 0
    bound = bound_on_curvature(problem.objective.activation, problem.targets)
    if kind == "auto" and np.isfinite(bound):
        limit, reads = stable_limit(problem.objective, bound, divisor)
        return Scheduled(Fixed(limit / 2.0)), reads
    if problem.method != "plain":
        raise InputError(
            f"{problem.objective.activation.name} has no rate that is guaranteed for method "
            f"{problem.method!r}: give learning_rate as a number, or choose another method"
        )
    limit, reads = stable_limit(problem.objective, usual_curvature(problem), divisor)
    return Halving(first=limit / 2.0, growth=2.0, most=np.inf), reads


def epochs(problem: Problem, batch_size: int) -> tuple[Epochs, int]:
    """Return the advance by epochs of updates, and the passes its rate took."""
    objective, targets, settings = problem.objective, problem.targets, problem.settings
    batch_size = min(batch_size, targets.n_records)
    schedule, rule, reads = _schedule(problem)
    by_mean = settings.reduction == "mean"
    penalty = objective.penalty
    share = (1.0 if by_mean else targets.mean_weight) / targets.mass
    of_record = replace(penalty, l2=penalty.l2 * share, l1=penalty.l1 * share)
    T = objective.coordinates.transform
    l1, l2 = (
        np.ascontiguousarray(strength) if penalised else np.zeros(0)
        for penalised, strength in (
            (penalty.l1 and T.ndim == 1, of_record.l1 * np.abs(T)),
            (penalty.l2 and T.ndim == 1, of_record.l2 * T * T),
        )
    )
    updates = Updates(
        batch_size,
        targets.mean_weight if by_mean else 0.0,
        settings.fit_intercept,
        rule,
        objective.coordinates.theta_scale,
        l1,
        l2,
    )
    smooth = replace(of_record, l1=0.0)
    method = _by_rate(problem.method, 1.0, smooth)
    shuffle = True if settings.shuffle is None else settings.shuffle
    in_batches = replace(objective, source=objective.source.in_batches(batch_size))
    return Epochs(in_batches, method, of_record, updates, schedule, shuffle, settings.evaluate), reads


def _schedule(problem: Problem) -> tuple[Schedule, int, int]:
    """Return the rate of each update, the rule it goes by, and the passes that took."""
    rate = problem.settings.learning_rate
    match kind_of(rate):
        case "auto" if problem.method == "adam":
            return Fixed(USUAL_ADAM_RATE), FIXED, 0
        case "auto":
            usual = batch_rate(problem)
            slowed = 1.0 - Momentum.share if problem.method != "plain" else 1.0
            return Fixed(slowed * usual), FIXED, 1
        case "normalised":
            rule = rate if isinstance(rate, Normalised) else Normalised()
            bound = bound_on_curvature(problem.objective.activation, problem.targets)
            if not np.isfinite(bound):
                name = problem.objective.activation.name
                raise InputError(f"{name} has no bound on its curvature: give learning_rate as a number")
            return Fixed(rule.rate / bound), NORMALISED, 0
        case "importance-aware":
            aware = rate if isinstance(rate, ImportanceAware) else ImportanceAware()
            return Fixed(aware.rate), IMPORTANCE_AWARE, 0
        case "number":
            return Fixed(float(rate)), FIXED, 0
    return rate, FIXED, 0
