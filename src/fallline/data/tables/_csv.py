"""CSV files: every cell is text, which what follows reads as numbers or as categories."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pyarrow.csv

from fallline._errors import InputError
from fallline.data.tables._wording import excerpt

SEPARATORS = ",;\t|"
HEADER_BYTES = 4 * 2**20
"""Most that a header may take."""
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
MARKUP = re.compile(r'\s*(\[?\s*\{\s*"|<(!doctype|html|\?xml))', re.IGNORECASE)
"""How JSON, HTML and XML begin."""
QUOTED = re.compile(r'"[^"]*"')
BLOCK_BYTES = 8 * 2**20
"""Text read at a time; a row has to fit."""


class CsvFile:
    """A CSV file with a header; its cells come as text."""

    is_text = True

    def __init__(self, path: str, separator: str | None, encoding: str) -> None:
        if separator and (len(separator) > 1 or not separator.isascii() or separator in '"\r\n'):
            raise InputError(f"separator must be a single ASCII character, such as ';', got {separator!r}")
        self.path = path
        self.encoding = encoding
        beginning = self._beginning()
        header = QUOTED.sub("", beginning).lstrip("\r\n").split("\n", 1)[0]
        self.separator = separator or max(SEPARATORS, key=header.count)
        reader = csv.reader(io.StringIO(beginning, newline=""), delimiter=self.separator)
        rows = filter(None, reader)  # lines that are blank are none
        try:
            self.names = [name.strip() for name in next(rows)]
            self.header_lines = reader.line_num
            with suppress(csv.Error):  # a very long cell: Arrow reads it, or says what is wrong
                next(rows)
        except StopIteration:
            raise InputError(f"{path} holds no rows below its header: give it some") from None
        except csv.Error as error:
            raise InputError(f"{path} is no table that can be read ({error}): give CSV or Parquet") from None

    def batches(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield some of the columns as text, in the order of the file."""
        try:
            yield from self._reader(names, use_threads=True)
        except (pa.ArrowException, OSError, UnicodeError) as error:
            # with threads Arrow cannot tell the row, so what has gone wrong is looked for once more without
            raise self._refusal(names, error) from None

    def _reader(self, names: Sequence[str], *, use_threads: bool, handler: Any = None) -> Any:
        text = {name: pa.string() for name in names}
        return pyarrow.csv.open_csv(
            self.path,
            read_options=pyarrow.csv.ReadOptions(
                use_threads=use_threads,
                block_size=BLOCK_BYTES,
                skip_rows=self.header_lines,
                column_names=self.names,
                encoding=self.encoding,
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=self.separator, newlines_in_values=True, invalid_row_handler=handler
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=text, include_columns=list(names), strings_can_be_null=False
            ),
        )

    def _refusal(self, names: Sequence[str], error: Exception) -> InputError:
        """Say what is wrong, and in which row below the header."""
        ragged: list[Any] = []

        def note(row: Any) -> str:
            ragged.append(row)
            return "error"

        rows = 0
        try:
            for batch in self._reader(names, use_threads=False, handler=note):
                rows += batch.num_rows
        except (pa.ArrowException, OSError, UnicodeError) as found:
            error = found
        if ragged:
            row = ragged[0]
            cells = "1 cell" if row.actual_columns == 1 else f"{row.actual_columns} cells"
            place = f"{self.path}, row {row.number - self.header_lines}"
            if row.text.count('"') % 2:
                return InputError(
                    f"{place} opens a quote that is never closed ({excerpt(row.text)}): close it, or write "
                    "it twice where it is meant"
                )
            return InputError(
                f"{place} has {cells} under {row.expected_columns} columns ({excerpt(row.text)}): correct "
                f"the row, or quote cells that hold the separator {self.separator!r}"
            )
        if "UTF8" in str(error) or isinstance(error, UnicodeError):
            return _wrong_encoding(self.path, self.encoding, _place(str(error), names, self.header_lines))
        if "straddling" in str(error):
            return InputError(
                f"{self.path}: a row after row {rows:,} is longer than {BLOCK_BYTES // 2**20} MiB: look for "
                "a quote that is opened and never closed"
            )
        return InputError(f"{self.path} cannot be read as CSV ({error}): correct the file")

    def _beginning(self) -> str:
        """Return the first few megabytes as text."""
        try:
            with pa.input_stream(self.path) as stream:
                start = stream.read(HEADER_BYTES)
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"{self.path} cannot be read ({error}): is the file whole?") from None
        if not start.strip():
            raise InputError(f"{self.path} is empty: give a table with a header and rows")
        return self._decoded(start)

    def _decoded(self, start: bytes) -> str:
        if self.encoding == "utf-8" and start[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise InputError(f"{self.path} is UTF-16: set encoding to utf-16, or save it as UTF-8")
        try:
            text = start.decode(self.encoding, errors="replace").removeprefix("\ufeff")
        except LookupError:
            raise InputError(f"unknown encoding {self.encoding!r}: try utf-8, latin-1 or cp1252") from None
        header = text.split("\n", 1)[0]
        if MARKUP.match(text) or CONTROL.search(header) or ("\ufffd" in header and CONTROL.search(text)):
            raise InputError(
                f"{self.path} is no table that can be read: give CSV or Parquet, or set encoding"
            )
        if "\ufffd" in header:
            raise _wrong_encoding(self.path, self.encoding, ": the header")
        return text


def _wrong_encoding(path: str, encoding: str, place: str) -> InputError:
    return InputError(
        f"{path}{place} is not written in {encoding}: set encoding to the right one (latin-1 or cp1252 are "
        "usual), or save the file as UTF-8"
    )


def _place(message: str, names: Sequence[str], header_lines: int) -> str:
    """Read row and column out of Arrow's message, such as "In CSV column #1: Row #3: …"."""
    found = re.search(r"column #(\d+): Row #(\d+)", message)
    if not found:
        return ""
    column, row = int(found[1]), int(found[2]) - header_lines
    return f", row {row}" + (f", column {names[column]!r}" if column < len(names) else "")
