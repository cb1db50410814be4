"""The kernel that a block's shape asks for: compiled for few outputs and CSR, NumPy with BLAS for many.

The choice depends on shape, layout and activation alone, never on speed, so that the same
records always take the same path.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from fallline._typing import Array
from fallline.maths._activation import Activation
from fallline.maths._gradient import arithmetic_dtype, block_gradient
from fallline.maths._partial import Partial

FEW_OUTPUTS = 4


def block_partial(
    X: Any,
    y: Array,
    sample_weight: Array | None,
    weights: Array,
    intercept: Array,
    activation: Activation,
) -> Partial:
    """Sum error and gradient over a block; y is (n, k), weights (d, k), intercept (k,)."""
    if not activation.can_compile:
        return block_gradient(X, y, sample_weight, weights, intercept, activation)
    if sparse.issparse(X):
        return _compiled_csr(X, y, sample_weight, weights, intercept, activation)
    if _few_outputs_in_rows(X, y):
        return _compiled_rows(X, y, sample_weight, weights, intercept, activation)
    return block_gradient(X, y, sample_weight, weights, intercept, activation)


def _few_outputs_in_rows(X: Any, y: Array) -> bool:
    return y.shape[1] <= FEW_OUTPUTS and X.flags.c_contiguous


def read_only(array: Any, dtype: np.dtype[Any]) -> Array:
    """Return a C-ordered, read-only view (a copy where dtype or order differ): one signature for each kernel."""
    view = np.ascontiguousarray(array, dtype=dtype).view()
    view.flags.writeable = False
    return view


def records_as(dtype: np.dtype[Any], y: Array, sample_weight: Array | None) -> tuple[Array, Array]:
    """Return targets and sample weights as kernels take them; no weights are an empty array."""
    return read_only(y, dtype), read_only(() if sample_weight is None else sample_weight, dtype)


def _compiled_rows(
    X: Array, y: Array, sample_weight: Array | None, weights: Array, intercept: Array, activation: Activation
) -> Partial:
    from fallline.maths._kernels import dense_block

    dtype = arithmetic_dtype(X.dtype)
    G, Gb, mass = np.zeros(weights.T.shape), np.zeros(len(intercept)), np.zeros(len(intercept))
    error = dense_block(
        read_only(X, dtype),
        *records_as(dtype, y, sample_weight),
        read_only(weights.T, dtype),
        read_only(intercept, dtype),
        activation.address(dtype),
        np.zeros(0, dtype),
        *(G, Gb, mass),
    )
    return Partial(error, G.T, Gb, np.zeros(0), mass, np.zeros(0))


def _compiled_csr(
    X: Any, y: Array, sample_weight: Array | None, weights: Array, intercept: Array, activation: Activation
) -> Partial:
    from fallline.maths._kernels import csr_block

    dtype = arithmetic_dtype(X.dtype)
    G, Gb, mass = np.zeros(weights.shape), np.zeros(len(intercept)), np.zeros(len(intercept))
    error = csr_block(
        read_only(X.data, dtype),
        read_only(X.indices, X.indices.dtype),
        read_only(X.indptr, X.indptr.dtype),
        *records_as(dtype, y, sample_weight),
        read_only(weights, dtype),
        read_only(intercept, dtype),
        activation.address(dtype),
        np.zeros(0, dtype),
        *(G, Gb, mass),
    )
    return Partial(error, G, Gb, np.zeros(0), mass, np.zeros(0))
