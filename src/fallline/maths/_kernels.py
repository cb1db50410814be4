"""All compiled code: a pass over a block of records, and an epoch of updates.

The activation arrives as the address of a C function over a run of net inputs,

    void f(int64 n, T *h, T *theta, T *value, T *slopes)

so each kernel is compiled once for a dtype and serves every activation. Compiled code stays in
this one file: a cached kernel does not notice when a callee in another file changes.

Rows are swept in tiles that stay in the first-level cache: once for the net inputs, then, while
the rows are still there, once for the gradient. Sums inside a tile have the dtype of X; sums
across tiles are float64. Only reassociation and contraction are allowed, so NaN and infinity
behave as IEEE 754 says.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

TILE_BYTES = 16 * 1024
ROWS_PER_FLUSH = 64


def compiled(function: Callable[..., Any], *, in_order: bool = False) -> Any:
    """Compile without the GIL, cached on disk where a folder is writable; sums may be regrouped, or not."""
    options: dict[str, Any] = {
        "nogil": True,
        "fastmath": {"nsz"} if in_order else {"reassoc", "nsz", "contract"},
    }
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:
        return numba.njit(**options)(function)


def _typed_call(_context: Any, address: Any, n: Any, h: Any, theta: Any, value: Any, slopes: Any) -> Any:
    """Call the C function at ``address`` with a count and four arrays."""
    arrays = (h, theta, value, slopes)
    signature = types.void(types.intp, types.intp, *arrays)

    def codegen(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        data = [
            context.make_array(kind)(context, builder, array).data
            for kind, array in zip(arrays, args[2:], strict=True)
        ]
        parameters = [ir.IntType(64), *(pointer.type for pointer in data)]
        function = ir.FunctionType(ir.VoidType(), parameters).as_pointer()
        builder.call(builder.inttoptr(args[0], function), [args[1], *data])
        return context.get_dummy_value()

    return signature, codegen


_call: Any = intrinsic(_typed_call)


@compiled
def _buffers(n: int, X: Any) -> Any:
    """Return room for the net input, value, slope and delta of n records of one output."""
    room = np.empty((4, n), X.dtype)
    return room[0], room[1], room[2], room[3]


@compiled
def _net_input(X: Any, rows: Any, w: Any, b: Any, h: Any) -> None:
    """Set h[r] = Σ_i w[i] X[row r, i] + b, four rows at a time so that a loaded weight serves four."""
    quads = len(rows) - len(rows) % 4
    for r in range(0, quads, 4):
        a0 = a1 = a2 = a3 = X.dtype.type(0)
        p0, p1, p2, p3 = rows[r], rows[r + 1], rows[r + 2], rows[r + 3]
        for i in range(len(w)):
            a0 += w[i] * X[p0, i]
            a1 += w[i] * X[p1, i]
            a2 += w[i] * X[p2, i]
            a3 += w[i] * X[p3, i]
        h[r], h[r + 1], h[r + 2], h[r + 3] = a0 + b, a1 + b, a2 + b, a3 + b
    for r in range(quads, len(rows)):
        a0 = X.dtype.type(0)
        for i in range(len(w)):
            a0 += w[i] * X[rows[r], i]
        h[r] = a0 + b


@compiled
def _add_rows(X: Any, rows: Any, delta: Any, scale: Any, total: Any) -> None:
    """Do total[i] += scale Σ_r delta[r] X[row r, i], four rows at a time."""
    quads = len(rows) - len(rows) % 4
    for r in range(0, quads, 4):
        p0, p1, p2, p3 = rows[r], rows[r + 1], rows[r + 2], rows[r + 3]
        d0, d1, d2, d3 = scale * delta[r], scale * delta[r + 1], scale * delta[r + 2], scale * delta[r + 3]
        for i in range(len(total)):
            total[i] += d0 * X[p0, i] + d1 * X[p1, i] + d2 * X[p2, i] + d3 * X[p3, i]
    for r in range(quads, len(rows)):
        d0 = scale * delta[r]
        for i in range(len(total)):
            total[i] += d0 * X[rows[r], i]


@compiled
def _deltas(y: Any, s: Any, rows: Any, j: int, value: Any, slope: Any, delta: Any) -> Any:
    """Set delta = s (y − ŷ) f′(h) of output j; return ½ Σ s (y − ŷ)², Σ delta and Σ s f′(h)²."""
    error = total = mass = 0.0
    for r in range(len(rows)):
        residual = y[rows[r], j] - value[r]
        weight = s[rows[r]] if len(s) else y.dtype.type(1)
        delta[r] = weight * residual * slope[r]
        error += np.float64(weight * residual) * np.float64(residual)
        total += np.float64(delta[r])
        mass += np.float64(weight * slope[r]) * np.float64(slope[r])
    return 0.5 * error, total, mass


@compiled
def dense_block(X: Any, y: Any, s: Any, W: Any, b: Any, address: int, theta: Any, G: Any, sums: Any) -> float:
    """Add −Σ δ x to G (k, d), −Σ δ and Σ s f′² to the rows of sums (2, k); return E; W is (k, d)."""
    (n, d), k = X.shape, len(W)
    tile = min(n, max(4, TILE_BYTES // (X.itemsize * d) // 4 * 4))
    h, value, slope, delta = _buffers(tile, X)
    g = np.zeros((k, d), X.dtype)
    error, unflushed = 0.0, 0
    for start in range(0, n, tile):
        rows = np.arange(start, min(start + tile, n))
        for j in range(k):
            _net_input(X, rows, W[j], b[j], h)
            _call(address, len(rows), h, theta, value, slope)
            e, total, m = _deltas(y, s, rows, j, value, slope, delta)
            _add_rows(X, rows, delta, X.dtype.type(-1), g[j])
            error += e
            sums[0, j] -= total
            sums[1, j] += m
        unflushed += len(rows)
        if unflushed >= ROWS_PER_FLUSH or start + tile >= n:
            G += g
            g[:] = 0
            unflushed = 0
    return error


@partial(compiled, in_order=True)  # the same bits for every type of index
def csr_block(
    X: Any, indices: Any, indptr: Any, y: Any, s: Any, W: Any, b: Any,
    address: int, theta: Any, G: Any, sums: Any,
) -> float:  # fmt: skip
    """Do the same for CSR rows: values X, column indices, row pointers; W and G are (d, k)."""
    n, k = y.shape
    tile = min(n, 256)
    h = np.empty((k, tile), X.dtype)
    value, slope = np.empty(tile, X.dtype), np.empty(tile, X.dtype)
    delta = np.empty((k, tile), X.dtype)
    error = 0.0
    for start in range(0, n, tile):
        rows = np.arange(start, min(start + tile, n))
        for r in range(len(rows)):
            h[:, r] = b
            for p in range(indptr[rows[r]], indptr[rows[r] + 1]):
                for j in range(k):
                    h[j, r] += X[p] * W[indices[p], j]
        for j in range(k):
            _call(address, len(rows), h[j], theta, value, slope)
            e, total, m = _deltas(y, s, rows, j, value, slope, delta[j])
            error += e
            sums[0, j] -= total
            sums[1, j] += m
        for r in range(len(rows)):
            for p in range(indptr[rows[r]], indptr[rows[r] + 1]):
                for j in range(k):
                    G[indices[p], j] -= delta[j, r] * X[p]
    return error


@compiled
def dense_epoch(
    X: Any, y: Any, s: Any, order: Any, W: Any, b: Any, fit_intercept: bool,
    rate: float, divide: bool, mean_weight: float, batch_size: int, address: int, theta: Any,
) -> float:  # fmt: skip
    """Update W (k, d) and b in place, batch after batch of rows in ``order``; return the error met."""
    error = 0.0
    h, value, slope, delta = _buffers(batch_size, X)
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        step = rate / (len(rows) * mean_weight) if divide else rate
        for j in range(len(W)):
            _net_input(X, rows, W[j], b[j], h)
            _call(address, len(rows), h, theta, value, slope)
            e, total, _ = _deltas(y, s, rows, j, value, slope, delta)
            _add_rows(X, rows, delta, X.dtype.type(step), W[j])
            if fit_intercept:
                b[j] += step * total
            error += e
    return error
