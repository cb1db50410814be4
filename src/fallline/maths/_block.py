"""The kernel that a block's shape asks for: compiled, or NumPy where there is none for layout or activation.

The choice depends on shape, layout and activation alone, never on speed, so that the same
records always take the same path.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fallline._typing import Array
from fallline.maths._gradient import NO_CURVATURE, block_gradient
from fallline.maths._partial import Partial
from fallline.maths._records import Layer, Records, arithmetic_dtype

FEW_OUTPUTS = 4


class BlockSum:
    """The sum of error and gradient over a block, in one read of it.

    What depends on the layer alone is prepared once for all blocks of a pass: beside the few
    hundred microseconds that a block takes, it would count.
    """

    def __init__(self, layer: Layer, dtype: np.dtype[Any]) -> None:
        self.layer = layer
        if layer.activation.can_compile:
            self.dtype = arithmetic_dtype(dtype)
            self.weights = read_only(layer.weights, self.dtype)
            self.weights_by_output = read_only(layer.weights.T, self.dtype)
            self.unit = (
                read_only(layer.intercept, self.dtype),
                layer.activation.address(self.dtype),
                theta_by_output(layer, self.dtype),
            )

    def __call__(self, records: Records) -> Partial:
        """Return the sums over a block."""
        if not self.layer.activation.can_compile:
            return block_gradient(records, self.layer)
        if records.is_sparse:
            return self.over_csr(records)
        if len(self.layer.intercept) <= FEW_OUTPUTS and records.X.flags.c_contiguous:
            return self.over_rows(records)
        if self._can_multiply(records):
            return self.by_products(records)
        return block_gradient(records, self.layer)

    def over_rows(self, records: Records) -> Partial:
        """Sum over dense rows in C order, compiled."""
        from fallline.maths._kernels import dense_block

        gradient, sums = np.zeros(self.weights_by_output.shape), self._no_sums()
        X, targets = rows_for_kernels(records), targets_for_kernels(records)
        error = dense_block(X, *targets, self.weights_by_output, *self.unit, gradient, sums)
        return _partial(error, gradient.T, sums)

    def _can_multiply(self, records: Records) -> bool:
        return records.X.flags.c_contiguous and records.X.dtype == self.dtype and not len(self.layer.theta)

    def by_products(self, records: Records) -> Partial:
        """Sum over dense rows in C order, many outputs at once."""
        from fallline.maths._kernels import products_block

        gradient, sums = np.zeros(self.weights.shape), self._no_sums()
        X, targets = rows_for_kernels(records), targets_for_kernels(records)
        error = products_block(X, *targets, self.weights, *self.unit, gradient, sums)
        return _partial(error, gradient, sums)

    def over_csr(self, records: Records) -> Partial:
        """Sum over CSR rows, compiled."""
        from fallline.maths._kernels import csr_block

        gradient, sums = np.zeros(self.weights.shape), self._no_sums()
        X, targets = records.X, targets_for_kernels(records)
        stored = (read_only(X.data, self.dtype), *(read_only(i, i.dtype) for i in (X.indices, X.indptr)))
        error = csr_block(*stored, *targets, self.weights, *self.unit, gradient, sums)
        return _partial(error, gradient, sums)

    def _no_sums(self) -> Array:
        return np.zeros((2, 1 + len(self.layer.theta), len(self.layer.intercept)))


def theta_by_output(layer: Layer, dtype: np.dtype[Any]) -> Array:
    """Return the parameters (k, p) as kernels take them."""
    return read_only(np.broadcast_to(layer.theta.T, (len(layer.intercept), len(layer.theta))), dtype)


def read_only(array: Any, dtype: np.dtype[Any]) -> Array:
    """Return a C-ordered, read-only view (a copy where dtype or order differ): one signature a kernel."""
    view = np.ascontiguousarray(array, dtype=dtype)
    if view.flags.writeable:
        view = view.view()
        view.flags.writeable = False
    return view


def rows_for_kernels(records: Records) -> Array:
    """Return dense rows as kernels take them: of float16 only the bits, which Numba has no type for."""
    X = records.X.view(np.uint16) if records.X.dtype == np.float16 else records.X
    return read_only(X, X.dtype)


def targets_for_kernels(records: Records) -> tuple[Array, Array]:
    """Return y and the sample weights as kernels take them; no weights are an empty array."""
    dtype, s = records.arithmetic_dtype, records.sample_weight
    return read_only(records.y, dtype), read_only(() if s is None else s, dtype)


def _partial(error: float, gradient: Array, sums: Array) -> Partial:
    """Return what a kernel summed; ``sums`` has the gradients by b and θ, and the diagonal for them."""
    gradients, mass = sums
    return Partial(error, gradient, gradients[0], gradients[1:], mass, NO_CURVATURE)
