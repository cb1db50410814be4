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
MOST_ROUNDS = 10_000


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
def _buffers(n: int, n_slopes: int, X: Any) -> Any:
    """Return room for the net input, value, delta and slopes of n records of one output."""
    room = np.empty((3, n), X.dtype)
    return room[0], room[1], np.empty(n_slopes * n, X.dtype), room[2]


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
def _add_thetas(y: Any, s: Any, rows: Any, j: int, value: Any, slopes: Any, sums: Any) -> None:
    """Add −Σ s (y − ŷ) ∂f/∂θ and Σ s (∂f/∂θ)² of output j, where ``slopes`` follow f′ with ∂f/∂θ."""
    n = len(rows)
    for i in range(1, sums.shape[1]):
        for r in range(n):
            slope = np.float64(slopes[i * n + r])
            weighted = slope * np.float64(s[rows[r]]) if len(s) else slope
            sums[0, i, j] -= weighted * np.float64(y[rows[r], j] - value[r])
            sums[1, i, j] += weighted * slope


@compiled
def dense_block(X: Any, y: Any, s: Any, W: Any, b: Any, address: int, theta: Any, G: Any, sums: Any) -> float:
    """Add −Σ δ x to G (k, d), and gradient and diagonal for b and θ to sums (2, 1 + p, k); return E.

    W is (k, d), theta (k, p).
    """
    (n, d), k = X.shape, len(W)
    tile = min(n, max(4, TILE_BYTES // (X.itemsize * d) // 4 * 4))
    h, value, slopes, delta = _buffers(tile, 1 + theta.shape[1], X)
    g = np.zeros((k, d), X.dtype)
    error, unflushed = 0.0, 0
    for start in range(0, n, tile):
        rows = np.arange(start, min(start + tile, n))
        for j in range(k):
            _net_input(X, rows, W[j], b[j], h)
            _call(address, len(rows), h, theta[j], value, slopes)
            e, total, m = _deltas(y, s, rows, j, value, slopes, delta)
            _add_rows(X, rows, delta, X.dtype.type(-1), g[j])
            _add_thetas(y, s, rows, j, value, slopes, sums)
            error += e
            sums[0, 0, j] -= total
            sums[1, 0, j] += m
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
    value, slopes = np.empty(tile, X.dtype), np.empty((1 + theta.shape[1]) * tile, X.dtype)
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
            _call(address, len(rows), h[j], theta[j], value, slopes)
            e, total, m = _deltas(y, s, rows, j, value, slopes, delta[j])
            _add_thetas(y, s, rows, j, value, slopes, sums)
            error += e
            sums[0, 0, j] -= total
            sums[1, 0, j] += m
        for r in range(len(rows)):
            for p in range(indptr[rows[r]], indptr[rows[r] + 1]):
                for j in range(k):
                    G[indices[p], j] -= delta[j, r] * X[p]
    return error


@compiled
def _squared_norm(x: Any) -> float:
    total = x.dtype.type(0)
    for i in range(len(x)):
        total += x[i] * x[i]
    return np.float64(total)


@compiled
def _decay(w: Any, l2: Any, rate: float) -> None:
    """Step down the slope of ½ l2 w²."""
    for i in range(len(l2)):
        w[i] -= rate * l2[i] * w[i]


@compiled
def _shrink(w: Any, l1: Any, rate: float) -> None:
    """Take the proximal step of l1 |w|: towards zero, and no further."""
    for i in range(len(l1)):
        size = max(abs(w[i]) - rate * l1[i], 0.0)
        w[i] = size if w[i] > 0 else -size


@compiled
def length_of_step(rule: int, rate: float, n: int, square: float, s: float, mean_weight: float) -> float:
    """Return what multiplies Σ s δ x, s̄ being the mean weight (0: sums are not divided).

    Rule 0: η, divided by n s̄. Rule 1, normalised: η / ‖x‖² s̄, or η / ‖x‖² s
    for records of more weight, which would be overshot. Rule 2: what the flow of infinitely many
    infinitesimal steps comes to, (1 − exp(−η s ‖x‖² / s̄)) / s ‖x‖².
    """
    if rule == 0:
        return rate / (n * mean_weight) if mean_weight else rate
    mean = mean_weight if mean_weight else 1.0
    if square == 0.0 or s == 0.0:
        return 0.0
    if rule == 1:
        return rate / (square * max(mean, s))
    return float(-np.expm1(-rate * s * square / mean) / (s * square))


@compiled
def dense_epoch(
    X: Any, y: Any, s: Any, order: Any, W: Any, b: Any, theta: Any, theta_pace: Any,
    moves_intercept: bool, rule: int, rates: Any, mean_weight: float, batch_size: int, l1: Any, l2: Any,
    address: int,
) -> float:  # fmt: skip
    """Update W (k, d), b (k,) and theta (k or 1, p) in place, batch after batch of rows in ``order``.

    Update t goes ``rates[t]``, for theta times ``theta_pace``; l1 and l2 (d,) are the penalty of a record,
    or empty. Return the error met.
    """
    error, n_thetas = 0.0, theta.shape[1]
    h, value, slopes, delta = _buffers(batch_size, 1 + n_thetas, X)
    sums = np.zeros((2, 1 + n_thetas, len(W)))
    for t, start in enumerate(range(0, len(order), batch_size)):
        rows = order[start : start + batch_size]
        square = _squared_norm(X[rows[0]]) + moves_intercept if rule else 0.0
        weight = np.float64(s[rows[0]]) if len(s) else 1.0
        step = length_of_step(rule, rates[t], len(rows), square, weight, mean_weight)
        penalised = step * len(rows) * (mean_weight if mean_weight else 1.0)
        sums[:] = 0.0
        for j in range(len(W)):
            _net_input(X, rows, W[j], b[j], h)
            _call(address, len(rows), h, theta[min(j, len(theta) - 1)], value, slopes)
            e, total, _ = _deltas(y, s, rows, j, value, slopes, delta)
            _add_thetas(y, s, rows, j, value, slopes, sums)
            _decay(W[j], l2, penalised)
            _add_rows(X, rows, delta, X.dtype.type(step), W[j])
            _shrink(W[j], l1, penalised)
            if moves_intercept:
                b[j] += step * total
            error += e
        for j in range(len(W) if n_thetas else 0):
            for i in range(n_thetas):
                m = min(j, len(theta) - 1)
                theta[m, i] -= step * theta_pace[m, i] * sums[0, 1 + i, j]
    return error


@compiled
def coordinate_descent(A: Any, g: Any, corner: Any, v: Any) -> int:
    """Move v in place to the bottom of gᵀ(v − v₀) + ½ (v − v₀)ᵀ A (v − v₀) + Σ corner |v|; return the rounds.

    Friedman, Hastie and Tibshirani, J. Stat. Softw. 33(1) (2010), eq. 5, with the matrix for the records.
    """
    slope = g.copy()
    for turn in range(MOST_ROUNDS):
        largest, size = 0.0, 0.0
        for i in range(len(v)):
            if A[i, i] <= 0.0:
                continue
            free = v[i] - slope[i] / A[i, i]
            new = max(abs(free) - corner[i] / A[i, i], 0.0)
            new = new if free > 0.0 else -new
            move = new - v[i]
            if move != 0.0:
                v[i] = new
                for j in range(len(v)):
                    slope[j] += move * A[i, j]
            largest = max(largest, A[i, i] * move * move)
            size = max(size, A[i, i] * new * new)
        if largest <= 1e-26 * size:
            return turn + 1
    return MOST_ROUNDS
