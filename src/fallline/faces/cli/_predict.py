"""``fallline predict``: what a kept network predicts for each row of a table."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from fallline._errors import InputError
from fallline._files import written_whole
from fallline._typing import Array
from fallline.data.tables._open import open_table
from fallline.data.tables._source import TableSource
from fallline.data.tables._table_files import Dialect, TableFile, table_files
from fallline.faces.cli._endings import DONE
from fallline.faces.cli._table import check_output
from fallline.faces.cli.screen._json import print_json
from fallline.maths.network._model_file import load
from fallline.maths.network._network import SingleLayer

PREFIX = "predicted_"
PARQUET = (".parquet", ".pq")


def run_predict(
    model: str, table: str, *, opening: Mapping[str, Any], out: str | None, only: bool, as_json: bool
) -> int:
    """Write the rows of a table with what the network predicts for each; one with gaps has no prediction."""
    check_output(out, model, table)
    _check_suffix(out)
    network = load(model)
    source = open_table(table, features=_features(network, table, opening), **opening)
    predicted = predictions(network, source)
    if out or not as_json:
        files = _files(table, opening)
        columns = {} if only else _read(files, table, predicted, typed=_is_parquet(out))
        dialect = getattr(files[0], "separator", ","), opening.get("decimal", ".")
        _write(pa.table({**columns, **predicted}), out, *dialect)
    if as_json:
        print_json(_as_dict(model, source, predicted), indent=None)
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


def _files(table: str, opening: Mapping[str, Any]) -> list[TableFile]:
    return table_files(table, Dialect(opening.get("separator"), opening.get("encoding", "utf-8")))


def _read(
    files: Sequence[TableFile], table: str, predicted: Mapping[str, Any], *, typed: bool
) -> dict[str, Any]:
    """Return the columns of the table as they are; ``typed`` makes text that is numbers into numbers."""
    names = files[0].names
    taken = {*predicted, *(name for name, count in Counter(names).items() if count > 1)}
    for name in names:
        if name in taken:
            raise InputError(
                f"{table}: the column {name!r} cannot stand beside the predictions, as its name is taken: "
                "rename it, or write the predictions only"
            )
    parts = [pa.Table.from_batches(file.batches(names)).select(names) for file in files]
    try:
        columns = pa.concat_tables(parts, promote_options="permissive").columns
    except pa.ArrowException as error:
        raise InputError(
            f"{table}: a column is of one type in one file and of another in the next ({error}): write the "
            "predictions only, or predict file by file"
        ) from None
    from_text = typed and files[0].is_text
    return {
        name: _typed(column) if from_text else column for name, column in zip(names, columns, strict=True)
    }


def _typed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return text as numbers, or as true and false, where all of it is."""
    gaps = pc.fill_null(pc.equal(column, ""), True)
    text = pc.if_else(gaps, None, column)
    for kind in (pa.int64(), pa.float64(), pa.bool_()):
        try:
            return text.cast(kind)
        except pa.ArrowInvalid:
            continue
    return column


def _is_parquet(out: str | None) -> bool:
    return bool(out and out.endswith(PARQUET))


def _check_suffix(out: str | None) -> None:
    if out and not out.endswith((*PARQUET, ".csv", ".tsv", ".txt")):
        raise InputError(f"{out} would be neither CSV nor Parquet: name it .csv or .parquet")


def _write(table: pa.Table, out: str | None, separator: str, decimal: str) -> None:
    if out is None:
        _write_csv(table, sys.stdout.buffer, separator, decimal)
        return
    with written_whole(out) as stream:
        if _is_parquet(out):
            pyarrow.parquet.write_table(table, stream)
        else:
            _write_csv(table, stream, separator, decimal)


def _write_csv(table: pa.Table, stream: IO[bytes], separator: str, decimal: str) -> None:
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


def _say_what_was_done(source: TableSource, out: str) -> None:
    left_out = source.n_rows - len(source.row_numbers)
    gaps = f", {left_out:,} of them without a prediction, as cells are missing" if left_out else ""
    print(f"{source.n_rows:,} row{'s' if source.n_rows != 1 else ''}{gaps}: written to {out}")


def _as_dict(model: str, source: TableSource, predicted: Mapping[str, pa.Array]) -> dict[str, Any]:
    return {
        "model": model,
        "table": source.table,
        "rows": source.n_rows,
        "predictions": {name: column.to_pylist() for name, column in predicted.items()},
    }
