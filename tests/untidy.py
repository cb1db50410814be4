"""Untidy tables: what they hold, and the sentence that each of them gets.

Run as a program, this writes the list into docs/reliability.md.
"""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from pyarrow import parquet

PAGE = Path(__file__).parents[1] / "docs" / "reliability.md"
BEGIN, END = "<!-- Written by: python tests/untidy.py -->", "<!-- End of what is written -->"
SAME = "the same"


class Case(NamedTuple):
    """What is untidy, the file, and what is said of it; None where it is used as if it were tidy.

    ``content`` is the file, or makes it. ``fit`` is said by a training, ``predict`` by a network that takes
    rain and sun; the same means without the advice to drop a column.
    """

    what: str
    content: bytes | Callable[[Path], object]
    fit: str | None
    predict: str | None = SAME
    file: str = "beans.csv"

    @property
    def predict_says(self):
        """What predict says: where it is the same, without the advice to drop a column that it needs."""
        if self.predict != SAME or self.fit is None:
            return self.predict
        return self.fit.replace(" drop the column,", "").replace(", or drop the column", "")

    def write(self, folder):
        """Make the file."""
        path = folder / self.file
        if isinstance(self.content, bytes):
            path.write_bytes(self.content)
        else:
            self.content(path)


def beans(*rows, header="rain,sun,y"):
    """Return the rows given between two tidy ones."""
    return table("1,5,0.2", *rows, "4,6,0.9", header=header)


def table(*rows, header="rain,sun,y"):
    """Return a table of the rows given."""
    return "\n".join([header, *rows, ""]).encode()


def in_parquet(**columns):
    return lambda path: parquet.write_table(pa.table(columns), path)


def cut_short(path):
    in_parquet(rain=[1.0, 2.0], sun=[5.0, 3.0], y=[0.2, 0.4])(path)
    path.write_bytes(path.read_bytes()[:-20])


def with_a_similar_name(path):
    path.with_name("beans.csv").write_bytes(beans())


TIDY = beans("2,3,0.4")
GAP = "fill it in, drop the column, or leave such rows out by setting missing to drop"
TARGET_GAP = f"beans.csv, row 2, column 'y' holds no value: {GAP.replace(' drop the column,', '')}"
ODD = "correct the cell, or drop the column"
RAGGED = "correct the row, or quote cells that hold the separator ','"
ENCODING = "set encoding to the right one (latin-1 or cp1252 are usual), or save the file as UTF-8"
NO_TABLE = "is no table that can be read: give CSV or Parquet, or set encoding"
DATES = "turn it into a number (days since a start, the hour, the month), or drop the column"
DAYS = [date(2024, 1, 31), date(2024, 2, 1), date(2024, 2, 3)]
RECORDS = [{"rain": 1, "sun": 5, "y": 0.2}, {"rain": 2, "sun": 3, "y": 0.4}]

