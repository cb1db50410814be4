"""The states of a training as rows: step, passes, E and the norm of the gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.table import Table

from fallline.descent._run import Run
from fallline.faces.cli.screen._screen import table_of

COLUMNS = ("step", "passes", "error", "gradient_norm")
MOST, FIRST, LAST = 12, 6, 5
MOST_DIGITS, MOST_DECIMALS = 14, 8
"""Of E: decimals are left out where it is large, and beyond all digits it is written with an exponent."""


def steps_of(run: Run) -> list[tuple[float, ...]]:
    """Return a row for every state."""
    return list(zip(*(run.history[column].tolist() for column in COLUMNS), strict=True))


def steps_as_dicts(run: Run) -> list[dict[str, float]]:
    """Return every state by the names of its columns."""
    return [dict(zip(COLUMNS, row, strict=True)) for row in steps_of(run)]


def steps_table(steps: Sequence[tuple[float, ...]]) -> Table:
    """Return the descent by step; the middle of a long one is left out."""
    form = _form_of([error for _, _, error, _ in steps])
    cells = [
        (f"{step}", f"{passes}", f"{error:{form}}", f"{norm:.2e}") for step, passes, error, norm in steps
    ]
    if len(cells) > MOST:
        cells[FIRST:-LAST] = [("⋮",) * 4]
    return table_of(("step", "passes", "E", "gradient"), cells, texts=0)


def _form_of(errors: Sequence[float]) -> str:
    largest = max(filter(math.isfinite, errors), default=0.0)
    decimals = min(MOST_DECIMALS, MOST_DIGITS - len(f"{largest:.0f}"))
    return f".{decimals}f" if decimals >= 0 else f".{MOST_DECIMALS}e"
