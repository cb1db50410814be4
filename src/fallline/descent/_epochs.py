"""An epoch of updates: mini-batches, or record by record, in order or shuffled.

Updates follow each other, so this is no map over blocks: blocks come one after the other, and the
weights that leave one enter the next. Shuffled, blocks come at random and rows at random within
them, which keeps the rows of a block in the cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fallline._typing import Array
from fallline.data._blocks import Block
from fallline.descent._carry import Carry, State
from fallline.descent._objective import Objective
from fallline.maths._moments import dense
from fallline.maths._records import Layer, Records
from fallline.maths._updates import Updates

MOVED_BYTES = 2**21


@dataclass(frozen=True)
class Epochs:
    """The advance of mini-batch descent: a pass of updates, then (``evaluate``) a pass that measures E."""

    objective: Objective
    updates: Updates
    shuffle: bool
    evaluate: bool

    def start(self, point: Array, passes: int, rng: np.random.Generator) -> Carry:
        """Measure the start."""
        weights, intercept = self.objective.raw(point)
        error, gradient_norm, reads = self._measure(point)
        state = State(0, passes + reads, weights, intercept, error, gradient_norm, np.nan)
        return Carry(state, {"point": point}, _state_of(rng), 0, error)

    def __call__(self, carry: Carry) -> Carry:
        """Make the updates of one epoch."""
        rng = np.random.Generator(np.random.PCG64(0))
        rng.bit_generator.state = carry.rng or {}
        point, met, n_updates = carry.memory["point"], 0.0, 0
        for block in self._blocks(rng):
            n = len(block.records.y)
            order = rng.permutation(n) if self.shuffle else np.arange(n)
            point, error = self._through(block.records, order, point)
            met += error
            n_updates += -(-n // self.updates.batch_size)
        error, gradient_norm, reads = self._measure(point)
        weights, intercept = self.objective.raw(point)
        state = replace(
            carry.state,
            step=carry.state.step + n_updates,
            passes=carry.state.passes + 1 + reads,
            weights=weights,
            intercept=intercept,
            error=error,
            gradient_norm=gradient_norm,
            learning_rate=self.updates.rate,
            progressive_error=met,
        )
        return carry._replace(state=state, memory={"point": point}, rng=_state_of(rng))

    def _blocks(self, rng: np.random.Generator) -> Iterator[Block]:
        source = self.objective.source
        if not self.shuffle:
            return source.blocks()
        return (next(source.blocks(start)) for start in rng.permutation(source.n_blocks))

    def _through(self, records: Records, order: Array, point: Array) -> tuple[Array, float]:
        coordinates, met = self.objective.coordinates, 0.0
        layer = Layer(*coordinates.split(point), self.objective.activation)
        if coordinates.is_raw:
            layer, met = self.updates.through(records, order, layer)
        else:
            for rows in self._rows_at_a_time(order, records.X.shape[1]):
                some = records.rows(rows)
                moved = some._replace(X=coordinates.apply(dense(some.X)))
                layer, error = self.updates.through(moved, np.arange(len(rows)), layer)
                met += error
        return coordinates.join(layer.weights, layer.intercept), met

    def _rows_at_a_time(self, order: Array, n_features: int) -> Iterator[Array]:
        """Cut an order into whole batches few enough to be moved into the coordinates at once."""
        batch = self.updates.batch_size
        size = max(1, MOVED_BYTES // (8 * n_features * batch)) * batch
        return (order[start : start + size] for start in range(0, len(order), size))

    def _measure(self, point: Array) -> tuple[float, float, int]:
        """Return E, the norm of its gradient, and the passes that took."""
        if not self.evaluate:
            return np.nan, np.nan, 0
        evaluation = self.objective.at(point)
        return evaluation.error, evaluation.gradient_norm, 1


def _state_of(rng: np.random.Generator) -> dict[str, Any]:
    return dict(rng.bit_generator.state)
