"""All compiled kernels: a pass over a block of records, and an epoch of updates.

The activation arrives as the address of a C function over a run of net inputs,

    void f(int64 n, T *h, T *theta, T *value, T *slopes)

so each kernel is compiled once for a dtype and serves every activation. Compiled code stays in
this one file: a cached kernel does not notice when a callee in another file changes.

Rows are swept in tiles that stay in the first-level cache: once for the net inputs, then, while
the rows are still there, once for the gradient. Meanwhile the next tile is asked for, a little in every turn
of either sweep, so that memory never rests. Sums inside a tile have the dtype of X; sums
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
from numba.core import cgutils
from numba.extending import intrinsic

TILE_BYTES = 32 * 1024
PRODUCT_TILE_BYTES = 256 * 1024
LINE_BYTES = 64
ROWS_PER_FLUSH = 128
RECORDS_AHEAD = 16
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


def _typed_call(
    _context: Any, address: Any, n: Any, h: Any, theta: Any, j: Any, value: Any, slopes: Any
) -> Any:
    """Call the C function at ``address`` with n net inputs and row j of theta."""
    signature = types.void(address, n, h, theta, j, value, slopes)

    def codegen(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        rows = [
            _first_number(context, builder, kind, array)
            for kind, array in zip((h, value, slopes), (args[2], args[5], args[6]), strict=True)
        ]
        rows.insert(1, _row(context, builder, theta, args[3], args[4]))
        parameters = [ir.IntType(64), *(pointer.type for pointer in rows)]
        function = ir.FunctionType(ir.VoidType(), parameters).as_pointer()
        builder.call(builder.inttoptr(args[0], function), [args[1], *rows])
        return context.get_dummy_value()

    return signature, codegen


_call: Any = intrinsic(_typed_call)


def _first_number(context: Any, builder: Any, kind: Any, array: Any) -> Any:
    """Return the address of an array's first number."""
    return context.make_array(kind)(context, builder, array).data


def _row(context: Any, builder: Any, kind: Any, array: Any, row: Any) -> Any:
    """Return the address of a row; a slice in compiled code would count its references, behind a fence."""
    held = context.make_array(kind)(context, builder, array)
    return builder.gep(held.data, [builder.mul(row, builder.extract_value(held.shape, 1))])


