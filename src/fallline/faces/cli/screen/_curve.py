"""A small curve of E against the step, drawn in braille: two dots across and four down to a character."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fallline.descent._progress import is_positive

EMPTY = 0x2800
LEAST_WIDTH = 32
"""Of a graph; where there is less room there is none."""
DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""Bits of the left and the right dots of a character, from top to bottom."""


def curve(errors: Sequence[float], width: int, height: int) -> list[str]:
    """Return lines of characters that draw errors on a log scale, from left to right.

    What is no positive number has no place on the scale: the curve goes straight over it.
    """
    characters = np.full((height, width), EMPTY)
    rows = _rows(errors, 2 * width, 4 * height)
    for column, (before, row) in enumerate(zip([*rows[:1], *rows], rows, strict=False)):
        for dot in range(min(before, row), max(before, row) + 1):
            characters[dot // 4, column // 2] |= DOTS[column % 2][dot % 4]
    return ["".join(map(chr, line)) for line in characters]


def _rows(errors: Sequence[float], columns: int, rows: int) -> list[int]:
    """Return the row, from the top, of the curve's dot in each column."""
    logs = {place: math.log(error) for place, error in enumerate(errors) if is_positive(error)}
    if not logs:
        return []
    heights = np.interp(np.linspace(0, len(errors) - 1, columns), list(logs), list(logs.values()))
    low, high = min(logs.values()), max(logs.values())
    shares = (high - heights) / (high - low) if high > low else np.full(columns, 0.5)
    rounded: list[int] = np.rint(shares * (rows - 1)).astype(int).tolist()
    return rounded


def graph(errors: Sequence[float], first: int, last: int, width: int, height: int) -> list[str]:
    """Return the curve with its axes: the highest and the lowest E, and the first and the last step."""
    drawn = list(filter(is_positive, errors))
    if len(drawn) < 2 or width < LEAST_WIDTH:
        return []
    top, bottom = f"E {max(drawn):.3g}", f"{min(drawn):.3g}"
    margin = max(len(top), len(bottom))
    width -= margin + 2
    left = [f"{top:>{margin}} ┤", *[f"{'':{margin}} │"] * (height - 2), f"{bottom:>{margin}} ┤"]
    steps = f"{first}{f'step {last}':>{width - len(str(first))}}"
    lines = map(str.__add__, left, curve(errors, width, height))
    return [*lines, f"{'':{margin + 2}}{steps}"]
