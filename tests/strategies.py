"""What Hypothesis draws: records whose net inputs are exact in every dtype, memory layouts, units."""

import math
import tempfile
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import sparse

FLOATS = (np.float16, np.float32, np.float64)
NUMBERS = (*FLOATS, np.int8, np.int64, np.bool_)


def sigmoid(h):
    return 1 / (1 + math.exp(-h)) if h > 0 else math.exp(h) / (1 + math.exp(h))


def normal(h):
    return math.exp(-h * h / 2) / math.sqrt(2 * math.pi)


def normal_below(h):
    return (1 + math.erf(h / math.sqrt(2))) / 2


UNITS = {
    "identity": (lambda h: h, lambda h: 1.0),
    "sigmoid": (sigmoid, lambda h: sigmoid(h) * sigmoid(-h)),
    "tanh": (math.tanh, lambda h: 1 / math.cosh(h) ** 2),
    "softplus": (lambda h: math.log1p(math.exp(h)), sigmoid),
    "relu": (lambda h: max(h, 0.0), lambda h: float(h > 0)),
    "leaky_relu": (lambda h: h if h > 0 else 0.01 * h, lambda h: 1.0 if h > 0 else 0.01),
    "elu": (lambda h: h if h > 0 else math.expm1(h), lambda h: 1.0 if h > 0 else math.exp(h)),
    "silu": (lambda h: h * sigmoid(h), lambda h: sigmoid(h) * (1 + h * sigmoid(-h))),
    "gelu": (lambda h: h * normal_below(h), lambda h: normal_below(h) + h * normal(h)),
    "softsign": (lambda h: h / (1 + abs(h)), lambda h: 1 / (1 + abs(h)) ** 2),
    "arctan": (math.atan, lambda h: 1 / (1 + h * h)),
    "exp": (math.exp, math.exp),
    "reciprocal": (lambda h: 1 / h, lambda h: -1 / h**2),
    "sin": (math.sin, math.cos),
    "gaussian": (lambda h: math.exp(-h * h), lambda h: -2 * h * math.exp(-h * h)),
    "72.46*sigmoid(h)": (lambda h: 72.46 * sigmoid(h), lambda h: 72.46 * sigmoid(h) * sigmoid(-h)),
    "where(h > 1, h*h, 2*h - 1)": (lambda h: h * h if h > 1 else 2 * h - 1, lambda h: 2.0 * max(h, 1.0)),
}
"""Activations by name and by formula, with value and slope of one number in plain Python."""


class Problem(NamedTuple):
    """X (n, d), y (n, k), weights (d, k), intercept (k,) and sample weights (n,) or None, all in float64."""

    X: Any
    y: Any
    weights: Any
    intercept: Any
    sample_weight: Any


def whole_numbers(shape, low, high):
    return arrays.arrays(np.int64, shape, elements=st.integers(low, high))


@st.composite
def problems(draw, most=40, outputs=(1, 2, 4, 5, 7), dtype=np.float64):
    """Halves, quarters and eighths: net inputs are exact in every arithmetic.

    X has numbers of the dtype: whole ones for integers, 0 and 1 for booleans.
    """
    n, d, k = draw(st.integers(1, most)), draw(st.integers(1, 9)), draw(st.sampled_from(outputs))
    kind = np.dtype(dtype).kind
    X = draw(whole_numbers((n, d), 0 if kind == "b" else -8, 1 if kind == "b" else 8)) / (
        4 if kind == "f" else 1
    )
    weights = draw(whole_numbers((d, k), -4, 4)) / (8 if kind == "f" else 64)
    y, intercept = draw(whole_numbers((n, k), -8, 8)) / 4, draw(whole_numbers(k, -4, 4)) / 4
    s = draw(st.none() | whole_numbers(n, 0, 6).filter(np.any).map(lambda s: s / 2))
    return Problem(X, y, weights, intercept, s)


def clear_of_zero(problem):
    """The same records with every net input at least a half, as 1/h needs."""
    lowest = (problem.X @ problem.weights).min(axis=0)
    return problem._replace(intercept=0.5 - lowest)


@contextmanager
def small_blocks():
    """Cut blocks as small as their sums allow, so that little data make many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fallline.data._blocks.BLOCK_BYTES", 1)
        yield


def every_other(X):
    """A view with gaps in both directions."""
    wide = np.zeros((2 * X.shape[0], 3 * X.shape[1]), X.dtype)
    wide[::2, 1::3] = X
    return wide[::2, 1::3]


def frozen(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def memory_map(X, order="C"):
    """A file on disk, mapped read-only."""
    with tempfile.TemporaryFile() as file:
        np.memmap(file, X.dtype, "w+", shape=X.shape, order=order)[...] = X
        return np.memmap(file, X.dtype, "r", shape=X.shape, order=order)


DENSE = {
    "rows": np.ascontiguousarray,
    "columns": np.asfortranarray,
    "view with gaps": every_other,
    "rows backwards": lambda X: X[::-1].copy()[::-1],
    "read-only": frozen,
    "read-only columns": lambda X: frozen(X.T).T,
    "memory map": memory_map,
    "memory map of columns": lambda X: memory_map(X, "F"),
    "other byte order": lambda X: X.astype(X.dtype.newbyteorder()),
    "lists": np.ndarray.tolist,
}
"""The same numbers, lying differently."""


def csr(X, index=np.int32):
    """CSR with indices of a type, which SciPy's constructor would choose by itself."""
    matrix = sparse.csr_array(X)
    matrix.indices, matrix.indptr = matrix.indices.astype(index), matrix.indptr.astype(index)
    return matrix


def csr_with_zeros(X):
    """CSR that stores every second zero, too."""
    stored = (X != 0) | (np.indices(X.shape).sum(axis=0) % 2 == 0)
    rows, columns = np.nonzero(stored)
    pointers = np.concatenate([[0], np.cumsum(stored.sum(axis=1))])
    return sparse.csr_array((X[rows, columns], columns, pointers), shape=X.shape)


def csr_in_pieces(X):
    """CSR with unsorted columns, and each cell in two halves."""
    whole = csr(X / 2)
    pieces = [np.tile(np.arange(a, b)[::-1], 2) for a, b in zip(whole.indptr, whole.indptr[1:], strict=False)]
    order = np.concatenate(pieces) if pieces else np.zeros(0, int)
    return sparse.csr_array((whole.data[order], whole.indices[order], 2 * whole.indptr), shape=X.shape)


SPARSE = {
    "csr": csr,
    "csr, 64-bit indices": lambda X: csr(X, np.int64),
    "csr matrix": sparse.csr_matrix,
    "csr with zeros": csr_with_zeros,
    "csr in pieces": csr_in_pieces,
    "csc": sparse.csc_array,
}

LAYOUTS = DENSE | SPARSE


def laid(X, dtype, layout):
    """X in a dtype and a layout; SciPy has no float16, and takes float32."""
    narrow = dtype == np.float16 and layout in SPARSE
    return LAYOUTS[layout](X.astype(np.float32 if narrow else dtype))


class Text(str):
    """A sum that tells which additions made it."""

    def __add__(self, other):
        return Text(f"({self} {other})")


def tree(first, stop):
    """The documented tree over blocks: a full left half, as large as it can be, plus the rest."""
    if stop - first == 1:
        return str(first)
    half = 2 ** ((stop - first - 1).bit_length() - 1)
    return f"({tree(first, first + half)} {tree(first + half, stop)})"
