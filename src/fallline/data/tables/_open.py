"""Public: a table in files as a source of records."""

from __future__ import annotations

import os
from collections.abc import Sequence, Set
from numbers import Real
from typing import NamedTuple

import numpy as np

from fallline._errors import InputError
from fallline._typing import Array, FloatArray
from fallline.data.tables._cells import Place, encoded
from fallline.data.tables._checks import check_inputs, check_targets
from fallline.data.tables._choose import chosen_inputs, given_columns, listed, name_of, target_columns
from fallline.data.tables._reading import Rows, Selection, read_rows
from fallline.data.tables._source import TableSource
from fallline.data.tables._survey import surveyed
from fallline.data.tables._table_files import Dialect, table_files
from fallline.maths.network._signature import Column, Signature


def open_table(
    path_or_glob: str | os.PathLike[str],
    target: str | Column | Sequence[str | Column] | None = None,
    features: str | Sequence[str | Column] | None = None,
    *,
    drop: str | Sequence[str] = (),
    categorical: str | Sequence[str] = (),
    missing: str = "error",
    sample: float = 1.0,
    seed: int = 0,
    separator: str | None = None,
    decimal: str = ".",
    encoding: str = "utf-8",
    class_targets: tuple[float, float] = (0.0, 1.0),
) -> TableSource:
    r"""Open a CSV or Parquet table as a source of records, ready to train on.

    Columns of numbers become inputs as they are, true and false 1 and 0, and texts one input for each of
    their values (one-hot). A lone target of texts, or of true and false, is one of classes: an output for
    each of them, or for the second of two.

    Parameters
    ----------
    path_or_glob : path or str
        A file, or a pattern such as ``"2024/*.parquet"`` for files of the same columns. CSV may be
        compressed.
    target : str or sequence of str, optional
        The column, or columns, to predict. To score a trained network, its ``signature.targets``.
    features : sequence of str, optional
        The columns to learn from; None is all others. To predict, the ``signature.inputs`` of a trained
        network: they say what each column holds.
    drop : sequence of str
        Columns to leave out.
    categorical : sequence of str
        Columns whose numbers are names of categories.
    missing : {"error", "drop"}
        Whether to refuse rows in which a cell is missing, or to leave them out.
    sample : float
        Share of the rows to use, in (0, 1]; which ones depends on their numbers and ``seed`` alone.
    seed : int
    separator : str, optional
        Between the cells of a CSV file; None is the commonest of ``, ; |`` and tab in its header.
    decimal : {".", ","}
        The decimal sign of a CSV file.
    encoding : str
        The encoding of a CSV file.
    class_targets : pair of floats
        What an output is trained towards for other classes, and for its own.

    Returns
    -------
    TableSource
        A source for :func:`fallline.train` and :func:`fallline.descend`, with ``signature``, ``X``, ``y``,
        ``row_numbers`` and ``split``.

    Raises
    ------
    InputError
        For files and cells that cannot be used; the sentence names file, row (from 1, below the header) and
        column.

    Notes
    -----
    The table is held in memory, as float64.

    References
    ----------
    Y. Shafranovich, RFC 4180 (2005): CSV. The Parquet format, https://parquet.apache.org/docs/file-format/.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "beans.csv"
    >>> _ = path.write_text("rain,soil,yield\n1,clay,2\n2,clay,3\n3,sand,5\n1,sand,3\n")
    >>> table = open_table(path, target="yield")
    >>> table.signature.input_names
    ('rain', 'soil=clay', 'soil=sand')
    >>> table.X[0], table.y
    (array([1., 1., 0.]), array([2., 3., 5., 3.]))
    """
    _check_settings(missing, sample, decimal)
    table = os.fspath(path_or_glob)
    features, wanted = None if features is None else listed(features), listed(target)
    targets = [name_of(column) for column in wanted]
    files = table_files(path_or_glob, Dialect(separator, encoding))
    inputs = chosen_inputs(table, files[0].names, targets, features, listed(drop), listed(categorical))
    names, known = [*inputs, *targets], given_columns([*(features or ()), *wanted])
    as_text = [*listed(categorical), *(name for name, column in known.items() if column.kind == "category")]
    rows = list(read_rows(files, Selection(names, as_text, sample, seed, missing == "drop")))
    if not any(len(some.row_numbers) for some in rows):
        raise InputError(f"{table}: no row is left: take a larger sample, or drop the columns with the gaps")
    unknown = [name for name in names if name not in known]
    columns = known | surveyed(table, rows, unknown, targets, as_text, decimal)
    signature = _signature(
        table, [columns[name] for name in inputs], [columns[name] for name in targets], class_targets
    )
    reader = Reader(signature, decimal, droppable={*inputs} - {*known})
    X, y, row_numbers = (np.concatenate(part) for part in zip(*map(reader.read, rows), strict=True))
    if targets and not known:
        check_targets(table, y, signature)
        check_inputs(table, X, row_numbers, signature)
    return TableSource(X, y, row_numbers, signature, table, n_rows=rows[-1].rows_read)


def _signature(
    table: str, inputs: Sequence[Column], targets: Sequence[Column], class_targets: tuple[float, float]
) -> Signature:
    """Return what the columns mean; targets of classes are said only where there are some."""
    wanted = target_columns(table, targets)
    has_classes = any(column.kind == "category" for column in wanted)
    ends = class_targets if has_classes else Signature.class_targets
    return Signature(tuple(inputs), wanted, ends)


class Reader(NamedTuple):
    """Turns rows into numbers; ``droppable`` are columns that could be left out instead."""

    signature: Signature
    decimal: str
    droppable: Set[str]

    def read(self, rows: Rows) -> tuple[FloatArray, FloatArray, Array]:
        """Return inputs, targets and row numbers."""
        X, y = (self._numbers(rows, columns) for columns in (self.signature.inputs, self.signature.targets))
        self._check_complete(rows)
        return X, as_targets(y, self.signature), rows.row_numbers

    def _numbers(self, rows: Rows, columns: Sequence[Column]) -> FloatArray:
        numbers = [
            encoded(rows.cells[column.name], column, self.decimal, self._place(rows, column.name))
            for column in columns
        ]
        return np.hstack(numbers) if numbers else np.empty((len(rows.row_numbers), 0))

    def _place(self, rows: Rows, name: str) -> Place:
        return rows.place(name, can_drop=name in self.droppable)

    def _check_complete(self, rows: Rows) -> None:
        if not rows.gaps.any():
            return
        index = int(np.argmax(rows.gaps))
        name = next(name for name, cells in rows.cells.items() if not cells[index].is_valid)
        place = self._place(rows, name)
        raise InputError(
            f"{place.of(index)} holds no value: fill it in{', drop the column' if place.can_drop else ''}, "
            "or leave such rows out by setting missing to drop"
        )


def as_targets(numbers: FloatArray, signature: Signature) -> FloatArray:
    """Return y (n,) or (n, k): numbers as they are, classes as what each output is trained towards."""
    if signature.classes:
        low, high = signature.class_targets
        numbers = low + (high - low) * (numbers[:, 1:] if len(signature.classes) == 2 else numbers)
    return numbers[:, 0] if numbers.shape[1] == 1 else numbers


def _check_settings(missing: str, sample: float, decimal: str) -> None:
    if missing not in ("error", "drop"):
        raise InputError(f"missing must be 'error' or 'drop', got {missing!r}")
    if not isinstance(sample, Real) or not 0.0 < sample <= 1.0:
        raise InputError(f"sample must be a share above 0 and at most 1, got {sample!r}")
    if decimal not in (".", ","):
        raise InputError(f"decimal must be '.' or ',', got {decimal!r}")
