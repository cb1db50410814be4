"""``fallline predict``: what a kept network predicts for each row of a table."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Mapping
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from fallline._errors import InputError
from fallline._files import check_writable, written_whole
from fallline._typing import Array
from fallline.data.tables._open import open_table
from fallline.data.tables._source import TableSource
from fallline.data.tables._table_files import Dialect, table_files
from fallline.faces.cli._endings import DONE
from fallline.faces.cli._scores import finite
from fallline.maths.network._model_file import load
from fallline.maths.network._network import SingleLayer

PREFIX = "predicted_"
NEEDS_QUOTES = '[,"\r\n]'


def run_predict(
    model: str, table: str, *, opening: Mapping[str, Any], out: str | None, only: bool, as_json: bool
) -> int:
    """Write the rows of a table with what the network predicts for each; one with gaps has no prediction."""
    if out:
        check_writable(out)
    network = load(model)
    source = open_table(table, features=_features(network, table, opening), **opening)
    predicted = predictions(network, source)
    if out or not as_json:
        columns = predicted if only else {**_read(table, opening, predicted), **predicted}
        _write(pa.table(columns), out)
    if as_json:
        print(json.dumps(_as_dict(model, source, predicted), allow_nan=False))
    elif out:
        _say_what_was_done(source, out)
    return DONE


def predictions(network: SingleLayer, source: TableSource) -> dict[str, pa.Array]:
    """Return predicted columns by name: the class, where there are classes, then every ŷ."""
    y_hat = network.predict(source)
    columns = {}
    if network.classes and network.signature is not None:
        label = network.signature.labels(y_hat)
        columns[PREFIX + network.signature.targets[0].name] = _by_row(label, source, pa.string())
    for name, values in zip(network.output_names, np.atleast_2d(y_hat.T), strict=True):
        columns[PREFIX + name] = _by_row(values, source, pa.float64())
    return columns


def _by_row(values: Array, source: TableSource, kind: pa.DataType) -> pa.Array:
    """Return a value for each row of the table, null for those that were left out."""
    places = np.full(source.n_rows, -1)
    places[source.row_numbers - 1] = np.arange(len(values))
    return pa.array(values, kind).take(pa.array(places, mask=places < 0))


def _features(network: SingleLayer, table: str, opening: Mapping[str, Any]) -> Any:
    """Return the columns that a network takes; one without names takes all columns of the table, in order."""
    if network.signature is not None:
        return network.signature.inputs
    names = _files(table, opening)[0].names
    if len(names) != len(network.weights):
        raise InputError(
            f"{table} has {len(names)} columns, but the network takes {len(network.weights)} inputs and has "
            "no names for them: give a table of exactly these"
        )
    return names


def _files(table: str, opening: Mapping[str, Any]) -> Any:
    return table_files(table, Dialect(opening.get("separator"), opening.get("encoding", "utf-8")))


def _read(table: str, opening: Mapping[str, Any], predicted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of the table as they are."""
    files = _files(table, opening)
    names = files[0].names
    for name in names:
        if name in predicted or not name or names.count(name) > 1:
            raise InputError(
                f"{table}: the column {name!r} cannot stand beside the predictions, as its name is missing "
                "or taken: rename it, or write the predictions only"
            )
    parts = [pa.Table.from_batches(file.batches(names)).select(names) for file in files]
    try:
        columns = pa.concat_tables(parts, promote_options="permissive")
    except pa.ArrowException as error:
        raise InputError(
            f"{table}: a column is of one type in one file and of another in the next ({error}): write the "
            "predictions only, or predict file by file"
        ) from None
    return dict(zip(names, columns.columns, strict=True))


def _write(table: pa.Table, out: str | None) -> None:
    if out is None:
        _write_csv(table, sys.stdout.buffer)
        return
    with written_whole(out) as stream:
        if out.endswith((".parquet", ".pq")):
            pyarrow.parquet.write_table(table, stream)
        else:
            _write_csv(table, stream)


def _write_csv(table: pa.Table, stream: IO[bytes]) -> None:
    """Write CSV; where a text needs quotes, Arrow puts them around every text."""
    names = table.column_names
    columns = list(map(_for_csv, names, table.columns))
    lone_gap = len(columns) == 1 and columns[0].null_count > 0
    if lone_gap:  # its line would be blank, and readers pass over blank lines
        columns = [columns[0].cast(pa.string()).fill_null("")]
    texts = [column for column in columns if pa.types.is_string(column.type)]
    needed = lone_gap or any(pc.any(pc.match_substring_regex(text, NEEDS_QUOTES)).as_py() for text in texts)
    header = io.StringIO()
    csv.writer(header).writerow(names)
    stream.write(header.getvalue().removesuffix("\r\n").encode() + b"\n")
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed" if needed else "none")
    pyarrow.csv.write_csv(pa.table(columns, names), stream, options)


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


def _say_what_was_done(source: TableSource, out: str) -> None:
    left_out = source.n_rows - len(source.row_numbers)
    gaps = f", {left_out:,} of them without a prediction, as cells are missing" if left_out else ""
    print(f"{source.n_rows:,} row{'s' if source.n_rows != 1 else ''}{gaps}: written to {out}")


def _as_dict(model: str, source: TableSource, predicted: Mapping[str, pa.Array]) -> dict[str, Any]:
    return {
        "model": model,
        "table": source.table,
        "rows": source.n_rows,
        "predictions": {name: finite(column.to_pylist()) for name, column in predicted.items()},
    }
