"""Parquet files: cells have types."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet

from fallline._errors import InputError

BATCH_ROWS = 65_536
INDEX = re.compile(r"__index_level_\d+__")


class ParquetFile:
    """A Parquet file; the index that pandas keeps in it is no column."""

    is_text = False

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            with pyarrow.parquet.ParquetFile(path) as file:
                self.names = [name for name in file.schema_arrow.names if not INDEX.fullmatch(name)]
                rows = file.metadata.num_rows
        except (pa.ArrowException, OSError) as error:
            raise self._refusal(error) from None
        if rows == 0:
            raise InputError(f"{path} holds no rows: give it some")

    def batches(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield some of the columns, in the order of the file."""
        try:
            with pyarrow.parquet.ParquetFile(self.path) as file:
                yield from file.iter_batches(BATCH_ROWS, columns=list(names))
        except (pa.ArrowException, OSError) as error:
            raise self._refusal(error) from None

    def _refusal(self, error: Exception) -> InputError:
        reason = " ".join(str(error).split())
        if "magic" in reason or "footer" in reason:
            return InputError(
                f"{self.path} is no whole Parquet file: it is cut short or something else, so write it anew"
            )
        return InputError(
            f"{self.path} cannot be read as Parquet ({reason}): the file is damaged or no Parquet"
        )