CASES = {
    "Cells": [
        Case("`NaN`", beans("2,NaN,0.4"), f"beans.csv, row 2, column 'sun' holds no value: {GAP}"),
        Case("an empty cell", beans("2,,0.4"), f"beans.csv, row 2, column 'sun' holds no value: {GAP}"),
        Case(
            "a null of Parquet",
            in_parquet(rain=[1.0, 2.0], sun=[5.0, None], y=[0.2, 0.4]),
            f"beans.parquet, row 2, column 'sun' holds no value: {GAP}",
            file="beans.parquet",
        ),
        Case(
            "`inf`",
            beans("2,inf,0.4"),
            "beans.csv, row 2, column 'sun' is infinite: correct the cell, or drop the column",
        ),
        Case(
            "`1e300`",
            beans("2,1e300,0.4"),
            "beans.csv, row 2, column 'sun' (1e+300) is too large to square: correct the cell, or drop the "
            "column",
        ),
        Case(
            "text in a column of numbers",
            beans("2,much,0.4"),
            f"beans.csv, row 2, column 'sun' holds 'much', which is not a number: {ODD}",
        ),
        Case(
            "separators of thousands",
            beans('2,"1,234.5",0.4'),
            "beans.csv, row 2, column 'sun' holds '1,234.5', which is not a number: write 1234.5, without "
            "separators of thousands",
        ),
        Case(
            "decimal commas",
            table("1,5;5;0,2", "2,5;3;0,4", header="rain;sun;y"),
            "beans.csv, row 1, column 'rain' holds '1,5', which is not a number: set decimal to ',', or "
            "write a point",
        ),
        Case(
            "a NUL in a number",
            beans("2,3\0,0.4"),
            f"beans.csv, row 2, column 'sun' holds '3\\x00', which is not a number: {ODD}",
        ),
        Case(
            "a NUL in a text",
            table("1,5,clay,0.2", "2,3,sa\0nd,0.4", header="rain,sun,soil,y"),
            f"beans.csv, row 2, column 'soil' holds 'sa\\x00nd', with a NUL, which is no text: {ODD}",
            None,
        ),
        Case(
            "a cell in another encoding",
            table("1,5,clay,0.2", "2,3,Löß,0.4", header="rain,sun,soil,y").decode().encode("latin-1"),
            f"beans.csv, row 2, column 'soil' is not written in utf-8: {ENCODING}",
        ),
    ],
    "Rows": [
        Case(
            "a row that is too short",
            beans("2,0.4"),
            f"beans.csv, row 2 has 2 cells under 3 columns ('2,0.4'): {RAGGED}",
        ),
        Case(
            "a row that is too long",
            beans("2,3,5,0.4"),
            f"beans.csv, row 2 has 4 cells under 3 columns ('2,3,5,0.4'): {RAGGED}",
        ),
        Case(
            "a quote that is never closed",
            beans('2,"3,0.4'),
            "beans.csv, row 2 opens a quote that is never closed ('2,\"3,0.4\\n4,6,0.9'): close it, or write "
            "it twice where it is meant",
        ),
        Case(
            "a single row",
            table("1,5,0.2"),
            "beans.csv has 1 row to learn from: give at least 2, better 10 for each input",
            None,
        ),
        Case(
            "no rows",
            b"rain,sun,y\n",
            "beans.csv holds no rows below its header: give it some",
        ),
        Case(
            "no rows, in Parquet",
            in_parquet(**{name: pa.array([], pa.float64()) for name in ("rain", "sun", "y")}),
            "beans.parquet holds no rows: give it some",
            file="beans.parquet",
        ),
    ],
    "The header": [
        Case("a byte order mark", b"\xef\xbb\xbf" + TIDY, None, None),
        Case(
            "two columns of one name",
            beans("2,3,0.4", header="sun,sun,y"),
            "beans.csv: columns 1 and 2 are both named 'sun': rename one in the header",
            "beans.csv has no column 'rain'; it has 'sun', 'sun', 'y'",
        ),
        Case(
            "a column without a name",
            table("1,1,5,0.2", "2,2,3,0.4", header=",rain,sun,y"),
            "beans.csv: column 1 has no name: name it in the header, or drop ''",
            None,
        ),
        Case(
            "a header in another encoding",
            beans("2,3,0.4", header="rain,größe,y").decode().encode("latin-1"),
            f"beans.csv: the header is not written in utf-8: {ENCODING}",
        ),
        Case("a NUL in the header", beans("2,3,0.4", header="ra\0in,sun,y"), f"beans.csv {NO_TABLE}"),
    ],
    "Columns": [
        Case(
            "a constant column",
            table("1,5,0.2", "2,5,0.4", "4,5,0.9"),
            "beans.csv: column 'sun' is the same in every row: drop sun",
            None,
        ),
        Case(
            "a column twice, under two names",
            table("1,1,0.2", "2,2,0.4", "4,4,0.9"),
            "beans.csv: columns 'rain' and 'sun' hold the same numbers: drop sun",
            None,
        ),
        Case(
            "a column of names",
            table(*(f"bean {n},{n},{n * n % 7},{n / 20}" for n in range(20)), header="name,rain,sun,y"),
            "beans.csv: column 'name' holds 20 different texts in 20 rows, such as 'bean 0', and tells the "
            "rows apart rather than groups them: drop the column",
            None,
        ),
        Case(
            "dates",
            table("2024-01-31,1,5,0.2", "2024-02-01,2,3,0.4", header="day,rain,sun,y"),
            f"beans.csv: column 'day' holds dates or times ('2024-01-31'): {DATES}",
            None,
        ),
        Case(
            "dates, day first",
            table("31.01.2024,1,5,0.2", "01.02.2024,2,3,0.4", header="day,rain,sun,y"),
            f"beans.csv: column 'day' holds dates or times ('01.02.2024'): {DATES}",
            None,
        ),
        Case(
            "dates of Parquet",
            in_parquet(day=DAYS, rain=[1, 2, 4], sun=[5, 3, 6], y=[0.2, 0.4, 0.9]),
            f"beans.parquet: column 'day' holds dates or times (date32[day]): {DATES}",
            None,
            "beans.parquet",
        ),
    ],
    "The target": [
        Case(
            "no column of its name",
            beans("2,3,0.4", header="rain,sun,yield"),
            "beans.csv has no column 'y'; it has 'rain', 'sun', 'yield'",
            None,
        ),
        Case(
            "a column of nearly its name",
            beans("2,3,0.4", header="rain,sun,Y"),
            "beans.csv has no column 'y'; did you mean 'Y'?",
            None,
        ),
        Case("an empty cell", beans("2,3,"), TARGET_GAP, None),
        Case(
            "the same in every row",
            table("1,5,0.2", "2,3,0.2"),
            "beans.csv: the target 'y' is 0.2 in every row, so there is nothing to learn: choose another",
            None,
        ),
        Case(
            "a single class",
            table("1,5,ripe", "2,3,ripe"),
            "beans.csv: the target 'y' holds 'ripe' alone, and at least two classes are needed: choose "
            "another target",
            None,
        ),
        Case(
            "out of reach of the activation",
            beans("2,3,1.7"),
            "beans.csv, row 2, column 'y' holds 1.7, but sigmoid reaches from 0 to 1 only: choose an "
            "activation that reaches it, such as '1.8*sigmoid(h)'",
            None,
        ),
    ],
    "The file": [
        Case("not there", lambda path: None, "beans.csv is not there: check its name and folder"),
        Case(
            "not there, but one of a similar name",
            with_a_similar_name,
            "bean.csv is not there (did you mean beans.csv?): check its name and folder",
            file="bean.csv",
        ),
        Case(
            "a pattern that matches nothing",
            lambda path: None,
            "no file matches *.csv: check the pattern",
            file="*.csv",
        ),
        Case(
            "unreadable",
            lambda path: path.symlink_to(path.name),
            "beans.csv cannot be read (Too many levels of symbolic links): check the file and its "
            "permissions",
        ),
        Case(
            "a folder",
            Path.mkdir,
            "beans.csv is a folder: give a file in it, or a pattern such as beans.csv/*.csv",
        ),
        Case("empty", b"", "beans.csv is empty: give a table with a header and rows"),
        Case("an image", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0\0\0\1\0", f"beans.csv {NO_TABLE}"),
        Case(
            "JSON",
            json.dumps(RECORDS).encode() + b"\n",
            f"beans.csv {NO_TABLE}",
        ),
        Case(
            "Parquet that is cut short",
            cut_short,
            "beans.parquet is no whole Parquet file: it is cut short or something else, so write it anew",
            file="beans.parquet",
        ),
        Case(
            "UTF-16",
            TIDY.decode().encode("utf-16"),
            "beans.csv is UTF-16: set encoding to utf-16, or save it as UTF-8",
        ),
        Case(
            "gzip that is cut short",
            b"\x1f\x8b\x08\0",
            "beans.csv.gz cannot be read (Truncated compressed stream): is the file whole?",
            file="beans.csv.gz",
        ),
    ],
}


def page(text):
    """Return the page with the list between its marks."""
    before, rest = text.split(BEGIN)
    return before + "\n\n".join([BEGIN, *map(section, CASES), END]) + rest.split(END)[1]


def section(title):
    head = f"### {title}\n\n| what is untidy | `fit` says | `predict` says |\n| --- | --- | --- |\n"
    return head + "\n".join(map(row, CASES[title]))


def row(case):
    said = (sentence if sentence == SAME else quoted(sentence) for sentence in case[2:4])
    return f"| {' | '.join([case.what, *said])} |"


def quoted(sentence):
    return "nothing: it is used" if sentence is None else f"`{sentence}`".replace("|", r"\|")


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
