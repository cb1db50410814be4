"""``fallline predict``: what a kept network predicts for each row of a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from fallline._errors import InputError
from fallline._typing import Array
from fallline.data.tables._open import open_table
from fallline.data.tables._source import TableSource
from fallline.data.tables._table_files import Dialect, TableFile, table_files
from fallline.faces.cli._endings import DONE
from fallline.faces.cli._table import check_output
from fallline.faces.cli.predict._write import check_suffix, is_parquet, typed, write_table
from fallline.faces.cli.screen._json import print_json
from fallline.maths.network._model_file import load
from fallline.maths.network._network import SingleLayer

PREFIX = "predicted_"


def run_predict(
    model: str, table: str, *, opening: Mapping[str, Any], out: str | None, only: bool, as_json: bool
) -> int:
    """Write the rows of a table with what the network predicts for each; one with gaps has no prediction."""
    check_output(out, model, table)
    check_suffix(out)
    network = load(model)
    source = open_table(table, features=_features(network, table, opening), **opening)
    predicted = predictions(network, source)
    if out or not as_json:
        files = _files(table, opening)
        columns = {} if only else _read(files, table, predicted, typed_too=is_parquet(out))
        dialect = getattr(files[0], "separator", ","), opening.get("decimal", ".")
        write_table(pa.table({**columns, **predicted}), out, *dialect)
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
    files: Sequence[TableFile], table: str, predicted: Mapping[str, Any], *, typed_too: bool
) -> dict[str, Any]:
    """Return the columns of the table as they are; ``typed_too`` makes text that is numbers into numbers."""
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
    from_text = typed_too and files[0].is_text
    return {name: typed(column) if from_text else column for name, column in zip(names, columns, strict=True)}


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
