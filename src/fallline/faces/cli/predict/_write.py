"""How predictions are written: as CSV, in the dialect of the table, or as Parquet."""

from __future__ import annotations

import csv
import io
import re
import sys
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from fallline._errors import InputError
from fallline._files import written_whole

PARQUET = (".parquet", ".pq")
CODE = r"^[+-]?0[0-9]"
"""How codes such as 007 begin, which are no numbers."""


def typed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return text as numbers, or as true and false, where all of it is."""
    gaps = pc.fill_null(pc.equal(column, ""), True)
    text = pc.if_else(gaps, None, column)
    if pc.any(pc.match_substring_regex(text, CODE)).as_py():
        return column
    for kind in (pa.int64(), pa.float64(), pa.bool_()):
        try:
            return text.cast(kind)
        except pa.ArrowInvalid:
            continue
    return column


def is_parquet(out: str | None) -> bool:
    """Whether a file is to be Parquet, by its name."""
    return bool(out and out.endswith(PARQUET))


def check_suffix(out: str | None) -> None:
    """Refuse a name that is neither of CSV nor of Parquet."""
    if out and not out.endswith((*PARQUET, ".csv", ".tsv", ".txt")):
        raise InputError(f"{out} would be neither CSV nor Parquet: name it .csv or .parquet")


def write_table(table: pa.Table, out: str | None, separator: str, decimal: str) -> None:
    """Write a table to a file, or without one to stdout."""
    if out is None:
        write_csv(table, sys.stdout.buffer, separator, decimal)
        return
    with written_whole(out) as stream:
        if is_parquet(out):
            pyarrow.parquet.write_table(table, stream)
        else:
            write_csv(table, stream, separator, decimal)


def write_csv(table: pa.Table, stream: IO[bytes], separator: str, decimal: str) -> None:
    """Write CSV as the table was written; where a text needs quotes, Arrow puts them around every text."""
    names = table.column_names
    columns = [_with_decimal(_for_csv(*pair), decimal) for pair in zip(names, table.columns, strict=True)]
    lone_gap = len(columns) == 1 and columns[0].null_count > 0
    if lone_gap:  # its line would be blank, and readers pass over blank lines
        columns = [columns[0].cast(pa.string()).fill_null("")]
    needs_quotes = f'[{re.escape(separator)}"\r\n]'
    texts = [column for column in columns if pa.types.is_string(column.type)]
    needed = lone_gap or any(pc.any(pc.match_substring_regex(text, needs_quotes)).as_py() for text in texts)
    header = io.StringIO()
    csv.writer(header, delimiter=separator).writerow(names)
    stream.write(header.getvalue().removesuffix("\r\n").encode() + b"\n")
    options = pyarrow.csv.WriteOptions(
        include_header=False, delimiter=separator, quoting_style="needed" if needed else "none"
    )
    pyarrow.csv.write_csv(pa.table(columns, names), stream, options)


def _with_decimal(column: pa.ChunkedArray, decimal: str) -> pa.ChunkedArray:
    """Return floats as text with another decimal sign."""
    if decimal == "." or not pa.types.is_floating(column.type):
        return column
    return pc.replace_substring(column.cast(pa.string()), ".", decimal)


def _for_csv(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return numbers, dates and times as they are, and all else as text."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    is_plain = pa.types.is_primitive(kind) or pa.types.is_decimal(kind)
    try:
        return column.cast(kind if is_plain else pa.string())
    except pa.ArrowException:
        raise InputError(
            f"column {name!r} is of the type {kind}, which CSV cannot hold: write a .parquet file, or the "
            "predictions only"
        ) from None
