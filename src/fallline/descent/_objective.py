"""E, and what is added to it, as a function of a point in the descended coordinates: what methods work on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fallline._typing import Array
from fallline.data._blocks import Block, Source
from fallline.descent._coordinates import Coordinates
from fallline.descent._penalty import Penalty
from fallline.execution._evaluate import Engine, evaluate, sum_over_blocks
from fallline.maths._curvature import block_in_coordinates
from fallline.maths._partial import Partial
from fallline.maths._records import Layer, arithmetic_dtype
from fallline.maths.activations._activation import Activation

FAR_FROM_ZERO = 64.0
"""Standard deviations from zero beyond which float32 inputs are centred before they are multiplied."""
DEFINITE = 1e-8
"""Least ratio of the eigenvalues of a Hessian that is taken to have a bottom."""


class Evaluation(NamedTuple):
    """What one read of X tells at a point.

    Attributes
    ----------
    point : array (m,)
    error, penalty : float
        E, and what is added to it; their sum is what descends.
    gradient : array (m,)
        Of E and the smooth part of the penalty; 0 for a parameter that its bound holds back.
    gradient_norm : float
        Of the same, corners of the penalty counted: it is 0 at the bottom.
    mass : array (1 + p, k)
        Σ s f′(h)², then Σ s (∂f/∂θ)².
    curvature : array (k, m′, m′) or (0,)
        The Gauss–Newton matrix of each output, for its weights, intercept and parameters.
    """

    point: Array
    error: float
    penalty: float
    gradient: Array
    gradient_norm: float
    mass: Array
    curvature: Array

    @property
    def total(self) -> float:
        """E and the penalty together."""
        return self.error + self.penalty


@dataclass(frozen=True)
class Objective:
    """E over a source; each evaluation reads X once.

    ``low`` and ``high`` bound the parameters at the end of a point; they are infinite where nothing does.
    """

    source: Source
    activation: Activation
    coordinates: Coordinates
    penalty: Penalty
    low: Array
    high: Array
    engine: Engine[Any]

    def layer(self, point: Array) -> Layer:
        """Return the layer for raw inputs."""
        weights, intercept, theta = self.coordinates.fold(point)
        return Layer(weights, intercept, self.activation, theta)

    def within_bounds(self, point: Array) -> Array:
        """Return the nearest point whose parameters keep their bounds."""
        rest, theta = np.split(point, [len(point) - self.coordinates.n_thetas])
        return np.concatenate([rest, np.clip(theta, self.low, self.high)])

    def at(self, point: Array) -> Evaluation:
        """Evaluate E and its gradient at the folded raw weights, and pull the gradient back."""
        if self._loses_digits():
            return self._in_coordinates(point, curvature=False)
        partial = evaluate(self.source, self.layer(point), self.engine)
        return self._evaluation(
            point, partial, self.coordinates.pull(partial.weights, partial.intercept, partial.theta)
        )

    def with_curvature(self, point: Array, *, hessian: bool = False) -> Evaluation:
        """Evaluate E, its gradient and the Gauss–Newton matrices, in the coordinates themselves.

        With ``hessian`` the whole second derivatives take their place for outputs where they are positive
        definite; not for free parameters, which would need second derivatives of their own.
        """
        return self._in_coordinates(point, curvature=True, bending=hessian and not self.activation.parameters)

    def _in_coordinates(self, point: Array, *, curvature: bool, bending: bool = False) -> Evaluation:
        coordinates = self.coordinates
        weights, intercept, theta = coordinates.split(point)
        layer = Layer(weights, intercept, self.activation, theta)

        def task(block: Block) -> Partial:
            return block_in_coordinates(
                block.records,
                coordinates.apply,
                layer,
                curvature=curvature,
                fit_intercept=coordinates.fit_intercept,
                bending=bending,
            )

        partial = sum_over_blocks(task, self.source, self.engine)
        gradient = coordinates.gradient(partial.weights, partial.intercept, partial.theta)
        return self._evaluation(point, partial, gradient)

    def _evaluation(self, point: Array, partial: Partial, gradient: Array) -> Evaluation:
        error = np.inf if np.isnan(partial.error) else partial.error
        held = self._held_back(point, gradient)
        smooth = np.where(held, 0.0, gradient + self.penalty.gradient(point))
        norm = float(np.linalg.norm(self.penalty.steepest(point, smooth)))
        penalty = self.penalty.value(point)
        curvature = self._curvature(partial.curvature, held) if partial.curvature.size else partial.curvature
        return Evaluation(point, error, penalty, smooth, norm, partial.mass, curvature)

    def _curvature(self, matrices: Array, held: Array) -> Array:
        """Return the matrices for scaled parameters, with those of the penalty, without what is held back."""
        if matrices.ndim == 4:
            with_penalty = [self._curvature(part, held) for part in (matrices[0], matrices.sum(axis=0))]
            return np.array([_first_definite(*pair) for pair in zip(*reversed(with_penalty), strict=True)])
        scales = np.ones(len(held))
        scales[len(held) - self.coordinates.n_thetas :] = self.coordinates.theta_scale.ravel()
        scale = self.coordinates.by_output(np.where(held, 0.0, scales))
        matrices = matrices * scale[:, :, None] * scale[:, None, :]
        r = self.coordinates.rank
        matrices[:, :r, :r] += self.penalty.matrix
        return matrices

    def _held_back(self, point: Array, gradient: Array) -> Array:
        """Return which parameters stand at a bound beyond which E would fall."""
        held = np.zeros(len(point), dtype=bool)
        start = len(point) - self.coordinates.n_thetas
        theta, slope = point[start:], gradient[start:]
        held[start:] = ((theta <= self.low) & (slope > 0.0)) | ((theta >= self.high) & (slope < 0.0))
        return held

    def _loses_digits(self) -> bool:
        """Whether inputs are so far from zero, beside their spread, that narrow floats lose the spread."""
        narrow = arithmetic_dtype(self.source.dtype) == np.float32
        return narrow and self.coordinates.offset > FAR_FROM_ZERO


def _first_definite(hessian: Array, gauss_newton: Array) -> Array:
    """Return the Hessian where it is safely positive definite, else the matrix that is never less."""
    eigenvalues = np.linalg.eigvalsh(hessian) if np.isfinite(hessian).all() else np.zeros(1)
    return hessian if eigenvalues[0] > DEFINITE * eigenvalues[-1] else gauss_newton
