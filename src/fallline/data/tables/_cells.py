"""The cells of a column: tidied, told apart, and turned into numbers."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fallline._errors import InputError
from fallline._typing import Array, FloatArray
from fallline.data.tables._wording import excerpt, listing
from fallline.maths.network._signature import BOOLEANS, Column

MISSING = (
    "",
    "NA",
    "N/A",
    "n/a",
    "NaN",
    "nan",
    "NAN",
    "-nan",
    "NULL",
    "null",
    "None",
    "#N/A",
    "#NA",
    "<NA>",
)
"""Cells of a CSV file that hold nothing."""
LARGEST = 1e150
"""Beyond this a square overflows."""
NUMBER = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$|^[+-]?(?i:inf|infinity)$"
WRITTEN_NUMBER = r"^[$€£]?\s*[+-]?[$€£]?\s*\d[\d.,' ]*%?$"
THOUSANDS = {".": r"[+-]?\d{1,3}([,' ]\d{3})+(\.\d*)?", ",": r"[+-]?\d{1,3}([.' ]\d{3})+(,\d*)?"}
"""How numbers with separators of thousands look, by the decimal sign."""
DECIMAL_COMMA = r"[+-]?\d*,\d+"
BOOLEAN = r"^(?i:true|false)$"


class Place(NamedTuple):
    """Where some cells of a column lie: their file, and the row of each, from 1 below the header."""

    file: str
    column: str
    rows: Array
    can_drop: bool

    @property
    def advice(self) -> str:
        """What can be done about a cell that cannot be used."""
        return "correct the cell, or drop the column" if self.can_drop else "correct the cell"

    def of(self, index: int) -> str:
        """Return "beans.csv, row 4, column 'height'" for one of the cells."""
        return f"{self.file}, row {self.rows[index]}, column {self.column!r}"


def tidied(cells: pa.Array, *, as_text: bool) -> pa.Array:
    """Return cells as text, booleans or float64, with null for what is missing; other types as they are."""
    if pa.types.is_dictionary(cells.type):
        cells = cells.dictionary_decode()
    if as_text and is_primitive_or_text(cells.type):
        cells = pc.cast(cells, pa.string())
    kind = cells.type
    if _is_text(kind):
        text = pc.utf8_trim_whitespace(cells.cast(pa.string()))
        return pc.if_else(pc.is_in(text, pa.array(MISSING)), None, text)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        numbers = pc.cast(cells, pa.float64(), safe=False)
        return pc.if_else(pc.is_nan(numbers), None, numbers)
    return cells


def is_primitive_or_text(kind: pa.DataType) -> bool:
    """Whether cells of a type can be written as text."""
    return bool(pa.types.is_primitive(kind) or pa.types.is_decimal(kind) or _is_text(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def as_numbers(text: pa.Array, decimal: str) -> pa.Array:
    """Return text as float64, null where it is no number."""
    if decimal != ".":
        text = pc.if_else(pc.match_substring(text, "."), None, pc.replace_substring(text, decimal, "."))
    try:
        numbers = pc.cast(text, pa.float64())
    except pa.ArrowInvalid:
        numbers = pc.cast(pc.if_else(pc.match_substring_regex(text, NUMBER), text, None), pa.float64())
    return pc.if_else(pc.is_nan(numbers), None, numbers)


def encoded(cells: pa.Array, column: Column, decimal: str, place: Place) -> FloatArray:
    """Return tidied cells as the features (n, n_features) of a column, with NaN for what is missing.

    Raises
    ------
    InputError
        For a cell that is none of what the column holds, infinite, or too large to square.
    """
    if column.kind == "category":
        return _one_hot(cells, column, place)
    numbers = _booleans(cells) if column.kind == "boolean" else _numbers(cells, decimal)
    _check_all_are_numbers(cells, numbers, column, decimal, place)
    values: FloatArray = np.asarray(numbers.fill_null(np.nan).to_numpy(zero_copy_only=False))
    with np.errstate(invalid="ignore"):
        large = np.abs(values) > LARGEST
    if large.any():
        index = int(np.argmax(large))
        what = "is infinite" if np.isinf(values[index]) else f"({values[index]:g}) is too large to square"
        raise InputError(f"{place.of(index)} {what}: {place.advice}")
    return values[:, None]


def _numbers(cells: pa.Array, decimal: str) -> pa.Array:
    if pa.types.is_floating(cells.type):
        return cells
    return as_numbers(cells, decimal) if pa.types.is_string(cells.type) else _nothing(cells)


def _booleans(cells: pa.Array) -> pa.Array:
    if pa.types.is_string(cells.type):
        readable = pc.match_substring_regex(cells, BOOLEAN)
        cells = pc.equal(pc.utf8_lower(pc.if_else(readable, cells, None)), "true")
    return pc.cast(cells, pa.float64()) if pa.types.is_boolean(cells.type) else _nothing(cells)


def _nothing(cells: pa.Array) -> pa.Array:
    return pa.nulls(len(cells), pa.float64())


def _check_all_are_numbers(
    cells: pa.Array, numbers: pa.Array, column: Column, decimal: str, place: Place
) -> None:
    if numbers.null_count == cells.null_count:
        return
    odd = pc.and_(pc.is_null(numbers), pc.is_valid(cells)).to_numpy(zero_copy_only=False)
    index = int(np.argmax(odd))
    cell = str(cells[index].as_py())
    kind = "a number" if column.kind == "number" else "true or false"
    advice = _advice(cell, decimal) or place.advice
    raise InputError(f"{place.of(index)} holds {excerpt(cell)}, which is not {kind}: {advice}")


def _advice(cell: str, decimal: str) -> str:
    """Return how a number should be written, if that is what a cell looks like."""
    has_comma = decimal == "." and bool(re.fullmatch(DECIMAL_COMMA, cell))
    if re.fullmatch(THOUSANDS[decimal], cell):
        plain = re.sub(f"[^0-9{decimal}+-]", "", cell)
        other = f"; if {cell.replace(',', '.')} is meant, set decimal to ','" if has_comma else ""
        return f"write {plain}, without separators of thousands{other}"
    return "set decimal to ',', or write a point" if has_comma else ""


def _check_no_nul(text: pa.Array, place: Place) -> None:
    index = pc.index(pc.match_substring(text, "\0"), True).as_py()
    if index >= 0:
        raise InputError(
            f"{place.of(index)} holds {excerpt(text[index].as_py())}, with a NUL, which is no text: "
            f"{place.advice}"
        )


def _one_hot(cells: pa.Array, column: Column, place: Place) -> FloatArray:
    text = cells if pa.types.is_string(cells.type) else pc.cast(cells, pa.string())
    if column.categories == BOOLEANS:
        text = pc.utf8_lower(text)
    _check_no_nul(text, place)
    codes = pc.index_in(text, value_set=pa.array(column.categories, pa.string()))
    unseen = pc.and_(pc.is_null(codes), pc.is_valid(text)).to_numpy(zero_copy_only=False)
    if unseen.any():
        index = int(np.argmax(unseen))
        known = listing(column.categories)
        raise InputError(
            f"{place.of(index)} holds {excerpt(text[index].as_py())}, a category that the network was not "
            f"trained on: it knows {known}; correct the cell, or leave such rows out"
        )
    places = codes.fill_null(-1).to_numpy(zero_copy_only=False)
    numbers: FloatArray = (places[:, None] == np.arange(len(column.categories))).astype(np.float64)
    numbers[places < 0] = np.nan
    return numbers
