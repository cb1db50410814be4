"""Tables for tests: written into the folder in which a test works, read, and compared."""

import csv
import io
import re
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from fallline import InputError, open_table

BEANS = {
    "rain": [0.1, 1e-300, -2.5e10, 3.0, 5.0, 1 / 3],
    "days": [30, 41, -7, 12, 12, 2**40],
    "soil": ["sand", "clay", "Löß", "sand", "loam, wet", "clay"],
    "dry": [True, False, False, True, False, True],
    "yield": [2.5, 3.0, 4.25, 1.0, 0.0, 2.0],
}


def as_csv(columns, separator=",", **dialect):
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=separator, **dialect)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return stream.getvalue()


def write(name, content):
    """Write a file of columns, or of text as it is, and return its name."""
    if name.endswith(".parquet"):
        parquet.write_table(pa.table(content), name)
    else:
        text = as_csv(content) if isinstance(content, dict) else content
        Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return name


def bits(table):
    """Return all that two readings of the same table have in common."""
    return table.X.tobytes(), table.y.tobytes(), table.y.shape, table.signature, table.row_numbers.tolist()


def refused(sentence, *asked, **options):
    """Hold open_table to a sentence that has these words."""
    with pytest.raises(InputError, match=re.escape(sentence)):
        open_table(*asked, **options)
