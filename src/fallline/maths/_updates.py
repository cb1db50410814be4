"""Updates record by record or batch by batch: w ← w + η Σ δ x, each from the weights the last one left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fallline._typing import Array
from fallline.maths._block import read_only, targets_for_kernels
from fallline.maths._gradient import NO_THETA, tile_gradient
from fallline.maths._records import Layer, Records
from fallline.maths.activations._activation import Activation


@dataclass(frozen=True)
class Updates:
    """How the rows of a block are turned into updates.

    With ``mean_weight`` a step's gradient is divided by its records × that mean sample weight
    (reduction "mean"); with None it is taken as it is (reduction "sum").
    """

    rate: float
    batch_size: int
    mean_weight: float | None
    fit_intercept: bool

    def through(self, records: Records, order: Array, layer: Layer) -> tuple[Layer, float]:
        """Return the layer after the rows in ``order``, and the error met on the way."""
        dtype, f = records.arithmetic_dtype, layer.activation
        compiled = f.can_compile and not records.is_sparse and records.X.flags.c_contiguous
        run = self._compiled if compiled else self._in_numpy
        W, b = layer.weights.T.astype(dtype, order="C"), layer.intercept.astype(dtype)
        error = run(records, order, W, b, f)
        return Layer(W.T.astype(np.float64), b.astype(np.float64), f), error

    def _compiled(self, records: Records, order: Array, W: Array, b: Array, f: Activation) -> float:
        """Update W (k, d) and b (k,) in place; return the error met."""
        from fallline.maths._kernels import dense_epoch

        return float(
            dense_epoch(
                read_only(records.X, W.dtype),
                *targets_for_kernels(records),
                read_only(order, np.dtype(np.int64)),
                *(W, b, self.fit_intercept, self.rate),
                *(self.mean_weight is not None, self.mean_weight or 1.0, self.batch_size),
                *(f.address(W.dtype), read_only(NO_THETA, W.dtype)),
            )
        )

    def _in_numpy(self, records: Records, order: Array, W: Array, b: Array, f: Activation) -> float:
        """Do the same for CSR, Fortran order and Python functions."""
        error = 0.0
        for start in range(0, len(order), self.batch_size):
            batch = records.rows(order[start : start + self.batch_size])
            partial, _ = tile_gradient(batch._replace(X=batch.X.astype(W.dtype)), Layer(W.T, b, f))
            step = self.rate / (1.0 if self.mean_weight is None else len(batch.y) * self.mean_weight)
            W -= (step * partial.weights.T).astype(W.dtype)
            b -= (step * partial.intercept * self.fit_intercept).astype(W.dtype)
            error += partial.error
        return error
