"""E as a function of a point in the descended coordinates: what every method works on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fallline._typing import Array
from fallline.data._blocks import Block, Source
from fallline.descent._coordinates import Coordinates
from fallline.execution._evaluate import Engine, evaluate, sum_over_blocks
from fallline.maths._curvature import block_in_coordinates
from fallline.maths._partial import Partial
from fallline.maths._records import Layer, arithmetic_dtype
from fallline.maths.activations._activation import Activation

FAR_FROM_ZERO = 64.0
"""Standard deviations from zero beyond which float32 inputs are centred before they are multiplied."""


class Evaluation(NamedTuple):
    """E, ∂E/∂point (r, k), Σ s f′(h)² of each output (k,), and the Gauss–Newton matrices where asked for."""

    error: float
    gradient: Array
    mass: Array
    curvature: Array

    @property
    def gradient_norm(self) -> float:
        """‖∂E/∂point‖."""
        return float(np.linalg.norm(self.gradient))


@dataclass(frozen=True)
class Objective:
    """E over a source; each evaluation reads X once."""

    source: Source
    activation: Activation
    coordinates: Coordinates
    engine: Engine[Any]

    def raw(self, point: Array) -> tuple[Array, Any]:
        """Return the raw weights and intercept of a point, in the shapes that follow y."""
        weights, intercept = self.coordinates.fold(point)
        return (weights[:, 0], float(intercept[0])) if self.source.one_output else (weights, intercept)

    def at(self, point: Array) -> Evaluation:
        """Evaluate E and its gradient at the folded raw weights, and pull the gradient back."""
        if self._loses_digits():
            return self._in_coordinates(point, curvature=False)
        layer = Layer(*self.coordinates.fold(point), self.activation)
        partial = evaluate(self.source, layer, self.engine)
        return _evaluation(partial, self.coordinates.pull(partial.weights, partial.intercept))

    def with_curvature(self, point: Array) -> Evaluation:
        """Evaluate E, its gradient and the Gauss–Newton matrices, in the coordinates themselves."""
        return self._in_coordinates(point, curvature=True)

    def _in_coordinates(self, point: Array, *, curvature: bool) -> Evaluation:
        coordinates = self.coordinates
        layer = Layer(*coordinates.split(point), self.activation)

        def task(block: Block) -> Partial:
            return block_in_coordinates(
                block.records,
                coordinates.apply,
                layer,
                curvature=curvature,
                fit_intercept=coordinates.fit_intercept,
            )

        partial = sum_over_blocks(task, self.source, self.engine)
        return _evaluation(partial, coordinates.join(partial.weights, partial.intercept))

    def _loses_digits(self) -> bool:
        """Whether inputs are so far from zero, beside their spread, that narrow floats lose the spread."""
        narrow = arithmetic_dtype(self.source.dtype) == np.float32
        return narrow and self.coordinates.offset > FAR_FROM_ZERO


def _evaluation(partial: Partial, gradient: Array) -> Evaluation:
    error = np.inf if np.isnan(partial.error) else partial.error
    return Evaluation(error, gradient, partial.mass, partial.curvature)
