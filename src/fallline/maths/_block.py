"""The kernel that a block's shape asks for: compiled for few outputs and CSR, NumPy with BLAS for many.

The choice depends on shape, layout and activation alone, never on speed, so that the same
records always take the same path.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fallline._typing import Array
from fallline.maths._gradient import NO_THETA, block_gradient
from fallline.maths._partial import Partial
from fallline.maths._records import Layer, Records

FEW_OUTPUTS = 4


def block_partial(records: Records, layer: Layer) -> Partial:
    """Sum error and gradient over a block, in one read of it."""
    if not layer.activation.can_compile:
        return block_gradient(records, layer)
    if records.is_sparse:
        return _compiled_csr(records, layer)
    if len(layer.intercept) <= FEW_OUTPUTS and records.X.flags.c_contiguous:
        return _compiled_rows(records, layer)
    return block_gradient(records, layer)


def read_only(array: Any, dtype: np.dtype[Any]) -> Array:
    """Return a C-ordered, read-only view (a copy where dtype or order differ): one signature a kernel."""
    view = np.ascontiguousarray(array, dtype=dtype).view()
    view.flags.writeable = False
    return view


def targets_for_kernels(records: Records) -> tuple[Array, Array]:
    """Return y and the sample weights as kernels take them; no weights are an empty array."""
    dtype, s = records.arithmetic_dtype, records.sample_weight
    return read_only(records.y, dtype), read_only(() if s is None else s, dtype)


def _compiled_rows(records: Records, layer: Layer) -> Partial:
    from fallline.maths._kernels import dense_block

    dtype = records.arithmetic_dtype
    gradient, sums = np.zeros(layer.weights.T.shape), np.zeros((2, len(layer.intercept)))
    error = dense_block(
        read_only(records.X, dtype),
        *targets_for_kernels(records),
        read_only(layer.weights.T, dtype),
        read_only(layer.intercept, dtype),
        layer.activation.address(dtype),
        read_only(NO_THETA, dtype),
        gradient,
        sums,
    )
    return _partial(error, gradient.T, sums)


def _compiled_csr(records: Records, layer: Layer) -> Partial:
    from fallline.maths._kernels import csr_block

    dtype, X = records.arithmetic_dtype, records.X
    gradient, sums = np.zeros(layer.weights.shape), np.zeros((2, len(layer.intercept)))
    error = csr_block(
        read_only(X.data, dtype),
        read_only(X.indices, X.indices.dtype),
        read_only(X.indptr, X.indptr.dtype),
        *targets_for_kernels(records),
        read_only(layer.weights, dtype),
        read_only(layer.intercept, dtype),
        layer.activation.address(dtype),
        read_only(NO_THETA, dtype),
        gradient,
        sums,
    )
    return _partial(error, gradient, sums)


def _partial(error: float, gradient: Array, sums: Array) -> Partial:
    """Return what a kernel summed; ``sums`` has −Σ s δ and Σ s f′² as rows."""
    return Partial(error, gradient, sums[0], NO_THETA, sums[1], NO_THETA)
