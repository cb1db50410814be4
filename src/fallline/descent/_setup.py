"""From what a caller asks for to a first carry and the advance that follows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from fallline.data._blocks import Shape, Source
from fallline.data._targets import Targets, survey, warn_about
from fallline.descent._carry import Advance, Carry
from fallline.descent._coordinates import Coordinates, from_moments, raw
from fallline.descent._epochs import Epochs
from fallline.descent._full_batch import FullBatch
from fallline.descent._loop import is_out_of_bounds
from fallline.descent._objective import Objective
from fallline.descent._rates import (
    advice,
    batch_rate,
    bound_on_curvature,
    divisor_of,
    largest_eigenvalue,
    source_moments,
)
from fallline.descent._search import Constant, Halving
from fallline.descent._settings import Settings, generator
from fallline.descent._start import given_intercept, starting_point
from fallline.descent.methods._gauss_newton import GaussNewton
from fallline.descent.methods._lbfgs import LBFGS
from fallline.descent.methods._plain import Plain
from fallline.execution._arithmetic import step_arithmetic
from fallline.maths._updates import Updates
from fallline.maths.activations._activation import Activation
from fallline.maths.network._signature import Signature

CHEAP_PRODUCTS = 2e9
"""Multiplications a pass may take for matrices of products before they are no longer formed by themselves."""
CHEAP_WIDTH = 64
"""Inputs × outputs up to which they are formed however many records there are."""
CHEAP_SOLUTION = 3e8
"""Cubed inputs × outputs up to which systems with these matrices are solved."""


@dataclass(frozen=True)
class Descent:
    """A first carry, the advance that follows any carry, and the advice for when it leaves the bowl.

    Beside them what a network of it needs: its activation, and what its numbers mean.
    """

    carry: Carry
    advance: Advance
    advice: Callable[[float], str]
    targets: Targets
    activation: Activation
    signature: Signature | None


def prepare(source: Source, settings: Settings) -> Descent:
    """Resolve every "auto", find coordinates and a start, and evaluate E there."""
    with step_arithmetic():
        targets = survey(source)
        warn_about(targets, settings.activation, source.signature)
        return _prepared(source, settings, targets)


def _prepared(source: Source, settings: Settings, targets: Targets) -> Descent:
    method = choose_method(source, settings)
    coordinates, passes = find_coordinates(source, settings, method)
    objective = Objective(source, settings.activation, coordinates, settings.engine)
    rng = generator(settings.random_state)
    point = starting_point(objective, settings, targets, rng)
    advance: FullBatch | Epochs
    if settings.batch_size is None:
        advance, reads = full_batch(objective, settings, method, targets)
        carry = advance.start(point, passes + reads)
    else:
        advance, reads = epochs(objective, settings, settings.batch_size, targets)
        carry = advance.start(point, passes + reads, rng)
    if is_out_of_bounds(carry.state):
        source.raise_for_bad_values()

    def advise(rate: float) -> str:
        return advice(objective, targets, settings, rate)

    return Descent(carry, advance, advise, targets, settings.activation, source.signature)


def choose_method(source: Source, settings: Settings) -> str:
    """Return the method: for "auto", Gauss–Newton where its matrix is cheap beside reading X, else L-BFGS."""
    if settings.method != "auto":
        return settings.method
    if settings.batch_size is not None or settings.learning_rate != "auto":
        return "plain"
    return "gauss-newton" if _is_cheap(source.shape, source.shape.n_outputs) else "lbfgs"


def choose_scaling(source: Source, settings: Settings, method: str) -> str:
    """Return the scaling: for "auto", what the method needs; Gauss–Newton whitens at each pass by itself."""
    if settings.scaling != "auto":
        return settings.scaling
    return "whiten" if method != "gauss-newton" and _is_cheap(source.shape, 1) else "standard"


def _is_cheap(shape: Shape, matrices: int) -> bool:
    """Whether that many matrices of products of the inputs cost little to form and to solve."""
    n, d, _ = shape
    formed = d * matrices <= CHEAP_WIDTH or n * d * d * matrices <= CHEAP_PRODUCTS
    return formed and d**3 * matrices <= CHEAP_SOLUTION


def find_coordinates(source: Source, settings: Settings, method: str) -> tuple[Coordinates, int]:
    """Return the coordinates to descend in, and the passes that took."""
    scaling = choose_scaling(source, settings, method)
    _, d, k = source.shape
    fixed = given_intercept(settings, k)
    if scaling == "none":
        return raw(d, settings.fit_intercept, fixed), 0
    moments = source_moments(source, settings.engine, full=scaling == "whiten")
    return from_moments(scaling, moments, settings.fit_intercept, fixed), 1


def full_batch(
    objective: Objective, settings: Settings, method: str, targets: Targets
) -> tuple[FullBatch, int]:
    """Return the advance over all records, and the passes its rate took."""
    if method == "gauss-newton":
        return FullBatch(objective, GaussNewton(), Halving()), 0
    if method == "lbfgs":
        return FullBatch(objective, LBFGS(), Halving()), 0
    divisor = divisor_of(targets, settings)
    if settings.learning_rate != "auto":
        return FullBatch(objective, Plain(divisor), Constant(float(settings.learning_rate))), 0
    steepest = largest_eigenvalue(objective.source, objective.engine, objective.coordinates)
    bound = bound_on_curvature(objective.activation, targets)
    if np.isfinite(bound):
        return FullBatch(objective, Plain(divisor), Constant(divisor / (bound * steepest))), 1
    return FullBatch(objective, Plain(divisor), Halving(first=divisor / steepest, growth=2.0)), 1


def epochs(objective: Objective, settings: Settings, batch_size: int, targets: Targets) -> tuple[Epochs, int]:
    """Return the advance by epochs of updates, and the passes its rate took."""
    batch_size = min(batch_size, targets.n_records)
    rate, reads = settings.learning_rate, 0
    if rate == "auto":
        rate, reads = batch_rate(objective, targets, settings), 1
    mean_weight = targets.mean_weight if settings.reduction == "mean" else None
    updates = Updates(float(rate), batch_size, mean_weight, settings.fit_intercept)
    shuffle = True if settings.shuffle is None else settings.shuffle
    in_batches = replace(objective, source=objective.source.in_batches(batch_size))
    return Epochs(in_batches, updates, shuffle, settings.evaluate), reads
