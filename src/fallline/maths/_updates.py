"""Updates record by record or batch by batch, compiled: w ← w + η Σ δ x, each from where the last one led."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from fallline._typing import Array
from fallline.maths._block import read_only, rows_for_kernels, targets_for_kernels
from fallline.maths._records import NO_THETA, Layer, Records

FIXED, NORMALISED, IMPORTANCE_AWARE = range(3)
"""How long a step is: η, or η / ‖x‖², or as far as infinitely many small steps would lead."""


@dataclass(frozen=True)
class Updates:
    """How the rows of a block are turned into updates.

    With ``mean_weight`` a step's gradient is divided by its records × that mean sample weight
    (reduction "mean"); with 0 it is taken as it is (reduction "sum"). Free parameters are descended in
    units of ``theta_scale``. ``l1`` and ``l2`` (d,) are the
    strengths of the penalty beside the error of one record; empty arrays are none.
    """

    batch_size: int
    mean_weight: float
    fit_intercept: bool
    rule: int = FIXED
    theta_scale: Array = field(default_factory=lambda: NO_THETA)
    l1: Array = field(default_factory=lambda: np.zeros(0))
    l2: Array = field(default_factory=lambda: np.zeros(0))

    def length(self, x: Array, s: float, rate: float, n_records: int) -> float:
        """Return what multiplies Σ s δ x of a batch whose first record is x."""
        from fallline.maths._kernels import length_of_step

        square = float(x @ x) + self.fit_intercept
        return float(length_of_step(self.rule, rate, n_records, square, s, self.mean_weight))

    @staticmethod
    def can_take(records: Records, layer: Layer) -> bool:
        """Whether there is compiled code for these records and this activation."""
        return layer.activation.can_compile and not records.is_sparse and records.X.flags.c_contiguous

    def through(self, records: Records, order: Array, layer: Layer, rates: Array) -> tuple[Layer, float]:
        """Return the layer after the rows in ``order``, update t at ``rates[t]``, and the error met."""
        from fallline.maths._kernels import dense_epoch

        dtype, f = records.arithmetic_dtype, layer.activation
        W, b = layer.weights.T.astype(dtype, order="C"), layer.intercept.astype(dtype)
        theta = layer.theta.T.astype(dtype, order="C")
        error = dense_epoch(
            rows_for_kernels(records),
            *targets_for_kernels(records),
            read_only(order, np.dtype(np.int64)),
            *(W, b, theta, self.theta_scale.T.astype(dtype, order="C") ** 2, self.fit_intercept),
            *(self.rule, read_only(rates, np.dtype(np.float64)), self.mean_weight, self.batch_size),
            *(self.l1, self.l2, f.address(dtype)),
        )
        numbers = (part.astype(np.float64) for part in (W.T, b, theta.T))
        weights, intercept, parameters = numbers
        return Layer(weights, intercept, f, parameters), float(error)
