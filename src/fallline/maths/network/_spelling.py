"""How the inputs and outputs of a network are spelled in text and in LaTeX, and how long lines are folded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from fallline.maths.network._signature import Column

if TYPE_CHECKING:
    from fallline.maths.network._network import SingleLayer

WIDTH = 96  # with an indent of 4 it is 100

_SHORT = re.compile(r"([A-Za-z])([0-9]*)")
_WORD = re.compile(r"[A-Za-z0-9]+")
_PIECE = re.compile(r"([{}$&#%_\\^~<>])|[^{}$&#%_\\^~<>]+")
_SIGNS = {"\\": r"\backslash ", "^": r"\wedge ", "~": r"\sim ", "<": "<", ">": ">"}


class Name(NamedTuple):
    """Name of a number: that of a column, or of a column and a category of it.

    Where the formula calls something else so, its net input h or a free name, the column is quoted.
    """

    column: str
    category: str | None = None
    is_taken: bool = False

    @property
    def text(self) -> str:
        """``age``, ```age in years``` or ``[soil = clay]``."""
        column = _printable(self.column)
        if self.category is not None:
            return f"[{column} = {_printable(self.category)}]"
        return column if column.isidentifier() and not self.is_taken else f"`{column}`"

    @property
    def latex(self) -> str:
        r"""``x_{0}``, ``\mathrm{age}`` or ``[\mathrm{soil} = \mathrm{clay}]``."""
        column = self._column_latex
        return column if self.category is None else f"[{column} = {_latex_word(self.category)}]"

    @property
    def _column_latex(self) -> str:
        if self.is_taken:
            return _latex_word(self.column if len(self.column) == 1 else f"`{self.column}'")
        return _latex(self.column)

    @property
    def predicted_latex(self) -> str:
        r"""``\hat{y}``, ``\hat{y}_{0}`` or ``\widehat{\mathrm{age}}``."""
        letter, rest = self.latex[:1], self.latex[1:]
        return rf"\hat{{{letter}}}{rest}" if letter.isalpha() else rf"\widehat{{{self.latex}}}"


def input_names(network: SingleLayer) -> list[Name]:
    """Return a name for each weight of an output."""
    if network.signature is None:
        return _names(network, map(Column, network.input_names))
    return _names(network, network.signature.inputs)


def output_names(network: SingleLayer) -> list[Name]:
    """Return a name for each output; of two classes a lone unit predicts the second."""
    if network.signature is None:
        return _names(network, map(Column, network.output_names))
    return _names(network, network.signature.targets)[-network.n_outputs :]


def folded(words: Iterable[str]) -> Iterator[str]:
    """Yield lines of words, which are never broken themselves."""
    line = ""
    for word in words:
        if line and len(line) + len(word) >= WIDTH:
            yield line
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield line


def _names(network: SingleLayer, columns: Iterable[Column]) -> list[Name]:
    taken = {"h", *network.parameters}
    return [
        Name(column.name, category, column.name in taken)
        for column in columns
        for category in (column.categories if column.kind == "category" else (None,))
    ]


def _printable(name: str) -> str:
    """Escape what would break a line or not be seen."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def _latex(name: str) -> str:
    if short := _SHORT.fullmatch(name):
        letter, digits = short.groups()
        return f"{letter}_{{{digits}}}" if digits else letter
    return _latex_word(name)


def _latex_word(name: str) -> str:
    return rf"\mathrm{{{name}}}" if _WORD.fullmatch(name) else _PIECE.sub(_latex_piece, _printable(name))


def _latex_piece(piece: re.Match[str]) -> str:
    """Set special characters in maths: in text not every typesetter knows them."""
    special = piece[1]
    return _SIGNS.get(special, f"\\{special}") if special else rf"\text{{{piece[0]}}}"