class _Lines:
    """Emits code that sweeps rows a cache line of numbers at a time; rows of float16 come as uint16."""

    def __init__(self, context: Any, builder: Any, number: Any) -> None:
        self.context, self.builder = context, builder
        self.number = context.get_value_type(number)
        self.lanes = LINE_BYTES * 8 // number.bitwidth
        self.vector = ir.VectorType(self.number, self.lanes)
        self.index = context.get_value_type(types.intp)
        self.zero = ir.Constant(self.vector, [0.0] * self.lanes)

    def spread(self, scalar: Any) -> Any:
        """Return a vector of equal numbers."""
        blank = ir.Constant(ir.VectorType(scalar.type, self.lanes), ir.Undefined)
        first = self.builder.insert_element(blank, scalar, ir.IntType(32)(0))
        places = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(first, blank, places)

    def sweep(self, d: Any, body: Callable[[Any, Any], None]) -> None:
        """Emit ``body(start, mask)`` for each line of d numbers; only the last, if not full, has a mask."""
        builder, lanes = self.builder, self.index(self.lanes)
        with cgutils.for_range(builder, builder.udiv(d, lanes)) as loop:
            body(builder.mul(loop.index, lanes), None)
        rest = builder.urem(d, lanes)
        with builder.if_then(builder.icmp_unsigned(">", rest, self.index(0))):
            places = ir.Constant(ir.VectorType(self.index, self.lanes), list(range(self.lanes)))
            body(builder.sub(d, rest), builder.icmp_unsigned("<", places, self.spread(rest)))

    def load(self, data: Any, start: Any, mask: Any) -> Any:
        """Return the line of numbers that starts there, 0 where the mask hides them."""
        stored = ir.HalfType() if data.type.pointee == ir.IntType(16) else self.number
        vector = ir.VectorType(stored, self.lanes)
        pointer = self.builder.bitcast(self.builder.gep(data, [start]), vector.as_pointer())
        if mask is None:
            line = self.builder.load(pointer)
            line.align = _bytes(data)
        else:
            zeros = ir.Constant(vector, [0.0] * self.lanes)
            args = [pointer, ir.IntType(32)(_bytes(data)), mask, zeros]
            line = self.call(f"llvm.masked.load.v{self.lanes}{stored.intrinsic_name}.p0", vector, args)
        return line if stored == self.number else self.builder.fpext(line, self.vector)

    def store(self, line: Any, data: Any, start: Any, mask: Any) -> None:
        """Write a line of numbers, but for those that the mask hides."""
        pointer = self.builder.bitcast(self.builder.gep(data, [start]), self.vector.as_pointer())
        if mask is None:
            self.builder.store(line, pointer).align = _bytes(data)
        else:
            args = [line, pointer, ir.IntType(32)(_bytes(data)), mask]
            name = f"llvm.masked.store.v{self.lanes}{self.number.intrinsic_name}.p0"
            self.call(name, ir.VoidType(), args)

    def add_product(self, a: Any, b: Any, total: Any) -> Any:
        """Return a b + total."""
        flags = ("contract", "nsz")
        return self.builder.fadd(self.builder.fmul(a, b, flags=flags), total, flags=flags)

    def total(self, vector: Any) -> Any:
        """Return the sum over a vector."""
        name = f"llvm.vector.reduce.fadd.v{self.lanes}{self.number.intrinsic_name}"
        return self.call(name, self.number, [self.number(0.0), vector], fastmath=("reassoc", "nsz"))

    def ask_for(self, data: Any, ahead: Any, n_rows: int, start: Any) -> None:
        """Bring into the second-level cache what so many rows are to a sweep; half of it in either sweep."""
        row = self.lanes * _bytes(data)
        lines = max(1, n_rows * row // (2 * LINE_BYTES))
        byte, i32 = ir.IntType(8).as_pointer(), ir.IntType(32)
        turn = self.builder.udiv(start, self.index(self.lanes))
        at = self.builder.add(ahead, self.builder.mul(turn, self.index(lines * LINE_BYTES)))
        first = self.builder.bitcast(data, byte)
        for line in range(lines):
            pointer = self.builder.gep(first, [self.builder.add(at, self.index(line * LINE_BYTES))])
            self.call("llvm.prefetch.p0", ir.VoidType(), [pointer, i32(0), i32(2), i32(1)])

    def call(self, name: str, result: Any, args: Any, **options: Any) -> Any:
        """Call a function that LLVM knows."""
        kind = ir.FunctionType(result, [arg.type for arg in args])
        return self.builder.call(
            cgutils.get_or_insert_function(self.builder.module, kind, name), args, **options
        )


def _bytes(data: Any) -> int:
    kind = data.type.pointee
    return int(kind.width) // 8 if isinstance(kind, ir.IntType) else {"f32": 4, "f64": 8}[kind.intrinsic_name]


def _typed_products(_context: Any, X: Any, rows: Any, W: Any, j: Any, ahead: Any) -> Any:
    """Return Σ_i W[j, i] X[row, i] for each of a tuple of rows, so that a loaded weight serves them all."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        lines = _Lines(context, builder, W.dtype)
        x, weights = _first_number(context, builder, X, args[0]), _row(context, builder, W, *args[2:4])
        d = builder.extract_value(context.make_array(X)(context, builder, args[0]).shape, 1)
        starts = [builder.mul(row, d) for row in cgutils.unpack_tuple(builder, args[1])]
        sums = [cgutils.alloca_once_value(builder, lines.zero) for _ in starts]

        def body(i: Any, mask: Any) -> None:
            weight = lines.load(weights, i, mask)
            for start, total in zip(starts, sums, strict=True):
                line = lines.load(x, builder.add(start, i), mask)
                builder.store(lines.add_product(weight, line, builder.load(total)), total)
            lines.ask_for(x, args[4], len(starts), i)

        lines.sweep(d, body)
        results = [lines.total(builder.load(total)) for total in sums]
        return context.make_tuple(builder, signature.return_type, results)

    return types.UniTuple(W.dtype, len(rows))(X, rows, W, j, ahead), codegen


def _typed_additions(_context: Any, X: Any, rows: Any, deltas: Any, G: Any, j: Any, ahead: Any) -> Any:
    """Do G[j, i] += Σ delta X[row, i] over a tuple of rows and their deltas."""

    def codegen(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        lines = _Lines(context, builder, G.dtype)
        x, sums = _first_number(context, builder, X, args[0]), _row(context, builder, G, *args[3:5])
        d = builder.extract_value(context.make_array(X)(context, builder, args[0]).shape, 1)
        starts = [builder.mul(row, d) for row in cgutils.unpack_tuple(builder, args[1])]
        factors = [lines.spread(delta) for delta in cgutils.unpack_tuple(builder, args[2])]

        def body(i: Any, mask: Any) -> None:
            line = lines.load(sums, i, mask)
            for start, factor in zip(starts, factors, strict=True):
                line = lines.add_product(factor, lines.load(x, builder.add(start, i), mask), line)
            lines.store(line, sums, i, mask)
            lines.ask_for(x, args[5], len(starts), i)

        lines.sweep(d, body)
        return context.get_dummy_value()

    return types.void(X, rows, deltas, G, j, ahead), codegen


_products: Any = intrinsic(_typed_products)
_add_products: Any = intrinsic(_typed_additions)


@compiled
def _buffers(n: int, n_slopes: int, like: Any) -> Any:
    """Return room for the net input, value, delta and slopes of n records of one output."""
    room = np.zeros((3, n), like.dtype)
    return room[0], room[1], np.empty(n_slopes * n, like.dtype), room[2]


@compiled
def _whole_lines(n: int) -> int:
    """Round up, so that loops over records need no remainder; the buffers have room."""
    return -(-n // 16) * 16 if n >= 16 else n


@compiled
def _net_input(X: Any, rows: Any, n: int, W: Any, b: Any, j: int, h: Any, ahead: int) -> None:
    """Set h[r] = Σ_i W[j, i] X[row r, i] + b[j] for n rows; ask for half of what is ``ahead`` (in bytes)."""
    quads, half_row = n - n % 4, X.shape[1] * X.itemsize // 2
    for r in range(0, quads, 4):
        four = (rows[r], rows[r + 1], rows[r + 2], rows[r + 3])
        h0, h1, h2, h3 = _products(X, four, W, j, ahead + r * half_row)
        h[r], h[r + 1], h[r + 2], h[r + 3] = h0 + b[j], h1 + b[j], h2 + b[j], h3 + b[j]
    for r in range(quads, n):
        h[r] = _products(X, (rows[r],), W, j, ahead + r * half_row)[0] + b[j]


@compiled
def _add_rows(X: Any, rows: Any, n: int, delta: Any, scale: Any, G: Any, j: int, ahead: int) -> None:
    """Do G[j, i] += scale Σ_r delta[r] X[row r, i] over n rows; ask for the other half."""
    quads, half_row = n - n % 4, X.shape[1] * X.itemsize // 2
    for r in range(0, quads, 4):
        four = (rows[r], rows[r + 1], rows[r + 2], rows[r + 3])
        deltas = (scale * delta[r], scale * delta[r + 1], scale * delta[r + 2], scale * delta[r + 3])
        _add_products(X, four, deltas, G, j, ahead + (n + r) * half_row)
    for r in range(quads, n):
        _add_products(X, (rows[r],), (scale * delta[r],), G, j, ahead + (n + r) * half_row)


@compiled
def _deltas(y: Any, s: Any, start: int, n: int, j: int, value: Any, slopes: Any, delta: Any) -> Any:
    """Set delta = s (y − ŷ) f′(h) of n records, output j; return ½ Σ s (y − ŷ)², Σ delta and Σ s f′(h)²."""
    error = total = mass = 0.0
    for r in range(n):
        residual = y[start + r, j] - value[r]
        weight = s[start + r] if len(s) else y.dtype.type(1)
        delta[r] = weight * residual * slopes[r]
        error += np.float64(weight * residual) * np.float64(residual)
        total += np.float64(delta[r])
        mass += np.float64(weight * slopes[r]) * np.float64(slopes[r])
    return 0.5 * error, total, mass


@compiled
def _add_thetas(y: Any, s: Any, start: int, n: int, j: int, value: Any, slopes: Any, sums: Any) -> None:
    """Add −Σ s (y − ŷ) ∂f/∂θ and Σ s (∂f/∂θ)² of output j, where ``slopes`` follow f′ with ∂f/∂θ."""
    room = len(slopes) // sums.shape[1]
    for i in range(1, sums.shape[1]):
        for r in range(n):
            slope = np.float64(slopes[i * room + r])
            weighted = slope * np.float64(s[start + r]) if len(s) else slope
            sums[0, i, j] -= weighted * np.float64(y[start + r, j] - value[r])
            sums[1, i, j] += weighted * slope


@compiled
def _flush(g: Any, G: Any) -> None:
    """Do G += g, g = 0."""
    for j in range(len(g)):
        for i in range(g.shape[1]):
            G[j, i] += np.float64(g[j, i])
            g[j, i] = 0


@compiled
def dense_block(X: Any, y: Any, s: Any, W: Any, b: Any, address: int, theta: Any, G: Any, sums: Any) -> float:
    """Add −Σ δ x to G (k, d), and gradient and diagonal for b and θ to sums (2, 1 + p, k); return E.

    W is (k, d), theta (k, p).
    """
    (n, d), k = X.shape, len(W)
    row_bytes, tile = X.itemsize * d, min(n, max(4, TILE_BYTES // (X.itemsize * d) // 4 * 4))
    room = _whole_lines(tile)
    h, value, slopes, delta = _buffers(room, 1 + theta.shape[1], W)
    rows, g = np.empty(tile, np.int64), np.zeros((k, d), W.dtype)
    error, unflushed = 0.0, 0
    for start in range(0, n, tile):
        m = min(tile, n - start)
        for r in range(m):
            rows[r] = start + r
        for j in range(k):
            ahead = (start + m if j == 0 else start) * row_bytes
            _net_input(X, rows, m, W, b, j, h, ahead)
            _call(address, room, h, theta, j, value, slopes)
            e, total, mass = _deltas(y, s, start, m, j, value, slopes, delta)
            _add_rows(X, rows, m, delta, W.dtype.type(-1), g, j, ahead)
            _add_thetas(y, s, start, m, j, value, slopes, sums)
            error += e
            sums[0, 0, j] -= total
            sums[1, 0, j] += mass
        unflushed += m
        if unflushed >= ROWS_PER_FLUSH or start + m == n:
            _flush(g, G)
            unflushed = 0
    return error


@compiled
def products_block(
    X: Any, y: Any, s: Any, W: Any, b: Any, address: int, theta: Any, G: Any, sums: Any
) -> float:  # fmt: skip
    """Do the same for many outputs, by matrix products on tiles; W and G are (d, k)."""
    (n, d), k, n_slopes = X.shape, len(b), 1 + theta.shape[1]
    tile = min(n, max(16, PRODUCT_TILE_BYTES // (X.itemsize * (d + 4 * k)) // 16 * 16))
    h, delta, g = np.empty((tile, k), W.dtype), np.empty((tile, k), W.dtype), np.empty((d, k), W.dtype)
    value, slopes = np.empty(tile * k, W.dtype), np.empty(n_slopes * tile * k, W.dtype)
    error = 0.0
    for start in range(0, n, tile):
        m = min(tile, n - start)
        x = X[start : start + m]
        np.dot(x, W, h[:m])
        for r in range(m):
            for j in range(k):
                h[r, j] += b[j]
        _call(address, m * k, h, theta, 0, value, slopes)
        for r in range(m):
            weight = s[start + r] if len(s) else W.dtype.type(1)
            for j in range(k):
                residual, slope = y[start + r, j] - value[r * k + j], slopes[r * k + j]
                delta[r, j] = weight * residual * slope
                error += np.float64(weight * residual) * np.float64(residual)
                sums[0, 0, j] -= np.float64(delta[r, j])
                sums[1, 0, j] += np.float64(weight * slope) * np.float64(slope)
        np.dot(x.T, delta[:m], g)
        for i in range(d):
            for j in range(k):
                G[i, j] -= np.float64(g[i, j])
    return 0.5 * error


@partial(compiled, in_order=True)  # the same bits for every type of index
def csr_block(
    X: Any, indices: Any, indptr: Any, y: Any, s: Any, W: Any, b: Any,
    address: int, theta: Any, G: Any, sums: Any,
) -> float:  # fmt: skip
    """Do the same for CSR rows: values X, column indices, row pointers; W and G are (d, k)."""
    n, k = y.shape
    tile = min(n, 256)
    h, delta = np.zeros((tile, k), X.dtype), np.empty((tile, k), X.dtype)
    of_one, value, slopes, deltas = _buffers(tile, 1 + theta.shape[1], X)
    error = 0.0
    for start in range(0, n, tile):
        m = min(tile, n - start)
        for r in range(m):
            for j in range(k):
                h[r, j] = b[j]
            for p in range(indptr[start + r], indptr[start + r + 1]):
                for j in range(k):
                    h[r, j] += X[p] * W[indices[p], j]
        for j in range(k):
            for r in range(m):
                of_one[r] = h[r, j]
            _call(address, tile, of_one, theta, j, value, slopes)
            e, total, mass = _deltas(y, s, start, m, j, value, slopes, deltas)
            _add_thetas(y, s, start, m, j, value, slopes, sums)
            for r in range(m):
                delta[r, j] = deltas[r]
            error += e
            sums[0, 0, j] -= total
            sums[1, 0, j] += mass
        for r in range(m):
            for p in range(indptr[start + r], indptr[start + r + 1]):
                for j in range(k):
                    G[indices[p], j] -= delta[r, j] * X[p]
    return error


@compiled
def _squared_norm(X: Any, row: int, room: Any) -> float:
    room[:] = 0
    _add_products(X, (row,), (room.dtype.type(1),), room, 0, 0)
    total = 0.0
    for i in range(room.shape[1]):
        total += np.float64(room[0, i]) ** 2
    return total


@compiled
def _decay(W: Any, j: int, l2: Any, rate: float) -> None:
    """Step down the slope of ½ l2 w²."""
    for i in range(len(l2)):
        W[j, i] -= rate * l2[i] * W[j, i]


@compiled
def _shrink(W: Any, j: int, l1: Any, rate: float) -> None:
    """Take the proximal step of l1 |w|: towards zero, and no further."""
    for i in range(len(l1)):
        size = max(abs(W[j, i]) - rate * l1[i], 0.0)
        W[j, i] = size if W[j, i] > 0 else -size


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
    room, row_bytes = _whole_lines(batch_size), X.shape[1] * X.itemsize
    h, value, slopes, delta = _buffers(room, 1 + n_thetas, W)
    rows, row = np.empty(batch_size, np.int64), np.empty((1, X.shape[1]), W.dtype)
    targets, weights = np.empty((batch_size, len(W)), W.dtype), np.empty(min(batch_size, len(s)), W.dtype)
    sums = np.zeros((2, 1 + n_thetas, len(W)))
    for t, start in enumerate(range(0, len(order), batch_size)):
        n = min(batch_size, len(order) - start)
        for r in range(n):
            rows[r] = order[start + r]
            for j in range(len(W)):
                targets[r, j] = y[rows[r], j]
            if len(s):
                weights[r] = s[rows[r]]
        ahead = order[min(start + max(n, RECORDS_AHEAD), len(order) - 1)] * row_bytes
        square = _squared_norm(X, rows[0], row) + moves_intercept if rule else 0.0
        weight = np.float64(weights[0]) if len(s) else 1.0
        step = length_of_step(rule, rates[t], n, square, weight, mean_weight)
        penalised = step * n * (mean_weight if mean_weight else 1.0)
        sums[:] = 0.0
        for j in range(len(W)):
            _net_input(X, rows, n, W, b, j, h, ahead)
            _call(address, room, h, theta, min(j, len(theta) - 1), value, slopes)
            e, total, _ = _deltas(targets, weights, 0, n, j, value, slopes, delta)
            _add_thetas(targets, weights, 0, n, j, value, slopes, sums)
            _decay(W, j, l2, penalised)
            _add_rows(X, rows, n, delta, W.dtype.type(step), W, j, ahead)
            _shrink(W, j, l1, penalised)
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
