"""What one pass over a column finds, and what kind of column that makes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from fallline._errors import InputError
from fallline.data.tables._cells import BOOLEAN, WRITTEN_NUMBER, as_numbers
from fallline.data.tables._reading import Rows
from fallline.data.tables._wording import excerpt
from fallline.maths.network._signature import Column

MOST_CATEGORIES = 1000
NAMES_ROWS = 20
"""Rows from which on a text of its own in each row means that a column names the rows."""
DATE = (
    r"^\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([T ].*)?$|^\d{1,2}[-/.]\d{1,2}[-/.](\d{2}|\d{4})( .*)?$|"
    r"^\d{1,2}:\d{2}(:\d{2})?$"
)
TEMPORAL = "turn it into a number (days since a start, the hour, the month)"


def surveyed(
    table: str,
    rows: Sequence[Rows],
    names: Sequence[str],
    targets: Sequence[str],
    categorical: Sequence[str],
    decimal: str,
) -> dict[str, Column]:
    """Return what each of some columns holds."""
    from_text = all(some.file.is_text for some in rows)
    surveys = [ColumnSurvey(name, decimal, from_text=from_text) for name in names]
    for some in rows:
        for survey in surveys:
            survey.add(some.cells[survey.name])
    return {
        survey.name: survey.column(
            f"{table}: column {survey.name!r}",
            "choose another target" if survey.name in targets else "drop the column",
            categorical=survey.name in categorical,
        )
        for survey in surveys
    }


class ColumnSurvey:
    """Counts what a column holds, batch by batch; ``from_text`` says that its text may be numbers."""

    def __init__(self, name: str, decimal: str, *, from_text: bool) -> None:
        self.name = name
        self.from_text = from_text
        self.decimal = decimal
        self.types: list[pa.DataType] = []
        self.n_present = self.n_numbers = self.n_booleans = 0
        self.distinct: set[str] = set()

    def add(self, cells: pa.Array) -> None:
        """Count some tidied cells."""
        self.n_present += len(cells) - cells.null_count
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
            self.n_numbers += len(cells) - cells.null_count
        else:
            written, dates = (pc.match_substring_regex(cells, sign) for sign in (WRITTEN_NUMBER, DATE))
            self.n_numbers += _count(pc.or_(pc.is_valid(numbers), pc.and_not(written, dates)))
            self.n_booleans += _count(pc.match_substring_regex(cells, BOOLEAN))

    def column(self, where: str, remedy: str, *, categorical: bool) -> Column:
        """Return the column that the cells make."""
        if self.n_present == 0:
            raise InputError(f"{where} holds nothing: {remedy}")
        if len(self.types) > 1:
            found = " and ".join(map(str, self.types))
            raise InputError(f"{where} holds {found} in different files: write them alike, or {remedy}")
        (kind,) = self.types
        if not _is_readable(kind):
            raise InputError(f"{where} holds {_unreadable(kind)}, or {remedy}")
        if not categorical:
            if pa.types.is_boolean(kind) or (self.from_text and self.n_booleans == self.n_present):
                return Column(self.name, "boolean")
            if pa.types.is_floating(kind) or (self.from_text and 2 * self.n_numbers >= self.n_present):
                return Column(self.name)
            self._check_texts(where, remedy)
        self._check_count(where, remedy)
        return Column(self.name, "category", tuple(sorted(self.distinct)))

    def _check_texts(self, where: str, remedy: str) -> None:
        dates = pc.match_substring_regex(pa.array(sorted(self.distinct), pa.string()), DATE)
        if 2 * _count(dates) > len(self.distinct):
            raise InputError(
                f"{where} holds dates or times ({min(self.distinct)!r}): {TEMPORAL}, or {remedy}"
            )
        if len(self.distinct) == self.n_present >= NAMES_ROWS:
            raise self._names_the_rows(where, f"{self.n_present:,}", remedy)

    def _check_count(self, where: str, remedy: str) -> None:
        if len(self.distinct) > MOST_CATEGORIES:
            raise self._names_the_rows(where, f"more than {MOST_CATEGORIES:,}", remedy)

    def _names_the_rows(self, where: str, counted: str, remedy: str) -> InputError:
        return InputError(
            f"{where} holds {counted} different texts in {self.n_present:,} rows, such as "
            f"{excerpt(min(self.distinct))}, and tells the rows apart rather than groups them: {remedy}"
        )


def _count(mask: Any) -> int:
    return int(pc.sum(mask).as_py() or 0)


def _is_readable(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_boolean(kind) or pa.types.is_floating(kind))


def _unreadable(kind: pa.DataType) -> str:
    if pa.types.is_temporal(kind):
        return f"dates or times ({kind}): {TEMPORAL}"
    return f"cells of the type {kind}, which cannot become numbers: turn them into columns of numbers"
