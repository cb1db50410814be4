"""What the mathematics works on: some records, and a layer of units."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from fallline._typing import Array
from fallline.maths.activations._activation import Activation

NO_THETA = np.zeros((0, 1))


class Records(NamedTuple):
    """X (n, d) dense or CSR, y (n, k), and sample_weight (n,) or None for ones."""

    X: Any
    y: Array
    sample_weight: Array | None

    def rows(self, rows: Any) -> Records:
        """Return some of the records."""
        s = self.sample_weight
        return Records(self.X[rows], self.y[rows], None if s is None else s[rows])

    def weighted(self, columns: Array) -> Array:
        """Return columns (n, k) multiplied by the sample weights."""
        s = self.sample_weight
        return columns if s is None else columns * s.astype(columns.dtype, copy=False)[:, None]

    @property
    def is_sparse(self) -> bool:
        """Whether X is CSR."""
        return is_sparse(self.X)

    @property
    def arithmetic_dtype(self) -> np.dtype[Any]:
        """The dtype in which sums inside a block are formed."""
        return arithmetic_dtype(self.X.dtype)


class Layer(NamedTuple):
    """Weights (d, k) and intercept (k,) of k units that share an activation, and its free parameters.

    ``theta`` is (p, k), a set for each unit, or (p, 1), one for all of them.
    """

    weights: Array
    intercept: Array
    activation: Activation
    theta: Array = NO_THETA

    def astype(self, dtype: np.dtype[Any]) -> Layer:
        """Return the layer with weights and intercept in another dtype."""
        numbers = (part.astype(dtype) for part in (self.weights, self.intercept, self.theta))
        weights, intercept, theta = numbers
        return Layer(weights, intercept, self.activation, theta)


def is_sparse(X: Any) -> bool:
    """Whether X is a sparse matrix or array of SciPy."""
    return bool(sparse.issparse(X))


def arithmetic_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype in which inputs of ``dtype`` are computed: float16 in float32, others as they are."""
    return np.dtype(np.float32) if dtype == np.float16 else dtype
