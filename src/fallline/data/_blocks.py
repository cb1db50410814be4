"""A block is the unit of reduction: consecutive records, cut by their size alone.

The cut depends on the number of inputs and outputs and on the dtype, never on threads, source
or speed; that is why the same records give the same bits everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np

from fallline._typing import Array
from fallline.maths._records import Records
from fallline.maths.network._signature import Signature

BLOCK_BYTES = 16 * 2**20
PARTIALS_PER_BLOCK = 16


class Block(NamedTuple):
    """Consecutive records, with their place in the cut."""

    number: int
    records: Records


class Shape(NamedTuple):
    """The size of a table of records."""

    n_records: int
    n_features: int
    n_outputs: int


class Source(Protocol):
    """Where records come from: a table that can be read again and again, always cut the same way."""

    @property
    def shape(self) -> Shape:
        """Records, inputs and outputs."""
        ...

    @property
    def one_output(self) -> bool:
        """Whether y is one-dimensional, and weights are therefore."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of X."""
        ...

    @property
    def signature(self) -> Signature | None:
        """Names of inputs and outputs, categories and classes, where the records have them."""
        ...

    @property
    def rows(self) -> int:
        """Records a block; the last may have fewer."""
        ...

    @property
    def n_blocks(self) -> int:
        """How many blocks there are."""
        ...

    def blocks(self, start: int = 0) -> Iterator[Block]:
        """Yield the blocks in order, from number ``start`` on."""
        ...

    def take(self, numbers: Array) -> Records:
        """Return the records of these numbers, from 0."""
        ...

    def in_batches(self, batch_size: int) -> Source:
        """Return the same records cut into blocks of whole batches."""
        ...

    def raise_for_bad_values(self) -> None:
        """Raise an InputError that names the first NaN or infinity of X, if there is one."""
        ...


def rows_per_block(record_bytes: float, n_features: int, n_outputs: int) -> int:
    """Return how many records make a block: enough to be worth a thread and to outweigh their Partial."""
    partial_bytes = 8 * n_outputs * (n_features + 1)
    block_bytes = max(BLOCK_BYTES, PARTIALS_PER_BLOCK * partial_bytes)
    return max(1, int(np.ceil(block_bytes / max(record_bytes, 1))))
