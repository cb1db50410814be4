"""How cells and names are quoted in sentences."""

from __future__ import annotations

from collections.abc import Sequence

LONGEST, MOST = 40, 8


def excerpt(text: str) -> str:
    """Return a text in quotes, cut where it is long."""
    return repr(text if len(text) <= LONGEST else f"{text[:LONGEST]}…")


def listing(names: Sequence[str]) -> str:
    """Return the first of some names, in quotes."""
    return ", ".join(map(excerpt, names[:MOST])) + (", …" if len(names) > MOST else "")
