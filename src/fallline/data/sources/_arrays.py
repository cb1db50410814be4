"""Records that lie in memory or in a memory map: NumPy arrays and CSR matrices, used as they lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from fallline._errors import InputError
from fallline._typing import Array
from fallline.data._blocks import Block, Shape, Source, rows_per_block
from fallline.data._validate import (
    check_finite,
    checked_inputs,
    checked_sample_weight,
    checked_targets,
    column_names,
)
from fallline.maths._records import Records, is_sparse
from fallline.maths.network._signature import Column, Signature

INDEX_BYTES = 4
"""What an index of a CSR matrix counts, whatever its type, so that the cut does not depend on it."""


def as_source(X: Any, y: Any, sample_weight: Any = None) -> Source:
    """Return X where it is a source already, else a source of the arrays."""
    if not hasattr(X, "raise_for_bad_values"):
        return ArraySource(X, y, sample_weight)
    if y is not None or sample_weight is not None:
        raise InputError("a source brings its own targets and weights: leave y and sample_weight out")
    source: Source = X
    if source.shape.n_outputs == 0:
        raise InputError("the source has no target: name one when it is opened")
    return source


class ArraySource:
    """X (n, d), y (n,) or (n, k) and sample weights (n,), cut into blocks of views.

    Raises
    ------
    InputError
        For shapes that do not fit, numbers that are none, and NaN or infinity in y or the weights.
        X is not read here: what it holds shows in the first pass.
    """

    def __init__(
        self, X: Any, y: Any, sample_weight: Any = None, names: Sequence[str] | None = None, multiple: int = 1
    ) -> None:
        names = column_names(X) if names is None else names
        self.X: Any = checked_inputs(X, names)
        self.y = checked_targets(y, self.X.shape[0])
        self.sample_weight = checked_sample_weight(sample_weight, self.X.shape[0])
        self.names = names
        self.signature = _signature(names, y, self.shape.n_outputs)
        self.rows = self._rows_per_block(multiple)

    @property
    def shape(self) -> Shape:
        """Records, inputs and outputs."""
        n_records, n_features = self.X.shape
        return Shape(n_records, n_features, 1 if self.y.ndim == 1 else self.y.shape[1])

    @property
    def one_output(self) -> bool:
        """Whether y is one-dimensional."""
        return bool(self.y.ndim == 1)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of X."""
        dtype: np.dtype[Any] = self.X.dtype
        return dtype

    def _rows_per_block(self, multiple: int) -> int:
        n, d, k = self.shape
        if is_sparse(self.X):
            record_bytes = self.X.nnz / n * (self.dtype.itemsize + INDEX_BYTES)
        else:
            record_bytes = d * self.dtype.itemsize
        return -(-rows_per_block(record_bytes, d, k) // multiple) * multiple

    @property
    def n_blocks(self) -> int:
        """How many blocks there are."""
        return -(-self.shape.n_records // self.rows)

    def blocks(self, start: int = 0) -> Iterator[Block]:
        """Yield the blocks in order, from number ``start`` on, as views."""
        for number in range(start, self.n_blocks):
            rows = slice(number * self.rows, min((number + 1) * self.rows, self.shape.n_records))
            y = self.y[rows] if self.y.ndim == 2 else self.y[rows, None]
            s = None if self.sample_weight is None else self.sample_weight[rows]
            yield Block(number, Records(_rows_of(self.X, rows), y, s))

    def take(self, numbers: Array) -> Records:
        """Return the records of these numbers, from 0."""
        y = self.y if self.y.ndim == 2 else self.y[:, None]
        s = self.sample_weight
        return Records(self.X[numbers], y[numbers], None if s is None else s[numbers])

    def in_batches(self, batch_size: int) -> ArraySource:
        """Return the same records cut into blocks of whole batches."""
        return ArraySource(self.X, self.y, self.sample_weight, self.names, batch_size)

    def raise_for_bad_values(self) -> None:
        """Raise an InputError that names the first NaN or infinity of X, if there is one."""
        for block in self.blocks():
            check_finite(block.records.X, "X", self.names, first_row=block.number * self.rows)


def _signature(names: Sequence[str] | None, y: Any, n_outputs: int) -> Signature | None:
    """Return the names of a table, and of targets that have some."""
    if names is None:
        return None
    wanted = [str(y.name)] if getattr(y, "name", None) is not None else column_names(y)
    if wanted is None:
        wanted = ["y"] if n_outputs == 1 else [f"y{j}" for j in range(n_outputs)]
    return Signature(tuple(map(Column, names)), tuple(map(Column, wanted)))


def _rows_of(X: Any, rows: slice) -> Any:
    """Return rows of X as a view; SciPy's own slicing of a CSR matrix would copy."""
    if isinstance(X, np.ndarray):
        return X[rows]
    view = sparse.csr_array((rows.stop - rows.start, X.shape[1]), dtype=X.dtype)
    pointers: Array = X.indptr[rows.start : rows.stop + 1]
    stored = slice(int(pointers[0]), int(pointers[-1]))
    # set one by one: the constructor copies what is a small part of a large array
    view.data, view.indices, view.indptr = X.data[stored], X.indices[stored], pointers - pointers[0]
    return view
