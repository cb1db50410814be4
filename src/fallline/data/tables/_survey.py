"""What one pass over a column finds, and what kind of column that makes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from fallline._errors import InputError
from fallline.data.tables._cells import BOOLEAN, WRITTEN_NUMBER, as_numbers
from fallline.data.tables._reading import Rows
from fallline.maths.network._signature import Column

MOST_CATEGORIES = 1000
NAMES_ROWS = 20
"""Rows from which on a text of its own in each row means that a column names the rows."""
DATE = (
    r"^\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([T ].*)?$|^\d{1,2}[-/.]\d{1,2}[-/.](\d{2}|\d{4})( .*)?$|"
    r"^\d{1,2}:\d{2}(:\d{2})?$"
)
TEMPORAL = "turn it into a number (days since a start, the hour, the month), or drop the column"


def surveyed(
    table: str, rows: Sequence[Rows], names: Sequence[str], categorical: Sequence[str], decimal: str
) -> dict[str, Column]:
    """Return what each of some columns holds."""
    from_text = all(some.file.is_text for some in rows)
    surveys = [ColumnSurvey(name, decimal, from_text=from_text) for name in names]
    for some in rows:
        for survey in surveys:
            survey.add(some.cells[survey.name])
    return {survey.name: survey.column(table, categorical=survey.name in categorical) for survey in surveys}


class ColumnSurvey:
    """Counts what a column holds, batch by batch; ``from_text`` says that its text may be numbers."""

    def __init__(self, name: str, decimal: str, *, from_text: bool) -> None:
        self.name = name
        self.from_text = from_text
        self.decimal = decimal
        self.types: list[pa.DataType] = []
        self.present = self.missing = self.numbers = self.booleans = 0
        self.distinct: set[str] = set()

    def add(self, cells: pa.Array) -> None:
        """Count some tidied cells."""
        self.missing += cells.null_count
        self.present += len(cells) - cells.null_count
        if not pa.types.is_null(cells.type) and cells.type not in self.types:
            self.types.append(cells.type)
        if pa.types.is_string(cells.type):
            self._add_text(cells)
        if len(self.distinct) <= MOST_CATEGORIES and _is_readable(cells.type):
            values = pc.unique(cells.drop_null())[: MOST_CATEGORIES + 1]
            self.distinct.update(pc.cast(values, pa.string()).to_pylist())

    def _add_text(self, cells: pa.Array) -> None:
        numbers = as_numbers(cells, self.decimal)
        if numbers.null_count == cells.null_count:
            self.numbers += len(cells) - cells.null_count
        else:
            written, dates = (pc.match_substring_regex(cells, sign) for sign in (WRITTEN_NUMBER, DATE))
            self.numbers += _count(pc.or_(pc.is_valid(numbers), pc.and_not(written, dates)))
            self.booleans += _count(pc.match_substring_regex(cells, BOOLEAN))

    def column(self, table: str, *, categorical: bool) -> Column:
        """Return the column that the cells make."""
        where = f"{table}: column {self.name!r}"
        if self.present == 0:
            raise InputError(f"{where} holds nothing: drop the column")
        if len(self.types) > 1:
            found = " and ".join(map(str, self.types))
            raise InputError(
                f"{where} holds {found} in different files: write them alike, or drop the column"
            )
        (kind,) = self.types
        if not _is_readable(kind):
            raise InputError(f"{where} holds {_unreadable(kind)}")
        if not categorical:
            if pa.types.is_boolean(kind) or (self.from_text and self.booleans == self.present):
                return Column(self.name, "boolean", tuple(sorted({text.lower() for text in self.distinct})))
            if pa.types.is_floating(kind) or (self.from_text and 2 * self.numbers >= self.present):
                return Column(self.name)
            self._check_categories(where)
        return Column(self.name, "category", tuple(sorted(self.distinct)))

    def _check_categories(self, where: str) -> None:
        dates = pc.match_substring_regex(pa.array(sorted(self.distinct), pa.string()), DATE)
        if 2 * _count(dates) > len(self.distinct):
            raise InputError(f"{where} holds dates or times ({min(self.distinct)!r}): {TEMPORAL}")
        count = len(self.distinct)
        if count > MOST_CATEGORIES or (count == self.present and count >= NAMES_ROWS):
            counted = f"more than {MOST_CATEGORIES:,}" if count > MOST_CATEGORIES else f"{count:,}"
            raise InputError(
                f"{where} holds {counted} different texts in {self.present:,} rows, such as "
                f"{min(self.distinct)[:40]!r}, and tells the rows apart rather than groups them: drop the "
                "column"
            )


def _count(mask: Any) -> int:
    return int(pc.sum(mask).as_py() or 0)


def _is_readable(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_boolean(kind) or pa.types.is_floating(kind))


def _unreadable(kind: pa.DataType) -> str:
    if pa.types.is_temporal(kind):
        return f"dates or times ({kind}): {TEMPORAL}"
    return f"cells of the type {kind}, which cannot become numbers: drop the column"
