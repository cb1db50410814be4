"""Sentences with formulas and tables of numbers, as text, LaTeX and HTML."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from itertools import islice
from textwrap import fill
from typing import NamedTuple

import numpy as np

from fallline._typing import Array
from fallline.maths.ledger._spelling import Cell, html, latex, latex_number, number, with_formulas

WIDTH = 80
SHOWN = 10  # rows of a table, before "… and 96 more"
_NO_BREAK = "\u00a0"
_STYLE = """<style>
.fallline div { overflow-x: auto; }
.fallline table { border-collapse: collapse; margin: .6em 0; font-variant-numeric: tabular-nums; }
.fallline th, .fallline td { padding: .2em .7em; text-align: right; white-space: nowrap; color: inherit; }
.fallline td[colspan] { text-align: left; }
.fallline thead tr { border-bottom: 1px solid currentColor; }
.fallline p { margin: .8em 0 .3em; }
.fallline ul { margin: .3em 0; padding-left: 2em; list-style: none; line-height: 1.5; }
.fallline sub, .fallline sup { line-height: 0; font-size: .75em; }
</style>"""


def text(parts: Iterable[Section | Table]) -> str:
    """Join parts into plain text."""
    return "\n\n".join(part.text for part in parts)


def html_fragment(parts: Iterable[Section | Table]) -> str:
    """Join parts into one element that carries its own style and takes its colours from the page."""
    return "\n".join([f'<div class="fallline">{_STYLE}', *(part.html for part in parts), "</div>"])


class Line(NamedTuple):
    """A formula, and what it equals here: a number, or a formula; what has free names has its own LaTeX."""

    formula: str
    value: str = ""
    value_latex: str = ""
    formula_latex: str = ""

    @classmethod
    def of(cls, formula: str, value: float) -> Line:
        """Return the line of a formula and its number."""
        return cls(formula, number(value), latex_number(value))

    @property
    def text(self) -> str:
        """The line in plain text."""
        return " = ".join(filter(None, (self.formula, self.value)))

    @property
    def html(self) -> str:
        """The line as an item of an HTML list."""
        return f"<li>{' = '.join(filter(None, (html(self.formula), html(self.value))))}</li>"

    @property
    def latex(self) -> str:
        """The line as a row of an align* environment."""
        row = " = ".join(filter(None, (self.formula_latex or latex(self.formula), self.value_latex)))
        return re.sub(r"=|\\leftarrow", r"&\g<0>", row, count=1)


class Section(NamedTuple):
    """Sentences with their formulas."""

    prose: str
    lines: list[Line]

    @property
    def text(self) -> str:
        """The section in plain text."""
        unbroken = with_formulas(self.prose, lambda formula: formula.replace(" ", _NO_BREAK))
        prose = fill(unbroken, WIDTH).replace(_NO_BREAK, " ")
        return "\n".join([prose, *(f"  {line.text}" for line in self.lines)])

    @property
    def html(self) -> str:
        """The section as an HTML paragraph and list."""
        items = "".join(line.html for line in self.lines)
        return f"<p>{with_formulas(self.prose, html)}</p>" + (f"<ul>{items}</ul>" if items else "")

    @property
    def latex(self) -> str:
        """The section in LaTeX, with amsmath's align*."""
        rows = " \\\\\n".join(line.latex for line in self.lines)
        prose = with_formulas(self.prose, lambda formula: f"${latex(formula)}$")
        return "\n".join([prose, r"\begin{align*}", rows, r"\end{align*}"] if rows else [prose])


class Table(NamedTuple):
    """Rows of numbers under formulas, of which the first few are shown."""

    heads: list[str]
    rows: list[list[Cell]]
    more: str

    @classmethod
    def of(cls, labels: list[str], columns: dict[str, Array], noun: str) -> Table:
        """Return the first rows of columns of one shape, each row labelled by its indices."""
        shape = next(iter(columns.values())).shape
        rows = [
            [*index, *(float(column[index]) for column in columns.values())]
            for index in islice(np.ndindex(shape), SHOWN)
        ]
        left = math.prod(shape) - len(rows)
        more = f"… and {left:,} more {noun if len(shape) == 1 else 'rows'}" if left else ""
        return cls([*labels[: len(shape)], *columns], rows, more)

    @property
    def text(self) -> str:
        """The table in as many significant digits, 6 to 3, as fit in a line."""
        for digits, gap in ((6, 2), (5, 2), (4, 2), (3, 2), (3, 1)):
            cells = [self.heads, *([number(cell, digits) for cell in row] for row in self.rows)]
            widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
            if sum(widths) + gap * (len(widths) - 1) <= WIDTH:
                break
        lines = [(" " * gap).join(map(str.rjust, row, widths)) for row in cells]
        return "\n".join([*lines, self.more] if self.more else lines)

    @property
    def html(self) -> str:
        """The table as HTML."""
        heads = "".join(f'<th scope="col">{html(head)}</th>' for head in self.heads)
        rows = [f"<tr>{''.join(f'<td>{number(cell, 6)}</td>' for cell in row)}</tr>" for row in self.rows]
        more = [f'<tr><td colspan="{len(self.heads)}">{self.more}</td></tr>'] if self.more else []
        head = f'<div tabindex="0"><table><thead><tr>{heads}</tr></thead><tbody>'
        return "\n".join([head, *rows, *more, "</tbody></table></div>"])

    @property
    def latex(self) -> str:
        """The table as a displayed LaTeX array."""
        rows = [" & ".join(map(latex, self.heads)) + r" \\ \hline"]
        rows += [" & ".join(map(latex_number, row)) + r" \\" for row in self.rows]
        more = [self.more.replace("…", r"\dots")] if self.more else []
        begin = rf"\[\begin{{array}}{{{'r' * len(self.heads)}}}"
        return "\n".join([begin, *rows, r"\end{array}\]", *more])
