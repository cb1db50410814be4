"""The rows of a table, batch by batch, each with the place it was read from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from fallline._typing import Array
from fallline.data._draws import SAMPLE, draws
from fallline.data.tables._cells import Place, tidied
from fallline.data.tables._table_files import TableFile


class Rows(NamedTuple):
    """Tidied cells by column name, and the numbers of their rows.

    Rows are numbered over all files; ``rows_before`` lie in earlier ones, and ``rows_read`` up to here.
    """

    file: TableFile
    rows_before: int
    rows_read: int
    row_numbers: Array
    cells: dict[str, Any]

    def place(self, column: str, *, can_drop: bool) -> Place:
        """Return where the cells of a column lie."""
        return Place(self.file.path, column, self.row_numbers - self.rows_before, can_drop)

    @property
    def gaps(self) -> Array:
        """Whether a cell is missing, for each row."""
        missing = [cells.is_null().to_numpy(zero_copy_only=False) for cells in self.cells.values()]
        gaps: Array = np.logical_or.reduce(missing)
        return gaps

    def filtered(self, kept: Array) -> Rows:
        """Return some of the rows."""
        mask = pa.array(kept)
        cells = {name: cells.filter(mask) for name, cells in self.cells.items()}
        return self._replace(row_numbers=self.row_numbers[kept], cells=cells)


class Selection(NamedTuple):
    """What is read: columns, some of them as text, a share of the rows, with gaps or without."""

    names: Sequence[str]
    as_text: Sequence[str]
    sample: float
    seed: int
    drop_gaps: bool


def read_rows(files: Sequence[TableFile], selection: Selection) -> Iterator[Rows]:
    """Yield what is selected of all files, in order; a sample depends on the numbers of the rows alone."""
    generator, row = draws(selection.seed, SAMPLE), 0
    for file in files:
        rows_before = row
        for batch in file.batches(selection.names):
            numbers = np.arange(row + 1, row + 1 + batch.num_rows)
            row += batch.num_rows
            cells = {name: tidied(batch[name], as_text=name in selection.as_text) for name in selection.names}
            rows = Rows(file, rows_before, row, numbers, cells)
            if selection.sample < 1.0:
                rows = rows.filtered(generator.random(batch.num_rows) < selection.sample)
            yield rows.filtered(~rows.gaps) if selection.drop_gaps else rows
