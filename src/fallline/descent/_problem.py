"""What is descended, and from where: every "auto" resolved."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fallline.data._blocks import Source
from fallline.data._targets import Targets, survey
from fallline.descent import _parameters as parameters
from fallline.descent._choices import choose_method, choose_scaling
from fallline.descent._coordinates import Coordinates, find_coordinates
from fallline.descent._objective import Objective
from fallline.descent._penalty import Penalty
from fallline.descent._settings import Settings
from fallline.descent._start import Start, chosen_start
from fallline.execution._arithmetic import step_arithmetic


@dataclass(frozen=True)
class Problem:
    """What is descended, and from where: the same for every start.

    ``passes`` are the reads of X that it took to find out.
    """

    settings: Settings
    targets: Targets
    method: str
    objective: Objective
    start: Start
    passes: int


def prepare(source: Source, settings: Settings) -> Problem:
    """Resolve every "auto", and find coordinates and the start."""
    with step_arithmetic():
        targets = survey(source)
        method = choose_method(source, settings)
        theta = parameters.starting_parameters(settings, targets)
        start = chosen_start(settings, targets, theta, source.shape)
        coordinates, passes = find_coordinates(
            source,
            settings.engine,
            choose_scaling(source, settings, method),
            settings.fit_intercept,
            start.intercept,
        )
    return problem_in(coordinates, source, settings, targets, method, start, passes)


def problem_in(
    coordinates: Coordinates,
    source: Source,
    settings: Settings,
    targets: Targets,
    method: str,
    start: Start,
    passes: int,
) -> Problem:
    """Return the problem in given coordinates; parameters get units of their own unless all is raw."""
    scale = np.ones_like(start.theta)
    if settings.scaling != "none":
        scale = parameters.scales(settings.activation, start.intercept, start.theta)
    objective = _objective(source, settings, targets, replace(coordinates, theta_scale=scale))
    return Problem(settings, targets, method, objective, start, passes)


def _objective(source: Source, settings: Settings, targets: Targets, coordinates: Coordinates) -> Objective:
    strength = settings.alpha * targets.mass
    l2, l1 = strength * (1.0 - settings.l1_ratio), strength * settings.l1_ratio
    scale = coordinates.theta_scale
    low, high = (ends / scale for ends in parameters.bounds(settings, scale.shape[1]))
    return Objective(
        source,
        settings.activation,
        coordinates,
        Penalty(l2, l1, coordinates),
        low.ravel(),
        high.ravel(),
        settings.engine,
    )
