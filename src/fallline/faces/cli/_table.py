"""The table that a command works on, and the files that it may write."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from fallline._errors import InputError
from fallline._files import check_writable
from fallline.data.tables._open import open_table
from fallline.data.tables._source import TableSource
from fallline.data.tables._table_files import table_paths
from fallline.maths.activations._activation import Activation
from fallline.maths.network._signature import class_targets_for


def opened(table: str, opening: Mapping[str, Any], activation: str | None) -> tuple[TableSource, str]:
    """Return the table's records and the activation: without one, identity, and for classes sigmoid.

    Classes are trained towards what the activation reaches.
    """
    if activation is None:
        source = open_table(table, **opening)
        return source, "sigmoid" if source.signature.classes else "identity"
    ends = class_targets_for(Activation(activation))
    return open_table(table, **opening, class_targets=ends), activation


def check_output(path: str | None, *read: str) -> None:
    """Refuse, before any work is done, a file that cannot be written, or that the command reads."""
    if path is None:
        return
    check_writable(path)
    for pattern in read:
        for file in table_paths(pattern):
            if os.path.exists(path) and os.path.exists(file) and os.path.samefile(path, file):
                raise InputError(f"{path} is what the command reads: write to another file")
