"""A path or a pattern, and the table files behind it."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Sequence
from glob import glob, has_magic
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from fallline._errors import InputError
from fallline.data.tables._csv import CsvFile
from fallline.data.tables._parquet import ParquetFile

PARQUET_MAGIC = b"PAR1"


class Dialect(NamedTuple):
    """How a CSV file is written; without a separator it is the commonest sign of the header."""

    separator: str | None
    encoding: str


class TableFile(Protocol):
    """A file that holds named columns."""

    path: str
    names: list[str]
    is_text: bool
    """Whether every cell is text that may be a number."""

    def batches(self, names: Sequence[str]) -> Iterator[Any]:
        """Yield some of the columns, as record batches of Arrow in the order of the file."""
        ...


def table_files(path_or_glob: str | os.PathLike[str], dialect: Dialect) -> list[TableFile]:
    """Return the files of a path or a pattern, in order of their names, all with the same columns."""
    files = [_table_file(path, dialect) for path in table_paths(os.fspath(path_or_glob))]
    for file in files[1:]:
        if file.is_text != files[0].is_text:
            raise InputError(
                f"of {file.path} and {files[0].path} one is CSV and one Parquet: give files of one kind"
            )
        if set(file.names) != set(files[0].names):
            odd = sorted(set(file.names) ^ set(files[0].names))[0]
            raise InputError(
                f"{file.path} and {files[0].path} have different columns ({odd!r} is in one of them alone): "
                "give files of the same columns"
            )
    return files


def table_paths(text: str) -> list[str]:
    """Return the paths that a path or a pattern stands for."""
    if not has_magic(text) or os.path.lexists(text):
        return [text]
    paths = sorted(path for path in glob(text, recursive=True) if not os.path.isdir(path))
    if not paths:
        raise InputError(f"no file matches {text}: check the pattern")
    return paths


def _table_file(path: str, dialect: Dialect) -> TableFile:
    if os.path.isdir(path):
        raise InputError(f"{path} is a folder: give a file in it, or a pattern such as {path}/*.csv")
    if os.path.exists(path) and not os.path.isfile(path):
        raise InputError(f"{path} is no ordinary file: write the table to one first")
    try:
        with open(path, "rb") as stream:
            magic = stream.read(len(PARQUET_MAGIC))
    except FileNotFoundError:
        raise InputError(f"{path} is not there{_similar(Path(path))}: check its name and folder") from None
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}): check the file and its permissions"
        ) from None
    if magic == PARQUET_MAGIC or path.endswith((".parquet", ".pq")):
        return ParquetFile(path)
    return CsvFile(path, dialect.separator, dialect.encoding)


def _similar(path: Path) -> str:
    """Suggest a file of the same folder with a similar name."""
    try:
        close = difflib.get_close_matches(path.name, os.listdir(path.parent), n=1)
    except OSError:
        return ""
    return f" (did you mean {path.with_name(close[0])}?)" if close else ""
