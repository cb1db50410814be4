"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from fallline._errors import InputError


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise an InputError, before any work is done, if a file could not be written there."""
    target = Path(path)
    if os.path.isdir(target):
        raise InputError(f"{target} is a folder: give the name of a file")
    if os.path.exists(target) and not os.path.isfile(target):
        raise InputError(f"{target} is no ordinary file: give the name of one")
    if not os.access(target.parent, os.W_OK):
        there = "cannot be written" if target.parent.exists() else "is not there"
        raise InputError(f"{target} cannot be written, as its folder {there}: choose another")


@contextmanager
def written_whole(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Give a stream whose content appears at ``path`` in one step at the end, or not at all.

    The content goes to a new file in the same folder, is forced to disk, and takes the place of the old one;
    then the folder is forced to disk, so that no failure at any moment leaves a part of it.

    Raises
    ------
    InputError
        If the folder is missing or cannot be written, or the disk is full.
    """
    check_writable(path)
    target = Path(path).resolve()  # a link stays one
    temporary = target.with_name(f".fallline-{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, target)
        _force_to_disk(target.parent)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if not isinstance(error, (OSError, UnicodeError)):
            raise
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"{path} cannot be written ({reason}): choose a place that can be written and has room"
        ) from None


def _force_to_disk(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
