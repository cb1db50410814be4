"""Updates record by record or batch by batch: w ← w + η Σ δ x, each from the weights that the last one left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from fallline._typing import Array
from fallline.maths._activation import Activation
from fallline.maths._block import read_only, records_as
from fallline.maths._gradient import arithmetic_dtype, tile_gradient


@dataclass(frozen=True)
class Updates:
    """How the rows of a block are turned into updates.

    With ``mean_weight`` a step's gradient is divided by its records × that mean sample weight
    (reduction "mean"); with None it is taken as it is (reduction "sum").
    """

    activation: Activation
    rate: float
    batch_size: int
    mean_weight: float | None
    fit_intercept: bool

    def through(
        self, X: Any, y: Array, sample_weight: Array | None, order: Array, weights: Array, intercept: Array
    ) -> tuple[Array, Array, float]:
        """Return weights (d, k) and intercept (k,) after the rows in ``order``, and the error met on the way."""
        dtype = arithmetic_dtype(X.dtype)
        W, b = weights.T.astype(dtype, order="C"), intercept.astype(dtype)
        compiled = self.activation.can_compile and not sparse.issparse(X) and X.flags.c_contiguous
        run = self._compiled if compiled else self._in_numpy
        error = run(X, y, sample_weight, order, W, b)
        return W.T.astype(np.float64), b.astype(np.float64), error

    def _compiled(self, X: Any, y: Array, sample_weight: Array | None, order: Array, W: Array, b: Array) -> float:
        from fallline.maths._kernels import dense_epoch

        return float(
            dense_epoch(
                read_only(X, W.dtype),
                *records_as(W.dtype, y, sample_weight),
                read_only(order, np.dtype(np.int64)),
                *(W, b, self.fit_intercept, self.rate),
                *(self.mean_weight is not None, self.mean_weight or 1.0, self.batch_size),
                *(self.activation.address(W.dtype), np.zeros(0, W.dtype)),
            )
        )

    def _in_numpy(self, X: Any, y: Array, sample_weight: Array | None, order: Array, W: Array, b: Array) -> float:
        error = 0.0
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            s = None if sample_weight is None else sample_weight[rows]
            partial, _ = tile_gradient(X[rows].astype(W.dtype), y[rows], s, W.T, b, self.activation)
            step = self.rate / (1.0 if self.mean_weight is None else len(rows) * self.mean_weight)
            W -= (step * partial.weights.T).astype(W.dtype)
            b -= (step * partial.intercept * self.fit_intercept).astype(W.dtype)
            error += partial.error
        return error
