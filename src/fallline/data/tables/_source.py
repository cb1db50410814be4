"""Records of a table, with what its columns mean."""

from __future__ import annotations

from numbers import Real

import numpy as np

from fallline._errors import InputError
from fallline._typing import Array, FloatArray
from fallline.data._draws import SPLIT, draws
from fallline.data.sources._arrays import ArraySource
from fallline.maths.network._signature import Signature


class TableSource(ArraySource):
    """The records of a table, as :func:`fallline.open_table` returns them.

    Attributes
    ----------
    X : array (n_records, n_features)
        Inputs, named by ``signature.input_names``.
    y : array (n_records,) or (n_records, n_outputs)
        Targets, named by ``signature.output_names``.
    signature : Signature
        What columns and numbers mean.
    row_numbers : array (n_records,)
        The row of each record in its table, from 1 below the header; over several files they run on.
    table : str
        The path or pattern it came from.
    n_rows : int
        Rows that the table has, whether used or not.
    """

    signature: Signature

    def __init__(
        self, X: FloatArray, y: FloatArray, row_numbers: Array, signature: Signature, table: str, n_rows: int
    ) -> None:
        self.X, self.y, self.sample_weight = X, y, None
        self.names = signature.input_names
        self.row_numbers = row_numbers
        self.signature = signature
        self.table = table
        self.n_rows = n_rows
        self.rows = self._rows_per_block(1)

    def split(self, test_size: float, seed: int = 0) -> tuple[TableSource, TableSource]:
        """Return two parts, to train and to test; ``test_size`` is the share of rows in the second.

        A row's part depends on its number and the seed alone, so that it stays the same when columns, other
        rows or a sample are chosen differently.

        Raises
        ------
        InputError
            If a part would have no records, or the first one only one.
        """
        if not isinstance(test_size, Real) or not 0.0 < test_size < 1.0:
            raise InputError(f"test_size must be a share between 0 and 1, got {test_size!r}")
        of_row = draws(seed, SPLIT).random(self.n_rows) < test_size
        test = of_row[self.row_numbers - 1]
        if not test.any() or np.count_nonzero(~test) < 2:
            raise InputError(
                f"{self.table} has {len(test)} rows, too few to keep a share of {test_size:g} for a test: "
                f"set test_size to 0, or to a {'smaller' if test.any() else 'larger'} share"
            )
        return self._part(~test), self._part(test)

    def __repr__(self) -> str:
        n, d, k = self.shape
        return f"TableSource({self.table!r}: {n} records, {d} inputs, {k} outputs)"

    def _part(self, chosen: Array) -> TableSource:
        return TableSource(
            self.X[chosen], self.y[chosen], self.row_numbers[chosen], self.signature, self.table, self.n_rows
        )
