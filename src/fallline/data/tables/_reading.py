"""The rows of a table, batch by batch, each with the place it was read from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from fallline._typing import Array
from fallline.data.tables._cells import Place, tidied
from fallline.data.tables._draws import SAMPLE, draws
from fallline.data.tables._files import TableFile


class Rows(NamedTuple):
    """Tidied cells by column name, and the numbers of their rows.

    Rows are numbered over all files; ``rows_before`` lie in earlier ones, and ``rows_read`` up to here.
    """

    file: TableFile
    rows_before: int
    rows_read: int
    numbers: Array
    cells: dict[str, Any]

    def place(self, column: str) -> Place:
        """Return where the cells of a column lie."""
        return Place(self.file.path, column, self.numbers - self.rows_before)


def read_rows(files: Sequence[TableFile], names: Sequence[str], sample: float, seed: int) -> Iterator[Rows]:
    """Yield some columns of all files, in order; of the rows a share that depends on their numbers alone."""
    generator, row = draws(seed, SAMPLE), 0
    for file in files:
        rows_before = row
        for batch in file.batches(names):
            numbers = np.arange(row + 1, row + 1 + batch.num_rows)
            row += batch.num_rows
            if sample < 1.0:
                kept = generator.random(batch.num_rows) < sample
                batch, numbers = batch.filter(pa.array(kept)), numbers[kept]
            yield Rows(file, rows_before, row, numbers, {name: tidied(batch[name]) for name in names})
