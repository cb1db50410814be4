"""An epoch of updates: mini-batches, or record by record, in order or shuffled.

Updates follow each other, so this is no map over blocks: blocks come one after the other, and the
weights that leave one enter the next. Shuffled, blocks come at random and rows at random within
them, which keeps the rows of a block in the cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fallline._typing import Array
from fallline.data._blocks import Block
from fallline.descent._carry import Carry, Memory, State
from fallline.descent._objective import Evaluation, Objective
from fallline.descent._penalty import Penalty
from fallline.descent._schedules import Schedule, rates_from
from fallline.descent._states import state_at
from fallline.descent.methods._method import Method
from fallline.descent.methods._plain import Plain
from fallline.maths._gradient import tile_gradient
from fallline.maths._moments import dense
from fallline.maths._records import Layer, Records
from fallline.maths._updates import Updates

MOVED_BYTES = 2**21


@dataclass(frozen=True)
class Epochs:
    """The advance of mini-batch descent: a pass of updates, then (``evaluate``) a pass that measures E.

    ``penalty`` is the part of the penalty that goes with one record.
    """

    objective: Objective
    method: Method
    penalty: Penalty
    updates: Updates
    schedule: Schedule
    shuffle: bool
    evaluate: bool

    def start(self, point: Array, passes: int, rng: np.random.Generator) -> Carry:
        """Measure the start."""
        state = self._state(point, step=0, passes=passes)
        return Carry(state, {"point": point}, _state_of(rng), 0, state.objective)

    def __call__(self, carry: Carry) -> Carry:
        """Make the updates of one epoch."""
        rng = np.random.Generator(np.random.PCG64(0))
        rng.bit_generator.state = carry.rng or {}
        memory, step, met, rates = carry.memory, carry.state.step, 0.0, np.array([np.nan])
        for block in self._blocks(rng):
            n = len(block.records.y)
            order = rng.permutation(n) if self.shuffle else np.arange(n)
            rates = rates_from(self.schedule, step, -(-n // self.updates.batch_size))
            memory, error = self._through(block.records, order, memory, rates)
            met, step = met + error, step + len(rates)
        state = self._state(
            memory["point"],
            step=step,
            passes=carry.state.passes + 1,
            learning_rate=float(rates[-1]),
            progressive_error=met,
            step_size=float(np.linalg.norm(memory["point"] - carry.memory["point"])),
        )
        return carry._replace(state=state, memory=memory, rng=_state_of(rng))

    def seen(self, point: Array) -> Evaluation:
        """Read X once, for E at a point."""
        return self.objective.at(point)

    def _blocks(self, rng: np.random.Generator) -> Iterator[Block]:
        source = self.objective.source
        if not self.shuffle:
            return source.blocks()
        return (next(source.blocks(start)) for start in rng.permutation(source.n_blocks))

    def _through(self, records: Records, order: Array, memory: Memory, rates: Array) -> tuple[Memory, float]:
        """Return the memory after the updates of a block, and the error met."""
        coordinates, met = self.objective.coordinates, 0.0
        if coordinates.is_raw:
            return self._updated(records, order, memory, rates)
        batch = self.updates.batch_size
        for rows in self._rows_at_a_time(order, records.X.shape[1]):
            some = records.rows(rows)
            moved = some._replace(X=coordinates.apply(dense(some.X)))
            n = -(-len(rows) // batch)
            memory, error = self._updated(moved, np.arange(len(rows)), memory, rates[:n])
            met, rates = met + error, rates[n:]
        return memory, met

    def _rows_at_a_time(self, order: Array, n_features: int) -> Iterator[Array]:
        """Cut an order into whole batches few enough to be moved into the coordinates at once."""
        batch = self.updates.batch_size
        size = max(1, MOVED_BYTES // (8 * n_features * batch)) * batch
        return (order[start : start + size] for start in range(0, len(order), size))

    def _updated(self, records: Records, order: Array, memory: Memory, rates: Array) -> tuple[Memory, float]:
        """Return the same for records in the coordinates: compiled where there is code for it."""
        layer = self._layer(memory["point"])
        if not self._is_simple() or not self.updates.can_take(records, layer):
            return self._by_method(records, order, memory, rates)
        layer, met = self.updates.through(records, order, layer, rates)
        return {"point": self.objective.coordinates.join(layer.weights, layer.intercept, layer.theta)}, met

    def _is_simple(self) -> bool:
        """Whether the compiled updates know all that is asked for: no bounds, no penalty across inputs."""
        bounded = np.isfinite([self.objective.low, self.objective.high]).any()
        apart = self.objective.coordinates.is_diagonal or not self.penalty.l2
        return isinstance(self.method, Plain) and not bounded and apart

    def _by_method(
        self, records: Records, order: Array, memory: Memory, rates: Array
    ) -> tuple[Memory, float]:
        """Do it batch by batch in NumPy: any method, CSR, Fortran order, Python functions, bounds."""
        met, batch = 0.0, self.updates.batch_size
        for rate, start in zip(rates.tolist(), range(0, len(order), batch), strict=True):
            rows = records.rows(order[start : start + batch])
            length = self._length(rows, rate)
            penalised = length * len(rows.y) * (self.updates.mean_weight or 1.0)
            at = self._of_batch(rows, memory["point"], length / rate, penalised / rate)
            point = self.penalty.shrunk(self.method.propose(at, memory, rate), penalised)
            point = self.objective.within_bounds(point)
            memory = {**self.method.remember(at, memory, rate, at._replace(point=point)), "point": point}
            met += at.error
        return memory, met

    def _length(self, batch: Records, rate: float) -> float:
        """Return what multiplies Σ s δ x of a batch."""
        s = 1.0 if batch.sample_weight is None else float(batch.sample_weight[0])
        return self.updates.length(dense(batch.X[:1])[0], s, rate, len(batch.y))

    def _of_batch(self, batch: Records, point: Array, length: float, penalised: float) -> Evaluation:
        """Return error and gradient of a batch, of which a step takes these multiples."""
        dtype = batch.arithmetic_dtype
        layer = self._layer(point).astype(dtype)
        partial, _ = tile_gradient(batch._replace(X=batch.X.astype(dtype)), layer)
        gradient = self.objective.coordinates.gradient(partial.weights, partial.intercept, partial.theta)
        return Evaluation(
            point,
            partial.error,
            0.0,
            length * gradient + penalised * self.penalty.gradient(point),
            np.nan,
            partial.mass,
            partial.curvature,
        )

    def _layer(self, point: Array) -> Layer:
        weights, intercept, theta = self.objective.coordinates.split(point)
        return Layer(weights, intercept, self.objective.activation, theta)

    def _state(self, point: Array, *, passes: int, **shown: Any) -> State:
        """Return the state at a point, E measured in one more pass if that is wanted."""
        if self.evaluate:
            return state_at(self.objective, self.seen(point), passes=passes + 1, **shown)
        nothing = np.zeros(0)
        unseen = Evaluation(point, np.nan, 0.0, nothing, np.nan, nothing, nothing)
        return state_at(self.objective, unseen, passes=passes, **shown)


def _state_of(rng: np.random.Generator) -> dict[str, Any]:
    return dict(rng.bit_generator.state)
